"""The common way of a payment is decided as the rules for all cases would decide it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from schemas.orders import Tender
from schemas.payments import AuthorizePayment, PaymentState, RecordAuthorization
from streams.payments import plain, rules
from tests.unit.streams.memory import NOW

AMOUNTS = st.sampled_from([-1, 0, 1, 2999, 3000, 3001])
CURRENCIES = st.sampled_from(["EUR", "USD"])
TENDERS = st.lists(
    st.builds(
        Tender,
        st.sampled_from(["1", "c"]),
        st.sampled_from(["card", "card", "gift_card", "channel", "invoice"]),
        st.sampled_from([0, 0, 3000]),
        st.just("tok"),
        st.sampled_from([0, 3000]),
        st.just("EUR"),
        st.sampled_from([0, 14]),
    ),
    max_size=2,
)
WISHES = st.builds(
    AuthorizePayment,
    st.just("o"), AMOUNTS, st.just("EUR"), st.sampled_from(["card", "channel"]), st.just("tok"),
    st.sampled_from([0, 3000]), CURRENCIES, TENDERS, st.sampled_from(["", "shop"]),
    revision=st.integers(0, 2),
)  # fmt: skip
ANSWERS = st.builds(
    RecordAuthorization,
    st.just("o"), st.sampled_from(["approved", "approved", "declined", "unknown", "not_found"]),
    st.sampled_from(["auth-1", "auth-1", "auth-2", ""]), AMOUNTS, CURRENCIES, st.just(""),
    st.integers(0, 2), st.sampled_from(["1", "c"]), st.sampled_from([0, NOW + 5]),
    st.integers(0, 2),
)  # fmt: skip


@given(WISHES, st.lists(ANSWERS, max_size=3))
def test_the_common_way_ends_where_the_rules_for_all_cases_end(
    wish: AuthorizePayment, answers: list[RecordAuthorization]
) -> None:
    state: PaymentState | None = None
    for command in (wish, *answers):
        expected = rules.considered(state, command, NOW)
        state, sends = rules.decide(state, command, NOW)
        assert (state, sends) == expected


@given(WISHES)
def test_a_card_that_is_approved_takes_the_common_way(wish: AuthorizePayment) -> None:
    common = replace(wish, amount_minor=3000, tenders=[], method="card")
    state, _ = rules.decide(None, common, NOW)
    answer = RecordAuthorization("o", "approved", "auth-1", 3000, "EUR", "", 1, "1", 0, 1)
    assert state is not None
    assert plain.authorize(common, NOW) is not None
    assert plain.approve(state, answer, NOW) is not None
