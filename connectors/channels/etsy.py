"""Etsy: receipts of shops, as its Open API gives them.

Reads a receipt bare, in the `results` of a page, in a list, on a line of its own; and a receipt
whose transactions come from another call, in `documents`, joined by receipt_id. The events of a
webhook name a receipt only, so that they are incomplete; but order.canceled cancels it.

`grandtotal` is what the buyer pays: goods without the coupon's discount, with shipping, sales tax
and gift wrap. Whether VAT is in the prices or on top is told nowhere but by that sum: it is in them
where the sum comes out without it. A refund tells an amount and no pieces, so that an order that is
refunded in part is delivered as it is, and one that is refunded in full is not.
Source: Etsy Open API, version 3.0.0: ShopReceipt, ShopReceiptTransaction, ShopRefund, Money;
webhook events order.paid, order.canceled, order.shipped, order.delivered.
"""

from __future__ import annotations

from dataclasses import dataclass

from connectors.channels import countries, etsy_documents, listing, mapping, people
from connectors.channels.mapping import Fields, Mapped, Rejected
from schemas.customers import Contact, Personal, Personalisation
from schemas.money import EXPONENTS, MAXIMUM_MINOR
from schemas.orders import Address, CancelOrder, LineKind, OrderLine, PlaceOrder
from schemas.totals import line_total

_LATEST_S = 7_258_118_400  # 2200-01-01
_MOST_DIVISOR = 10_000
_STATUSES = frozenset(
    {
        "paid",
        "completed",
        "open",
        "payment processing",
        "canceled",
        "fully refunded",
        "partially refunded",
    }
)
_WISH = "personali"
"""How the name of a variation begins that is no choice, but the buyer's own words."""


@dataclass(frozen=True)
class _Sums:
    """What is added to, and taken off, the lines of an order."""

    discount_minor: int
    shipping_minor: int
    added_minor: int
    included: bool
    """VAT is in the prices"""


class Etsy:
    """Reads a receipt bare, in `results`, in a list, on a line of its own, or in `documents`."""

    name = "etsy"

    def orders(self, payload: bytes, topic: str, raw_id: str, now_ms: int) -> list[Mapped]:
        """One result per receipt; a payload that fails as a whole gives one Rejected."""
        return listing.results(
            lambda: etsy_documents.found(payload),
            lambda value: self._order(value, raw_id, now_ms),
            listing.field("receipt_id"),
        )

    def contacts(self, payload: bytes, topic: str) -> list[Contact]:
        """See Mapping."""
        return listing.contacts(lambda: etsy_documents.found(payload), _contact)

    def _order(self, value: object, raw_id: str, now_ms: int) -> PlaceOrder | CancelOrder:
        order = Fields(value)
        external_id = order.identifier("receipt_id")
        order_id = mapping.order_id(self.name, external_id)
        status = _status(order)
        if status == "canceled":
            when = _updated(order) if _has_time(order, "updated") else now_ms
            return CancelOrder(order_id, mapping.CANCELLED_AT_CHANNEL, when)
        _check_to_deliver(order, status)
        currency = order.object("grandtotal").currency("currency_code")
        total = _money(order, "grandtotal", currency)
        lines = _lines(order, currency)
        sums = _sums(order, currency, total, lines)
        ship_to = _ship_to(order)
        personal = Personal(_contact(value), [ship_to], None, _note(value), _wishes(value))
        return PlaceOrder(
            order_id=order_id,
            channel=self.name,
            external_id=external_id,
            version=_updated(order) if _has_time(order, "updated") else _created(order),
            placed_at_ms=_created(order),
            currency=currency,
            lines=lines,
            discount_minor=sums.discount_minor,
            shipping_minor=sums.shipping_minor,
            tax_minor=sums.added_minor,
            total_minor=total,
            payment_method="channel",
            payment_token="",
            paid_minor=total,
            paid_currency=currency,
            ship_to=ship_to,
            backorder=False,
            raw_id=raw_id,
            prices_include_tax=sums.included,
            personal=people.written(personal),
        )


def _status(order: Fields) -> str:
    status = order.optional_text("status").casefold()
    if status and status not in _STATUSES:
        raise Rejected("wrong_type", "status", "status is none of Etsy's")
    return status


def _check_to_deliver(order: Fields, status: str) -> None:
    """Raise Rejected for an order that has left, or may not leave yet."""
    if order.boolean("is_shipped") or status == "completed":
        detail = "the order has been shipped at the channel already, so that it is not sent again"
        raise Rejected(mapping.NOTHING_TO_DELIVER, "is_shipped", detail)
    if status == "fully refunded":
        detail = "the order is refunded in full, so that nothing of it is to be sent"
        raise Rejected(mapping.NOTHING_TO_DELIVER, "status", detail)
    paid = order.boolean("is_paid") if order.has("is_paid") else status == "paid"
    if status == "payment processing" or not paid:
        raise Rejected("not_ready", "is_paid", "the order is not paid yet")


def _lines(order: Fields, currency: str) -> list[OrderLine]:
    if not order.has("transactions"):
        detail = "transactions is missing: fetch those of the receipt, and send both together"
        raise Rejected("incomplete", "transactions", detail)
    lines = [_line(each, currency) for each in order.objects("transactions")]
    mapping.check_lines(lines, "transactions")
    return lines


