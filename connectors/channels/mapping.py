"""What every channel's mapping shares: readers that check, and name the field at fault."""

from __future__ import annotations

import codecs
import json
import math
import re
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import NoReturn, Protocol, TypeGuard

import orjson

from schemas import identifiers, money
from schemas.channels import REASONS
from schemas.customers import Contact
from schemas.orders import Address, CancelOrder, OrderLine, PlaceOrder
from schemas.totals import line_total

MAXIMUM_PAYLOAD_BYTES = 10 * 1024 * 1024
MAXIMUM_ORDERS = 10_000
"""All results of a payload are written in one transaction, which has to end within its timeout."""
MAXIMUM_LINES = 500
"""An order of so many lines, each with the longest identifiers, still fits a Kafka record."""
MAXIMUM_TEXT = 500
MAXIMUM_QUANTITY = 1_000_000_000

CANCELLED_AT_CHANNEL = "cancelled at the channel"
DELETED_AT_CHANNEL = "deleted at the channel"
NOTHING_TO_DELIVER = "nothing_to_deliver"
"""The reason for an order of which nothing is left to deliver."""
NOWHERE = Address("", "", "", "", "", "", "", 0.0, 0.0)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
# Every store behind the topics holds these moments; an order from outside them is a typing error.
_LATEST_MS = (datetime(2200, 1, 1, tzinfo=UTC) - _EPOCH) // _MILLISECOND
_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
# No exponent, blank or underscore, and no more digits than Decimal keeps without rounding.
_AMOUNT = re.compile(r"[+-]?(?=.{1,27}\Z)[0-9]+(\.[0-9]+)?", re.ASCII)
_PLAIN_LENGTH = 14  # digits and a point that cannot come near money.MAXIMUM_MINOR
_WHOLE = re.compile(r"-?[0-9]{1,18}", re.ASCII)
_WHOLE_PART = re.compile(r"-?[0-9]+(\.0*)?", re.ASCII)
_LONGEST = 30
_COUNTRY = re.compile(r"[A-Z]{2}")
_EXPONENT = re.compile(r"[eE][+-]?0*[0-9]{1,3}\Z", re.ASCII)


class Rejected(Exception):
    """A payload, or one order in it, that cannot be mapped.

    The detail names fields and rules and never quotes a value: it stands on a plain topic, and in a
    file whose columns have slipped any value may be a name or a street. Only an order's own
    identifier is told.
    """

    def __init__(self, reason: str, field: str, detail: str, external_id: str = "") -> None:
        if reason not in REASONS:
            raise ValueError(f"{reason!r} is not one of schemas.channels.REASONS")
        self.reason = reason
        self.field = _writable(field)[:MAXIMUM_TEXT]
        self.detail = _writable(detail)[:MAXIMUM_TEXT]
        self.external_id = _writable(external_id)
        super().__init__(reason, self.field, self.detail, self.external_id)


def _writable(text: str) -> str:
    """`text` with a question mark for whatever UTF-8 cannot carry."""
    return text if text.isascii() else text.encode(errors="replace").decode()


Mapped = PlaceOrder | CancelOrder | Rejected


class Mapping(Protocol):
    """How one channel's payloads become commands."""

    name: str

    def orders(self, payload: bytes, topic: str, raw_id: str, now_ms: int) -> list[Mapped]:
        """One result per order; one Rejected for a payload that fails as a whole. Never raises."""

    def contacts(self, payload: bytes, topic: str) -> list[Contact]:
        """Whom the orders name, one by one; empty for what cannot be read. Never raises."""


class Repeated:
    """Stands where a JSON object gives a key twice with two values: nothing is read from it."""

    def __init__(self, key: str) -> None:
        self.key = key


