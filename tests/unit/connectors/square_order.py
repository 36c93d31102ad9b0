"""An order in the shape of Square's Orders API, for tests to change."""

from __future__ import annotations

from typing import Any


def usd(amount: Any) -> dict[str, Any]:
    """An amount in cents."""
    return {"amount": amount, "currency": "USD"}


def line(number: int, **changes: Any) -> dict[str, Any]:
    """A line of two pieces at 12.00 from the catalog."""
    return {
        "uid": f"line-{number}",
        "catalog_object_id": f"VARIATION{number}",
        "name": f"Bowl {number}",
        "variation_name": "Blue",
        "item_type": "ITEM",
        "quantity": "2",
        "base_price_money": usd(1200),
        "variation_total_price_money": usd(2400),
        "gross_sales_money": usd(2400),
        "total_discount_money": usd(0),
        "total_tax_money": usd(0),
        "total_money": usd(2400),
        "total_service_charge_money": usd(0),
        **changes,
    }


def tender(kind: str, amount: int, **changes: Any) -> dict[str, Any]:
    """So much in cents by a kind of payment."""
    return {"id": f"tender-{kind}", "type": kind, "amount_money": usd(amount), **changes}


def recipient(name: str, line_1: str) -> dict[str, Any]:
    """Somebody in Portland."""
    return {
        "display_name": name,
        "email_address": "kim@example.com",
        "phone_number": "+15035550100",
        "address": {
            "address_line_1": line_1,
            "address_line_2": "Floor 2",
            "address_line_3": None,
            "locality": "Portland",
            "administrative_district_level_1": "OR",
            "postal_code": "97201",
            "country": "US",
        },
    }


def shipment(uid: str = "f-1", **changes: Any) -> dict[str, Any]:
    """A parcel to Kim."""
    return {
        "uid": uid,
        "type": "SHIPMENT",
        "state": "PROPOSED",
        "shipment_details": {
            "recipient": recipient("Kim Berg", "5 Dock Road"),
            "shipping_type": "Priority",
            "shipping_note": "Ring twice",
        },
        **changes,
    }


def square_order(*lines: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """Two bowls to be shipped, paid by card."""
    return {
        "id": "ORDER1",
        "location_id": "LOC1",
        "customer_id": "CUSTOMER1",
        "created_at": "2024-03-01T12:00:00.123Z",
        "updated_at": "2024-03-01T12:05:00.456Z",
        "state": "OPEN",
        "version": 3,
        "source": {"name": "Till"},
        "line_items": list(lines or [line(1)]),
        "fulfillments": [shipment()],
        "tenders": [tender("CARD", 2400, card_details={"status": "CAPTURED"})],
        "total_money": usd(2400),
        "total_tax_money": usd(0),
        "total_discount_money": usd(0),
        "total_tip_money": usd(0),
        "total_service_charge_money": usd(0),
        **changes,
    }
