"""Orders from anywhere: a plain JSON form and a plain CSV form."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from functools import partial
from itertools import islice

from connectors.channels import countries, generic_parts, listing, mapping, people
from connectors.channels.columns import REQUIRED
from connectors.channels.mapping import Fields, Mapped, Rejected
from schemas.customers import Contact
from schemas.orders import Address, CancelOrder, OrderLine, PlaceOrder, Tender

_MARKS = ("external_id", "placed_at", "currency", "lines", "total", "payment", "cancelled")


class GenericJson:
    """Reads one order, a list, `{"orders": []}`, or JSON Lines with an order on each."""

    name = "json"

    def orders(self, payload: bytes, topic: str, raw_id: str, now_ms: int) -> list[Mapped]:
        """One result per order; a payload that fails as a whole gives one Rejected."""
        return listing.results(
            lambda: _found(payload),
            lambda value: self._order(value, raw_id, now_ms),
            listing.field("external_id"),
        )

    def contacts(self, payload: bytes, topic: str) -> list[Contact]:
        """See Mapping. Of a key that is given twice the last counts."""
        return listing.contacts(lambda: _found(payload, mapping.load_json), people.of_json)

    def _order(self, value: object, raw_id: str, now_ms: int) -> PlaceOrder | CancelOrder:
        order = Fields(value)
        listing.check_speaks(order, _MARKS, "this form")
        external_id = order.identifier("external_id")
        order_id = mapping.order_id(self.name, external_id)
        if order.boolean("cancelled"):
            return CancelOrder(
                order_id=order_id,
                reason=order.optional_text("cancel_reason") or mapping.CANCELLED_AT_CHANNEL,
                requested_at_ms=order.instant("updated_at") if order.has("updated_at") else now_ms,
            )
        currency = order.currency("currency")
        more = generic_parts.more_addresses(order)
        lines = generic_parts.lines(order, currency, 1 + len(more))
        tenders = generic_parts.tenders(order, currency)
        method, token, paid, paid_currency = _paid(order, tenders, currency)
        ship_to = _ship_to(order.optional_object("ship_to"))
        more_addresses = [_ship_to(address) for address in more]
        return PlaceOrder(
            order_id=order_id,
            channel=self.name,
            external_id=external_id,
            version=order.instant("updated_at" if order.has("updated_at") else "placed_at"),
            placed_at_ms=order.instant("placed_at"),
            currency=currency,
            lines=lines,
            discount_minor=order.optional_amount("discount", currency),
            shipping_minor=order.optional_amount("shipping", currency),
            tax_minor=order.optional_amount("tax", currency),
            total_minor=order.amount("total", currency),
            payment_method=method,
            payment_token=token,
            paid_minor=paid,
            paid_currency=paid_currency,
            ship_to=ship_to,
            backorder=order.boolean("backorder"),
            raw_id=raw_id,
            tenders=tenders,
            prices_include_tax=order.boolean("prices_include_tax"),
            discounts=generic_parts.discounts(order, currency, lines),
            shipping_method=order.optional_text("shipping_method"),
            shipping_tax_rate_ppm=generic_parts.rate(order, "shipping_tax_rate"),
            more_addresses=more_addresses,
            purchase_order_number=order.optional_text("purchase_order_number"),
            subscription_id=generic_parts.subscription(order),
            personal=people.personal_json(value, ship_to, *more_addresses),
            billing_country=_billing_country(order),
        )


def _found(
    payload: bytes, load: Callable[[bytes], object] = mapping.load_unambiguous_json
) -> list[object]:
    """The orders in a payload; a line of JSON Lines that is not JSON is a Rejected among them."""
    value, lines = listing.loaded(payload, load)
    if lines is not None:
        return lines
    if isinstance(value, dict) and "orders" in value:
        value = value["orders"]
        if not isinstance(value, list):
            raise Rejected("wrong_type", "orders", "orders is not a list")
    elif isinstance(value, dict) and "order" in value:
        return [value["order"]]
    elif isinstance(value, dict | mapping.Repeated):
        return [value]
    if not isinstance(value, list):
        raise Rejected("unreadable", "", "the payload is neither an object nor a list")
    if not value:
        raise Rejected("missing_field", "orders", "the payload has no order")
    mapping.check_orders(len(value))
    return value


def _paid(order: Fields, tenders: list[Tender], currency: str) -> tuple[str, str, int, str]:
    """Method, token, what is paid, and its currency: of the first tender, where there are any."""
    if not tenders:
        return _payment(order.object("payment"), currency)
    first = tenders[0]
    return first.method, first.token, first.paid_minor, first.paid_currency or currency


def _payment(payment: Fields, currency: str) -> tuple[str, str, int, str]:
    """Method, token, what is paid, and its currency."""
    method = payment.text("method")
    if method == "card":
        return method, payment.text("token"), 0, currency
    if method != "channel":
        path = payment.path("method")
        raise Rejected("wrong_type", path, f"{path} is neither 'card' nor 'channel'")
    paid_currency = payment.currency("currency") if payment.has("currency") else currency
    return method, "", payment.amount("paid", paid_currency), paid_currency


def _billing_country(order: Fields) -> str:
    """Where who pays is, if the order says so; read as leniently as `people` reads the rest."""
    billing = order.raw("billing")
    code = billing.get("country") if isinstance(billing, dict) else None
    return countries.code(code) if isinstance(code, str) else ""


def _ship_to(address: Fields | None) -> Address:
    if address is None:
        return mapping.NOWHERE
    latitude, longitude = address.position()
    return Address(
        name=address.optional_text("name"),
        line1=address.optional_text("line1"),
        line2=address.optional_text("line2"),
        city=address.optional_text("city"),
        region=address.optional_text("region"),
        postal_code=address.optional_text("postal_code"),
        country=address.country("country"),
        latitude=latitude,
        longitude=longitude,
    )


MAXIMUM_ROWS = 100_000
"""Rows of a CSV file; reading stops there, so that short rows cannot fill the memory."""
_SEPARATORS = ",;\t|"
_WANTED = frozenset(REQUIRED)
_OF_A_LINE = frozenset({"sku", "quantity", "unit_price"})
_OF_A_PERSON = frozenset({"email", "phone", "customer_id"})
_Row = tuple[int, list[str]]


class GenericCsv:
    """Reads a CSV file with a header, one row per line; the header is row 1."""

    name = "csv"

    def orders(self, payload: bytes, topic: str, raw_id: str, now_ms: int) -> list[Mapped]:
        """One result per order, in the order of their first rows."""
        try:
            header, rows = _table(payload)
        except Rejected as error:
            return [error]
        key = header.index("external_id")
        grouped: dict[tuple[str, int], list[_Row]] = {}
        for number, cells in rows:
            name = cells[key].strip() if key < len(cells) else ""
            # A row that names no order stands alone: it is nobody's to guess whose it is.
            grouped.setdefault((name, 0 if name else number), []).append((number, cells))
        try:
            mapping.check_orders(len(grouped))
        except Rejected as error:
            return [error]
        return [
            mapping.one(partial(self._order, header, group, raw_id), name, "")
            for (name, _), group in grouped.items()
        ]

    def contacts(self, payload: bytes, topic: str) -> list[Contact]:
        """See Mapping. One for each row, because any of them may name somebody."""
        try:
            header, rows = _table(payload)
        except Rejected:
            return []
        if not _OF_A_PERSON.intersection(header):
            return []
        return [people.of_csv(dict(zip(header, cells, strict=False))) for _, cells in rows]

    def _order(self, header: list[str], rows: list[_Row], raw_id: str) -> PlaceOrder:
        fields = [_row(header, row) for row in rows]
        first = fields[0]
        external_id = first.identifier("external_id")
        for row in fields[1:]:
            _check_agrees(header, first, row)
        currency = first.currency("currency")
        lines = [
            OrderLine(
                line_id=str(number),
                sku=row.identifier("sku"),
                quantity=row.quantity("quantity"),
                unit_price_minor=row.amount("unit_price", currency),
            )
            for number, row in enumerate(fields, 1)
        ]
        mapping.check_lines(lines, f"row {rows[0][0]}")
        placed_at_ms = first.instant("placed_at")
        ship_to = _ship_to(first)
        return PlaceOrder(
            order_id=mapping.order_id(self.name, external_id),
            channel=self.name,
            external_id=external_id,
            version=first.instant("updated_at") if first.raw("updated_at") else placed_at_ms,
            placed_at_ms=placed_at_ms,
            currency=currency,
            lines=lines,
            discount_minor=first.optional_amount("discount", currency),
            shipping_minor=first.optional_amount("shipping", currency),
            tax_minor=first.optional_amount("tax", currency),
            total_minor=first.amount("total", currency),
            payment_method="card",
            payment_token=first.text("payment_token"),
            paid_minor=0,
            paid_currency=currency,
            ship_to=ship_to,
            backorder=False,
            raw_id=raw_id,
            personal=people.personal_csv(first.texts(), ship_to),
            billing_country=first.country("billing_country"),
        )


def _table(payload: bytes) -> tuple[list[str], list[_Row]]:
    """The header, and the rows that are not blank with their numbers. Raises Rejected."""
    mapping.check_size(payload)
    text = _decoded(payload)
    declared = text[:4].lower() == "sep=" and text[4:5] in _SEPARATORS and len(text) > 4
    # Excel writes the separator in front of the header; that row counts, as in its own display.
    separator = text[4] if declared else _separator(text)
    records = _records(text, separator)
    above = 1 if declared else 0
    while above < len(records) and not any(cell.strip() for cell in records[above]):
        above += 1
    header = [name.strip() for name in records[above]] if above < len(records) else []
    if not _WANTED.intersection(header):
        raise Rejected("unreadable", "", "not CSV: no header with the columns of this format")
    for name in REQUIRED:
        if name not in header:
            raise Rejected("missing_field", name, f"the header has no column {name}")
    named = [name for name in header if name]
    if len(set(named)) < len(named):
        raise Rejected("unreadable", f"row {above + 1}", "the header names a column twice")
    rows = [
        (number, cells)
        for number, cells in enumerate(records[above + 1 :], above + 2)
        if any(cell.strip() for cell in cells)
    ]
    if not rows:
        raise Rejected("missing_field", f"row {above + 2}", "there is no row below the header")
    return header, rows


def _decoded(payload: bytes) -> str:
    """The text: UTF-8, UTF-16 with its mark, or else Windows-1252. Raises Rejected."""
    try:
        text = mapping.utf_16(payload)
        if text is not None:
            return text.removeprefix("\ufeff")
        try:
            return mapping.without_bom(payload).decode()
        except UnicodeDecodeError:
            # What Excel saves as plain CSV in western Europe and America.
            return payload.decode("cp1252")
    except UnicodeDecodeError as error:
        raise Rejected("unreadable", "", f"not CSV: {error}") from None


def _separator(text: str) -> str:
    """The separator by which the header names the most of the columns that there must be."""
    header = text.lstrip("\r\n").partition("\n")[0].replace('"', "").strip()
    return max(
        _SEPARATORS,
        key=lambda separator: len({name.strip() for name in header.split(separator)} & _WANTED),
    )


def _records(text: str, separator: str) -> list[list[str]]:
    """All rows. Raises Rejected.

    A file with a row that cannot be taken apart is refused as a whole: the row, or what an open
    quote swallowed behind it, may be the rest of any order above.
    """
    records: list[list[str]] = []
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    try:
        for record in islice(reader, MAXIMUM_ROWS + 2):
            records.append(record)
    except csv.Error as error:
        row = len(records) + 1
        if str(error) == "unexpected end of data":
            raise Rejected(
                "unreadable", "", f"not CSV: a quote that opens in row {row} is never closed"
            ) from None
        raise Rejected("unreadable", "", f"not CSV: row {row}: {error}") from None
    if len(records) > MAXIMUM_ROWS + 1:
        raise Rejected("too_large", "", f"the file has more than {MAXIMUM_ROWS} rows; split it")
    return records


def _row(header: list[str], row: _Row) -> Fields:
    number, cells = row
    if len(cells) > len(header):
        raise Rejected("unreadable", f"row {number}", f"row {number} has more cells than columns")
    return Fields(
        {name: cell.strip() for name, cell in zip(header, cells, strict=False)}, f"row {number}"
    )


def _check_agrees(header: list[str], first: Fields, row: Fields) -> None:
    """Later rows of an order repeat what is the order's own, or leave it empty."""
    for name in header:
        if name and name not in _OF_A_LINE and row.raw(name) not in (None, "", first.raw(name)):
            path = row.path(name)
            raise Rejected("wrong_type", path, f"{path} differs from {first.path(name)}")
