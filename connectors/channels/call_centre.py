"""Orders that staff take over the phone or at a desk: the form that they send, as JSON.

Source: this page; the form is the project's own. It is the form of the `json` channel (generic.py:
one order, a list, `{"orders": []}` or JSON Lines; amounts as text or whole numbers) and has beside
its fields:

    status            draft, quote, placed or cancelled. A draft or a quote is not_ready.
    agent_id          who took the order; required. It is the actor of a cancellation.
    customer          {"id"} of one who was looked up, or name, company, email or phone of a new one
    delivery          ship (then ship_to is required) or pickup (then pickup_location_id is)
    discount_reason   a short word, required with `discount`; on the order and on each line
    price_override    of a line: {"unit_price", "reason", "agent_id"}; agent_id of the order if none
    payment           {"method": "card", "token"}; {"method": "payment_link", "status": "pending",
                      "paid" or "expired", "paid", "currency"}; {"method": "invoice",
                      "terms_days"}; {"method": "cash_on_delivery"}; or `tenders` as `json` has them
    note              for whoever packs; gift_message goes with the goods. Both are encrypted.

`unit_price` of a line is the listed price. An override below it is kept as a discount of the line,
so that the listed price, the reason and the agent stay visible; one above it takes its place.
Reasons are words, such as price_match, because they stand on plain topics: what a customer said
belongs into the note. `total` is what the agent told the customer, all told.

A duplicate is known by `external_id`; `version` is `updated_at`, or else `placed_at`.
A payment link that is pending is not_ready, so the form is sent again once it is paid.
"""

from __future__ import annotations

import re

from msgspec.structs import replace

from connectors.channels import mapping, people
from connectors.channels.generic import GenericJson
from connectors.channels.mapping import NOWHERE, Fields, Rejected
from schemas.customers import Personal, Personalisation
from schemas.orders import CancelOrder, Discount, OrderLine, PlaceOrder, Tender
from schemas.payments import Method
from schemas.totals import line_total

GIFT_MESSAGE = "gift_message"
MAXIMUM_TERMS_DAYS = 3650
_STATUSES = ("draft", "quote", "placed", "cancelled")
_METHODS = ("card", "payment_link", "invoice", "cash_on_delivery")
_REASON = re.compile(r"[a-z][a-z0-9_-]{0,39}", re.ASCII)
_OF_THE_FORM = frozenset({"external_id", "agent_id", "status", "lines"})
_OF_A_CUSTOMER = ("id", "name", "company", "email", "phone")


class CallCentre(GenericJson):
    """Reads one form, a list, `{"orders": []}`, or JSON Lines with a form on each."""

    name = "call-centre"

    def _order(self, value: object, raw_id: str, now_ms: int) -> PlaceOrder | CancelOrder:
        form = Fields(value)
        if not isinstance(value, dict) or not _OF_THE_FORM.intersection(value):
            raise Rejected("unreadable", "", "the object has none of the fields of the form")
        external_id = form.identifier("external_id")
        agent_id = form.identifier("agent_id")
        if _word(form, "status", _STATUSES) == "cancelled":
            return CancelOrder(
                order_id=mapping.order_id(self.name, external_id),
                reason=form.optional_text("cancel_reason") or mapping.CANCELLED_AT_CHANNEL,
                requested_at_ms=form.instant("updated_at") if form.has("updated_at") else now_ms,
                actor=agent_id,
            )
        _check_placed(form)
        plain = {**value, "cancelled": None, "discounts": None}
        tender = None if form.objects("tenders") else _tender(form.object("payment"))
        if tender is not None:
            plain |= {"tenders": None, "payment": _plain_payment(form.object("payment"), tender)}
        order = super()._order(plain, raw_id, now_ms)
        if not isinstance(order, PlaceOrder):
            return order
        if tender is not None and tender.method in (Method.INVOICE, Method.CASH_ON_DELIVERY):
            order = replace(
                order, payment_method=tender.method, paid_currency=order.currency, tenders=[tender]
            )
        order = _overridden(form, order, agent_id)
        return _with_gift_message(form, _delivered(form, order))


def _word(fields: Fields, name: str, allowed: tuple[str, ...]) -> str:
    """A required word of a closed set."""
    word = fields.text(name)
    if word not in allowed:
        path = fields.path(name)
        raise Rejected("wrong_type", path, f"{path} is none of {', '.join(allowed)}")
    return word


def _check_placed(form: Fields) -> None:
    """Raise Rejected for a form that is not an order yet, or names no customer."""
    status = form.text("status")
    if status != "placed":
        raise Rejected("not_ready", "status", f"the order is still a {status}")
    customer = form.object("customer")
    if not any(customer.raw(name) not in (None, "") for name in _OF_A_CUSTOMER):
        detail = f"customer has none of {', '.join(_OF_A_CUSTOMER)}"
        raise Rejected("missing_field", "customer", detail)


