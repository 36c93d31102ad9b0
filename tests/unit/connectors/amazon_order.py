"""Orders in the shape of Amazon's Selling Partner API."""

from __future__ import annotations

from typing import Any


def money(amount: str, currency: str = "USD") -> dict[str, str]:
    return {"CurrencyCode": currency, "Amount": amount}


def item(number: int, **fields: object) -> dict[str, Any]:
    base: dict[str, Any] = {
        "ASIN": f"B00000000{number}",
        "OrderItemId": f"6882857438326{number}",
        "SellerSKU": f"SKU-{number}",
        "Title": f"Thing {number}",
        "QuantityOrdered": 2,
        "QuantityShipped": 0,
        "ItemPrice": money("20.00"),
        "ItemTax": money("1.60"),
        "ShippingPrice": money("5.00"),
        "ShippingTax": money("0.40"),
        "PromotionDiscount": money("0.00"),
        "PromotionDiscountTax": money("0.00"),
        "PointsGranted": {"PointsNumber": 10, "PointsMonetaryValue": money("10.00")},
        "TaxCollection": {"Model": "MarketplaceFacilitator", "ResponsibleParty": "Amazon"},
    }
    return {name: each for name, each in {**base, **fields}.items() if each is not None}


def header(**fields: object) -> dict[str, Any]:
    """An order as getOrder answers it, without its items."""
    base: dict[str, Any] = {
        "AmazonOrderId": "902-1845936-5435065",
        "PurchaseDate": "2024-03-01T10:00:00Z",
        "LastUpdateDate": "2024-03-01T11:00:00Z",
        "OrderStatus": "Unshipped",
        "FulfillmentChannel": "MFN",
        "MarketplaceId": "ATVPDKIKX0DER",
        "ShipServiceLevel": "Std US D2D Dom",
        "OrderTotal": money("27.00"),
        "NumberOfItemsShipped": 0,
        "NumberOfItemsUnshipped": 2,
        "PaymentMethod": "Other",
        "IsReplacementOrder": False,
        "ShippingAddress": {"City": "Canton", "PostalCode": "48817", "CountryCode": "US"},
        "BuyerInfo": {"BuyerEmail": "relay@example.com", "PurchaseOrderNumber": "PO-7"},
    }
    return {name: each for name, each in {**base, **fields}.items() if each is not None}


def amazon_order(*items: dict[str, Any], **fields: object) -> dict[str, Any]:
    """An order and its items, as two answers."""
    order = header(**fields)
    page = {"AmazonOrderId": order["AmazonOrderId"], "OrderItems": list(items or [item(1)])}
    return {"documents": [{"payload": order}, {"payload": page}]}


def breakdown(kind: str, amount: str, **parts: str) -> dict[str, Any]:
    value = {"amount": amount, "currencyCode": "GBP"}
    detailed = [
        {"subtype": name, "value": {"amount": each, "currencyCode": "GBP"}}
        for name, each in parts.items()
    ]
    return {"type": kind, "subtotal": value, "detailedBreakdowns": detailed}


def order_2026(**fields: object) -> dict[str, Any]:
    base: dict[str, Any] = {
        "orderId": "202-1234567-8901234",
        "createdTime": "2026-03-01T10:00:00Z",
        "lastUpdatedTime": "2026-03-01T11:00:00Z",
        "salesChannel": {"channelName": "AMAZON", "marketplaceId": "A1F83G8C2ARO7P"},
        "buyer": {"buyerName": "Ada", "buyerPurchaseOrderNumber": "PO-9"},
        "recipient": {"deliveryAddress": {"city": "Leeds", "countryCode": "GB"}},
        "proceeds": {"grandTotal": {"amount": "93.97", "currencyCode": "GBP"}},
        "fulfillment": {"fulfillmentStatus": "UNSHIPPED", "fulfilledBy": "MERCHANT"},
        "orderItems": [
            {
                "orderItemId": "20212345678901",
                "quantityOrdered": 3,
                "product": {"asin": "B08", "title": "Dot", "sellerSku": "DOT"},
                "proceeds": {
                    "breakdowns": [
                        breakdown("ITEM", "89.97"),
                        breakdown("SHIPPING", "10.00"),
                        breakdown("DISCOUNT", "-6.00", SHIPPING="-1.00"),
                        breakdown("TAX", "15.00", ITEM="14.00", SHIPPING="1.00"),
                    ]
                },
                "fulfillment": {"quantityFulfilled": 0, "quantityUnfulfilled": 3},
            }
        ],
    }
    return {**base, **fields}
