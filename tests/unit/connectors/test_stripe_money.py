"""What the Stripe-shaped gateway takes, lets go and gives back, it does once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from connectors.payment_gateways.gateway import checked
from connectors.payment_gateways.stripe import NotOfStripe, Stripe
from schemas.payments import RecordCapture, RecordRefund
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

# -- capture ----------------------------------------------------------------------------------


def test_shipments_are_captured_one_by_one_and_the_rest_is_given_back() -> None:
    async def scene(fake: StripeFake, gateway: Stripe) -> None:
        held = await approved(gateway)
        first, last = capture_of(held, 500), capture_of(held, 700, "s-2/1", final=True)
        for request in (first, first, last, last):
            assert checked(request, await gateway.capture(request)) == RecordCapture(
                "json-1", "1", request.capture_id, "captured", request.amount_minor, "EUR", "", 1
            )
        intent = fake.ledger.intents[held]
        assert (intent["amount_received"], intent["amount_capturable"]) == (1200, 0)
        assert fake.ledger.captures_made == 2
        assert (await gateway.capture(capture_of(held, 100, "s-3/1"))).outcome == "expired"

    played(scene)


def test_where_stripe_captures_once_the_next_capture_is_told_that_nothing_is_held() -> None:
    async def scene(fake: StripeFake, gateway: Stripe) -> None:
        fake.ledger.multicapture = False
        held = await approved(gateway)
        assert (await gateway.capture(capture_of(held, 500))).outcome == "captured"
        assert (await gateway.capture(capture_of(held, 500, "s-2/1"))).outcome == "expired"
        assert fake.ledger.intents[held]["amount_received"] == 500

    played(scene)


@pytest.mark.parametrize("days", [0, 2])
@pytest.mark.parametrize(
    ("fault", "outcome"), [(fakes.LOST_ANSWER, "captured"), (fakes.LOST_REQUEST, "not_found")]
)
def test_a_capture_without_an_answer_is_looked_up(fault: str, outcome: str, days: int) -> None:
    async def scene(fake: StripeFake, gateway: Stripe) -> None:
        held = await approved(gateway)
        fake.faults.extend([("capture", fault)] * 3)
        await unknown(gateway.capture(capture_of(held, 500)))
        for _ in range(days):
            fake.forget_keys()
        found = await gateway.inquire_capture(capture_of(held, 500, inquiry=True))
        assert found.outcome == outcome
        assert (await gateway.capture(capture_of(held, 500))).outcome == "captured"
        assert (fake.ledger.captures_made, fake.ledger.intents[held]["amount_received"]) == (1, 500)

    played(scene)


def test_a_capture_that_failed_but_was_done_is_not_done_again() -> None:
    async def scene(fake: StripeFake, gateway: Stripe) -> None:
        held = await approved(gateway)
        fake.faults.append(("capture", fakes.FAILED_BUT_DONE))
        await unknown(gateway.capture(capture_of(held, 500)))
        assert (await gateway.capture(capture_of(held, 500))).outcome == "captured"
        assert fake.ledger.captures_made == 1

    played(scene)


def test_more_than_is_held_is_not_captured() -> None:
    async def scene(fake: StripeFake, gateway: Stripe) -> None:
        held = await approved(gateway)
        answer = await gateway.capture(capture_of(held, 2000))
        assert (answer.outcome, answer.reason) == ("declined", "amount_too_large")
        assert fake.ledger.captures_made == 0

    played(scene)


def test_another_sum_under_the_id_of_a_capture_is_unknown() -> None:
    async def scene(fake: StripeFake, gateway: Stripe) -> None:
        held = await approved(gateway)
        await gateway.capture(capture_of(held, 500))
        await unknown(gateway.capture(capture_of(held, 501)))
        await unknown(gateway.inquire_capture(capture_of(held, 501, inquiry=True)))
        assert fake.ledger.intents[held]["amount_received"] == 500

    played(scene)


def test_a_hold_that_ran_out_is_expired_for_captures_and_voids() -> None:
    async def scene(fake: StripeFake, gateway: Stripe) -> None:
        held = await approved(gateway)
        fake.ledger.expire(held)
        assert (await gateway.capture(capture_of(held))).outcome == "expired"
        assert (await gateway.void(void_of(held))).outcome == "expired"
        answer = await gateway.inquire(wish(inquiry=True))
        assert (answer.outcome, answer.reason) == ("declined", "authorization_expired")

    played(scene)


def test_what_somebody_captured_by_hand_is_not_captured_again() -> None:
    async def scene(fake: StripeFake, gateway: Stripe) -> None:
        held = await approved(gateway)
        fake.ledger.capture(held, {})
        answer = await gateway.capture(capture_of(held))
        assert (answer.outcome, answer.reason) == ("declined", "already_captured")

    played(scene)


# -- void -------------------------------------------------------------------------------------


def test_a_void_gives_back_and_can_be_repeated_for_ever() -> None:
    async def scene(fake: StripeFake, gateway: Stripe) -> None:
        held = await approved(gateway)
        fake.faults.extend([("cancel", fakes.LOST_ANSWER)] * 3)
        await unknown(gateway.void(void_of(held)))
        outcomes = [(await gateway.void(void_of(held))).outcome]
        fake.forget_keys()
        outcomes.append((await gateway.void(void_of(held))).outcome)
        assert outcomes == ["voided", "voided"]
        assert fake.ledger.intents[held]["status"] == "canceled"

    played(scene)


def test_a_void_of_captured_money_says_so() -> None:
    async def scene(_fake: StripeFake, gateway: Stripe) -> None:
        held = await approved(gateway)
        await gateway.capture(capture_of(held, 500, final=True))
        assert (await gateway.void(void_of(held))).outcome == "captured"

    played(scene)


def test_a_void_after_a_part_was_captured_gives_back_the_rest() -> None:
    async def scene(fake: StripeFake, gateway: Stripe) -> None:
        held = await approved(gateway)
        await gateway.capture(capture_of(held, 500))
        assert (await gateway.void(void_of(held))).outcome == "voided"
        assert fake.ledger.intents[held]["amount_capturable"] == 0

    played(scene)


@pytest.mark.parametrize("authorization_id", ["sbx_1", "", "pi_1/../../accounts", "channel"])
def test_an_authorization_of_another_gateway_is_not_asked_for(authorization_id: str) -> None:
    async def scene(fake: StripeFake, gateway: Stripe) -> None:
        asks: list[Callable[[], Awaitable[object]]] = [
            lambda: gateway.void(void_of(authorization_id)),
            lambda: gateway.capture(capture_of(authorization_id)),
            lambda: gateway.refund(refund_of(authorization_id)),
        ]
        for ask in asks:
            with pytest.raises(NotOfStripe):
                await ask()
        assert fake.seen == []

    played(scene)


# -- refund -----------------------------------------------------------------------------------


async def paid(gateway: Stripe, token: str = ledger.APPROVED) -> str:
    held = await approved(gateway, token=token)
    assert (await gateway.capture(capture_of(held, final=True))).outcome == "captured"
    return held


def test_refunds_in_part_and_in_full_are_made_once_each() -> None:
    async def scene(fake: StripeFake, gateway: Stripe) -> None:
        held = await paid(gateway)
        part, rest = refund_of(held, 999), refund_of(held, 1000, "r-2/1")
        for request in (part, part, rest):
            assert checked(request, await gateway.refund(request)) == RecordRefund(
                "json-1", "1", request.refund_id, "refunded", request.amount_minor, "EUR", "", 1
            )
        fake.forget_keys()
        assert (await gateway.refund(part)).outcome == "refunded"
        assert (fake.ledger.refunded(held), len(fake.ledger.refunds)) == (1999, 2)
        answer = await gateway.refund(refund_of(held, 1, "r-3/1"))
        assert (answer.outcome, answer.reason) == ("declined", "amount_too_large")

    played(scene)


def test_more_than_was_taken_is_not_refunded() -> None:
    async def scene(_fake: StripeFake, gateway: Stripe) -> None:
        answer = await gateway.refund(refund_of(await paid(gateway), 2000))
        assert (answer.outcome, answer.reason) == ("declined", "amount_too_large")

    played(scene)


@pytest.mark.parametrize(
    ("fault", "outcome"), [(fakes.LOST_ANSWER, "refunded"), (fakes.LOST_REQUEST, "not_found")]
)
def test_a_refund_without_an_answer_is_looked_up(fault: str, outcome: str) -> None:
    async def scene(fake: StripeFake, gateway: Stripe) -> None:
        held = await paid(gateway)
        fake.faults.extend([("refund", fault)] * 3)
        await unknown(gateway.refund(refund_of(held)))
        fake.forget_keys()
        assert (await gateway.inquire_refund(refund_of(held, inquiry=True))).outcome == outcome
        assert (await gateway.refund(refund_of(held))).outcome == "refunded"
        assert len(fake.ledger.refunds) == 1

    played(scene)


@pytest.mark.parametrize(
    ("status", "failure", "outcome", "reason"),
    [
        ("succeeded", None, "refunded", ""),
        ("failed", "expired_or_canceled_card", "declined", "invalid_card"),
        ("canceled", None, "declined", "cancelled"),
    ],
)
def test_a_pending_refund_comes_to_an_end(
    status: str, failure: str | None, outcome: str, reason: str
) -> None:
    async def scene(fake: StripeFake, gateway: Stripe) -> None:
        held = await paid(gateway, ledger.PENDING_REFUND)
        assert (await gateway.refund(refund_of(held))).outcome == "pending"
        [refund_id] = fake.ledger.refunds
        fake.ledger.settle_refund(refund_id, status, failure)
        found = await gateway.inquire_refund(refund_of(held, inquiry=True))
        assert (found.outcome, found.reason) == (outcome, reason)

    played(scene)


def test_a_refund_is_found_among_more_than_a_page_of_others() -> None:
    async def scene(fake: StripeFake, gateway: Stripe) -> None:
        held = await approved(gateway, amount_minor=100_000)
        await gateway.capture(capture_of(held, 100_000, final=True))
        await gateway.refund(refund_of(held, 50))
        for _ in range(205):
            fake.ledger.refund({"payment_intent": held, "amount": "1"})
        assert (await gateway.refund(refund_of(held, 50))).outcome == "refunded"
        assert len(fake.ledger.refunds) == 206

    played(scene)
