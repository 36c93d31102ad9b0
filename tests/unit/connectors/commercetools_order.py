"""An order in commercetools' shape, for tests to change."""

from __future__ import annotations

from typing import Any


def money(cents: int) -> dict[str, Any]:
    """Euros as centPrecision."""
    return {
        "type": "centPrecision",
        "currencyCode": "EUR",
        "centAmount": cents,
        "fractionDigits": 2,
    }


def taxed(net: int, gross: int) -> dict[str, Any]:
    """Net, gross and the tax between them."""
    return {
        "totalNet": money(net),
        "totalGross": money(gross),
        "taxPortions": [],
        "totalTax": money(gross - net),
    }


def _rate(amount: str, included: bool) -> dict[str, Any]:
    return {
        "name": "tax",
        "amount": float(amount),
        "includedInPrice": included,
        "country": "DE",
        "subRates": [],
    }


def address(**changes: Any) -> dict[str, Any]:
    """A quay in Bremen."""
    return {
        "firstName": "Ida",
        "lastName": "Holm",
        "streetName": "Kai",
        "streetNumber": "4",
        "postalCode": "28195",
        "city": "Bremen",
        "country": "DE",
        "phone": "+49421000",
        **changes,
    }


def line(
    number: int,
    cents: int,
    *,
    quantity: int = 1,
    rate: tuple[str, bool] = ("0.19", True),
    totals: tuple[int, int] = (10_504, 12_500),
    **changes: Any,
) -> dict[str, Any]:
    """A line at `cents` apiece; `totals` are its net and gross."""
    return {
        "id": f"line-{number}",
        "productId": f"product-{number}",
        "name": {"en": "Shoe", "de": "Schuh"},
        "variant": {"id": 1, "sku": f"SKU-{number}", "prices": [], "attributes": []},
        "price": {"id": "price", "value": money(cents)},
        "quantity": quantity,
        "discountedPricePerQuantity": [],
        "taxRate": _rate(*rate),
        "perMethodTaxRate": [],
        "state": [],
        "priceMode": "Platform",
        "lineItemMode": "Standard",
        "totalPrice": money(cents * quantity),
        "taxedPrice": taxed(*totals),
        "taxedPricePortions": [],
        **changes,
    }


def custom(
    number: int,
    cents: int,
    name: str,
    rate: tuple[str, bool] = ("0.19", True),
    totals: tuple[int, int] = (0, 0),
) -> dict[str, Any]:
    """A custom line item, whose price may be below 0."""
    return {
        "id": f"custom-{number}",
        "name": {"de": name},
        "slug": f"slug-{number}",
        "money": money(cents),
        "quantity": 1,
        "taxRate": _rate(*rate),
        "discountedPricePerQuantity": [],
        "totalPrice": money(cents),
        "taxedPrice": taxed(*totals),
        "priceMode": "Standard",
    }


def shipping(cents: int, totals: tuple[int, int] = (252, 300)) -> dict[str, Any]:
    """A way of shipping."""
    return {
        "shippingMethodName": "Standard EU",
        "price": money(cents),
        "shippingRate": {"price": money(cents), "tiers": []},
        "taxRate": _rate("0.19", True),
        "taxedPrice": taxed(*totals),
        "deliveries": [],
        "shippingMethodState": "MatchesCart",
    }


def commercetools_order(**changes: Any) -> dict[str, Any]:
    """One pair of shoes at 125.00 and 3.00 of shipping, tax included, paid."""
    return {
        "type": "Order",
        "id": "3d64a514-0000-4345-b817-f683628f17e5",
        "version": 7,
        "createdAt": "2024-03-01T11:59:00.240Z",
        "lastModifiedAt": "2024-03-01T12:00:00.118Z",
        "orderNumber": "1001",
        "purchaseOrderNumber": "PO-7",
        "customerId": "customer-1",
        "customerEmail": "ida@example.com",
        "locale": "de-DE",
        "totalPrice": money(12_800),
        "taxedPrice": taxed(10_756, 12_800),
        "taxedShippingPrice": taxed(252, 300),
        "country": "DE",
        "orderState": "Open",
        "paymentState": "Paid",
        "syncInfo": [],
        "returnInfo": [],
        "taxMode": "Platform",
        "shippingMode": "Single",
        "shippingInfo": shipping(300),
        "shippingAddress": address(),
        "shipping": [],
        "lineItems": [line(1, 12_500)],
        "customLineItems": [],
        "discountCodes": [],
        "directDiscounts": [],
        "billingAddress": address(country="AT"),
        "itemShippingAddresses": [],
        "refusedGifts": [],
        **changes,
    }
