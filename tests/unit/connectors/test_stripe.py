"""The Stripe-shaped gateway holds, takes and gives back once, whatever is lost on the way."""

from __future__ import annotations

import asyncio
import logging
import traceback

import pytest

from connectors.payment_gateways.gateway import checked
from connectors.payment_gateways.stripe import Stripe
from connectors.payment_gateways.stripe_api import (
    BadStripeSettings,
    Failed,
    NoAnswer,
    Refused,
    StripeSettings,
)
from schemas.payments import RecordAuthorization
from tests.fakes import stripe as fakes
from tests.fakes import stripe_ledger as ledger
from tests.fakes.stripe import StripeFake
from tests.unit.connectors.stripe_bench import (
    approved,
    capture_of,
    played,
    refund_of,
    unknown,
    void_of,
    wish,
)

SECOND = 1000


# -- authorize --------------------------------------------------------------------------------


def test_an_approval_says_what_is_held_and_until_when() -> None:
    async def scene(fake: StripeFake, gateway: Stripe) -> None:
        request = wish(number=2, tender_id="card")
        answer = await gateway.authorize(request)
        [intent] = fake.ledger.intents.values()
        assert checked(request, answer) == answer
        assert answer == RecordAuthorization(
            "json-1", "approved", intent["id"], 1999, "EUR", "", 1, "card",
            answer.expires_at_ms, 2,
        )  # fmt: skip
        week = ledger.WEEK_SECONDS * SECOND
        assert abs(answer.expires_at_ms - week - fake.now() * SECOND) < 10 * SECOND
        assert (intent["amount_capturable"], intent["capture_method"]) == (1999, "manual")
        assert intent["metadata"]["millrace_order_id"] == "json-1"

    played(scene)


def test_a_legacy_token_is_taken_too() -> None:
    async def scene(_fake: StripeFake, gateway: Stripe) -> None:
        assert (await gateway.authorize(wish("tok_visa"))).outcome == "approved"

    played(scene)


@pytest.mark.parametrize(
    ("token", "reason"),
    [
        ("pm_card_visa_chargeDeclined", "card_declined"),
        ("pm_card_visa_chargeDeclinedInsufficientFunds", "insufficient_funds"),
        ("pm_card_visa_chargeDeclinedLostCard", "card_declined"),
        ("pm_card_chargeDeclinedExpiredCard", "invalid_card"),
        ("pm_card_chargeDeclinedIncorrectCvc", "invalid_card"),
        ("pm_card_chargeDeclinedProcessingError", "card_declined"),
        ("pm_nobody_has_it", "invalid_card"),
        (ledger.THREE_D_SECURE, "authentication_required"),
    ],
)
def test_a_decline_has_its_reason_also_when_asked_for_later(token: str, reason: str) -> None:
    async def scene(fake: StripeFake, gateway: Stripe) -> None:
        answer = await gateway.authorize(wish(token))
        assert (answer.outcome, answer.reason, answer.authorization_id) == ("declined", reason, "")
        assert await gateway.authorize(wish(token)) == answer
        if token != "pm_nobody_has_it":
            assert await gateway.inquire(wish(token, inquiry=True)) == answer
        assert fake.ledger.holds_made == 0

    played(scene)


@pytest.mark.parametrize("token", ["4242424242424242", "", "pm_x\r\nHost: x", "sk_test_1", "x"])
def test_what_is_no_token_of_stripes_is_sent_to_nobody(token: str) -> None:
    async def scene(fake: StripeFake, gateway: Stripe) -> None:
        for ask in (gateway.authorize, gateway.inquire):
            assert (await ask(wish(token))).reason == "invalid_card"
        assert fake.seen == []

    played(scene)


def test_a_gift_card_is_not_stripes() -> None:
    async def scene(fake: StripeFake, gateway: Stripe) -> None:
        assert (await gateway.authorize(wish(method="gift_card"))).outcome == "declined"
        assert fake.seen == []

    played(scene)


@pytest.mark.parametrize(
    ("amount_minor", "currency", "reason"),
    [
        (1, "EUR", "amount_too_small"),
        (100_000_000, "EUR", "amount_too_large"),
        (5000, "KPW", "amount_unpayable"),
        (5125, "KWD", "amount_unpayable"),
        (150, "MGA", "amount_unpayable"),
    ],
)
def test_an_amount_that_stripe_does_not_take_is_declined(
    amount_minor: int, currency: str, reason: str
) -> None:
    async def scene(_fake: StripeFake, gateway: Stripe) -> None:
        request = wish(amount_minor=amount_minor, currency=currency)
        assert (await gateway.authorize(request)).reason == reason
        assert (await gateway.inquire(request)).reason == reason

    played(scene)


