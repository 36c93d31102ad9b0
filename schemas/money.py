"""Money: integer minor units with a currency. Text goes through Decimal, never through float."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

# ISO 4217 (list one, 2024): active currencies whose exponent is not 2.
_EXPONENT_0 = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"
_EXPONENT_3 = "BHD IQD JOD KWD LYD OMR TND"
_EXPONENT_4 = "CLF UYW"
_EXPONENT_2 = (
    "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BOV BRL BSD BTN BWP BYN BZD "
    "CAD CDF CHE CHF CHW CNY COP COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL "
    "GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR "
    "LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD "
    "PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC "
    "SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD USN UYU UZS VED VES WST XCD YER ZAR ZMW ZWG"
)
EXPONENTS: dict[str, int] = {
    code: exponent
    for exponent, codes in ((0, _EXPONENT_0), (2, _EXPONENT_2), (3, _EXPONENT_3), (4, _EXPONENT_4))
    for code in codes.split()
}

MAXIMUM_MINOR = 10**15
"""No single sum is larger: a bound that keeps every sum of an order within an Avro long."""


class InvalidMoney(ValueError):
    """Not an amount in that currency; the message names the field and the reason."""


def currency(code: object, field: str = "currency") -> str:
    """The ISO 4217 code, checked. Raises InvalidMoney."""
    if not isinstance(code, str) or code not in EXPONENTS:
        raise InvalidMoney(f"{field}: {code!r} is not an ISO 4217 currency")
    return code


def minor(amount: object, code: str, field: str) -> int:
    """`amount` in minor units of `code`, from text or a whole number of major units.

    A float is refused, because its last digits are a guess; so is an amount with more decimals
    than the currency has. Raises InvalidMoney.
    """
    if isinstance(amount, bool) or not isinstance(amount, str | int | Decimal):
        raise InvalidMoney(f"{field}: {amount!r} is not an amount written as text")
    try:
        value = Decimal(amount)
    except InvalidOperation:
        raise InvalidMoney(f"{field}: {amount!r} is not a decimal number") from None
    if not value.is_finite():
        raise InvalidMoney(f"{field}: {amount!r} is not a finite number")
    if abs(value) > MAXIMUM_MINOR:
        raise InvalidMoney(f"{field}: {amount!r} is larger than {MAXIMUM_MINOR} minor units")
    scaled = value.scaleb(EXPONENTS[code])
    if scaled != scaled.to_integral_value():
        raise InvalidMoney(f"{field}: {amount!r} has more decimals than {code} has")
    result = int(scaled)
    if abs(result) > MAXIMUM_MINOR:
        raise InvalidMoney(f"{field}: {amount!r} is larger than {MAXIMUM_MINOR} minor units")
    return result


def text(amount_minor: int, code: str) -> str:
    """`40994, "USD"` as `409.94 USD`."""
    return f"{Decimal(amount_minor).scaleb(-EXPONENTS.get(code, 2))} {code}"