class Fields:
    """One JSON object and its path, with readers that raise Rejected.

    The readers run for every field of every order: a path is only put together for a fault.
    """

    __slots__ = ("_path", "_values")

    def __init__(self, value: object, path: str = "") -> None:
        if not isinstance(value, dict):
            raise _no_object(value, path)
        self._values: dict[str, object] = value
        self._path = path

    def path(self, name: str) -> str:
        """The path of field `name`, from the order down."""
        return f"{self._path}.{name}" if self._path else name

    def raw(self, name: str) -> object:
        """The value as it is; None where it is missing."""
        return self._values.get(name)

    def texts(self) -> dict[str, str]:
        """Every value that is text, by name."""
        return {name: value for name, value in self._values.items() if isinstance(value, str)}

    def has(self, name: str) -> bool:
        """There is a value, and it is not null."""
        return self._values.get(name) is not None

    def names(self, name: str) -> bool:
        """The field is there, be it null."""
        return name in self._values

    def required(self, name: str) -> object:
        """The value; missing, null and blank text are missing_field."""
        value = self._values.get(name)
        if value is None or (isinstance(value, str) and not value.strip()):
            self._missing(name)
        return value

    def object(self, name: str) -> Fields:
        """A required object."""
        return Fields(self.required(name), self.path(name))

    def optional_object(self, name: str) -> Fields | None:
        """An object, or None where it is missing or null."""
        return self.object(name) if self.has(name) else None

    def objects(self, name: str) -> list[Fields]:
        """A list of objects; empty where it is missing or null."""
        value = self._values.get(name)
        if value is None:
            return []
        if not isinstance(value, list):
            raise self._fault("wrong_type", name, "is not a list")
        path = self.path(name)
        return [Fields(item, f"{path}[{number}]") for number, item in enumerate(value)]

    def text(self, name: str) -> str:
        """Required text, without outer blanks."""
        return self.optional_text(name) or self._missing(name)

    def optional_text(self, name: str) -> str:
        """Text; empty where it is missing, null or blank."""
        value = self._values.get(name)
        if value is None:
            return ""
        if isinstance(value, str) and len(value) <= MAXIMUM_TEXT:
            if not value.isascii():
                self._check_characters(name, value)
            return value.strip()
        if not isinstance(value, str):
            raise self._fault("wrong_type", name, "is not text")
        if not value.strip():
            return ""
        raise self._fault("too_large", name, f"is longer than {MAXIMUM_TEXT} characters")

    def boolean(self, name: str) -> bool:
        """true or false; false where it is missing or null."""
        value = self._values.get(name)
        if value is None:
            return False
        if not isinstance(value, bool):
            raise self._fault("wrong_type", name, "is not true or false")
        return value

    def identifier(self, name: str) -> str:
        """A required identifier: text, or a whole number."""
        value = self._values.get(name)
        if not isinstance(value, str):
            value = self.required(name)
            if isinstance(value, bool) or not isinstance(value, int):
                raise self._fault("wrong_type", name, "is neither text nor a whole number")
            value = str(value)
        try:
            text = identifiers.checked(value, name)
        except identifiers.InvalidIdentifier as error:
            if not value.strip():
                self._missing(name)
            raise Rejected("invalid_identifier", self.path(name), str(error)) from None
        if not text.isascii():
            self._check_characters(name, text)
        return text

    def currency(self, name: str) -> str:
        """A required ISO 4217 code."""
        code = self.text(name)
        if code not in money.EXPONENTS:
            raise self._fault("unknown_currency", name, "is not an ISO 4217 currency")
        return code

    def amount(self, name: str, currency: str) -> int:
        """A required amount in minor units, 0 or more; text, a whole number or a Decimal."""
        value = self._values.get(name)
        if isinstance(value, str) and len(value) <= _PLAIN_LENGTH:
            # "19.99" with just the decimals of its currency, which is nearly every amount.
            whole, point, part = value.partition(".")
            if (
                len(part) == money.EXPONENTS[currency]
                and value.isascii()
                and whole.isdigit()
                and (part.isdigit() if point else not part)
            ):
                return int(whole + part)
        minor = self.balance(name, currency)
        if minor < 0:
            raise self._fault("invalid_amount", name, "is negative")
        return minor

    def balance(self, name: str, currency: str) -> int:
        """A required amount in minor units that may be below 0."""
        value = self.required(name)
        path = self.path(name)
        if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
            raise Rejected("invalid_amount", path, f"{path} is not an amount written as text")
        written = _plain(value) if isinstance(value, Decimal) else str(value).strip()
        if not _AMOUNT.fullmatch(written):
            raise Rejected("invalid_amount", path, f"{path} is not an amount, such as 19.99")
        try:
            return money.minor(written, currency, path)
        except money.InvalidMoney as error:
            raise Rejected("invalid_amount", path, str(error)) from None

    def optional_amount(self, name: str, currency: str) -> int:
        """An amount; 0 where it is missing, null or blank."""
        value = self._values.get(name)
        if value is None or value == "" or (isinstance(value, str) and value.isspace()):
            return 0
        return self.amount(name, currency)

    def quantity(self, name: str, least: int = 1) -> int:
        """A required whole number of pieces."""
        value = self.required(name)
        if not isinstance(value, int) and _is_whole(value):
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int):
            why = "a whole number"
        elif not least <= value <= MAXIMUM_QUANTITY:
            why = f"between {least} and {MAXIMUM_QUANTITY}"
        else:
            return value
        raise self._fault("invalid_quantity", name, f"is not {why}")

    def instant(self, name: str) -> int:
        """A required ISO 8601 instant with a zone, in epoch milliseconds."""
        value = self.required(name)
        if not isinstance(value, str):
            raise self._fault("invalid_time", name, "is not an instant written as text")
        try:
            when = datetime.fromisoformat(value.strip())
        except ValueError:
            self._no_instant(name, "is not ISO 8601")
        if when.tzinfo is None:
            self._no_instant(name, "names no time zone")
        moment = (when - _EPOCH) // _MILLISECOND
        if not 0 < moment < _LATEST_MS:
            self._no_instant(name, "is not between 1970 and 2200")
        return moment

    def country(self, name: str) -> str:
        """ISO 3166-1 alpha-2 in capitals; empty where there is none."""
        code = self.optional_text(name).upper()
        if code and not _COUNTRY.fullmatch(code):
            raise self._fault("wrong_type", name, "is not a two-letter country")
        return code

    def position(self) -> tuple[float, float]:
        """`latitude` and `longitude`; 0 and 0 unless both are given."""
        latitude = self._degrees("latitude", 90)
        longitude = self._degrees("longitude", 180)
        if latitude is None or longitude is None:
            return 0.0, 0.0
        return latitude, longitude

    def _degrees(self, name: str, limit: int) -> float | None:
        value = self._values.get(name)
        if value is None or (isinstance(value, str) and not value.strip()):
            return None
        if isinstance(value, bool) or not isinstance(value, str | int | float | Decimal):
            raise self._fault("wrong_type", name, "is not a number of degrees")
        try:
            degrees = float(value)
        except (ValueError, OverflowError):
            raise self._fault("wrong_type", name, "is not a number of degrees") from None
        if not math.isfinite(degrees) or abs(degrees) > limit:
            raise self._fault("wrong_type", name, f"is not within {limit} degrees")
        return degrees

    def _missing(self, name: str) -> NoReturn:
        raise self._fault("missing_field", name, "is missing or empty")

    def _no_instant(self, name: str, why: str) -> NoReturn:
        raise self._fault("invalid_time", name, why)

    def _fault(self, reason: str, name: str, why: str) -> Rejected:
        path = self.path(name)
        return Rejected(reason, path, f"{path} {why}")

    def _check_characters(self, name: str, text: str) -> None:
        """Raise Rejected for half of a surrogate pair, which JSON can write and UTF-8 cannot."""
        try:
            text.encode()
        except UnicodeEncodeError:
            raise self._fault("wrong_type", name, "has half of a character in it") from None


