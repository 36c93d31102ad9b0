"""eBay: orders as the Fulfillment API of its Sell APIs gives them.

Reads the answers of getOrders (`orders`, by page) and of getOrder, lists of orders, and JSON Lines.
An event of the Notification API names an order at most, so that it is incomplete. An order goes to
`shippingStep.shipTo`, which in international programs is eBay's own hub, and not the buyer.
Source: eBay Sell Fulfillment API v1.20, Order; Notification API v1, event payload.
"""

from __future__ import annotations

from functools import partial

from connectors.channels import ebay_lines, listing, mapping, people
from connectors.channels.mapping import Fields, Mapped, Rejected, Repeated
from connectors.channels.shopify_fields import told
from schemas.customers import Contact, Personal, Personalisation
from schemas.orders import Address, CancelOrder, PlaceOrder, Tender
from schemas.payments import Method

_OF_AN_ORDER = ("lineItems", "pricingSummary", "orderPaymentStatus", "orderFulfillmentStatus")
_OTHERS = {
    "errors": "an error of eBay, and no order",
    "fulfillments": "shipments, not the order that they belong to",
    "fulfillmentId": "a shipment, not the order that it belongs to",
    "refundId": "a refund, not the order that it belongs to",
    "paymentDisputeId": "a payment dispute, not the order that it belongs to",
    "paymentDisputeSummaries": "payment disputes, not the orders that they belong to",
    "transactions": "money movements, not the orders that they belong to",
    "payouts": "payouts, and no order",
    "returnId": "a return, not the order that it belongs to",
    "offerId": "an offer, and no order",
    "offers": "offers, and no order",
    "inventoryItems": "stock, and no order",
    "itemSummaries": "listings, and no order",
    "itemId": "a listing, and no order",
}
"""What else comes from eBay, by a field that it has and an order has not."""
_UNPAID = frozenset({"PENDING", "FAILED"})
_PAID = frozenset({"PAID", "PARTIALLY_REFUNDED"})
_SENT = {"FULFILLED": "", "IN_PROGRESS": " in part"}
_INSTRUCTIONS = "fulfillmentStartInstructions"
_NOT_OURS = {
    "DIGITAL": "the order is delivered digitally, so that nothing is sent",
    "FULFILLED_BY_EBAY": "eBay's partner fulfills the order, so that it is not sent by us",
}
_ON_PICKUP = "CASH_ON_PICKUP"


class Ebay:
    """Reads an order bare, in `orders`, in a list, or on a line of its own."""

    name = "ebay"

    def orders(self, payload: bytes, topic: str, raw_id: str, now_ms: int) -> list[Mapped]:
        """One result per order; a payload that fails as a whole gives one Rejected."""
        return listing.results(
            lambda: _found(payload),
            lambda value: self._order(value, raw_id, now_ms),
            listing.field("orderId"),
        )

    def contacts(self, payload: bytes, topic: str) -> list[Contact]:
        """See Mapping."""
        return listing.contacts(lambda: _found(payload), _contact)

    def _order(self, value: object, raw_id: str, now_ms: int) -> PlaceOrder | CancelOrder:
        order = Fields(value)
        external_id = order.identifier("orderId")
        order_id = mapping.order_id(self.name, external_id)
        if _is_cancelled(order):
            name = "lastModifiedDate"
            when = order.instant(name) if order.has(name) else now_ms
            return CancelOrder(order_id, mapping.CANCELLED_AT_CHANNEL, when)
        _check_not_sent(order)
        start = _instruction(order)
        pickup = _pickup(start)
        tenders = _tenders(order)
        sums = ebay_lines.read(order, pickup)
        placed = order.instant("creationDate")
        ship_to, method = (mapping.NOWHERE, "") if pickup else _ship_to(start)
        return PlaceOrder(
            order_id=order_id,
            channel=self.name,
            external_id=external_id,
            version=max(placed, order.instant("lastModifiedDate")),
            placed_at_ms=placed,
            currency=sums.currency,
            lines=sums.lines,
            discount_minor=sums.discount_minor,
            shipping_minor=sums.shipping_minor,
            tax_minor=sums.added_minor,
            total_minor=sums.total_minor,
            payment_method="channel",
            payment_token="",
            paid_minor=0 if tenders else sums.total_minor,
            paid_currency=sums.currency,
            ship_to=ship_to,
            backorder=False,
            raw_id=raw_id,
            tenders=tenders,
            discounts=sums.discounts,
            shipping_method=method,
            personal=_personal(value, ship_to),
        )


