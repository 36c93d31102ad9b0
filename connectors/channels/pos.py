"""Receipts of a point of sale, as JSON: what tills sold, and what of it is to be sent.

Source: this page; the format is the project's own, for tills that export what they can. A payload
is one receipt, a list, `{"receipts": []}` or JSON Lines. A receipt has

    store, till, business_day (2024-03-01), receipt_number: together they name it for ever
    sold_at           an instant with its zone; updated_at where the receipt was changed later
    currency          ISO 4217
    lines             [{"type", "line_id", "sku", "title", "quantity", "unit_price", "discount",
                      "tax", "tax_rate"}]; type is carry (taken along at once), send (to be sent
                      to the customer) or return (brought back)
    tenders           [{"method", "amount"}]; method is cash, card or gift_card
    change            cash given back
    returned          what the return lines came to, with which the receipt was paid as well
    discount, shipping, tax, prices_include_tax, total: of what was sold, returns not counted
    ship_to, customer, note: as in the `json` channel
    voided, training  true or false

Amounts are text or whole numbers, never below 0; a return has its quantity as a positive number.

Of a receipt with something to be sent the whole is one order, so that its total is the receipt's:
lines that were carried away are `custom` lines, which are paid for but neither reserved nor
shipped. A receipt of which everything was carried away is nothing_to_deliver: its stock is to be
reduced by `millrace stock`. One with returns alone, or of a training, is not_an_order.

A duplicate is known by store, till, day and number; `version` is `updated_at`, or else `sold_at`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date

from msgspec.structs import replace

from connectors.channels import listing, mapping, people
from connectors.channels.generic import GenericJson
from connectors.channels.mapping import NOTHING_TO_DELIVER, NOWHERE, Fields, Mapped, Rejected
from schemas.customers import Contact
from schemas.orders import CancelOrder, LineKind, PlaceOrder

SEPARATOR = ":"
"""between the parts of a receipt's name; no part may have it"""
MAXIMUM_TENDERS = 50
VOIDED = "voided at the till"
_KINDS = {"carry": LineKind.CUSTOM, "send": LineKind.GOODS, "return": LineKind.CUSTOM}
_METHODS = frozenset({"cash", "card", "gift_card"})
_NAMES = ("store", "till", "business_day", "receipt_number")
_OF_A_RECEIPT = frozenset({"store", "till", "receipt_number"})
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)


class PointOfSale(GenericJson):
    """Reads one receipt, a list, `{"receipts": []}`, or JSON Lines with a receipt on each."""

    name = "pos"

    def orders(self, payload: bytes, topic: str, raw_id: str, now_ms: int) -> list[Mapped]:
        """One result per receipt; a payload that fails as a whole gives one Rejected."""
        return listing.results(
            lambda: _receipts(payload, mapping.load_unambiguous_json),
            lambda value: self._order(value, raw_id, now_ms),
            _known_id,
        )

    def contacts(self, payload: bytes, topic: str) -> list[Contact]:
        """See Mapping. Of a key that is given twice the last counts."""
        return listing.contacts(lambda: _receipts(payload, mapping.load_json), people.of_json)

    def _order(self, value: object, raw_id: str, now_ms: int) -> PlaceOrder | CancelOrder:
        receipt = Fields(value)
        if not isinstance(value, dict) or not _OF_A_RECEIPT.intersection(value):
            raise Rejected("unreadable", "", "the object has none of the fields of a receipt")
        external_id = _external_id(receipt)
        if receipt.boolean("training"):
            raise Rejected("not_an_order", "training", "the receipt is of a training")
        sold_at_ms = receipt.instant("sold_at")
        if receipt.boolean("voided"):
            at_ms = receipt.instant("updated_at") if receipt.has("updated_at") else sold_at_ms
            order_id = mapping.order_id(self.name, external_id)
            return CancelOrder(order_id, VOIDED, at_ms, actor=self.name)
        types = [_type(line) for line in receipt.objects("lines")]
        _check_something_to_send(types)
        order = super()._order(_plain(value, external_id, types), raw_id, now_ms)
        if not isinstance(order, PlaceOrder):
            return order
        if order.ship_to == NOWHERE:
            raise Rejected("missing_field", "ship_to", "ship_to is missing or empty")
        sold = zip(order.lines, types, strict=True)
        return replace(
            order,
            lines=[line for line, kind in sold if kind != "return"],
            paid_minor=_paid(receipt, order.currency),
        )


