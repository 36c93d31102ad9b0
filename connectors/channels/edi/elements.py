"""Readers of single elements, each of which names the element at fault.

Source: ASC X12.6, data element types R (decimal with a point), Nn (implied decimals), DT and TM.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from decimal import Decimal

from connectors.channels.edi.envelope import Fault, Segment
from connectors.channels.mapping import MAXIMUM_QUANTITY, MAXIMUM_TEXT
from schemas import money

MISSING, BAD_CHARACTER, BAD_CODE, BAD_DATE = "1", "6", "7", "8"
"""AK403, data element syntax error codes."""

_DECIMAL = re.compile(r"(?=\.?[0-9])[0-9]{0,15}(\.[0-9]{0,10})?", re.ASCII)
_CENTS = re.compile(r"[0-9]{1,15}", re.ASCII)
_DATE = re.compile(r"[0-9]{6}([0-9]{2})?", re.ASCII)
_TIME = re.compile(r"[0-9]{4}([0-9]{2}([0-9]{1,2})?)?", re.ASCII)
_FIRST_OF_CENTURY = 50
"""Of two-digit years: 49 is 2049, 50 is 1950. X12 had no orders before."""


def required(segment: Segment, position: int) -> str:
    """The element. Raises Fault where it is missing or longer than any text."""
    value = text(segment, position)
    if not value:
        raise Fault("missing_field", segment, position, "is missing or empty", MISSING)
    return value


def text(segment: Segment, position: int) -> str:
    """The element, empty where it is missing. Raises Fault where it is longer than any text."""
    value = segment.get(position)
    if len(value) > MAXIMUM_TEXT:
        what = f"is longer than {MAXIMUM_TEXT} characters"
        raise Fault("too_large", segment, position, what, "5")
    return value


def decimal(segment: Segment, position: int) -> Decimal:
    """A required number of type R, 0 or more. Raises Fault."""
    value = required(segment, position)
    if value.startswith("-") and _DECIMAL.fullmatch(value[1:]):
        raise Fault("invalid_amount", segment, position, "is negative")
    if not _DECIMAL.fullmatch(value):
        what = "is not a decimal number, such as 19.99"
        raise Fault("invalid_amount", segment, position, what, BAD_CHARACTER)
    return Decimal(value)


def amount(segment: Segment, position: int, currency: str) -> int:
    """A required amount of type R, in minor units. Raises Fault."""
    return _minor(decimal(segment, position), segment, position, currency)


def hundredths(segment: Segment, position: int, currency: str) -> int:
    """A required amount of type N2, whose last two digits are decimals, in minor units.

    With a point in it, it is refused: who writes 10.0 may mean ten, or ten hundredths.
    Raises Fault.
    """
    value = required(segment, position)
    if not _CENTS.fullmatch(value):
        what = "is not a whole number of hundredths, as type N2 is written"
        raise Fault("invalid_amount", segment, position, what, BAD_CHARACTER)
    return _minor(Decimal(value).scaleb(-2), segment, position, currency)


def _minor(value: Decimal, segment: Segment, position: int, currency: str) -> int:
    try:
        return money.minor(value, currency, "")
    except money.InvalidMoney:
        what = f"has more decimals than {currency} has, or is larger than any amount"
        raise Fault("invalid_amount", segment, position, what) from None


def price(segment: Segment, position: int, currency: str, per: int) -> tuple[int, int]:
    """A required price for `per` units as minor units, and for how many units they are.

    Prices may have more decimals than their currency: 0.0075 USD is 75 cents for 100. Raises Fault.
    """
    value = decimal(segment, position).normalize()
    shown = value.as_tuple().exponent
    decimals = -shown if isinstance(shown, int) and shown < 0 else 0
    further = max(0, decimals - money.EXPONENTS[currency])
    minor = int(value.scaleb(money.EXPONENTS[currency] + further))
    per *= 10**further
    if minor > money.MAXIMUM_MINOR or per > MAXIMUM_QUANTITY:
        what = "has more digits than a price may have"
        raise Fault("invalid_amount", segment, position, what)
    return minor, per


def pieces(segment: Segment, position: int) -> int:
    """A required whole number of pieces; 4.00 is 4. Raises Fault."""
    value = required(segment, position)
    if not _DECIMAL.fullmatch(value.removeprefix("-")):
        raise Fault("invalid_quantity", segment, position, "is not a number", BAD_CHARACTER)
    number = Decimal(value)
    if number != number.to_integral_value():
        raise Fault("invalid_quantity", segment, position, "is not a whole number of pieces")
    if not 1 <= number <= MAXIMUM_QUANTITY:
        what = f"is not between 1 and {MAXIMUM_QUANTITY}"
        raise Fault("invalid_quantity", segment, position, what)
    return int(number)


def moment(date: str, time: str = "") -> int | None:
    """Epoch milliseconds of CCYYMMDD or YYMMDD with HHMM, HHMMSS or more; None where it is none.

    X12 names no time zone here; UTC is taken.
    """
    if not _DATE.fullmatch(date) or (time and not _TIME.fullmatch(time)):
        return None
    if len(date) == len("YYMMDD"):
        date = ("19" if int(date[:2]) >= _FIRST_OF_CENTURY else "20") + date
    try:
        clock = (time + "000000")[:6]
        when = datetime.strptime(date + clock, "%Y%m%d%H%M%S").replace(tzinfo=UTC)
    except ValueError:
        return None
    found = int(when.timestamp()) * 1000
    return found if found > 0 and when.year < 2200 else None


def day(segment: Segment, position: int) -> int:
    """A required date, in epoch milliseconds. Raises Fault."""
    found = moment(required(segment, position))
    if found is None:
        what = "is not a date CCYYMMDD between 1970 and 2200"
        raise Fault("invalid_time", segment, position, what, BAD_DATE)
    return found
