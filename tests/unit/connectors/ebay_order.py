"""Orders in the shape of eBay's Fulfillment API."""

from __future__ import annotations

from typing import Any


def usd(value: str) -> dict[str, str]:
    return {"value": value, "currency": "USD"}


def line(number: int, **fields: object) -> dict[str, Any]:
    base: dict[str, Any] = {
        "lineItemId": f"1000000000{number}",
        "legacyItemId": f"11000000000{number}",
        "sku": f"SKU-{number}",
        "title": f"Thing {number}",
        "lineItemCost": usd("20.00"),
        "quantity": 2,
        "soldFormat": "FIXED_PRICE",
        "lineItemFulfillmentStatus": "NOT_STARTED",
        "total": usd("25.00"),
        "deliveryCost": {"shippingCost": usd("5.00")},
        "appliedPromotions": [],
        "taxes": [],
        "properties": {"buyerProtection": True},
    }
    return {name: each for name, each in {**base, **fields}.items() if each is not None}


def ebay_order(*lines: dict[str, Any], **fields: object) -> dict[str, Any]:
    base: dict[str, Any] = {
        "orderId": "12-34567-89012",
        "legacyOrderId": "110000000001-220000",
        "creationDate": "2024-03-01T10:00:00.000Z",
        "lastModifiedDate": "2024-03-01T11:00:00.000Z",
        "orderFulfillmentStatus": "NOT_STARTED",
        "orderPaymentStatus": "PAID",
        "sellerId": "shop",
        "buyer": {"username": "ada99"},
        "pricingSummary": {
            "priceSubtotal": usd("20.00"),
            "deliveryCost": usd("5.00"),
            "total": usd("25.00"),
        },
        "cancelStatus": {"cancelState": "NONE_REQUESTED", "cancelRequests": []},
        "paymentSummary": {
            "totalDueSeller": usd("25.00"),
            "refunds": [],
            "payments": [
                {"paymentMethod": "EBAY", "paymentStatus": "PAID", "amount": usd("25.00")}
            ],
        },
        "fulfillmentStartInstructions": [
            {
                "fulfillmentInstructionsType": "SHIP_TO",
                "ebaySupportedFulfillment": False,
                "shippingStep": {
                    "shipTo": {
                        "fullName": "Ada Byron",
                        "contactAddress": {
                            "addressLine1": "1 Cross St.",
                            "city": "Canton",
                            "stateOrProvince": "MI",
                            "postalCode": "48817",
                            "countryCode": "US",
                        },
                        "primaryPhone": {"phoneNumber": "555-0100"},
                        "email": "relay@example.com",
                    },
                    "shippingCarrierCode": "USPS",
                    "shippingServiceCode": "USPSPriority",
                },
            }
        ],
        "lineItems": list(lines or [line(1)]),
    }
    return {name: each for name, each in {**base, **fields}.items() if each is not None}


def summary(total: str, **amounts: str) -> dict[str, Any]:
    """A pricingSummary."""
    return {**{name: usd(value) for name, value in amounts.items()}, "total": usd(total)}