def _tender(payment: Fields) -> Tender:
    """How the order is paid, with the method in the words of the orders room."""
    method = _word(payment, "method", _METHODS)
    if method == "card":
        return Tender("1", Method.CARD, 0, token=payment.text("token"))
    if method == "cash_on_delivery":
        return Tender("1", Method.CASH_ON_DELIVERY, 0)
    if method == "invoice":
        days = payment.quantity("terms_days", least=0) if payment.has("terms_days") else 0
        if days > MAXIMUM_TERMS_DAYS:
            path = payment.path("terms_days")
            detail = f"{path} is more than {MAXIMUM_TERMS_DAYS} days"
            raise Rejected("invalid_quantity", path, detail)
        return Tender("1", Method.INVOICE, 0, terms_days=days)
    status = _word(payment, "status", ("pending", "paid", "expired"))
    if status != "paid":
        path = payment.path("status")
        raise Rejected("not_ready", path, f"the payment link is {status}")
    return Tender("1", Method.CHANNEL, 0)


def _plain_payment(payment: Fields, tender: Tender) -> dict[str, object]:
    """The payment as the `json` channel has it; of what is paid later nothing is paid yet."""
    if tender.method == Method.CARD:
        return {"method": "card", "token": payment.raw("token")}
    if tender.method == Method.CHANNEL:
        paid, currency = payment.raw("paid"), payment.raw("currency")
        return {"method": "channel", "paid": paid, "currency": currency}
    return {"method": "channel", "paid": "0"}


def _overridden(form: Fields, order: PlaceOrder, agent_id: str) -> PlaceOrder:
    """The order with its price overrides, and what its discounts are given for."""
    lines: list[OrderLine] = []
    discounts: list[Discount] = []
    if order.discount_minor:
        discounts.append(Discount(_code(form, "discount_reason", agent_id), order.discount_minor))
    for fields, line in zip(form.objects("lines"), order.lines, strict=True):
        if line.discount_minor:
            code = _code(fields, "discount_reason", agent_id)
            discounts.append(Discount(code, line.discount_minor, line.line_id))
        override = fields.optional_object("price_override")
        if override is not None:
            line, off = _priced(override, line, order.currency, agent_id)
            discounts += off
        lines.append(line)
    mapping.check_lines(lines, "lines")
    return replace(order, lines=lines, discounts=discounts)


def _priced(
    override: Fields, line: OrderLine, currency: str, agent_id: str
) -> tuple[OrderLine, list[Discount]]:
    """The line at its new price, and the discount that this is where the price went down."""
    price = override.amount("unit_price", currency)
    by = override.identifier("agent_id") if override.has("agent_id") else agent_id
    code = _code(override, "reason", by)
    changed = replace(line, unit_price_minor=price)
    if price >= line.unit_price_minor:
        return changed, []
    off = line_total(line) - line_total(changed)
    return replace(line, discount_minor=line.discount_minor + off), [
        Discount(code, off, line.line_id)
    ]


def _code(fields: Fields, name: str, agent_id: str) -> str:
    """Why, and who gave it."""
    reason = fields.text(name)
    if not _REASON.fullmatch(reason):
        path = fields.path(name)
        detail = f"{path} is not a short word in small letters, such as price_match"
        raise Rejected("wrong_type", path, detail)
    return f"{reason}/{agent_id}"


def _delivered(form: Fields, order: PlaceOrder) -> PlaceOrder:
    """The order with where its lines are fetched, or checked to have somewhere to go."""
    if _word(form, "delivery", ("ship", "pickup")) == "pickup":
        location_id = form.identifier("pickup_location_id")
        lines = [
            replace(line, pickup_location_id=line.pickup_location_id or location_id)
            for line in order.lines
        ]
        return replace(order, lines=lines)
    if order.ship_to == NOWHERE:
        raise Rejected("missing_field", "ship_to", "ship_to is missing or empty")
    return order


def _with_gift_message(form: Fields, order: PlaceOrder) -> PlaceOrder:
    """The order with the message among what is personal; it is the whole order's, not a line's."""
    message = form.optional_text(GIFT_MESSAGE)
    if not message:
        return order
    addresses = [order.ship_to, *order.more_addresses]
    personal = people.read(order) if order.personal else Personal(addresses=addresses)
    wishes = [*personal.personalisation, Personalisation("", GIFT_MESSAGE, message)]
    return replace(order, personal=people.written(replace(personal, personalisation=wishes)))
