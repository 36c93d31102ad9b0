"""Whatever is lost, late, repeated or refused on the way: the sums at Stripe are the sums told."""

from __future__ import annotations

import asyncio
import random

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.payment_gateways import stripe_api
from connectors.payment_gateways.stripe import Stripe
from connectors.payment_gateways.stripe_api import StripeError
from schemas.payments import RecordAuthorization, RecordCapture, RecordRefund
from tests.fakes import stripe as fakes
from tests.fakes.stripe import StripeFake
from tests.unit.connectors.stripe_bench import bench, capture_of, refund_of, void_of, wish

TOTAL = 10_000
FAULTS = (fakes.LOST_REQUEST, fakes.LOST_ANSWER, fakes.UNAVAILABLE, fakes.LIMITED)
SAVED = (*FAULTS, fakes.FAILED, fakes.FAILED_BUT_DONE)
MAXIMUM_ROUNDS = 60


class Room:
    """Asks as the payments room does: after an unknown it inquires, after not found it asks anew,
    and now and then everything is asked twice, or a day later; but a wish that is so old is not
    put to a gateway."""

    def __init__(self, fake: StripeFake, gateway: Stripe, chance: random.Random) -> None:
        self.fake, self.gateway, self.chance = fake, gateway, chance
        self.days = 0

    async def authorized(self) -> RecordAuthorization:
        inquiry = self.days > 0
        for _ in range(MAXIMUM_ROUNDS):
            request = wish(amount_minor=TOTAL, inquiry=inquiry)
            ask = self.gateway.inquire if inquiry else self.gateway.authorize
            answer = await self._asked(ask(request))
            if isinstance(answer, RecordAuthorization) and answer.outcome != "unknown":
                if answer.outcome != "not_found":
                    return answer
                inquiry = False
            else:
                inquiry = True
        raise AssertionError("it comes to no end")

    async def captured(self, held: str, amount: int, capture_id: str) -> RecordCapture:
        inquiry = False
        for _ in range(MAXIMUM_ROUNDS):
            request = capture_of(held, amount, capture_id, inquiry=inquiry)
            ask = self.gateway.inquire_capture if inquiry else self.gateway.capture
            answer = await self._asked(ask(request))
            if isinstance(answer, RecordCapture) and answer.outcome not in ("unknown", "not_found"):
                return answer
            inquiry = answer is None
        raise AssertionError("it comes to no end")

    async def refunded(self, held: str, amount: int, refund_id: str) -> RecordRefund:
        inquiry = False
        for _ in range(MAXIMUM_ROUNDS):
            request = refund_of(held, amount, refund_id, inquiry=inquiry)
            ask = self.gateway.inquire_refund if inquiry else self.gateway.refund
            answer = await self._asked(ask(request))
            if isinstance(answer, RecordRefund) and answer.outcome not in ("unknown", "not_found"):
                return answer
            inquiry = answer is None
        raise AssertionError("it comes to no end")

    async def voided(self, held: str) -> str:
        for _ in range(MAXIMUM_ROUNDS):
            answer = await self._asked(self.gateway.void(void_of(held)))
            if answer is not None and answer.outcome != "unknown":  # type: ignore[attr-defined]
                return str(answer.outcome)  # type: ignore[attr-defined]
        raise AssertionError("it comes to no end")

    async def _asked(self, work: object) -> object:
        try:
            return await work  # type: ignore[misc]
        except StripeError:
            # A failure that Stripe has saved lasts a day.
            if self.chance.random() < 0.4:
                self.fake.forget_keys()
                self.days += 1
            return None


async def life(seed: int, multicapture: bool) -> None:
    chance = random.Random(seed)
    async with bench() as (fake, gateway):
        fake.ledger.multicapture = multicapture

        def fault(step: str) -> str | None:
            faults = SAVED if step in ("create", "confirm", "cancel", "capture") else FAULTS
            return chance.choice(faults) if chance.random() < 0.35 else None

        fake.any_fault = fault
        room = Room(fake, gateway, chance)
        approvals = [await room.authorized() for _ in range(chance.choice((1, 2)))]
        held = approvals[0].authorization_id
        assert {each.authorization_id for each in approvals} == {held}
        taken: dict[str, int] = {}
        for number in range(chance.randint(0, 3)):
            capture_id, amount = f"s-{number}/1", chance.randint(50, 4000)
            for _ in range(chance.choice((1, 2))):
                answer = await room.captured(held, amount, capture_id)
                if answer.outcome == "captured":
                    taken[capture_id] = answer.amount_minor
        if chance.random() < 0.6:
            await room.voided(held)
        back: dict[str, int] = {}
        for number in range(chance.randint(0, 3) if taken else 0):
            refund_id, amount = f"r-{number}/1", chance.randint(50, 3000)
            for _ in range(chance.choice((1, 2))):
                told = await room.refunded(held, amount, refund_id)
                if told.outcome == "refunded":
                    back[refund_id] = told.amount_minor
        intent = fake.ledger.intents[held]
        assert intent["amount_received"] == sum(taken.values())
        assert fake.ledger.refunded(held) == sum(back.values())
        assert fake.ledger.holds_made == 1


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.integers(0, 2**32), st.booleans())
def test_sums_at_stripe_are_the_sums_told(seed: int, multicapture: bool) -> None:
    pause = stripe_api.FIRST_PAUSE_SECONDS
    stripe_api.FIRST_PAUSE_SECONDS = 0.001
    try:
        asyncio.run(life(seed, multicapture))
    finally:
        stripe_api.FIRST_PAUSE_SECONDS = pause