@pytest.mark.parametrize(
    ("amount_minor", "currency", "theirs"),
    [(500, "JPY", 500), (5, "ISK", 500), (70, "UGX", 7000), (5120, "KWD", 5120), (500, "MGA", 5)],
)
def test_an_amount_is_held_taken_and_given_back_in_the_currencys_own_units(
    amount_minor: int, currency: str, theirs: int
) -> None:
    async def scene(fake: StripeFake, gateway: Stripe) -> None:
        answer = await gateway.authorize(wish(amount_minor=amount_minor, currency=currency))
        [intent] = fake.ledger.intents.values()
        assert (answer.amount_minor, intent["amount"]) == (amount_minor, theirs)
        taken = capture_of(answer.authorization_id, amount_minor, currency=currency, final=True)
        assert (await gateway.capture(taken)).amount_minor == amount_minor
        back = refund_of(answer.authorization_id, amount_minor, currency=currency)
        assert (await gateway.refund(back)).amount_minor == amount_minor
        assert fake.ledger.refunded(answer.authorization_id) == theirs

    played(scene)


# -- lost, late and repeated ------------------------------------------------------------------


@pytest.mark.parametrize("step", ["create", "confirm"])
@pytest.mark.parametrize("fault", [fakes.LOST_REQUEST, fakes.LOST_ANSWER])
def test_what_is_lost_once_is_sent_again_with_the_same_key(step: str, fault: str) -> None:
    async def scene(fake: StripeFake, gateway: Stripe) -> None:
        fake.faults.append((step, fault))
        await approved(gateway)
        assert (len(fake.ledger.intents), fake.ledger.holds_made) == (1, 1)
        assert len({each.key for each in fake.steps(step)}) == 1

    played(scene)


@pytest.mark.parametrize("days", [0, 1, 3])
def test_an_approval_whose_answer_was_lost_is_found_for_as_long_as_it_can_be_voided(
    days: int,
) -> None:
    async def scene(fake: StripeFake, gateway: Stripe) -> None:
        fake.faults.extend([("confirm", fakes.LOST_ANSWER)] * 3)
        await unknown(gateway.authorize(wish()))
        for _ in range(days):
            fake.forget_keys()
        answers = [await gateway.inquire(wish(inquiry=True, attempt=2)) for _ in range(2)]
        assert [each.outcome for each in answers] == ["approved", "approved"]
        assert len({each.authorization_id for each in answers}) == 1
        assert fake.ledger.holds_made == 1
        voided = await gateway.void(void_of(answers[0].authorization_id))
        assert voided.outcome == "voided"

    played(scene)


@pytest.mark.parametrize("step", ["create", "confirm"])
def test_a_request_that_never_arrived_is_not_found_and_then_made_once(step: str) -> None:
    async def scene(fake: StripeFake, gateway: Stripe) -> None:
        fake.faults.extend([(step, fakes.LOST_REQUEST)] * 3)
        await unknown(gateway.authorize(wish()))
        answer = await gateway.inquire(wish(inquiry=True))
        assert (answer.outcome, fake.ledger.holds_made) == ("not_found", 0)
        await approved(gateway)
        await approved(gateway)
        assert (len(fake.ledger.intents), fake.ledger.holds_made) == (1, 1)

    played(scene)


def test_a_request_in_progress_is_never_made_twice() -> None:
    async def scene(fake: StripeFake, gateway: Stripe) -> None:
        fake.slow_seconds = 0.6
        fake.faults.append(("confirm", fakes.SLOW))
        first = asyncio.create_task(gateway.authorize(wish()))
        await asyncio.sleep(0.3)
        second = await gateway.authorize(wish())
        assert second == await first
        assert fake.ledger.holds_made == 1

    played(scene)


def test_a_cancelled_request_ends_at_once_and_is_found_later() -> None:
    async def scene(fake: StripeFake, gateway: Stripe) -> None:
        fake.slow_seconds = 0.5
        fake.faults.append(("confirm", fakes.SLOW))
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await gateway.authorize(wish())
        await asyncio.sleep(0.5)
        assert (await gateway.inquire(wish(inquiry=True))).outcome == "approved"

    played(scene)