def _found(payload: bytes) -> list[object]:
    """The orders in a payload, and a Rejected for each part that is none. Raises Rejected."""
    try:
        value, lines = listing.loaded(payload, mapping.load_exact_json)
    except Rejected as error:
        if error.reason == "unreadable" and mapping.without_bom(payload).lstrip()[:1] == b"<":
            detail = "not JSON, but XML, as in eBay's Trading API, whose orders are not read"
            raise Rejected("unreadable", "", detail) from None
        raise
    if lines is not None:
        return [one for line in lines for one in _several(line)]
    if isinstance(value, dict) and isinstance(value.get("documents"), list):
        value = value["documents"]
        found = [one for document in value for one in _several(document)]
    else:
        found = _several(value)
    if not found:
        raise Rejected("missing_field", "orders", "the payload has no order")
    mapping.check_orders(len(found))
    return found


def _several(value: object) -> list[object]:
    """The orders of a page or a list, or the one that there is."""
    if isinstance(value, dict) and "orders" in value and "orderId" not in value:
        if not isinstance(value["orders"], list):
            return [Rejected("wrong_type", "orders", "orders is not a list")]
        return [_unwrapped(one) for one in value["orders"]]
    if isinstance(value, list):
        return [_unwrapped(one) for one in value]
    if isinstance(value, Rejected | Repeated):
        return [value]
    if not isinstance(value, dict):
        return [Rejected("unreadable", "", "the payload is neither an object nor a list")]
    return [_unwrapped(value)]


def _unwrapped(value: object) -> object:
    """An order as it is; a Rejected for what is none."""
    if not isinstance(value, dict) or any(name in value for name in _OF_AN_ORDER):
        return value
    if isinstance(value.get("notification"), dict):
        return _notified(value["notification"])
    if isinstance(value.get("order"), dict):
        return value["order"]
    for name, what in _OTHERS.items():
        if name in value:
            return Rejected("not_an_order", name, what, _id(value))
    if _id(value):
        detail = "lineItems is missing: the order's id alone; fetch the order itself"
        return Rejected("incomplete", "lineItems", detail, _id(value))
    detail = "the payload is no order of eBay's: it has no orderId, lineItems or orders"
    return Rejected("unreadable", "", detail)


def _notified(notification: dict[str, object]) -> Rejected:
    """What is said of an event, which names an order or none."""
    told_of = notification.get("data")
    told_of = told_of if isinstance(told_of, dict) else {}
    order = told_of.get("order")
    known = _id(told_of) or (_id(order) if isinstance(order, dict) else "")
    if not known:
        return Rejected("not_an_order", "notification", "an event that names no order")
    detail = "an event names the order only; fetch the order itself"
    return Rejected("incomplete", "notification.data", detail, known)


def _id(value: dict[str, object]) -> str:
    known = value.get("orderId")
    return known.strip()[:100] if isinstance(known, str) else ""


def _is_cancelled(order: Fields) -> bool:
    """Raises Rejected where it is not decided yet whether the order is cancelled."""
    status = order.optional_object("cancelStatus")
    state = status.optional_text("cancelState").upper() if status is not None else ""
    if state == "IN_PROGRESS":
        detail = "a cancellation of the order has been asked for, and is not decided yet"
        raise Rejected("not_ready", "cancelStatus.cancelState", detail)
    return state in ("CANCELED", "CANCELLED")


def _check_not_sent(order: Fields) -> None:
    """Raise Rejected for an order of which pieces have left, or whose money was given back."""
    states = [(order, "orderFulfillmentStatus")]
    states += [(item, "lineItemFulfillmentStatus") for item in order.objects("lineItems")]
    for fields, name in states:
        state = fields.optional_text(name).upper()
        if state in _SENT:
            part = _SENT[state] if fields is order else " in part"
            detail = f"the order has been shipped{part} at the channel; it is not sent from here"
            raise Rejected(mapping.NOTHING_TO_DELIVER, fields.path(name), detail)
        if state not in ("", "NOT_STARTED"):
            path = fields.path(name)
            raise Rejected("wrong_type", path, f"{path} is none of eBay's")
    if order.raw("orderPaymentStatus") == "FULLY_REFUNDED":
        detail = "all that was paid for the order has been given back"
        raise Rejected(mapping.NOTHING_TO_DELIVER, "orderPaymentStatus", detail)