def _line(line: Fields, currency: str) -> OrderLine:
    """A transaction, which is one listing. Many shops give their goods no SKU: what has none, and
    what is a file, is not taken from stock."""
    title = _title(line)
    sku = line.raw("sku")
    known = sku is not None and str(sku).strip() != ""
    goods = (known or not title) and line.raw("is_digital") is not True
    return OrderLine(
        line_id=line.identifier("transaction_id"),
        sku=line.identifier("sku") if known or not title else "",
        quantity=line.quantity("quantity"),
        unit_price_minor=_money(line, "price", currency),
        kind=LineKind.GOODS if goods else LineKind.CUSTOM,
        title=title,
    )


def _title(line: Fields) -> str:
    title = line.raw("title")
    if not isinstance(title, str):
        return ""
    return title.strip()[: mapping.MAXIMUM_TEXT].encode(errors="replace").decode()


def _sums(order: Fields, currency: str, total: int, lines: list[OrderLine]) -> _Sums:
    discount = _optional_money(order, "discount_amt", currency)
    shipping = _optional_money(order, "total_shipping_cost", currency)
    vat = _optional_money(order, "total_vat_cost", currency)
    added = _optional_money(order, "total_tax_cost", currency)
    added += _optional_money(order, "gift_wrap_price", currency)
    without = sum(map(line_total, lines)) - discount + shipping + added
    included = vat > 0 and without == total
    if not included:
        added += vat
    return _Sums(discount, shipping, mapping.check_sum((added,), "total_tax_cost"), included)


def _optional_money(fields: Fields, name: str, currency: str) -> int:
    return _money(fields, name, currency) if fields.has(name) else 0


def _money(fields: Fields, name: str, currency: str) -> int:
    """An amount of 0 or more in minor units: `amount` divided by `divisor` is in the currency."""
    money = fields.object(name)
    if money.currency("currency_code") != currency:
        path = money.path("currency_code")
        raise Rejected("invalid_amount", path, f"{path} is not the order's {currency}")
    amount = _whole(money, "amount", 0, MAXIMUM_MINOR)
    divisor = _whole(money, "divisor", 1, _MOST_DIVISOR)
    minor, rest = divmod(amount * 10 ** EXPONENTS[currency], divisor)
    if rest:
        path = money.path("amount")
        raise Rejected("invalid_amount", path, f"{path} has more decimals than its currency")
    return mapping.check_sum((minor,), money.path("amount"))


def _whole(fields: Fields, name: str, least: int, most: int) -> int:
    value = fields.required(name)
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        path = fields.path(name)
        detail = f"{path} is not a whole number between {least} and {most}"
        raise Rejected("invalid_amount", path, detail)
    return value


def _has_time(order: Fields, what: str) -> bool:
    return order.has(f"{what}_timestamp") or order.has(f"{what[:-1]}_timestamp")


def _updated(order: Fields) -> int:
    return _moment(order, "updated")


def _created(order: Fields) -> int:
    return _moment(order, "created")


def _moment(order: Fields, what: str) -> int:
    """Epoch milliseconds of e.g. `created_timestamp`, which was `create_timestamp` before."""
    name = f"{what}_timestamp" if order.has(f"{what}_timestamp") else f"{what[:-1]}_timestamp"
    value = order.required(name)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value < _LATEST_S:
        detail = f"{name} is not a time in seconds since 1970"
        raise Rejected("invalid_time", name, detail)
    return value * 1000


def _ship_to(order: Fields) -> Address:
    return Address(
        name=order.optional_text("name"),
        line1=order.optional_text("first_line"),
        line2=order.optional_text("second_line"),
        city=order.optional_text("city"),
        region=order.optional_text("state"),
        postal_code=order.optional_text("zip"),
        country=countries.code(order.optional_text("country_iso")),
        latitude=0.0,
        longitude=0.0,
    )


def _contact(value: object) -> Contact:
    """Who buys, read leniently."""
    if not isinstance(value, dict):
        return people.NOBODY
    buyer = value.get("buyer_user_id")
    known = isinstance(buyer, int) and not isinstance(buyer, bool)
    return Contact(
        name=_text(value, "name"),
        email=_text(value, "buyer_email"),
        channel_customer_id=str(buyer)[:20] if known else "",
    )


def _note(value: object) -> str:
    if not isinstance(value, dict):
        return ""
    names = ("message_from_buyer", "gift_message")
    notes = [_text(value, name, people.MAXIMUM_NOTE) for name in names]
    return "\n".join(filter(None, notes))[: people.MAXIMUM_NOTE]


def _wishes(value: object) -> list[Personalisation]:
    """What the buyer wants written on a listing."""
    return [
        Personalisation(str(line.get("transaction_id"))[:40], name, text)
        for line in _objects(value, "transactions")
        for variation in _objects(line, "variations")
        if (name := _text(variation, "formatted_name")).casefold().startswith(_WISH)
        and (text := _text(variation, "formatted_value"))
    ]


def _objects(value: object, name: str) -> list[dict[str, object]]:
    found = value.get(name) if isinstance(value, dict) else None
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []


def _text(value: dict[str, object], name: str, longest: int = mapping.MAXIMUM_TEXT) -> str:
    found = value.get(name)
    if not isinstance(found, str):
        return ""
    return found.strip()[:longest].encode(errors="replace").decode()
