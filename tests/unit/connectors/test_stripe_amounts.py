"""Amounts go to Stripe and come back to the minor unit, or do not go."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.payment_gateways.stripe_amounts import (
    MalformedAmount,
    Unpayable,
    from_stripe,
    to_stripe,
)
from schemas.money import EXPONENTS, MAXIMUM_MINOR


@pytest.mark.parametrize(
    ("amount_minor", "currency", "theirs"),
    [
        (1099, "EUR", 1099),
        (1099, "HUF", 1099),
        (500, "JPY", 500),
        (500, "XOF", 500),
        (5, "ISK", 500),
        (5, "UGX", 500),
        (5120, "KWD", 5120),
        (500, "MGA", 5),
    ],
)
def test_the_documented_cases(amount_minor: int, currency: str, theirs: int) -> None:
    assert to_stripe(amount_minor, currency) == theirs
    assert from_stripe(theirs, currency) == amount_minor


@pytest.mark.parametrize(
    ("amount_minor", "currency"),
    [(5124, "KWD"), (101, "MGA"), (0, "EUR"), (-5, "EUR"), (5, "CLF"), (5, "LYD"), (5, "XXX")],
)
def test_what_cannot_be_said_exactly_is_not_said(amount_minor: int, currency: str) -> None:
    with pytest.raises(Unpayable):
        to_stripe(amount_minor, currency)


@pytest.mark.parametrize(("amount", "currency"), [(550, "ISK"), (-1, "EUR"), (5, "eur"), (5, "")])
def test_an_amount_that_cannot_be_is_no_amount(amount: int, currency: str) -> None:
    with pytest.raises(MalformedAmount):
        from_stripe(amount, currency)


@given(st.integers(1, MAXIMUM_MINOR), st.sampled_from(sorted(EXPONENTS)))
def test_what_goes_comes_back_the_same(amount_minor: int, currency: str) -> None:
    with contextlib.suppress(Unpayable):
        assert from_stripe(to_stripe(amount_minor, currency), currency) == amount_minor
