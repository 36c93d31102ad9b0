"""What Stripe tells by itself is taken from Stripe only, and once is enough."""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import aiohttp
import pytest
from aiohttp.test_utils import TestServer
from prometheus_client import REGISTRY

from connectors.payment_gateways import webhooks
from connectors.payment_gateways.gateway import Answer
from connectors.payment_gateways.stripe import Stripe
from connectors.payment_gateways.stripe_api import StripeApi, StripeSettings
from connectors.payment_gateways.stripe_webhooks import StripeTeller
from connectors.payment_gateways.webhooks import Undelivered
from schemas.payments import RecordAuthorization, RecordCapture, RecordRefund, RecordVoid
from tests.fakes import stripe_ledger as ledger
from tests.fakes.stripe import SECRET_KEY, WEBHOOK_SECRET, StripeFake, signature
from tests.unit.connectors.stripe_bench import bench, capture_of, refund_of, void_of, wish

OLD_SECRET, NEW_SECRET = WEBHOOK_SECRET, "whsec_next"


class Kept:
    """A delivery without Kafka."""

    def __init__(self) -> None:
        self.answers: list[Answer] = []
        self.fails = False

    async def deliver(self, answers: Sequence[Answer]) -> None:
        if self.fails:
            raise Undelivered("no broker")
        self.answers += answers

    def of(self, kind: type[Answer]) -> list[Answer]:
        return [each for each in self.answers if type(each) is kind]


class Door:
    """Where notices go."""

    def __init__(self, fake: StripeFake, gateway: Stripe, kept: Kept, url: str) -> None:
        self.fake, self.gateway, self.kept = fake, gateway, kept
        self.address = f"{url}/gateways/stripe/webhooks"

    async def post(self, body: bytes, header: str | None, address: str = "") -> tuple[int, str]:
        headers = {} if header is None else {"Stripe-Signature": header}
        async with (
            aiohttp.ClientSession() as session,
            session.post(address or self.address, data=body, headers=headers) as response,
        ):
            return response.status, str((await response.json(content_type=None)).get("result", ""))


@asynccontextmanager
async def door(secrets: Sequence[str] = (OLD_SECRET,), live: bool = False) -> AsyncIterator[Door]:
    async with bench() as (fake, gateway):
        kept = Kept()
        api = StripeApi(StripeSettings(SECRET_KEY, url=fake.url))
        teller = StripeTeller(api, secrets, live=live, clock=fake.now)
        server = TestServer(webhooks.application(teller, kept))
        await server.start_server()
        try:
            yield Door(fake, gateway, kept, f"http://127.0.0.1:{server.port}")
        finally:
            await server.close()


def notices(result: str) -> float:
    name = "millrace_gateway_webhooks_total"
    return REGISTRY.get_sample_value(name, {"result": result}) or 0.0


async def bought(place: Door, token: str = ledger.APPROVED) -> str:
    """An order that is authorized, captured and refunded in part."""
    held = (await place.gateway.authorize(wish(token, number=3))).authorization_id
    await place.gateway.capture(capture_of(held, 1500, final=True))
    await place.gateway.refund(refund_of(held, 700))
    return held


def test_a_whole_life_is_told_doubled_and_out_of_order() -> None:
    async def scene() -> None:
        async with door() as place:
            held = await bought(place)
            statuses = await place.fake.tell(place.address, shuffled=random.Random(7), times=2)
            assert set(statuses) == {200}
            [expires] = {each.expires_at_ms for each in place.kept.of(RecordAuthorization)}  # type: ignore[union-attr]
            approved = RecordAuthorization(
                "json-1", "approved", held, 1999, "EUR", "", 0, "1", expires, 3
            )
            taken = RecordCapture("json-1", "1", "s-1/1", "captured", 1500, "EUR", "", 0)
            back = RecordRefund("json-1", "1", "r-1/1", "refunded", 700, "EUR", "", 0)
            assert all(each in (approved, taken, back) for each in place.kept.answers)
            assert {type(each) for each in place.kept.answers} == {
                RecordAuthorization, RecordCapture, RecordRefund,
            }  # fmt: skip

    asyncio.run(scene())


def test_an_event_that_is_told_again_is_remembered() -> None:
    async def scene() -> None:
        async with door() as place:
            await place.gateway.authorize(wish())
            before = notices("duplicate")
            await place.fake.tell(place.address)
            told = len(place.kept.answers)
            await place.fake.tell(place.address)
            assert (len(place.kept.answers), told) == (1, 1)
            assert notices("duplicate") == before + 1

    asyncio.run(scene())


@pytest.mark.parametrize(("status", "outcome"), [("succeeded", "refunded"), ("failed", "declined")])
def test_a_pending_refund_is_told_when_it_comes_to_an_end(status: str, outcome: str) -> None:
    async def scene() -> None:
        async with door() as place:
            await bought(place, ledger.PENDING_REFUND)
            await place.fake.tell(place.address)
            [refund_id] = place.fake.ledger.refunds
            place.fake.ledger.settle_refund(refund_id, status)
            await place.fake.tell(place.address)
            assert place.kept.of(RecordRefund)[0].outcome == "pending"
            assert {each.outcome for each in place.kept.of(RecordRefund)[1:]} == {outcome}
            place.kept.answers.clear()
            # The old events, with new ids for all that anybody knows: they tell what is so now.
            for event in place.fake.ledger.events:
                event["id"] += "again"
            await place.fake.tell(place.address)
            assert {each.outcome for each in place.kept.of(RecordRefund)} == {outcome}

    asyncio.run(scene())


