"""What every channel's mapping shares: readers that check, and name the field at fault."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Protocol

import orjson

from schemas import identifiers, money
from schemas.channels import REASONS
from schemas.orders import Address, CancelOrder, OrderLine, PlaceOrder

MAXIMUM_PAYLOAD_BYTES = 10 * 1024 * 1024
MAXIMUM_ORDERS = 10_000
"""All results of a payload are written in one transaction, which has to end within its timeout."""
MAXIMUM_LINES = 500
"""An order of so many lines, each with the longest identifiers, still fits a Kafka record."""
MAXIMUM_TEXT = 500
MAXIMUM_QUANTITY = 1_000_000_000

CANCELLED_AT_CHANNEL = "cancelled at the channel"
NOWHERE = Address("", "", "", "", "", "", "", 0.0, 0.0)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_BOM = b"\xef\xbb\xbf"
# No exponent, blank or underscore, and no more digits than Decimal keeps without rounding.
_AMOUNT = re.compile(r"[+-]?(?=.{1,27}\Z)[0-9]+(\.[0-9]+)?", re.ASCII)
_WHOLE = re.compile(r"-?[0-9]{1,18}", re.ASCII)
_COUNTRY = re.compile(r"[A-Z]{2}")


class Rejected(Exception):
    """A payload, or one order in it, that cannot be mapped."""

    def __init__(self, reason: str, field: str, detail: str, external_id: str = "") -> None:
        if reason not in REASONS:
            raise ValueError(f"{reason!r} is not one of schemas.channels.REASONS")
        self.reason = reason
        self.field = field
        self.detail = detail[:MAXIMUM_TEXT]
        self.external_id = external_id
        super().__init__(reason, field, self.detail, external_id)


Mapped = PlaceOrder | CancelOrder | Rejected


class Mapping(Protocol):
    """How one channel's payloads become commands."""

    name: str

    def orders(self, payload: bytes, topic: str, raw_id: str, now_ms: int) -> list[Mapped]:
        """One result per order; one Rejected for a payload that fails as a whole. Never raises."""


