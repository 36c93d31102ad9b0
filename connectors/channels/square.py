"""Square: orders of its Orders API, from shops, checkouts and sites.

Reads an order bare, in `order`, in `orders`, in a list, or on a line of its own. The events
order.created and order.updated, and the `order_entries` of a search, name an order only, so that
they are incomplete; but an event that says that an order is canceled cancels it.

An order that Square calls COMPLETED is paid and handed over: a sale over the counter, or one whose
fulfillments are done. Nothing of it is left to deliver. One that is DRAFT, or OPEN and not paid in
full, has not been let go yet.
Source: Square API (OpenAPI of 2025-08-20), objects Order, OrderLineItem, Fulfillment, Tender;
webhook events order.created, order.updated.
"""

from __future__ import annotations

from connectors.channels import (
    listing,
    mapping,
    people,
    square_fulfillments,
    square_lines,
    square_payment,
    square_people,
)
from connectors.channels.mapping import Fields, Mapped, Rejected
from connectors.channels.square_money import balance, money, optional_money
from schemas.customers import Contact
from schemas.orders import CancelOrder, OrderLine, PlaceOrder

_STATES = frozenset({"OPEN", "COMPLETED", "CANCELED", "DRAFT"})
_OTHERS = {
    "payment": "a payment, not the order that it belongs to",
    "payments": "payments, not the orders that they belong to",
    "refund": "a refund, not the order that it belongs to",
    "refunds": "refunds, not the orders that they belong to",
    "invoice": "an invoice, not the order that it belongs to",
    "invoices": "invoices, not the orders that they belong to",
    "transaction": "a transaction, not the order that it belongs to",
    "customer": "a customer",
    "customers": "customers",
    "object": "an object of the catalog",
    "objects": "objects of the catalog",
    "location": "a location",
    "locations": "locations",
    "counts": "counts of stock",
    "subscription": "a subscription, not an order",
    "errors": "an error of Square, and no order",
}
"""What else comes from Square, by the name of its envelope."""
_CANCELED = "CANCELED"


class Square:
    """Reads an order bare, in `order`, in `orders`, in a list, or on a line of its own."""

    name = "square"

    def orders(self, payload: bytes, topic: str, raw_id: str, now_ms: int) -> list[Mapped]:
        """One result per order; a payload that fails as a whole gives one Rejected."""
        return listing.results(
            lambda: _found(payload),
            lambda value: self._order(value, raw_id, now_ms),
            _known_id,
        )

    def contacts(self, payload: bytes, topic: str) -> list[Contact]:
        """See Mapping."""
        return listing.contacts(lambda: _found(payload), square_people.contact)

    def _order(self, value: object, raw_id: str, now_ms: int) -> PlaceOrder | CancelOrder:
        order = Fields(value)
        if order.has("order_id") and not order.has("id"):
            return self._named(order, now_ms)
        _check_is_order(order)
        if not order.has("id"):
            detail = "id is missing: an order that was only asked for, or calculated, has none"
            raise Rejected("missing_field", "id", detail)
        external_id = order.identifier("id")
        order_id = mapping.order_id(self.name, external_id)
        state = _state(order)
        if state == _CANCELED:
            named = next((name for name in ("closed_at", "updated_at") if order.has(name)), "")
            when = order.instant(named) if named else now_ms
            return CancelOrder(order_id, mapping.CANCELLED_AT_CHANNEL, when)
        if state == "DRAFT":
            raise Rejected("not_ready", "state", "the order is a draft, which nobody has placed")
        _check_to_deliver(order, state)
        currency = order.object("total_money").currency("currency")
        total = money(order, "total_money", currency)
        return self._placed(order, value, order_id, raw_id, currency, total)

    def _named(self, order: Fields, now_ms: int) -> CancelOrder:
        """Of an order of which only the id is told. Raises Rejected unless it is canceled."""
        order_id = mapping.order_id(self.name, order.identifier("order_id"))
        if order.raw("state") == _CANCELED:
            when = order.instant("updated_at") if order.has("updated_at") else now_ms
            return CancelOrder(order_id, mapping.CANCELLED_AT_CHANNEL, when)
        detail = "only the order's id is told, not the order: fetch it with RetrieveOrder"
        raise Rejected("incomplete", "order_id", detail)

    def _placed(
        self, order: Fields, said: object, order_id: str, raw_id: str, currency: str, total: int
    ) -> PlaceOrder:
        ways = square_fulfillments.read(order)
        taxes = square_lines.taxes(order, currency)
        lines = square_lines.lines(order, currency, taxes, ways.by_line)
        charges = square_lines.service_charges(order, currency)
        rounding = _rounding(order, currency)
        added = (
            taxes.added_minor
            + charges.other_minor
            + optional_money(order, "total_tip_money", currency)
            + max(0, rounding)
        )
        paid = square_payment.paid(order, currency, total)
        return PlaceOrder(
            order_id=order_id,
            channel=self.name,
            external_id=order.identifier("id"),
            version=order.instant("updated_at" if order.has("updated_at") else "created_at"),
            placed_at_ms=order.instant("created_at"),
            currency=currency,
            lines=lines,
            discount_minor=_of_order(order, currency, lines, rounding),
            shipping_minor=charges.shipping_minor,
            tax_minor=mapping.check_sum((added,), "total_tax_money"),
            total_minor=total,
            payment_method="channel",
            payment_token="",
            paid_minor=paid,
            paid_currency=currency,
            ship_to=ways.addresses[0],
            backorder=False,
            raw_id=raw_id,
            tenders=square_payment.tenders(order, currency, paid),
            prices_include_tax=taxes.included,
            discounts=square_lines.discounts(order, currency, lines),
            shipping_method=ways.method,
            more_addresses=ways.addresses[1:],
            personal=people.written(square_people.personal(said, ways.addresses)),
        )