def test_declines_voids_and_expiries_are_told_with_the_authorization_they_are_of() -> None:
    async def scene() -> None:
        async with door() as place:
            await place.gateway.authorize(wish("pm_card_visa_chargeDeclined", number=2))
            held = [
                (await place.gateway.authorize(wish(order_id=order_id))).authorization_id
                for order_id in ("json-2", "json-3")
            ]
            await place.gateway.void(void_of(held[0], "json-2"))
            place.fake.ledger.expire(held[1])
            await place.fake.tell(place.address)
            [declined] = place.kept.of(RecordAuthorization)
            assert declined == RecordAuthorization(
                "json-1", "declined", "", 0, "EUR", "card_declined", 0, "1", 0, 2
            )
            assert RecordVoid("json-2", "voided", held[0]) in place.kept.answers
            assert RecordVoid("json-3", "expired", held[1]) in place.kept.answers

    asyncio.run(scene())


def test_payments_of_somebody_else_and_unknown_events_are_taken_and_passed_over() -> None:
    async def scene() -> None:
        async with door() as place:
            foreign = notices("foreign")
            place.fake.ledger.create({"amount": "500", "currency": "eur"})
            [intent_id] = place.fake.ledger.intents
            place.fake.ledger.confirm(intent_id, {"payment_method": ledger.APPROVED})
            assert await place.fake.tell(place.address) == [200, 200]
            assert notices("foreign") == foreign + 1
            odd = [
                event("customer.created", {"id": "cus_1", "object": "customer"}),
                event("payment_intent.succeeded", {"id": "pi_gone", "object": "payment_intent"}),
                event("payment_intent.succeeded", {"id": "../x", "object": "payment_intent"}),
                event("charge.captured", {"id": "ch_1", "object": "charge"}),
                event("refund.updated", {"id": "re_1", "object": "refund"}, livemode=True),
            ]
            results = [await place.post(body, signature(body)) for body in odd]
            assert [status for status, _ in results] == [200] * 5
            assert {result for _, result in results} == {"passed_over", "foreign"}
            assert place.kept.answers == []

    asyncio.run(scene())


def event(kind: str, subject: dict[str, str], livemode: bool = False) -> bytes:
    whole = {
        "id": f"evt_{subject['id']}",
        "type": kind,
        "livemode": livemode,
        "data": {"object": subject},
    }
    return json.dumps(whole).encode()


def test_only_what_is_signed_by_a_secret_and_new_is_taken() -> None:
    body = event("customer.created", {"id": "cus_1", "object": "customer"})
    now = time.time()
    good = signature(body)
    mark = good.split("v1=")[1].split(",")[0]
    headers: list[tuple[str | None, int]] = [
        (good, 200),
        (signature(body, ("whsec_other", OLD_SECRET)), 200),
        (signature(body, at=now - 290), 200),
        (None, 401),
        ("", 401),
        (signature(body, ("whsec_other",)), 401),
        (signature(body + b" "), 401),
        (signature(body, at=now - 310), 401),
        (signature(body, at=now + 310), 401),
        (good.replace("v1=", "v0="), 401),
        (f"t={int(now) - 1},v1={mark}", 401),
        (f"v1={mark}", 401),
        (f"t=,v1={mark}", 401),
        (f"t={'9' * 400},v1={mark}", 401),
        (f"t={int(now)},v1=ä", 401),
        (f"t={int(now)}" + ",v1=0" * 50, 401),
    ]

    async def scene() -> None:
        async with door() as place:
            for header, status in headers:
                assert (await place.post(body, header))[0] == status, header

    asyncio.run(scene())


def test_while_one_secret_gives_way_to_another_both_are_good() -> None:
    body = event("customer.created", {"id": "cus_1", "object": "customer"})

    async def scene() -> None:
        async with door((NEW_SECRET, OLD_SECRET)) as place:
            for secret in (NEW_SECRET, OLD_SECRET):
                assert (await place.post(body, signature(body, (secret,))))[0] == 200
        async with door((NEW_SECRET,)) as place:
            assert (await place.post(body, signature(body, (OLD_SECRET,))))[0] == 401
        async with door(("",)) as place:
            assert (await place.post(body, signature(body, ("",))))[0] == 401

    asyncio.run(scene())


def test_until_kafka_has_it_the_notice_is_to_be_sent_again() -> None:
    async def scene() -> None:
        async with door() as place:
            await place.gateway.authorize(wish())
            place.kept.fails = True
            assert 503 in await place.fake.tell(place.address)
            place.kept.fails = False
            assert set(await place.fake.tell(place.address)) == {200}
            assert len(place.kept.answers) == 1

    asyncio.run(scene())


def test_what_is_no_event_too_large_or_elsewhere_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(webhooks, "NOTICE_BYTES_MAX", 1000)

    async def scene() -> None:
        async with door() as place:
            assert (await place.post(b"{}", signature(b"{}")))[0] == 400
            large = b"x" * 1001
            assert (await place.post(large, signature(large)))[0] == 413
            body = event("customer.created", {"id": "cus_1", "object": "customer"})
            elsewhere = place.address.replace("stripe", "other")
            assert (await place.post(body, signature(body), elsewhere))[0] == 404

    asyncio.run(scene())


def test_the_memory_of_events_has_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhooks, "REMEMBERED", 2)

    async def scene() -> None:
        async with door() as place:
            for order_id in ("json-1", "json-2", "json-3"):
                await place.gateway.authorize(wish(order_id=order_id))
            await place.fake.tell(place.address)
            first = next(each for each in place.fake.ledger.events if "capturable" in each["type"])
            place.fake.ledger.events = [first]
            await place.fake.tell(place.address)
            # Forgotten, and told again: the same record, of which the room takes one.
            assert len(place.kept.answers) == 4
            assert len({str(each) for each in place.kept.answers}) == 3

    asyncio.run(scene())
