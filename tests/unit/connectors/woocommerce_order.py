"""WooCommerce orders as its REST API v3 gives them, written for the tests."""

from __future__ import annotations

from typing import Any


def item(number: int, subtotal: str, total: str = "", tax: str = "0.00", **more: Any) -> Any:
    """A line item; prices without tax."""
    return {
        "id": 300 + number,
        "name": f"Product {number}",
        "product_id": 90 + number,
        "variation_id": 0,
        "quantity": 1,
        "tax_class": "",
        "subtotal": subtotal,
        "subtotal_tax": tax,
        "total": total or subtotal,
        "total_tax": tax,
        "taxes": [{"id": 75, "total": tax, "subtotal": tax}],
        "meta_data": [],
        "sku": f"SKU-{number}",
        "price": 10.5,
        "image": {"id": "", "src": ""},
        "parent_name": None,
        **more,
    }


def woo_order(**more: Any) -> Any:
    """An order of two lines with 19 % on top, a coupon, shipping and a fee: 71.70 EUR."""
    address = {
        "first_name": "Jana",
        "last_name": "Meer",
        "company": "",
        "address_1": "Kai 3",
        "address_2": "",
        "city": "Bremen",
        "state": "DE-HB",
        "postcode": "28195",
        "country": "DE",
        "phone": "",
    }
    return {
        "id": 727,
        "parent_id": 0,
        "number": "727",
        "order_key": "wc_order_58d2d042d1d",
        "created_via": "checkout",
        "version": "8.9.3",
        "status": "processing",
        "currency": "EUR",
        "date_created": "2024-03-01T11:00:00",
        "date_created_gmt": "2024-03-01T10:00:00",
        "date_modified": "2024-03-01T11:00:05",
        "date_modified_gmt": "2024-03-01T10:00:05",
        "discount_total": "5.00",
        "discount_tax": "0.95",
        "shipping_total": "5.00",
        "shipping_tax": "0.95",
        "cart_tax": "10.50",
        "total": "71.70",
        "total_tax": "11.45",
        "prices_include_tax": False,
        "customer_id": 26,
        "customer_note": "Ring twice",
        "billing": {**address, "email": "jana@example.org", "phone": "+49 421 1"},
        "shipping": address,
        "payment_method": "stripe",
        "payment_method_title": "Card",
        "transaction_id": "ch_1",
        "date_paid": "2024-03-01T11:00:03",
        "date_paid_gmt": "2024-03-01T10:00:03",
        "date_completed": None,
        "date_completed_gmt": None,
        "meta_data": [{"id": 13106, "key": "_download_permissions_granted", "value": "yes"}],
        "line_items": [
            item(1, "40.00", "35.00", "6.65", quantity=2),
            item(2, "18.25", tax="3.47", sku="", name="Engraving"),
        ],
        "tax_lines": [
            {
                "id": 318,
                "rate_code": "DE-VAT-1",
                "rate_id": 75,
                "label": "VAT",
                "compound": False,
                "tax_total": "10.50",
                "shipping_tax_total": "0.95",
                "rate_percent": 19,
                "meta_data": [],
            }
        ],
        "shipping_lines": [
            {
                "id": 317,
                "method_title": "Parcel",
                "method_id": "flat_rate",
                "total": "5.00",
                "total_tax": "0.95",
                "taxes": [{"id": 75, "total": "0.95"}],
                "meta_data": [],
            }
        ],
        "fee_lines": [
            {
                "id": 320,
                "name": "Gift wrap",
                "tax_status": "taxable",
                "amount": "2.00",
                "total": "2.00",
                "total_tax": "0.38",
            }
        ],
        "coupon_lines": [{"id": 319, "code": "spring", "discount": "5.00", "discount_tax": "0.95"}],
        "refunds": [],
        "_links": {"self": [{"href": "https://shop.example.org/wp-json/wc/v3/orders/727"}]},
        **more,
    }
