"""The lines of a Walmart order: pieces by their status, and charges with their taxes.

A charge is that of its whole line, whatever its quantity: the API describes it as the charge for
the line, names no price of a piece, and says of no amount that it is to be multiplied. So a line of
3 pieces with a PRODUCT charge of 30.00 costs 30.00. When a line is cancelled, Walmart sets its
charges to 0; what it lists for a line that is cancelled in part is what is still charged for it.

Refunds come with goods that have been shipped (the API refuses them before), and take nothing off
what is to deliver; their negative charges in `refund` are not those of the line.
Source: Walmart Marketplace API, Orders, version 3: `orderLine`, `charge`, `orderLineStatus`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from connectors.channels import mapping
from connectors.channels.mapping import Fields, Rejected
from schemas.orders import Discount, LineKind, OrderLine

_STATUSES = {
    "created": "open",
    "acknowledged": "open",
    "shipped": "shipped",
    "delivered": "shipped",
    "refund": "shipped",
    "refunded": "shipped",
    "cancelled": "cancelled",
    "canceled": "cancelled",
}
"""What each status means for us; a refund is one of pieces that have been shipped."""
_LATEST_MS = int(datetime(2200, 1, 1, tzinfo=UTC).timestamp()) * 1000


@dataclass
class Sums:
    """What the lines of an order come to, in minor units of its currency."""

    currency: str = ""
    lines: list[OrderLine] = field(default_factory=list)
    discounts: list[Discount] = field(default_factory=list)
    discount_minor: int = 0
    shipping_minor: int = 0
    added_minor: int = 0
    """taxes, and charges that are neither for goods nor for shipping"""
    total_minor: int = 0


@dataclass
class _Charged:
    """What one line comes to."""

    goods_minor: int = 0
    discount_minor: int = 0
    tax_minor: int = 0
    shipping_minor: int = 0
    added_minor: int = 0
    """all taxes, and fees"""
    discounts: list[tuple[str, int]] = field(default_factory=list)


def read(found: Sequence[Fields], pickup: Callable[[Fields], str]) -> Sums:
    """All lines that are not cancelled. `pickup` tells where a line is fetched. Raises Rejected."""
    sums = Sums()
    shipping = 0
    for line in found:
        pieces = _pieces(line)["open"]
        if not pieces:
            continue
        charges = _charges(line)
        sums.currency = sums.currency or _currency(charges)
        charged = _charged(charges, sums.currency)
        if charged.discount_minor and not charged.goods_minor:
            path = line.path("charges.charge")
            raise Rejected("invalid_amount", path, f"{path} takes off goods that cost nothing")
        sums.lines.append(_line(line, pieces, charged, pickup(line)))
        line_id = sums.lines[-1].line_id
        sums.discounts += [Discount(name, minor, line_id) for name, minor in charged.discounts]
        shipping += charged.shipping_minor
        sums.added_minor += charged.added_minor
    mapping.check_lines(sums.lines, "orderLines.orderLine")
    # Walmart may waive more of the shipping than it charges on these lines.
    sums.shipping_minor = max(0, shipping)
    sums.discount_minor = sums.shipping_minor - shipping
    if sums.added_minor < 0:
        path = "orderLines.orderLine"
        raise Rejected("invalid_amount", path, f"{path} has taxes that come to less than 0")
    goods = sum(line.unit_price_minor * line.quantity // line.per for line in sums.lines)
    less = sums.discount_minor + sum(line.discount_minor for line in sums.lines)
    amounts = (goods, sums.shipping_minor, sums.added_minor)
    sums.total_minor = mapping.check_sum(amounts, "orderLines.orderLine") - less
    if sums.total_minor < 0:
        path = "orderLines.orderLine"
        raise Rejected("invalid_amount", path, f"{path} has discounts beyond its charges")
    return sums


def all_cancelled(found: Sequence[Fields]) -> bool:
    """Nothing of any line is open, and nothing of it was shipped."""
    by_line = [_pieces(line) for line in found]
    return not any(pieces["open"] or pieces["shipped"] for pieces in by_line)


def check_not_shipped(found: Sequence[Fields]) -> None:
    """Raise Rejected for an order of which pieces have left: they must not be sent again."""
    by_line = [_pieces(line) for line in found]
    if not any(pieces["shipped"] for pieces in by_line):
        return
    part = " in part" if any(pieces["open"] for pieces in by_line) else ""
    detail = f"the order has been shipped{part} at the channel already; it is not sent from here"
    path = "orderLines.orderLine.orderLineStatuses"
    raise Rejected(mapping.NOTHING_TO_DELIVER, path, detail)


def changed(found: Sequence[Fields]) -> int:
    """When the status of a line changed last, in epoch milliseconds; 0 where none tells it."""
    return max((moment(line, "statusDate") for line in found if line.has("statusDate")), default=0)


def moment(fields: Fields, name: str) -> int:
    """A required instant in epoch milliseconds: a whole number of them, or ISO 8601."""
    value = fields.required(name)
    if isinstance(value, str) and not value.strip().isdigit():
        return fields.instant(name)
    path = fields.path(name)
    if isinstance(value, bool) or not isinstance(value, str | int) or len(str(value)[:20]) > 15:
        raise Rejected("invalid_time", path, f"{path} is not a time in milliseconds since 1970")
    when = int(value)
    if not 0 < when < _LATEST_MS:
        raise Rejected("invalid_time", path, f"{path} is not between 1970 and 2200")
    return when


def _pieces(line: Fields) -> Counter[str]:
    """Pieces that are open, shipped and cancelled; those without a status are open."""
    by_status = _by_status(line)
    path = line.path("orderLineQuantity.amount")
    if not line.has("orderLineQuantity"):
        raise Rejected("missing_field", path, f"{path} is missing or empty")
    # A cancelled line may come with a quantity of 0.
    least = 0 if by_status["cancelled"] else 1
    ordered = line.object("orderLineQuantity").quantity("amount", least=least)
    gone = by_status["shipped"] + (by_status["cancelled"] if ordered else 0)
    if gone > ordered:
        detail = f"{path} is less than the pieces that were shipped or cancelled of it"
        raise Rejected("invalid_quantity", path, detail)
    by_status["open"] = ordered - gone
    return by_status


def _by_status(line: Fields) -> Counter[str]:
    pieces: Counter[str] = Counter()
    statuses = line.optional_object("orderLineStatuses")
    for status in _listed(statuses, "orderLineStatus") if statuses is not None else ():
        meaning = _STATUSES.get(status.text("status").casefold())
        if meaning is None:
            path = status.path("status")
            raise Rejected("wrong_type", path, f"{path} is none of Walmart's")
        pieces[meaning] += status.object("statusQuantity").quantity("amount", least=0)
    return pieces


def _charges(line: Fields) -> list[Fields]:
    path = line.path("charges")
    if not line.has("charges"):
        raise Rejected("incomplete", path, f"{path} is missing: the line without what it costs")
    charges = line.object("charges")
    found = _listed(charges, "charge")
    if not found:
        path = charges.path("charge")
        raise Rejected("missing_field", path, f"{path} has no charge")
    return found


def _listed(fields: Fields, name: str) -> list[Fields]:
    """A list, or the object that stands for a list of one where XML was made into JSON."""
    return [fields.object(name)] if isinstance(fields.raw(name), dict) else fields.objects(name)


def _currency(charges: list[Fields]) -> str:
    return charges[0].object("chargeAmount").currency("currency")


def _charged(charges: list[Fields], currency: str) -> _Charged:
    """What the charges of a line come to. Raises Rejected."""
    charged = _Charged()
    for charge in charges:
        kind = charge.text("chargeType").upper()
        minor = _money(charge.object("chargeAmount"), currency)
        tax = _tax(charge, currency)
        charged.added_minor += tax
        if _is_discount(charge, kind) or minor < 0:
            minor = -abs(minor)
        if kind == "SHIPPING":
            charged.shipping_minor += minor
            continue
        if minor < 0:
            charged.discount_minor -= minor
            charged.discounts.append((_name(charge), -minor))
        elif kind == "PRODUCT":
            charged.goods_minor += minor
        else:
            charged.added_minor += minor
        if kind == "PRODUCT":
            charged.tax_minor += tax
    return charged


def _is_discount(charge: Fields, kind: str) -> bool:
    """By its type, its flag, or its name, which is e.g. SubscriptionDiscount."""
    if kind == "DISCOUNT" or charge.raw("isDiscount") is True:
        return True
    return kind == "PRODUCT" and _name(charge).casefold().endswith("discount")


def _name(charge: Fields) -> str:
    try:
        return charge.optional_text("chargeName")
    except Rejected:
        return ""


def _tax(charge: Fields, currency: str) -> int:
    """The taxes of a charge: one object, or a list of them."""
    raw = charge.raw("tax")
    if raw is None:
        return 0
    taxes = charge.objects("tax") if isinstance(raw, list) else [charge.object("tax")]
    total = 0
    for tax in taxes:
        amount = tax.optional_object("taxAmount")
        total += _money(amount, currency) if amount is not None else 0
    return total


def _money(money: Fields, currency: str) -> int:
    """An amount, which may be below 0, in minor units of the order's currency."""
    if money.currency("currency") != currency:
        path = money.path("currency")
        raise Rejected("invalid_amount", path, f"{path} is not the order's {currency}")
    return money.balance("amount", currency)


def _title(item: Fields) -> str:
    """For people, so that nothing hangs on it."""
    try:
        return item.optional_text("productName")
    except Rejected:
        return ""


def _line(line: Fields, pieces: int, charged: _Charged, location_id: str) -> OrderLine:
    item = line.object("item")
    title = _title(item)
    known = item.has("sku") and str(item.raw("sku")).strip() != ""
    even = charged.goods_minor % pieces == 0
    return OrderLine(
        line_id=line.identifier("lineNumber"),
        sku=item.identifier("sku") if known or not title else "",
        quantity=pieces,
        unit_price_minor=charged.goods_minor // pieces if even else charged.goods_minor,
        per=1 if even else pieces,
        kind=LineKind.GOODS if known or not title else LineKind.CUSTOM,
        title=title,
        discount_minor=charged.discount_minor,
        tax_minor=max(0, charged.tax_minor),
        pickup_location_id=location_id if known or not title else "",
    )
