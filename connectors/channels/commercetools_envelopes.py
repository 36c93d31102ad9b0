"""The orders in what commercetools sends: answers, messages, events and files of them.

Source: commercetools Composable Commerce HTTP API, "Orders", "Order Search", "Messages",
"Subscriptions" (destinations, delivery formats Platform and CloudEvents), "API Extensions", and
GraphQL API (2025).
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass

from connectors.channels import listing, mapping
from connectors.channels.mapping import Rejected

_MOST_LAYERS = 5
_WITH_ORDER = frozenset({"OrderCreated", "OrderImported", "OrderDeleted"})
_CANCELLED = "Cancelled"
_NO_ORDERS = {
    "Product": "a product",
    "Customer": "a customer",
    "Payment": "a payment, not the order that it belongs to",
    "Quote": "a quote, not an order",
}
_OTHERS = {
    "statusCode": "an error of commercetools, and no order",
    "errors": "an error of commercetools, and no order",
    "notificationType": "an event about something else than an order",
    "amountPlanned": _NO_ORDERS["Payment"],
    "masterData": _NO_ORDERS["Product"],
    "masterVariant": _NO_ORDERS["Product"],
    "recurringOrderState": "a recurring order, each of whose orders comes by itself",
    "transactionItems": "a transaction of Checkout, not the order that it belongs to",
    "actions": "an update of an order; the updated order itself is needed",
    "email": _NO_ORDERS["Customer"],
}
"""What else comes from commercetools, by a field that it has and an order has not."""
_ANSWER = frozenset({"data", "errors", "extensions"})
_MARKS = frozenset({"lineItems", "customLineItems", "totalPrice", "orderState", "orderNumber"})


@dataclass(frozen=True, slots=True)
class Found:
    """One order as it came, or what there is in its place."""

    value: object
    ended: str = ""
    """the order's id where all that is known is that it has ended"""
    deleted: bool = False
    at: object = None
    """when the message says that this happened"""


def found(payload: bytes) -> list[Found]:
    """All orders of a payload. Raises Rejected where it fails as a whole."""
    value, lines = listing.loaded(payload, mapping.load_exact_json)
    if lines is not None:
        return [each for line in lines for each in _tried(line)]
    if not isinstance(value, dict | list | mapping.Repeated):
        raise Rejected("unreadable", "", "the payload is neither an object nor a list")
    if isinstance(value, dict) and isinstance(value.get("documents"), list):
        orders = _joined(value["documents"])
    else:
        orders = _unwrapped(value)
    mapping.check_orders(len(orders))
    return orders


def _tried(value: object) -> list[Found]:
    """The orders of one document among several; a Rejected where it has none."""
    try:
        return _unwrapped(value)
    except Rejected as error:
        return [Found(error)]


def _joined(documents: list[object]) -> list[Found]:
    """Orders and, from other answers, their payments: put where the orders name them."""
    payments: dict[object, dict[str, object]] = {}
    rest = []
    for document in documents:
        several = document.get("results") if isinstance(document, dict) else None
        own = [
            each
            for each in (several if isinstance(several, list) else [document])
            if isinstance(each, dict)
            and "amountPlanned" in each
            and isinstance(each.get("id"), str)
        ]
        payments |= {each["id"]: each for each in own}
        if not own:
            rest.append(document)
    orders = [each for document in rest for each in _tried(document)]
    if not orders:
        raise Rejected("incomplete", "documents", "payments without the order that they belong to")
    for each in orders:
        info = each.value.get("paymentInfo") if isinstance(each.value, dict) else None
        held = info.get("payments") if isinstance(info, dict) else None
        for reference in held if isinstance(held, list) else []:
            if isinstance(reference, dict) and isinstance(reference.get("id"), str):
                reference.setdefault("obj", payments.get(reference["id"]))
    return orders


def _unwrapped(value: object, layers: int = 0) -> list[Found]:
    """The orders within any envelope. Raises Rejected."""
    if isinstance(value, list):
        if not value:
            raise Rejected("missing_field", "", "the list has no order")
        return [each for item in value for each in _tried(item)]
    if not isinstance(value, dict) or layers > _MOST_LAYERS:
        return [Found(value)]
    inner = _within(value)
    if inner is not None:
        return _unwrapped(inner, layers + 1)
    if "resource" in value and "totalPrice" not in value:
        return [_notified(value)]
    for name in ("results", "hits"):
        if isinstance(value.get(name), list):
            return _page(value[name], name)
    data = value.get("data")
    if isinstance(data, dict) and value.keys() <= _ANSWER:
        return _answered(data)
    if "order" in value and "id" not in value:
        return [Found(value["order"])]
    if not _MARKS.intersection(value):
        _check_other(value)
    return [Found(value)]


