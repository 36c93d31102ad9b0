"""The parts of an order of the `json` channel: its lines, tenders and discounts."""

from __future__ import annotations

import re
from decimal import Decimal

from connectors.channels import mapping
from connectors.channels.mapping import Fields, Rejected
from schemas.orders import Discount, LineKind, OrderLine, Tender
from schemas.payments import Method

MAXIMUM_TENDERS = 20
MAXIMUM_DISCOUNTS = 500
MAXIMUM_ADDRESSES = 100
MAXIMUM_TERMS_DAYS = 3650

_PERCENT = re.compile(r"[0-9]{1,3}(\.[0-9]{1,4})?", re.ASCII)
_PPM_OF_PERCENT = 10_000
_KINDS = frozenset(LineKind)
_METHODS = frozenset(Method)
_WITH_TOKEN = frozenset({Method.CARD, Method.GIFT_CARD})


def rate(fields: Fields, name: str) -> int:
    """A tax rate in millionths, from percent as text or a whole number; 0 where there is none."""
    value = fields.raw(name)
    if value is None or value == "":
        return 0
    path = fields.path(name)
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise Rejected("invalid_amount", path, f"{path} is not a percentage written as text")
    written = str(value).strip()
    if not _PERCENT.fullmatch(written):
        raise Rejected("invalid_amount", path, f"{path} is not a percentage, such as 8.1")
    return int(Decimal(written) * _PPM_OF_PERCENT)


def lines(order: Fields, currency: str, addresses: int) -> list[OrderLine]:
    """The lines, checked against each other and against how many addresses there are."""
    found = order.objects("lines")
    read = [_line(line, number, currency, addresses) for number, line in enumerate(found, 1)]
    mapping.check_lines(read, "lines")
    bundles = {line.line_id for line in read if line.kind == LineKind.BUNDLE}
    for line, fields in zip(read, found, strict=True):
        if line.parent_line_id and (
            line.parent_line_id not in bundles or line.kind == LineKind.BUNDLE
        ):
            path = fields.path("parent_line_id")
            detail = f"{path} names no bundle of the order, or is one of a bundle's own"
            raise Rejected("invalid_identifier", path, detail)
    return read


def _line(line: Fields, number: int, currency: str, addresses: int) -> OrderLine:
    kind = _one_of(line, "kind", _KINDS, LineKind.GOODS)
    known = kind == LineKind.GOODS or bool(line.optional_text("sku"))
    address = line.quantity("address", least=0) if line.has("address") else 0
    if address >= addresses:
        path = line.path("address")
        detail = f"{path}: the order has {addresses} addresses, counted from 0"
        raise Rejected("invalid_identifier", path, detail)
    return OrderLine(
        line_id=line.identifier("line_id") if line.has("line_id") else str(number),
        sku=line.identifier("sku") if known else "",
        quantity=line.quantity("quantity"),
        unit_price_minor=line.amount("unit_price", currency),
        per=line.quantity("per") if line.has("per") else 1,
        kind=kind,
        parent_line_id=_optional_identifier(line, "parent_line_id"),
        title=line.optional_text("title") if known else line.text("title"),
        discount_minor=line.optional_amount("discount", currency),
        tax_minor=line.optional_amount("tax", currency),
        tax_rate_ppm=rate(line, "tax_rate"),
        address=address,
        pickup_location_id=_optional_identifier(line, "pickup_location_id"),
    )


def tenders(order: Fields, currency: str) -> list[Tender]:
    """How the order is paid, in the order of use; empty where `payment` says it."""
    found = order.objects("tenders")
    if len(found) > MAXIMUM_TENDERS:
        raise Rejected("too_large", "tenders", f"tenders are more than {MAXIMUM_TENDERS}")
    if found and order.has("payment"):
        raise Rejected("wrong_type", "payment", "payment is given, and tenders as well")
    read = [_tender(tender, number, currency) for number, tender in enumerate(found, 1)]
    if len({tender.tender_id for tender in read}) < len(read):
        raise Rejected("invalid_identifier", "tenders", "tenders has two with the same id")
    mapping.check_sum((tender.amount_minor for tender in read), "tenders")
    return read


def _tender(tender: Fields, number: int, currency: str) -> Tender:
    method = _one_of(tender, "method", _METHODS, "")
    channel = method == Method.CHANNEL
    paid_currency = currency if channel else ""
    if channel and tender.has("currency"):
        paid_currency = tender.currency("currency")
    amount = tender.optional_amount("amount", currency)
    if amount == 0 and tender.has("amount"):
        path = tender.path("amount")
        detail = f"{path} is 0; it is left out for whatever the other tenders leave"
        raise Rejected("invalid_amount", path, detail)
    return Tender(
        tender_id=tender.identifier("tender_id") if tender.has("tender_id") else str(number),
        method=method,
        amount_minor=amount,
        token=tender.text("token") if method in _WITH_TOKEN else "",
        paid_minor=tender.amount("paid", paid_currency) if channel else 0,
        paid_currency=paid_currency,
        terms_days=_terms_days(tender) if method == Method.INVOICE else 0,
    )


def _terms_days(tender: Fields) -> int:
    if not tender.has("terms_days"):
        return 0
    days = tender.quantity("terms_days", least=0)
    if days > MAXIMUM_TERMS_DAYS:
        path = tender.path("terms_days")
        detail = f"{path} is more than {MAXIMUM_TERMS_DAYS} days"
        raise Rejected("invalid_quantity", path, detail)
    return days


def discounts(order: Fields, currency: str, of_lines: list[OrderLine]) -> list[Discount]:
    """What the discounts are made of; the sums are given beside them."""
    found = order.objects("discounts")
    if len(found) > MAXIMUM_DISCOUNTS:
        raise Rejected("too_large", "discounts", f"discounts are more than {MAXIMUM_DISCOUNTS}")
    known = {"", *(line.line_id for line in of_lines)}
    read = []
    for fields in found:
        line_id = _optional_identifier(fields, "line_id")
        if line_id not in known:
            path = fields.path("line_id")
            raise Rejected("invalid_identifier", path, f"{path} names no line of the order")
        read.append(Discount(fields.text("code"), fields.amount("amount", currency), line_id))
    return read


def subscription(order: Fields) -> str:
    """The standing order that this one repeats; empty where it repeats none."""
    return _optional_identifier(order, "subscription_id")


def more_addresses(order: Fields) -> list[Fields]:
    """The addresses beyond `ship_to`, which is address 0."""
    found = order.objects("more_addresses")
    if len(found) > MAXIMUM_ADDRESSES:
        detail = f"more_addresses are more than {MAXIMUM_ADDRESSES}"
        raise Rejected("too_large", "more_addresses", detail)
    return found


def _optional_identifier(fields: Fields, name: str) -> str:
    return fields.identifier(name) if fields.raw(name) not in (None, "") else ""


def _one_of(fields: Fields, name: str, allowed: frozenset[str], default: str) -> str:
    """A word of a closed set; the default where it is missing, unless that is empty."""
    word = fields.optional_text(name) or default or fields.text(name)
    if word not in allowed:
        path = fields.path(name)
        raise Rejected("wrong_type", path, f"{path} is none of {', '.join(sorted(allowed))}")
    return word