def _found(payload: bytes) -> list[object]:
    """The orders in a payload. Raises Rejected."""
    value, lines = listing.loaded(payload, mapping.load_unambiguous_json)
    if lines is not None:
        return [_unwrapped(line) for line in lines]
    if isinstance(value, dict):
        value = _page(value)
    if isinstance(value, list):
        if not value:
            raise Rejected("missing_field", "", "the payload has no order")
        mapping.check_orders(len(value))
        return [_unwrapped(order) for order in value]
    if not isinstance(value, dict | mapping.Repeated):
        raise Rejected("unreadable", "", "the payload is neither an object nor a list")
    return [_unwrapped(value)]


def _page(value: dict[str, object]) -> object:
    """The orders of an answer that holds several, or the value as it is. Raises Rejected."""
    resources = value.get("related_resources")
    if isinstance(resources, dict) and "payment_link" in value:
        value = resources
    for name in ("orders", "order_entries"):
        if name in value:
            if not isinstance(value[name], list):
                raise Rejected("wrong_type", name, f"{name} is not a list")
            if not value[name]:
                raise Rejected("missing_field", name, f"{name} has no order")
            return value[name]
    return value


def _unwrapped(value: object) -> object:
    """The order in its envelope; a Rejected for an envelope of something else."""
    if not isinstance(value, dict) or "id" in value or "line_items" in value:
        return value
    if "order" in value:
        return value["order"]
    if "order_id" in value and "data" not in value:
        return value
    if "checkout" in value:
        return Rejected("not_ready", "checkout", "a checkout that nobody has completed yet")
    if "type" in value and "data" in value:
        return _event(value)
    for name, what in _OTHERS.items():
        if name in value:
            return Rejected("not_an_order", name, what)
    if "location_id" in value or "total_money" in value:
        return value
    return Rejected("unreadable", "", "the payload is no order of Square's: it has no id")


def _event(event: dict[str, object]) -> object:
    """What an event says of an order; a Rejected for an event of something else."""
    data = event["data"] if isinstance(event["data"], dict) else {}
    what = data.get("object")
    if isinstance(what, dict):
        for name in ("order", "order_created", "order_updated"):
            if name in what:
                return what[name]
    kind = event["type"]
    if kind in ("order.created", "order.updated") and "id" in data:
        return {"order_id": data["id"]}
    return Rejected("not_an_order", "type", "an event that tells of something else than an order")


def _known_id(value: object) -> object:
    if not isinstance(value, dict):
        return None
    return value.get("id") if value.get("id") is not None else value.get("order_id")


def _check_is_order(order: Fields) -> None:
    """Raise Rejected for what has no goods of its own, and for another object of Square's."""
    if order.has("amount_money") and not order.names("line_items"):
        detail = "a payment or a refund, not the order that it belongs to"
        raise Rejected("not_an_order", "amount_money", detail)
    if order.has("returns") and not order.raw("line_items"):
        raise Rejected("not_an_order", "returns", "a return of goods, and nothing that is ordered")
    if order.names("line_items") or order.has("total_money") or order.has("state"):
        return
    known = order.raw("type")
    if isinstance(known, str) and known.isupper():
        raise Rejected("not_an_order", "type", "an object of the catalog")
    raise Rejected("incomplete", "line_items", "line_items is missing: the order without its lines")


def _state(order: Fields) -> str:
    """OPEN, as an order is that was made without saying it, where the order tells none."""
    state = order.optional_text("state").upper() or "OPEN"
    if state not in _STATES:
        raise Rejected("wrong_type", "state", "state is none of Square's")
    return state


def _check_to_deliver(order: Fields, state: str) -> None:
    """Raise Rejected for an order that the customer has, or will not get."""
    square_fulfillments.check_open(order)
    if state == "COMPLETED":
        detail = "the order is completed: paid, and handed over in the shop or delivered already"
        raise Rejected(mapping.NOTHING_TO_DELIVER, "state", detail)


def _rounding(order: Fields, currency: str) -> int:
    """What cash payment rounds the total by."""
    adjustment = order.optional_object("rounding_adjustment")
    if adjustment is None or not adjustment.has("amount_money"):
        return 0
    return balance(adjustment, "amount_money", currency)


def _of_order(order: Fields, currency: str, lines: list[OrderLine], rounding: int) -> int:
    """What of the discount no line bears, though Square divides all of it among the lines, and what
    rounding takes off."""
    total = optional_money(order, "total_discount_money", currency)
    borne = sum(line.discount_minor for line in lines)
    left = max(0, total - mapping.check_sum((borne,), "line_items"))
    return mapping.check_sum((left + max(0, -rounding),), "total_discount_money")