def _is_whole(value: object) -> TypeGuard[str | Decimal]:
    if isinstance(value, str):
        return _WHOLE.fullmatch(value.strip()) is not None
    return isinstance(value, Decimal) and _WHOLE_PART.fullmatch(_plain(value)) is not None


def _plain(value: Decimal) -> str:
    """`value` without an exponent; NaN for what is longer than any amount or quantity."""
    return f"{value:f}" if value.is_finite() and abs(value.adjusted()) < _LONGEST else "NaN"


def _no_object(value: object, path: str) -> Rejected:
    if isinstance(value, Repeated):
        path = f"{path}.{value.key}" if path else value.key
        return Rejected("wrong_type", path, f"{path} is given twice")
    return Rejected("wrong_type", path, f"{path or 'the order'} is not an object")


def check_size(payload: bytes) -> None:
    """Raise Rejected where the payload is larger than any that is read."""
    if len(payload) > MAXIMUM_PAYLOAD_BYTES:
        raise Rejected("too_large", "", f"the payload has more than {MAXIMUM_PAYLOAD_BYTES} bytes")


def without_bom(payload: bytes) -> bytes:
    """`payload` without the byte order mark that some tools put in front of UTF-8."""
    return payload.removeprefix(codecs.BOM_UTF8)


def utf_16(payload: bytes) -> str | None:
    """The text of a payload with UTF-16's mark, or None. Raises UnicodeDecodeError."""
    return payload.decode("utf-16") if payload.startswith(_UTF_16) else None


def load_json(payload: bytes) -> object:
    """The value of a JSON payload; of a key that is given twice the last counts.

    Raises Rejected: too_large or unreadable.
    """
    check_size(payload)
    try:
        value: object = orjson.loads(without_bom(payload))
    except (orjson.JSONDecodeError, RecursionError) as error:
        # Two things that orjson refuses are common enough to read them the slow way: UTF-16, and
        # half of a surrogate pair, left behind where somebody's software cut a text in an emoji.
        if payload.startswith(_UTF_16) or b"\\u" in payload:
            return _load_tolerantly(payload)
        why = str(error) if payload.strip() else "it is empty"
        raise Rejected("unreadable", "", f"not JSON: {why}") from None
    return value