class Fields:
    """One JSON object and its path, with readers that raise Rejected."""

    def __init__(self, value: object, path: str = "") -> None:
        if not isinstance(value, dict):
            raise Rejected("wrong_type", path, f"{path or 'the order'} is not an object")
        self._values: dict[str, object] = value
        self._path = path

    def path(self, name: str) -> str:
        """The path of field `name`, from the order down."""
        return f"{self._path}.{name}" if self._path else name

    def raw(self, name: str) -> object:
        """The value as it is; None where it is missing."""
        return self._values.get(name)

    def has(self, name: str) -> bool:
        """There is a value, and it is not null."""
        return self._values.get(name) is not None

    def required(self, name: str) -> object:
        """The value; missing, null and blank text are missing_field."""
        value = self._values.get(name)
        if value is None or (isinstance(value, str) and not value.strip()):
            path = self.path(name)
            raise Rejected("missing_field", path, f"{path} is missing or empty")
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
        path = self.path(name)
        if value is None:
            return []
        if not isinstance(value, list):
            raise Rejected("wrong_type", path, f"{path} is not a list")
        return [Fields(item, f"{path}[{number}]") for number, item in enumerate(value)]

    def text(self, name: str) -> str:
        """Required text, without outer blanks."""
        value = self.required(name)
        path = self.path(name)
        if not isinstance(value, str):
            raise Rejected("wrong_type", path, f"{path} is not text")
        if len(value) > MAXIMUM_TEXT:
            raise Rejected("too_large", path, f"{path} is longer than {MAXIMUM_TEXT} characters")
        return value.strip()

    def optional_text(self, name: str) -> str:
        """Text; empty where it is missing, null or blank."""
        value = self._values.get(name)
        if value is None or (isinstance(value, str) and not value.strip()):
            return ""
        return self.text(name)

    def boolean(self, name: str) -> bool:
        """true or false; false where it is missing or null."""
        value = self._values.get(name)
        if value is None:
            return False
        if not isinstance(value, bool):
            path = self.path(name)
            raise Rejected("wrong_type", path, f"{path} is not true or false")
        return value

    def identifier(self, name: str) -> str:
        """A required identifier: text, or a whole number."""
        value = self.required(name)
        path = self.path(name)
        if isinstance(value, bool) or not isinstance(value, str | int):
            raise Rejected("wrong_type", path, f"{path} is neither text nor a whole number")
        try:
            return identifiers.checked(str(value), path)
        except identifiers.InvalidIdentifier as error:
            raise Rejected("invalid_identifier", path, str(error)) from None

    def currency(self, name: str) -> str:
        """A required ISO 4217 code."""
        code = self.text(name)
        try:
            return money.currency(code, self.path(name))
        except money.InvalidMoney as error:
            raise Rejected("unknown_currency", self.path(name), str(error)) from None

    def amount(self, name: str, currency: str) -> int:
        """A required amount in minor units, 0 or more; text or a whole number, never a float."""
        value = self.required(name)
        path = self.path(name)
        if isinstance(value, bool) or not isinstance(value, str | int):
            raise Rejected("invalid_amount", path, f"{path} is not an amount written as text")
        written = str(value).strip()
        if not _AMOUNT.fullmatch(written):
            raise Rejected("invalid_amount", path, f"{path}: {written[:40]!r} is not an amount")
        try:
            minor = money.minor(written, currency, path)
        except money.InvalidMoney as error:
            raise Rejected("invalid_amount", path, str(error)) from None
        if minor < 0:
            raise Rejected("invalid_amount", path, f"{path}: {written} is negative")
        return minor

    def optional_amount(self, name: str, currency: str) -> int:
        """An amount; 0 where it is missing, null or blank."""
        value = self._values.get(name)
        if value is None or (isinstance(value, str) and not value.strip()):
            return 0
        return self.amount(name, currency)

    def quantity(self, name: str, least: int = 1) -> int:
        """A required whole number of pieces."""
        value = self.required(name)
        path = self.path(name)
        if isinstance(value, str) and _WHOLE.fullmatch(value.strip()):
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int):
            raise Rejected("invalid_quantity", path, f"{path} is not a whole number")
        if not least <= value <= MAXIMUM_QUANTITY:
            raise Rejected(
                "invalid_quantity", path, f"{path} is not between {least} and {MAXIMUM_QUANTITY}"
            )
        return value

    def instant(self, name: str) -> int:
        """A required ISO 8601 instant with a zone, in epoch milliseconds."""
        value = self.required(name)
        path = self.path(name)
        if not isinstance(value, str):
            raise Rejected("invalid_time", path, f"{path} is not an instant written as text")
        try:
            when = datetime.fromisoformat(value.strip())
        except ValueError:
            raise Rejected(
                "invalid_time", path, f"{path}: {value[:40]!r} is not ISO 8601"
            ) from None
        if when.tzinfo is None:
            raise Rejected("invalid_time", path, f"{path}: {value[:40]!r} names no time zone")
        return (when - _EPOCH) // timedelta(milliseconds=1)

    def country(self, name: str) -> str:
        """ISO 3166-1 alpha-2 in capitals; empty where there is none."""
        code = self.optional_text(name).upper()
        if code and not _COUNTRY.fullmatch(code):
            path = self.path(name)
            raise Rejected("wrong_type", path, f"{path}: {code[:40]!r} is not a two-letter country")
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
        path = self.path(name)
        if value is None or (isinstance(value, str) and not value.strip()):
            return None
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            raise Rejected("wrong_type", path, f"{path} is not a number of degrees")
        try:
            degrees = float(value)
        except ValueError:
            raise Rejected("wrong_type", path, f"{path} is not a number of degrees") from None
        if not math.isfinite(degrees) or abs(degrees) > limit:
            raise Rejected("wrong_type", path, f"{path} is not within {limit} degrees")
        return degrees


def check_size(payload: bytes) -> None:
    """Raise Rejected where the payload is larger than any that is read."""
    if len(payload) > MAXIMUM_PAYLOAD_BYTES:
        raise Rejected(
            "too_large", "", f"{len(payload)} bytes are more than {MAXIMUM_PAYLOAD_BYTES}"
        )


def without_bom(payload: bytes) -> bytes:
    """`payload` without the byte order mark that some tools put in front of UTF-8."""
    return payload.removeprefix(_BOM)


def load_json(payload: bytes) -> object:
    """The value of a JSON payload. Raises Rejected: too_large or unreadable."""
    check_size(payload)
    try:
        value: object = orjson.loads(without_bom(payload))
    except (orjson.JSONDecodeError, RecursionError) as error:
        raise Rejected("unreadable", "", f"not JSON: {error}") from None
    return value


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
    check_sum((line.quantity * line.unit_price_minor for line in lines), path)


def check_sum(amounts: Iterable[int], path: str) -> int:
    """The sum. Raises Rejected where it is beyond what an order may come to."""
    total = sum(amounts)
    if total > money.MAXIMUM_MINOR:
        raise Rejected("invalid_amount", path, f"{path} comes to more than any order may")
    return total


def order_id(channel: str, external_id: str) -> str:
    """The order's id; `external_id` has been checked."""
    return identifiers.order_id(channel, external_id)


def one(read: Callable[[], PlaceOrder | CancelOrder], external_id: object, where: str) -> Mapped:
    """The command that `read` gives, or the Rejected that it raises, with the order named."""
    try:
        return read()
    except Rejected as error:
        known = isinstance(external_id, str | int) and not isinstance(external_id, bool)
        name = str(external_id).strip()[: identifiers.MAXIMUM_LENGTH] if known else ""
        return Rejected(error.reason, error.field, error.detail, name or where)