def _within(value: dict[str, object]) -> object:
    """What a broker's envelope is around; None where there is no such envelope.

    CloudEvents and Event Grid have the message in `data`, EventBridge in `detail`, SNS as text in
    `Message`, and Pub/Sub in Base64. Raises Rejected where such a text is not JSON.
    """
    if "specversion" in value or "eventType" in value:
        return value.get("data")
    if "detail-type" in value:
        return value.get("detail")
    if value.get("Type") == "Notification" and isinstance(value.get("Message"), str):
        return _opened(str(value["Message"]).encode(errors="replace"), "Message")
    message = value.get("message")
    if isinstance(message, dict) and isinstance(message.get("data"), str):
        try:
            return _opened(base64.b64decode(message["data"], validate=True), "message.data")
        except (ValueError, binascii.Error):
            detail = "message.data is not Base64"
            raise Rejected("unreadable", "message.data", detail) from None
    return None


def _opened(text: bytes, path: str) -> object:
    try:
        return mapping.load_exact_json(text)
    except Rejected as error:
        raise Rejected(error.reason, path, f"{path}: {error.detail}") from None


def _page(values: list[object], name: str) -> list[Found]:
    if not values:
        raise Rejected("missing_field", name, f"{name} has no order")
    mapping.check_orders(len(values))
    if name == "hits":
        return [Found(_only_id(each)) for each in values]
    return [each for value in values for each in _tried(value)]


def _only_id(hit: object) -> Rejected:
    known = hit.get("id") if isinstance(hit, dict) else None
    detail = "Order Search answers with ids alone: the order itself is needed"
    return Rejected("incomplete", "hits", detail, _known(known))


def _answered(data: dict[str, object]) -> list[Found]:
    """The orders of a GraphQL answer, in the order of its fields."""
    orders: list[Found] = []
    for name, value in data.items():
        path = f"data.{name}"
        if value is None:
            orders.append(Found(Rejected("missing_field", path, f"{path} is null: no such order")))
        elif isinstance(value, dict) and isinstance(value.get("results"), list):
            orders += [Found(each) for each in value["results"]]
        elif (
            isinstance(value, dict)
            and not _MARKS.intersection(value)
            and (value.keys() & {"order", "orders"})
        ):
            # Within `me`, `inStore` or the like.
            orders += _answered({each: value[each] for each in value.keys() & {"order", "orders"}})
        elif isinstance(value, list):
            orders += [Found(each) for each in value]
        else:
            orders.append(Found(value))
    if not orders:
        raise Rejected("missing_field", "data", "data has no order")
    return orders


def _notified(message: dict[str, object]) -> Found:
    """Of a message or a notification that something has changed."""
    resource = message["resource"]
    kind = resource.get("typeId") if isinstance(resource, dict) else None
    order_id = _known(resource.get("id")) if isinstance(resource, dict) else ""
    if kind != "order":
        raise Rejected("not_an_order", "resource.typeId", "about something else than an order")
    if isinstance(resource, dict) and isinstance(resource.get("obj"), dict) and "action" in message:
        detail = "an API Extension is asked before the order is stored; it comes as OrderCreated"
        raise Rejected("not_ready", "action", detail, order_id)
    name, at = _known(message.get("type")), message.get("createdAt")
    if message.get("notificationType") == "ResourceDeleted" or name == "OrderDeleted":
        at = at or message.get("modifiedAt")
        return Found(message.get("order"), ended=order_id, deleted=True, at=at)
    if name in _WITH_ORDER and message.get("order") is not None:
        return Found(message["order"])
    if name == "OrderStateChanged" and message.get("orderState") == _CANCELLED:
        return Found(None, ended=order_id, at=at)
    if "stagedActions" in message:
        detail = "an edit of an order; the edited order itself is needed"
        raise Rejected("not_an_order", "stagedActions", detail, order_id)
    detail = "it says that an order has changed: the order itself is needed as well"
    if message.get("payloadNotIncluded") is not None:
        detail = "the message was too large to have the order in it: the order itself is needed"
    raise Rejected("incomplete", "order", detail, order_id)


def _check_other(value: dict[str, object]) -> None:
    """Raise Rejected for something else of commercetools'."""
    known = _known(value.get("id"))
    named = value.get("type")
    if isinstance(named, str) and named in _NO_ORDERS:
        raise Rejected("not_an_order", "type", _NO_ORDERS[named], known)
    for name, what in _OTHERS.items():
        if name in value:
            raise Rejected("not_an_order", name, what, known)
    if "cart" in value and "createdAt" not in value:
        detail = "the draft of an order, which commercetools has not made yet"
        raise Rejected("not_ready", "cart", detail)


def _known(identifier: object) -> str:
    return identifier[:100] if isinstance(identifier, str) else ""
