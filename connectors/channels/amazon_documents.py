"""What a payload from Amazon holds: orders, with what other calls tell of them joined to them.

Version 0 of the Orders API answers in several calls, which `{"documents": [...]}` holds together:
getOrders or getOrder, getOrderItems in pages, getOrderAddress, getOrderBuyerInfo and
getOrderItemsBuyerInfo. They belong together by AmazonOrderId, and items by OrderItemId. Version
2026-01-01 tells an order in one piece.
Source: Selling Partner API models, ordersV0.json, orders_2026-01-01.json and the schemas of the
notifications ORDER_CHANGE and ORDER_STATUS_CHANGE.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from connectors.channels import listing, mapping
from connectors.channels.mapping import Rejected, Repeated

Json = dict[str, object]

ITEMS = "OrderItems"
UNFINISHED = "NextToken"
"""Set on a joined order of whose items every page names a next one."""
_OF_AN_ORDER = ("OrderStatus", "PurchaseDate", "FulfillmentChannel", "OrderTotal", "LastUpdateDate")
_OF_AN_ITEM = ("ASIN", "SellerSKU", "QuantityOrdered", "ItemPrice", "Title")
_OF_A_BUYER = ("BuyerEmail", "BuyerName", "BuyerCounty", "BuyerTaxInfo", "PurchaseOrderNumber")
_NOTIFICATIONS = ("NotificationType", "notificationType")
_OTHERS = {
    "errors": "an error of Amazon, and no order",
    "purchaseOrderNumber": "a purchase order to a vendor, whose form is not read",
    "FinancialEvents": "financial events, not the orders that they belong to",
    "inventorySummaries": "stock, and no order",
    "asin": "an item of the catalogue, and no order",
    "items": "items of the catalogue, and no order",
    "shipments": "shipments, not the orders that they belong to",
    "reports": "reports, and no order",
    "reportId": "a report, and no order",
    "feeds": "feeds, and no order",
    "feedId": "a feed, and no order",
}
"""What else comes from Amazon, by a field that it has and an order has not."""


@dataclass
class _Parts:
    """What the calls tell of one order."""

    order: Json = field(default_factory=dict)
    items: dict[str, object] = field(default_factory=dict)
    """by OrderItemId, or by place where there is none"""
    wishes: dict[str, Json] = field(default_factory=dict)
    pages: int = 0
    last_pages: int = 0
    """pages that name no next one"""
    ordered: bool = False
    """the order itself is among the parts"""


def found(payload: bytes) -> list[object]:
    """The orders in a payload, and a Rejected for each part that is none. Raises Rejected."""
    value, lines = listing.loaded(payload, mapping.load_exact_json)
    if lines is not None:
        return _joined(lines)
    if isinstance(value, dict) and isinstance(value.get("documents"), list):
        return _joined(value["documents"])
    if isinstance(value, list):
        return _joined(value)
    if not isinstance(value, dict | Repeated):
        raise Rejected("unreadable", "", "the payload is neither an object nor a list")
    return _joined([value])


def _joined(documents: list[object]) -> list[object]:
    parts: dict[str, _Parts] = {}
    others: list[object] = []
    pages = 0
    for document in documents:
        # A list within the documents is a file that holds several answers.
        for each in document if isinstance(document, list) else [document]:
            pages += _sort(each, parts, others)
    mapping.check_orders(len(parts) + len(others))
    joined = [_whole(name, each) for name, each in parts.items()]
    if not joined and not others:
        if pages:
            raise Rejected("missing_field", "Orders", "Orders has no order")
        raise Rejected("missing_field", "", "the payload has no order")
    return [*joined, *others]


def _sort(document: object, parts: dict[str, _Parts], others: list[object]) -> int:
    """Put what a document tells where it belongs; 1 for a page of orders."""
    if not isinstance(document, dict):
        others.append(document)
        return 0
    body = document.get("payload", document)
    if not isinstance(body, dict):
        others.append(body if isinstance(body, Repeated) else _unknown("payload"))
        return 0
    # An answer that failed has errors, and an empty payload or none beside them.
    if document.get("errors") and not body.get("Orders") and "AmazonOrderId" not in body:
        others.append(Rejected("not_an_order", "errors", _OTHERS["errors"]))
        return 0
    for name in ("Orders", "orders"):
        if name in body:
            listed = body[name]
            if not isinstance(listed, list):
                others.append(Rejected("wrong_type", name, f"{name} is not a list"))
                return 0
            for each in listed:
                _take(each, parts, others)
            return 1
    _take(body.get("order", body) if "AmazonOrderId" not in body else body, parts, others)
    return 0


def _take(value: object, parts: dict[str, _Parts], others: list[object]) -> None:
    """Add one order, or one part of an order."""
    if not isinstance(value, dict):
        others.append(value)
        return
    known = value.get("AmazonOrderId")
    if not isinstance(known, str) or not known.strip():
        others.append(_without_an_id(value))
        return
    if "RegulatedInformation" in value:
        detail = "regulated information, not the order that it belongs to"
        others.append(Rejected("not_an_order", "RegulatedInformation", detail, known.strip()[:40]))
        return
    one = parts.setdefault(known.strip(), _Parts())
    if any(name in value for name in _OF_AN_ORDER):
        one.ordered = True
        _add_order(one, value)
        return
    items = value.get(ITEMS)
    if items is None:
        _add(one, value)
    elif not isinstance(items, list):
        one.items["?"] = items
    else:
        _add_items(one, items, value)


def _add_order(one: _Parts, value: Json) -> None:
    """The order as its latest answer has it, without losing what only another one tells."""
    older, newer = one.order, {name: each for name, each in value.items() if each is not None}
    if str(older.get("LastUpdateDate", "")) > str(newer.get("LastUpdateDate", "")):
        older, newer = newer, older
    one.order = {**older, **newer}
    items = one.order.pop(ITEMS, None)
    if isinstance(items, list):
        _add_items(one, items, {})
    elif items is not None:
        one.items["?"] = items


def _add(one: _Parts, value: Json) -> None:
    """What getOrderAddress and getOrderBuyerInfo tell."""
    buyer = {name: value[name] for name in _OF_A_BUYER if value.get(name) is not None}
    if buyer:
        known = one.order.get("BuyerInfo")
        one.order["BuyerInfo"] = {**(known if isinstance(known, dict) else {}), **buyer}
    for name in ("ShippingAddress", "BuyerInfo", "BuyerCompanyName"):
        if value.get(name) is not None:
            one.order[name] = value[name]


def _add_items(one: _Parts, items: list[object], page: Json) -> None:
    if not items or any(isinstance(item, dict) and _is_item(item) for item in items):
        one.pages += 1
        one.last_pages += not page.get(UNFINISHED)
        for item in items:
            known = item.get("OrderItemId") if isinstance(item, dict) else None
            name = known if isinstance(known, str) else f"?{len(one.items)}"
            # The same page twice is harmless; the same id with other content must not pass.
            if name in one.items and one.items[name] != item:
                name = f"{name}?{len(one.items)}"
            one.items[name] = item
        return
    for item in items:
        known = item.get("OrderItemId") if isinstance(item, dict) else None
        if isinstance(item, dict) and isinstance(known, str):
            one.wishes[known] = item


def _is_item(item: Json) -> bool:
    return any(name in item for name in _OF_AN_ITEM)


def _whole(name: str, one: _Parts) -> object:
    """The order with all that is told of it; a Rejected where the order itself is missing."""
    if not one.ordered:
        what = "items" if one.items else "a part, such as the address or the buyer,"
        detail = f"{what} without the order itself; submit getOrder's answer along"
        return Rejected("incomplete", "Orders", detail, name[:40])
    order: Json = {**one.order}
    if one.items or one.pages:
        order[ITEMS] = [_with_wishes(item, one.wishes) for item in one.items.values()]
    if one.items.get("?") is not None and not isinstance(one.items["?"], dict):
        order[ITEMS] = one.items["?"]
    if one.pages and not one.last_pages:
        order[UNFINISHED] = "more"
    return order


def _with_wishes(item: object, wishes: dict[str, Json]) -> object:
    known = item.get("OrderItemId") if isinstance(item, dict) else None
    wish = wishes.get(known) if isinstance(known, str) else None
    if not isinstance(item, dict) or wish is None:
        return item
    buyer = item.get("BuyerInfo")
    return {**item, "BuyerInfo": {**wish, **(buyer if isinstance(buyer, dict) else {})}}


def _without_an_id(value: Json) -> object:
    """What an object without AmazonOrderId is."""
    if "orderId" in value and any(
        name in value for name in ("orderItems", "createdTime", "fulfillment", "salesChannel")
    ):
        return value
    # EventBridge puts the notification in its own envelope.
    inner = value.get("detail")
    if isinstance(inner, dict) and any(name in inner for name in _NOTIFICATIONS):
        return _notified(inner)
    if any(name in value for name in _NOTIFICATIONS):
        return _notified(value)
    for name, what in _OTHERS.items():
        if name in value:
            return Rejected("not_an_order", name, what)
    if any(name in value for name in (*_OF_AN_ORDER, ITEMS)):
        return Rejected("missing_field", "AmazonOrderId", "AmazonOrderId is missing or empty")
    return _unknown("")


def _unknown(path: str) -> Rejected:
    detail = "the payload is no order of Amazon's: it has no AmazonOrderId, Orders or OrderItems"
    return Rejected("unreadable", path, detail)


def _notified(value: Json) -> object:
    """What a notification tells of an order: only a cancellation is enough to act upon."""
    name = "NotificationType" if "NotificationType" in value else "notificationType"
    inner = value.get("Payload") or value.get("payload")
    for kind in ("OrderChangeNotification", "OrderStatusChangeNotification"):
        told = inner.get(kind) if isinstance(inner, dict) else None
        if isinstance(told, dict):
            break
    else:
        return Rejected("not_an_order", name, "a notification that tells of no order")
    summary = told.get("Summary")
    status = summary.get("OrderStatus") if isinstance(summary, dict) else told.get("OrderStatus")
    number = told.get("AmazonOrderId")
    if not isinstance(number, str) or not number.strip():
        path = f"Payload.{kind}.AmazonOrderId"
        return Rejected("missing_field", path, f"{path} is missing or empty")
    if status in ("Canceled", "Cancelled"):
        trigger = told.get("OrderChangeTrigger")
        when = trigger.get("TimeOfOrderChange") if isinstance(trigger, dict) else None
        updated = when or value.get("EventTime")
        return {"AmazonOrderId": number, "OrderStatus": "Canceled", "LastUpdateDate": updated}
    detail = "a notification tells neither prices nor address; fetch the order and its items"
    return Rejected("incomplete", f"Payload.{kind}", detail, number.strip()[:40])


def identifier(value: object) -> object:
    """How an order, or what stands in its place, names itself."""
    if not isinstance(value, dict):
        return None
    return value.get("AmazonOrderId", value.get("orderId"))
