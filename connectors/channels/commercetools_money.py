"""How commercetools writes amounts, rates and texts in several languages.

Source: commercetools Composable Commerce HTTP API, types CentPrecisionMoney, HighPrecisionMoney,
TaxRate and LocalizedString (2025).
"""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

from connectors.channels.mapping import MAXIMUM_TEXT, Fields, Rejected
from schemas.money import EXPONENTS, MAXIMUM_MINOR
from schemas.totals import MILLION

_MOST_DIGITS = 12
"""Decimals beyond the currency's that a price keeps; commercetools allows 20 in all."""
_LONGEST_NUMBER = 30


def minor(fields: Fields, name: str, currency: str) -> int:
    """A required amount in minor units, which may be below 0."""
    money = fields.object(name)
    if money.has("currencyCode") and money.currency("currencyCode") != currency:
        path = money.path("currencyCode")
        raise Rejected("invalid_amount", path, f"{path} is not the order's {currency}")
    amount = _whole(money, "centAmount")
    # A precise amount has the decimals of its own; its centAmount has the currency's.
    if money.has("fractionDigits") and not is_precise(money):
        amount = _rescaled(money, amount, EXPONENTS[currency])
    if abs(amount) > MAXIMUM_MINOR:
        path = money.path("centAmount")
        raise Rejected("invalid_amount", path, f"{path} is larger than any amount may be")
    return amount


def positive(fields: Fields, name: str, currency: str) -> int:
    """A required amount of 0 or more in minor units."""
    amount = minor(fields, name, currency)
    if amount < 0:
        path = f"{fields.path(name)}.centAmount"
        raise Rejected("invalid_amount", path, f"{path} is negative")
    return amount


def price(fields: Fields, name: str, currency: str) -> tuple[int, int]:
    """A required price, which may be below 0, and how many pieces it buys.

    That is one, unless the price has more decimals than its currency.
    """
    amount = minor(fields, name, currency)
    money = fields.object(name)
    if not is_precise(money):
        return amount, 1
    precise = _whole(money, "preciseAmount")
    digits = money.quantity("fractionDigits", least=0) - EXPONENTS[currency]
    while digits > 0 and precise % 10 == 0:
        precise //= 10
        digits -= 1
    if not 0 <= digits <= _MOST_DIGITS or abs(precise) > MAXIMUM_MINOR:
        path = money.path("preciseAmount")
        raise Rejected("invalid_amount", path, f"{path} is out of bounds")
    return precise, 10**digits


def is_precise(money: Fields) -> bool:
    """It is HighPrecisionMoney."""
    return money.has("preciseAmount") or money.raw("type") == "highPrecision"


def rate_ppm(rate: Fields | None) -> int:
    """A TaxRate in millionths; 0 where there is none that can be read."""
    value = rate.raw("amount") if rate is not None else None
    if isinstance(value, bool) or not isinstance(value, int | Decimal | str):
        return 0
    try:
        share = Decimal(value) if len(str(value)) <= _LONGEST_NUMBER else Decimal(0)
    except InvalidOperation:
        return 0
    return round(share * MILLION) if share.is_finite() and 0 <= share <= 10 else 0


def localized(fields: Fields, name: str, locale: object) -> str:
    """Text in the order's language, or else in English, or else in the first one given.

    REST has an object by language, GraphQL the text alone or a list beside it; empty for others.
    """
    found = fields.raw(name)
    if found is None:
        found = fields.raw(f"{name}AllLocales")
    if isinstance(found, list):
        found = {
            str(each.get("locale")): each.get("value") for each in found if isinstance(each, dict)
        }
    if isinstance(found, dict):
        texts = {str(key): text for key, text in found.items() if _is_text(text)}
        language = locale if isinstance(locale, str) else ""
        wanted = (language, language.partition("-")[0], "en", *texts)
        found = next((texts[each] for each in wanted if each in texts), "")
    return _plain(found.strip()[:MAXIMUM_TEXT]) if isinstance(found, str) else ""


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _plain(text: str) -> str:
    return text if text.isascii() else text.encode(errors="replace").decode()


def _whole(money: Fields, name: str) -> int:
    value = money.required(name)
    if isinstance(value, Decimal) and value.is_finite() and abs(value) <= MAXIMUM_MINOR:
        if value == value.to_integral_value():
            return int(value)
    elif isinstance(value, str) and len(value) <= _LONGEST_NUMBER:
        digits = value.strip().removeprefix("-")
        if digits.isascii() and digits.isdigit():
            return int(value)
    elif isinstance(value, int) and not isinstance(value, bool):
        return value
    path = money.path(name)
    raise Rejected("invalid_amount", path, f"{path} is not a whole number of minor units")


def _rescaled(money: Fields, amount: int, exponent: int) -> int:
    digits = money.quantity("fractionDigits", least=0)
    path = money.path("fractionDigits")
    if digits > 20:
        raise Rejected("invalid_amount", path, f"{path} is more than 20")
    if digits <= exponent:
        return amount * int(10 ** (exponent - digits))
    whole, rest = divmod(amount, int(10 ** (digits - exponent)))
    if rest:
        raise Rejected("invalid_amount", path, f"{path} is more than the currency's decimals")
    return whole