def _tenders(order: Fields) -> list[Tender]:
    """How the order is paid; empty where eBay has the money. Raises Rejected: not_ready."""
    status = order.text("orderPaymentStatus").upper()
    if status in _PAID:
        return []
    if status not in _UNPAID:
        path = "orderPaymentStatus"
        raise Rejected("wrong_type", path, f"{path} is none of eBay's")
    summary = order.optional_object("paymentSummary")
    payments = summary.objects("payments") if summary is not None else []
    methods = {str(payment.raw("paymentMethod")) for payment in payments}
    if status == "PENDING" and methods == {_ON_PICKUP}:
        return [Tender("cash", Method.CASH_ON_DELIVERY, 0)]
    why = "is pending" if status == "PENDING" else "has failed"
    raise Rejected("not_ready", "orderPaymentStatus", f"the payment of the order {why}")


def _instruction(order: Fields) -> Fields:
    """How the order is to be fulfilled. Raises Rejected for what is not ours to send."""
    instructions = order.objects(_INSTRUCTIONS)
    if not instructions:
        return Fields({}, f"{_INSTRUCTIONS}[0]")
    first = instructions[0]
    kind = first.optional_text("fulfillmentInstructionsType").upper()
    if kind in _NOT_OURS:
        path = first.path("fulfillmentInstructionsType")
        raise Rejected(mapping.NOTHING_TO_DELIVER, path, _NOT_OURS[kind])
    return first


def _pickup(start: Fields) -> str:
    """The store at which the buyer fetches the order; empty where it is sent."""
    step = start.optional_object("pickupStep")
    return step.identifier("merchantLocationKey") if step is not None else ""


def _ship_to(start: Fields) -> tuple[Address, str]:
    """Where the order goes, and by which of eBay's services."""
    step = start.optional_object("shippingStep")
    if step is None:
        return mapping.NOWHERE, ""
    method = step.optional_text("shippingServiceCode")
    to = step.optional_object("shipTo")
    if to is None:
        return mapping.NOWHERE, method
    place = to.optional_object("contactAddress") or Fields({}, to.path("contactAddress"))
    address = Address(
        name=to.optional_text("fullName") or to.optional_text("companyName"),
        line1=place.optional_text("addressLine1"),
        line2=place.optional_text("addressLine2"),
        city=place.optional_text("city"),
        region=place.optional_text("stateOrProvince") or place.optional_text("county"),
        postal_code=place.optional_text("postalCode"),
        country=place.country("countryCode"),
        latitude=0.0,
        longitude=0.0,
    )
    return address, method


def _personal(value: object, ship_to: Address) -> bytes:
    order = Fields(value)
    note = order.raw("buyerCheckoutNotes")
    said = note.strip()[: people.MAXIMUM_NOTE] if isinstance(note, str) else ""
    nothing: list[Personalisation] = []
    return people.written(
        Personal(
            _contact(value),
            [ship_to],
            None,
            said.encode(errors="replace").decode(),
            told(lambda: _gifts(order), nothing),
        )
    )


def _gifts(order: Fields) -> list[Personalisation]:
    """What goes with a line that is a gift."""
    found: list[Personalisation] = []
    for item in order.objects("lineItems"):
        gift = item.optional_object("giftDetails")
        for name in ("message", "senderName", "recipientEmail") if gift is not None else ():
            text = told(partial((gift or item).optional_text, name), "")
            if text:
                found.append(Personalisation(item.identifier("lineItemId"), name, text))
    return found


def _contact(value: object) -> Contact:
    """Whom an order names, read leniently: the buyer, or else who receives it."""
    if not isinstance(value, dict):
        return people.NOBODY
    buyer = _inner(value.get("buyer"))
    own = _inner(buyer.get("buyerRegistrationAddress"))
    starts = value.get(_INSTRUCTIONS)
    start = _inner(starts[0]) if isinstance(starts, list) and starts else {}
    to = _inner(_inner(start.get("shippingStep")).get("shipTo"))
    return Contact(
        name=_text(own, "fullName") or _text(to, "fullName"),
        company=_text(own, "companyName") or _text(to, "companyName"),
        email=_text(own, "email") or _text(to, "email"),
        phone=_text(_inner(own.get("primaryPhone")), "phoneNumber")
        or _text(_inner(to.get("primaryPhone")), "phoneNumber"),
        channel_customer_id=_text(buyer, "username"),
    )


def _inner(value: object) -> dict[str, object]:
    return value if isinstance(value, dict) else {}


def _text(value: dict[str, object], name: str) -> str:
    return told(lambda: Fields(value).optional_text(name), "")