def load_unambiguous_json(payload: bytes) -> object:
    """As load_json, but `Repeated` where an object gives a key twice with two values."""
    value = load_json(payload)
    # Each key has its colon. Where the value, written again, has as many colons as the payload,
    # no key was dropped; counting them is far cheaper than a parser that looks at every pair.
    if not isinstance(value, dict | list) or _colons(value) == payload.count(b":"):
        return value
    return _load_tolerantly(payload)


def load_exact_json(payload: bytes) -> object:
    """As load_json, but numbers with decimals are Decimals, and `Repeated` as above.

    Raises Rejected: too_large, or unreadable, as NaN and exponents of four digits are too.
    """
    check_size(payload)
    return _load_tolerantly(payload, _exact)


def _exact(number: str) -> Decimal:
    if ("e" in number or "E" in number) and not _EXPONENT.search(number):
        raise ValueError("a number is out of bounds")
    return Decimal(number)


def _colons(value: object) -> int:
    """How many colons there are in `value` written as JSON; -1 where it cannot be written."""
    try:
        return orjson.dumps(value).count(b":")
    except orjson.JSONEncodeError:
        return -1


def _load_tolerantly(payload: bytes, number: Callable[[str], object] = float) -> object:
    try:
        text = utf_16(payload) or without_bom(payload).decode()
        decoder = json.JSONDecoder(
            object_pairs_hook=_one_value_per_key,
            parse_float=number,
            parse_constant=_refuse_constant,
        )
        return decoder.decode(text)
    except (ValueError, RecursionError) as error:
        why = str(error) if without_bom(payload).strip() else "it is empty"
        raise Rejected("unreadable", "", f"not JSON: {why}") from None


def _one_value_per_key(pairs: list[tuple[str, object]]) -> dict[str, object] | Repeated:
    values: dict[str, object] = {}
    for key, value in pairs:
        # What says the same thing twice leaves nothing open.
        if key in values and repr(values[key]) != repr(value):
            return Repeated(key)
        values[key] = value
    return values


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON number")


def json_lines(payload: bytes, load: Callable[[bytes], object]) -> list[object] | None:
    """The value of each line, a Rejected where it is not JSON; None for what is not JSON Lines."""
    written = [
        (number, line)
        for number, line in enumerate(without_bom(payload).splitlines(), 1)
        if line.strip()
    ]
    if len(written) < 2:
        return None
    first = _json_line(*written[0], load)
    # JSON that is spread over lines and cut off has lines that do not begin an object.
    if not isinstance(first, dict) and any(line.lstrip()[:1] != b"{" for _, line in written):
        return None
    check_orders(len(written))
    return [first, *(_json_line(number, line, load) for number, line in written[1:])]


def _json_line(number: int, line: bytes, load: Callable[[bytes], object]) -> object:
    try:
        return load(line)
    except Rejected as error:
        return Rejected(error.reason, f"line {number}", error.detail)


def check_orders(number: int) -> None:
    """Raise Rejected where a payload holds more orders than one transaction should carry."""
    if number > MAXIMUM_ORDERS:
        raise Rejected(
            "too_large", "", f"the payload has more than {MAXIMUM_ORDERS} orders; split it"
        )


def check_lines(lines: list[OrderLine], path: str) -> None:
    """Raise Rejected where the lines cannot be told apart or their sum is out of bounds."""
    if not lines:
        raise Rejected("missing_field", path, f"{path} has no line with a piece to deliver")
    if len(lines) > MAXIMUM_LINES:
        raise Rejected("too_large", path, f"{path} has more than {MAXIMUM_LINES} lines")
    if len({line.line_id for line in lines}) < len(lines):
        raise Rejected("invalid_identifier", path, f"{path} has two lines with the same id")
    check_sum(map(line_total, lines), path)


def check_sum(amounts: Iterable[int], path: str) -> int:
    """The sum. Raises Rejected where it is beyond what an order may come to."""
    total = sum(amounts)
    if total > money.MAXIMUM_MINOR:
        raise Rejected("invalid_amount", path, f"{path} comes to more than any order may")
    return total


def order_id(channel: str, external_id: str) -> str:
    """The order's id. Raises Rejected where the two together are no identifier."""
    try:
        return identifiers.order_id(channel, external_id)
    except identifiers.InvalidIdentifier as error:
        raise Rejected("invalid_identifier", "external_id", str(error)) from None


def one(read: Callable[[], PlaceOrder | CancelOrder], external_id: object, where: str) -> Mapped:
    """The command that `read` gives, or the Rejected that it raises, with the order named."""
    try:
        return read()
    except Rejected as error:
        known = isinstance(external_id, str | int) and not isinstance(external_id, bool)
        name = str(external_id).strip()[: identifiers.MAXIMUM_LENGTH] if known else ""
        return Rejected(error.reason, error.field, error.detail, name or where)
