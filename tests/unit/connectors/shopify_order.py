"""An order in Shopify's shape, for tests to change."""

from __future__ import annotations

from typing import Any


def line(number: int, **changes: Any) -> dict[str, Any]:
    """A line of one piece at 10.00."""
    return {
        "id": 9000 + number,
        "sku": f"MUG-{number}",
        "quantity": 1,
        "price": "10.00",
        **changes,
    }


def shopify_order(**changes: Any) -> dict[str, Any]:
    """Two mugs, 4.50 shipping and 2.10 tax, paid."""
    return {
        "id": 5001,
        "created_at": "2024-03-01T12:00:00+01:00",
        "processed_at": "2024-03-01T11:59:00+01:00",
        "updated_at": "2024-03-01T12:05:00+01:00",
        "cancelled_at": None,
        "cancel_reason": None,
        "currency": "EUR",
        "financial_status": "paid",
        "taxes_included": False,
        "total_discounts": "0.00",
        "total_tax": "2.10",
        "total_price": "26.60",
        "line_items": [line(1), line(2)],
        "shipping_lines": [{"price": "4.50", "title": "Parcel"}],
        "shipping_address": {
            "name": "Ida Holm",
            "address1": "Quay 4",
            "address2": None,
            "city": "Bremen",
            "province_code": "HB",
            "zip": "28195",
            "country_code": "DE",
            "latitude": "53.08",
            "longitude": 8.8,
        },
        "billing_address": None,
        **changes,
    }
