"""Money is exact or refused."""

from __future__ import annotations

from decimal import Decimal

import pytest

from schemas import money
from schemas.identifiers import InvalidIdentifier, checked, order_id


@pytest.mark.parametrize(
    ("amount", "code", "minor"),
    [
        ("409.94", "USD", 40994),
        ("10", "JPY", 10),
        ("1.234", "KWD", 1234),
        (7, "EUR", 700),
        ("-3.50", "EUR", -350),
        (Decimal("0.10"), "USD", 10),
        ("1e2", "USD", 10000),
    ],
)
def test_amounts_become_minor_units_by_the_currencys_exponent(
    amount: object, code: str, minor: int
) -> None:
    assert money.minor(amount, code, "price") == minor


@pytest.mark.parametrize(
    "amount", [1.5, True, None, "", "abc", "NaN", "Infinity", "1.005", "9" * 40, "1e999999"]
)
def test_what_is_no_exact_amount_is_refused_by_name(amount: object) -> None:
    with pytest.raises(money.InvalidMoney, match="price"):
        money.minor(amount, "USD", "price")


@pytest.mark.parametrize("code", ["XXX", "usd", "", None, 978])
def test_a_currency_outside_iso_4217_is_refused(code: object) -> None:
    with pytest.raises(money.InvalidMoney, match="currency"):
        money.currency(code)


def test_amounts_are_shown_with_their_exponent() -> None:
    assert money.text(40994, "USD") == "409.94 USD"
    assert money.text(10, "JPY") == "10 JPY"


def test_an_order_is_known_by_channel_and_external_id() -> None:
    assert order_id("shopify", "450789469") == "shopify-450789469"


@pytest.mark.parametrize("text", ["", "  ", "a|b", "a\nb", "x" * 201])
def test_text_that_cannot_identify_is_refused(text: str) -> None:
    with pytest.raises(InvalidIdentifier):
        checked(text, "sku")