def _receipts(payload: bytes, load: Callable[[bytes], object]) -> list[object]:
    """The receipts of a payload; a line of JSON Lines that is not JSON is a Rejected among them."""
    value, lines = listing.loaded(payload, load)
    if lines is not None:
        return lines
    if isinstance(value, dict) and "receipts" in value:
        value = value["receipts"]
        if not isinstance(value, list):
            raise Rejected("wrong_type", "receipts", "receipts is not a list")
    elif isinstance(value, dict | mapping.Repeated):
        return [value]
    if not isinstance(value, list):
        raise Rejected("unreadable", "", "the payload is neither an object nor a list")
    if not value:
        raise Rejected("missing_field", "receipts", "the payload has no receipt")
    mapping.check_orders(len(value))
    return value


def _external_id(receipt: Fields) -> str:
    """The receipt's name. Raises Rejected."""
    parts = [receipt.identifier(name) for name in _NAMES]
    for name, part in zip(_NAMES, parts, strict=True):
        if SEPARATOR in part:
            path = receipt.path(name)
            raise Rejected("invalid_identifier", path, f"{path} has a {SEPARATOR!r} in it")
    if not _is_day(parts[2]):
        path = receipt.path("business_day")
        raise Rejected("invalid_time", path, f"{path} is not a day, such as 2024-03-01")
    return SEPARATOR.join(parts)


def _is_day(text: str) -> bool:
    if not _DAY.fullmatch(text):
        return False
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def _known_id(value: object) -> str | None:
    """The receipt's name as far as a rejection can tell it."""
    try:
        return _external_id(Fields(value))
    except Rejected:
        return None


def _type(line: Fields) -> str:
    kind = line.text("type")
    if kind not in _KINDS:
        path = line.path("type")
        raise Rejected("wrong_type", path, f"{path} is none of {', '.join(_KINDS)}")
    return kind


def _check_something_to_send(types: list[str]) -> None:
    """Raise Rejected for a receipt after which nothing is left to be done."""
    if not types:
        raise Rejected("missing_field", "lines", "lines is missing or empty")
    if "send" in types:
        return
    if "carry" not in types:
        raise Rejected("not_an_order", "lines", "the receipt has returns alone")
    detail = "everything was carried away; `millrace stock` takes it off the store's stock"
    raise Rejected(NOTHING_TO_DELIVER, "lines", detail)


def _plain(value: dict[str, object], external_id: str, types: list[str]) -> dict[str, object]:
    """The receipt as an order of the `json` channel, with its return lines still among the rest.

    A till knows of no bundle, no second address and no pick-up, so these are not read.
    """
    lines = value["lines"]
    if not isinstance(lines, list):
        raise Rejected("wrong_type", "lines", "lines is not a list")
    strange = {"parent_line_id": None, "address": None, "pickup_location_id": None}
    return {
        **value,
        "external_id": external_id,
        "placed_at": value.get("sold_at"),
        "cancelled": None,
        "lines": [
            {**line, **strange, "kind": _KINDS[kind]}
            for line, kind in zip(lines, types, strict=True)
        ],
        "tenders": None,
        "discounts": None,
        "more_addresses": None,
        "payment": {"method": "channel", "paid": "0"},
    }


def _paid(receipt: Fields, currency: str) -> int:
    """What the customer paid: the tenders less the change, and what was brought back."""
    tenders = receipt.objects("tenders")
    if len(tenders) > MAXIMUM_TENDERS:
        raise Rejected("too_large", "tenders", f"tenders are more than {MAXIMUM_TENDERS}")
    for tender in tenders:
        if tender.text("method") not in _METHODS:
            path = tender.path("method")
            detail = f"{path} is none of {', '.join(sorted(_METHODS))}"
            raise Rejected("wrong_type", path, detail)
    given = mapping.check_sum((tender.amount("amount", currency) for tender in tenders), "tenders")
    paid = given - receipt.optional_amount("change", currency)
    if paid < 0:
        raise Rejected("invalid_amount", "change", "change is more than the tenders come to")
    returned = receipt.optional_amount("returned", currency)
    return mapping.check_sum((paid, returned), "tenders")
