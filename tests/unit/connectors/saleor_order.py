"""Orders in Saleor's two shapes, for tests to change."""

from __future__ import annotations

from typing import Any

ORDER_ID = "T3JkZXI6OTU4MDA5YjQtNDUxZC00NmQ1LThhMWUtMTRkMWRmYjFhNzI5"


def taxed(net: float, gross: float) -> dict[str, Any]:
    """A TaxedMoney in euros, as JSON numbers."""
    return {
        "currency": "EUR",
        "gross": {"amount": gross, "currency": "EUR"},
        "net": {"amount": net, "currency": "EUR"},
        "tax": {"amount": round(gross - net, 2), "currency": "EUR"},
    }


def line(number: int, quantity: int, unit: float, total: tuple[float, float]) -> dict[str, Any]:
    """A line at `unit` apiece with tax; `total` is its net and gross."""
    return {
        "id": f"T3JkZXJMaW5lOj{number}",
        "productName": "Mug",
        "variantName": "blue",
        "productSku": f"MUG-{number}",
        "quantity": quantity,
        "quantityFulfilled": 0,
        "isShippingRequired": True,
        "isGift": False,
        "unitPrice": taxed(round(unit / 1.19, 2), unit),
        "undiscountedUnitPrice": taxed(round(unit / 1.19, 2), unit),
        "totalPrice": taxed(*total),
        "taxRate": 0.19,
    }


def address(**changes: Any) -> dict[str, Any]:
    """A quay in Bremen."""
    return {
        "firstName": "Ida",
        "lastName": "Holm",
        "companyName": "",
        "streetAddress1": "Quay 4",
        "streetAddress2": "",
        "city": "BREMEN",
        "cityArea": "",
        "postalCode": "28195",
        "country": {"code": "DE", "country": "Germany"},
        "countryArea": "",
        "phone": "+49421000",
        **changes,
    }


def saleor_order(**changes: Any) -> dict[str, Any]:
    """Two mugs at 10.00 and 4.99 of shipping, tax included, paid."""
    return {
        "id": ORDER_ID,
        "number": "1001",
        "created": "2024-03-01T11:59:00.304109+00:00",
        "updatedAt": "2024-03-01T12:00:00.203440+00:00",
        "status": "UNFULFILLED",
        "isPaid": True,
        "chargeStatus": "FULL",
        "authorizeStatus": "FULL",
        "totalCharged": {"amount": 24.99, "currency": "EUR"},
        "totalAuthorized": {"amount": 0, "currency": "EUR"},
        "displayGrossPrices": True,
        "channel": {"id": "Q2hhbm5lbDox", "slug": "de", "currencyCode": "EUR"},
        "userEmail": "ida@example.com",
        "user": {"id": "VXNlcjox", "email": "ida@example.com"},
        "customerNote": "ring twice",
        "shippingMethodName": "Parcel",
        "shippingPrice": taxed(4.19, 4.99),
        "shippingTaxRate": 0.19,
        "total": taxed(21.0, 24.99),
        "undiscountedTotal": taxed(21.0, 24.99),
        "voucher": None,
        "voucherCode": None,
        "discounts": [],
        "giftCards": [],
        "shippingAddress": address(),
        "billingAddress": address(country={"code": "AT", "country": "Austria"}),
        "lines": [line(1, 2, 10.0, (16.81, 20.0))],
        **changes,
    }


def _flat(name: str, net: str, gross: str) -> dict[str, str]:
    return {f"{name}_net_amount": net, f"{name}_gross_amount": gross}


def legacy_line(number: int, **changes: Any) -> dict[str, Any]:
    """Two mugs at 10.00."""
    return {
        "type": "OrderLine",
        "id": f"T3JkZXJMaW5lOj{number}",
        "product_name": "Mug",
        "variant_name": "blue",
        "product_sku": f"MUG-{number}",
        "quantity": 2,
        "currency": "EUR",
        "unit_discount_amount": "0.000",
        "unit_discount_reason": None,
        "tax_rate": "0.1900",
        "allocations": [],
        **_flat("unit_price", "8.403", "10.000"),
        **_flat("undiscounted_unit_price", "8.403", "10.000"),
        **_flat("total_price", "16.81", "20.00"),
        **changes,
    }


def legacy_order(**changes: Any) -> dict[str, Any]:
    """The same two mugs, as webhooks without a subscription have them."""
    place = {
        "type": "Address",
        "id": "QWRkcmVzczox",
        "first_name": "Ida",
        "last_name": "Holm",
        "company_name": "",
        "street_address_1": "Quay 4",
        "street_address_2": "",
        "city": "BREMEN",
        "postal_code": "28195",
        "country": "DE",
        "country_area": "",
        "phone": "+49421000",
    }
    payment = {
        "type": "Payment",
        "id": "UGF5bWVudDox",
        "is_active": True,
        "charge_status": "fully-charged",
        "total": "24.990",
        "captured_amount": "24.990",
        "currency": "EUR",
    }
    return {
        "type": "Order",
        "id": ORDER_ID,
        "channel": {"type": "Channel", "id": "Q2hhbm5lbDox", "slug": "de", "currency_code": "EUR"},
        "shipping_method": {"type": "ShippingMethod", "name": "Parcel", "price_amount": "4.990"},
        "payments": [payment],
        "shipping_address": place,
        "billing_address": {**place, "country": "AT"},
        "discounts": [],
        "original": "T3JkZXI6Tm9uZQ==",
        "lines": [legacy_line(1)],
        "fulfillments": [],
        "collection_point": None,
        "created": "2024-03-01T11:59:00.304Z",
        "status": "unfulfilled",
        "origin": "checkout",
        "user_email": "ida@example.com",
        "shipping_method_name": "Parcel",
        "shipping_tax_rate": "0.1900",
        "metadata": {},
        "meta": {"issued_at": "2024-03-01T12:00:00.203Z", "version": "3.20.1"},
        **_flat("shipping_price", "4.190", "4.990"),
        **_flat("total", "21.000", "24.990"),
        **_flat("undiscounted_total", "21.000", "24.990"),
        **changes,
    }