@pytest.mark.parametrize("step", ["create", "confirm"])
@pytest.mark.parametrize("fault", [fakes.FAILED, fakes.FAILED_BUT_DONE])
def test_a_failure_that_stripe_has_saved_is_unknown_and_does_not_last_a_day(
    step: str, fault: str
) -> None:
    async def scene(fake: StripeFake, gateway: Stripe) -> None:
        fake.faults.append((step, fault))
        with pytest.raises(Failed):
            await gateway.authorize(wish())
        answer = await gateway.inquire(wish(inquiry=True))
        if answer.outcome == "not_found":
            answer = await gateway.authorize(wish())
        assert (answer.outcome, fake.ledger.holds_made) == ("approved", 1)
        fake.forget_keys()
        assert (await gateway.inquire(wish(inquiry=True))).outcome == "approved"

    played(scene)


@pytest.mark.parametrize("fault", [fakes.LIMITED, fakes.UNAVAILABLE])
def test_too_many_requests_are_tried_again_a_little_later(fault: str) -> None:
    async def scene(fake: StripeFake, gateway: Stripe) -> None:
        fake.faults.extend([("create", fault), ("confirm", fault)])
        await approved(gateway)
        fake.faults.extend([("create", fault)] * 3)
        await unknown(gateway.authorize(wish(order_id="json-2")))

    played(scene)


def test_other_words_under_the_same_key_change_nothing() -> None:
    async def scene(fake: StripeFake, gateway: Stripe) -> None:
        await approved(gateway)
        with pytest.raises(Refused):
            await gateway.authorize(wish(amount_minor=2500))
        assert (fake.ledger.holds_made, len(fake.ledger.intents)) == (1, 1)
        fake.ahead_seconds += 3600
        assert (await gateway.inquire(wish(amount_minor=2500))).amount_minor == 1999

    played(scene)


@pytest.mark.parametrize("content", [b"", b"<html>", b"[]", b'{"id": 5}'])
def test_an_answer_that_makes_no_sense_is_no_answer(content: bytes) -> None:
    async def scene(fake: StripeFake, gateway: Stripe) -> None:
        fake.tampered = content
        with pytest.raises(NoAnswer):
            await gateway.authorize(wish())

    played(scene)


def test_without_a_connection_there_is_no_answer() -> None:
    async def scene(fake: StripeFake, gateway: Stripe) -> None:
        await fake.stop()
        with pytest.raises(NoAnswer):
            await gateway.inquire(wish(inquiry=True))

    played(scene)


def test_an_intent_that_waits_for_the_card_holder_is_given_up() -> None:
    async def scene(fake: StripeFake, gateway: Stripe) -> None:
        fake.faults.extend([("confirm", fakes.LOST_REQUEST)] * 3)
        await unknown(gateway.authorize(wish()))
        [intent] = fake.ledger.intents.values()
        intent |= {"status": "requires_action", "latest_charge": None}
        answer = await gateway.inquire(wish(inquiry=True))
        assert (answer.outcome, answer.reason) == ("declined", "authentication_required")
        assert intent["status"] == "canceled"

    played(scene)


# -- secrets ----------------------------------------------------------------------------------


def test_a_wrong_key_is_in_no_error_and_no_log(caplog: pytest.LogCaptureFixture) -> None:
    key = "sk_test_WRONG9wrong"

    async def scene(_fake: StripeFake, gateway: Stripe) -> str:
        with pytest.raises(Refused) as caught:
            await gateway.authorize(wish())
        return "".join(traceback.format_exception(caught.value))

    with caplog.at_level(logging.DEBUG):
        told = played(scene, key=key)
    told += caplog.text + repr(StripeSettings(key))
    assert "401" in told
    assert "WRONG9" not in told and ledger.APPROVED not in told


@pytest.mark.parametrize(
    ("key", "live", "url"),
    [
        ("sk_live_1234abcd", False, "https://api.stripe.com"),
        ("rk_live_1234abcd", False, "https://api.stripe.com"),
        ("sk_test_1234abcd", True, "https://api.stripe.com"),
        ("pk_test_1234abcd", False, "https://api.stripe.com"),
        ("", False, "https://api.stripe.com"),
        ("sk_test_1234abcd\r\nX: y", False, "https://api.stripe.com"),
        ("sk_test_1234abcd", False, "http://example.com"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused(key: str, live: bool, url: str) -> None:
    with pytest.raises(BadStripeSettings) as caught:
        StripeSettings(key, live, url)
    assert "1234abcd" not in str(caught.value)


def test_a_live_key_is_taken_where_money_may_be_moved() -> None:
    assert StripeSettings("rk_live_1234abcd", live=True).live
