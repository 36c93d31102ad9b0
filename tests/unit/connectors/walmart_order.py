"""An order in the shape of Walmart's Orders API, for tests to change."""

from __future__ import annotations

from typing import Any


def charge(kind: str, amount: Any, tax: Any = None, **changes: Any) -> dict[str, Any]:
    """A charge in dollars, with its tax."""
    taxes = {"taxName": "Tax1", "taxAmount": {"currency": "USD", "amount": tax}}
    return {
        "chargeType": kind,
        "chargeName": "ItemPrice" if kind == "PRODUCT" else "Shipping",
        "chargeAmount": {"currency": "USD", "amount": amount},
        "tax": taxes if tax is not None else None,
        **changes,
    }


def status(name: str, pieces: str = "1") -> dict[str, Any]:
    """So many pieces of a line in a status."""
    return {
        "status": name,
        "statusQuantity": {"unitOfMeasurement": "EACH", "amount": pieces},
        "cancellationReason": None,
        "trackingInfo": None,
    }


def line(number: int, *charges: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """A line of one acknowledged piece at 12.50 with 1.03 tax."""
    return {
        "lineNumber": str(number),
        "item": {"productName": f"Lamp {number}", "sku": f"LAMP-{number}", "condition": "New"},
        "charges": {"charge": list(charges or [charge("PRODUCT", 12.5, 1.03)])},
        "orderLineQuantity": {"unitOfMeasurement": "EACH", "amount": "1"},
        "statusDate": 1_709_300_000_000 + number,
        "orderLineStatuses": {"orderLineStatus": [status("Acknowledged")]},
        "refund": None,
        "fulfillment": {"fulfillmentOption": "S2H", "shipMethod": "VALUE", "storeId": None},
        **changes,
    }


def walmart_order(*lines: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """An order of one lamp with 5.99 shipping."""
    return {
        "purchaseOrderId": "1790000000001",
        "customerOrderId": "2000100000001",
        "customerEmailId": "0F1E@relay.walmart.com",
        "orderType": "REGULAR",
        "orderDate": 1_709_290_000_000,
        "shippingInfo": {
            "phone": "2025550100",
            "estimatedDeliveryDate": 1_709_900_000_000,
            "methodCode": "Standard",
            "postalAddress": {
                "name": "Nora Webb",
                "address1": "12 Mill Lane",
                "address2": None,
                "city": "Salem",
                "state": "OR",
                "postalCode": "97301",
                "country": "USA",
                "addressType": "RESIDENTIAL",
            },
        },
        "orderLines": {
            "orderLine": list(
                lines or [line(1, charge("PRODUCT", 12.5, 1.03), charge("SHIPPING", 5.99, 0.49))],
            )
        },
        "shipNode": {"type": "SellerFulfilled"},
        **changes,
    }
