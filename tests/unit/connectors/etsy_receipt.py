"""A receipt in the shape of Etsy's Open API, for tests to change."""

from __future__ import annotations

from typing import Any


def eur(amount: Any, divisor: Any = 100) -> dict[str, Any]:
    """An amount in euros."""
    return {"amount": amount, "divisor": divisor, "currency_code": "EUR"}


def transaction(number: int, **changes: Any) -> dict[str, Any]:
    """Two candles at 8.50."""
    return {
        "transaction_id": 700 + number,
        "receipt_id": 3001,
        "title": f"Candle {number}",
        "quantity": 2,
        "sku": f"CANDLE-{number}",
        "is_digital": False,
        "listing_id": 55,
        "price": eur(850),
        "shipping_cost": eur(0),
        "variations": [{"formatted_name": "Colour", "formatted_value": "Red"}],
        **changes,
    }


def receipt(*lines: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """Two candles with shipping and a coupon, paid."""
    return {
        "receipt_id": 3001,
        "receipt_type": 0,
        "buyer_user_id": 42,
        "buyer_email": "ola@example.com",
        "name": "Ola Lind",
        "first_line": "Gata 3",
        "second_line": None,
        "city": "Lund",
        "state": None,
        "zip": "22100",
        "country_iso": "SE",
        "status": "Paid",
        "is_paid": True,
        "is_shipped": False,
        "create_timestamp": 1_709_290_000,
        "created_timestamp": 1_709_290_000,
        "update_timestamp": 1_709_300_000,
        "updated_timestamp": 1_709_300_000,
        "message_from_buyer": "No hurry",
        "gift_message": "",
        "grandtotal": eur(1930),
        "subtotal": eur(1530),
        "total_price": eur(1700),
        "total_shipping_cost": eur(400),
        "total_tax_cost": eur(0),
        "total_vat_cost": eur(0),
        "discount_amt": eur(170),
        "gift_wrap_price": eur(0),
        "shipments": [],
        "transactions": list(lines or [transaction(1)]),
        "refunds": [],
        **changes,
    }
