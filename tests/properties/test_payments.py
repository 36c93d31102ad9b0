"""A payment against a gateway that answers late, twice, out of order, or not at all.

Every run is made from one seed, which a failure prints; `PAYMENT_SEED=<seed>` replays it alone.
"""

from __future__ import annotations

import os
import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from hypothesis import given, note, settings
from hypothesis import strategies as st

from schemas.accounting import PostPayment
from schemas.messages import Inbound, Send
from schemas.orders import RecordPayment, Tender
from schemas.payments import (
    AuthorizationRequested,
    AuthorizePayment,
    CapturePayment,
    CaptureRequested,
    ChangePayment,
    PaymentAuthorized,
    PaymentCaptured,
    PaymentReceived,
    PaymentRefunded,
    PaymentState,
    PaymentStatus,
    PaymentTotalChanged,
    PaymentVoided,
    RecordAuthorization,
    RecordCapture,
    RecordReceipt,
    RecordRefund,
    RecordVoid,
    RefundPayment,
    RefundRequested,
    VoidPayment,
    VoidRequested,
)
from schemas.records import Record
from streams.payments.agent import PaymentsRoom
from streams.payments.model import MAXIMUM_BACKOFF_MS
from tests.unit.streams.memory import NOW, DictStates

ORDER = "o"
HOUR_MS = 3_600_000
MAXIMUM_STEPS = 60
MAXIMUM_WAKES = 12_000
"""of a payment until it rests; a gateway is asked for 30 days, every ten minutes"""
REPLAYED = os.environ.get("PAYMENT_SEED")


@dataclass
class Authorization:
    """What the gateway holds, whatever it says."""

    tender_id: str
    held: int
    expires_at_ms: int = 0
    captured: int = 0
    void: bool = False


@dataclass
class Gateway:
    """A gateway that is rarely at its best. What it does it does once for a key."""

    chance: random.Random
    now: int = NOW
    authorizations: dict[str, Authorization] = field(default_factory=dict)
    answers: dict[str, Record] = field(default_factory=dict)
    """the last word on a key, once there is one"""
    captured: dict[str, int] = field(default_factory=dict)
    refunded: dict[str, int] = field(default_factory=dict)
    stale: list[Record] = field(default_factory=list)
    """answers that come again, or late"""
    out_until: int = 0

    def ask(self, request: Record) -> list[Record]:
        """Answers, none to two."""
        if self.now < self.out_until:
            if self.chance.random() < 0.3:
                self._truth(request)
            return []
        match self.chance.randrange(12):
            case 0:
                return []
            case 1:
                self._truth(request)
                return []
            case 2:
                return [_unknown(request)]
            case 3:
                self._truth(request)
                return [_unknown(request)]
            case 4:
                answer = self._truth(request)
                self.stale.append(answer)
                return [answer, answer]
            case 5:
                self.stale.append(self._truth(request))
                return []
            case _:
                return [self._truth(request)]

    def _truth(self, request: Record) -> Record:
        match request:
            case AuthorizationRequested():
                return self._authorization(request)
            case CaptureRequested():
                return self._capture(request)
            case RefundRequested():
                return self._refund(request)
            case VoidRequested():
                return self._void(request)
        raise TypeError(type(request).__name__)

    def _authorization(self, request: AuthorizationRequested) -> RecordAuthorization:
        key = request.idempotency_key
        known = self.answers.get(key)
        named = (request.attempt, request.tender_id)
        if known is None:
            if request.inquiry:
                return RecordAuthorization(
                    ORDER, "not_found", "", 0, request.currency, "", *named, number=request.number
                )
            known = self._decide(request)
            self.answers[key] = known
        assert isinstance(known, RecordAuthorization)
        return RecordAuthorization(
            ORDER, known.outcome, known.authorization_id, known.amount_minor, known.currency,
            known.reason, *named, known.expires_at_ms, request.number,
        )  # fmt: skip

    def _decide(self, request: AuthorizationRequested) -> RecordAuthorization:
        if self.chance.random() < 0.2:
            return RecordAuthorization(
                ORDER, "declined", "", 0, request.currency, "insufficient_funds"
            )
        amount = request.amount_minor
        if request.partial and self.chance.random() < 0.6:
            amount = self.chance.randint(1, amount)
        elif self.chance.random() < 0.05:
            amount += self.chance.choice([-1, 1])
        expires = self.now + self.chance.choice([0, 1, 24, 240]) * HOUR_MS
        told = expires if self.chance.random() < 0.7 else 0
        authorization_id = f"auth-{len(self.authorizations)}"
        self.authorizations[authorization_id] = Authorization(request.tender_id, amount, expires)
        return RecordAuthorization(
            ORDER, "approved", authorization_id, amount, request.currency, "",
            expires_at_ms=told if expires > self.now else 0,
        )  # fmt: skip

    def _capture(self, request: CaptureRequested) -> RecordCapture:
        known = self.answers.get(request.idempotency_key)
        if known is None:
            outcome = "not_found" if request.inquiry else self._take(request)
            amount = request.amount_minor if outcome == "captured" else 0
            known = RecordCapture(
                ORDER, request.tender_id, request.capture_id, outcome, amount, request.currency,
                "", request.attempt,
            )  # fmt: skip
            if outcome != "not_found":
                self.answers[request.idempotency_key] = known
        assert isinstance(known, RecordCapture)
        return RecordCapture(*_fields(known)[:-1], request.attempt)

    def _take(self, request: CaptureRequested) -> str:
        held = self.authorizations[request.authorization_id]
        over = NOW < held.expires_at_ms <= self.now
        if held.void or (over and self.chance.random() < 0.8):
            return "expired"
        if self.chance.random() < 0.12 or held.held < request.amount_minor:
            return "declined"
        held.held -= request.amount_minor
        held.captured += request.amount_minor
        self.captured[request.capture_id] = request.amount_minor
        if request.final:
            held.held, held.void = 0, True
        return "captured"

    def _void(self, request: VoidRequested) -> RecordVoid:
        held = self.authorizations[request.authorization_id]
        if not held.void and not held.captured and self.chance.random() < 0.1:
            held.captured, held.held, held.void = held.held, 0, True
            self.captured[f"by itself {request.authorization_id}"] = held.captured
        if held.captured:
            by_itself = f"by itself {request.authorization_id}" in self.captured
            told = "captured" if by_itself else self.chance.choice(["captured", "voided"])
            held.held, held.void = 0, True
            return RecordVoid(ORDER, told, request.authorization_id)
        held.held, held.void = 0, True
        told = self.chance.choice(["voided", "voided", "expired"])
        return RecordVoid(ORDER, told, request.authorization_id)

    def _refund(self, request: RefundRequested) -> RecordRefund:
        key = request.idempotency_key
        known = self.answers.get(key)
        if known is None:
            outcome = "not_found" if request.inquiry else self._pay_back(request)
            if outcome not in ("not_found", "pending"):
                self._settle(request, outcome)
        else:
            assert isinstance(known, RecordRefund)
            outcome = known.outcome
        if outcome == "pending" or (known is not None and outcome == "pending"):
            self.answers[key] = _refund_answer(request, "pending")
            if known is not None and self.chance.random() < 0.5:
                outcome = self.chance.choice(["refunded", "refunded", "declined"])
                self._settle(request, outcome)
        return _refund_answer(request, outcome)

    def _pay_back(self, request: RefundRequested) -> str:
        return self.chance.choice(["refunded"] * 5 + ["declined", "pending", "pending"])

    def _settle(self, request: RefundRequested, outcome: str) -> None:
        self.answers[request.idempotency_key] = _refund_answer(request, outcome)
        if outcome == "refunded":
            assert request.refund_id not in self.refunded
            self.refunded[request.refund_id] = request.amount_minor


def _refund_answer(request: RefundRequested, outcome: str) -> RecordRefund:
    amount = request.amount_minor if outcome == "refunded" else 0
    return RecordRefund(
        ORDER, request.tender_id, request.refund_id, outcome, amount, request.currency, "",
        request.attempt,
    )  # fmt: skip


def _fields(record: Record) -> tuple[object, ...]:
    return tuple(getattr(record, name) for name in record.__struct_fields__)


def _unknown(request: Record) -> Record:
    from connectors.payment_gateways.gateway import unknown

    return unknown(request)  # type: ignore[arg-type]


@dataclass
class Books:
    """What the events say, and nothing else."""

    authorized: int = 0
    voided: int = 0
    captured: int = 0
    refunded: int = 0
    received: int = 0
    kept: dict[str, int] = field(default_factory=dict)
    """held by authorization"""

    def feed(self, event: Record) -> None:
        """Take the next event."""
        match event:
            case PaymentAuthorized():
                self.authorized += event.amount_minor
                self._move(event.tender_id, event.authorization_id, event.amount_minor)
            case PaymentVoided():
                self.voided += event.amount_minor
                self._move(event.tender_id, event.authorization_id, -event.amount_minor)
            case PaymentCaptured():
                self.captured += event.amount_minor
                self._move(event.tender_id, event.authorization_id, -event.amount_minor)
            case PaymentRefunded():
                self.refunded += event.amount_minor
            case PaymentReceived():
                self.received += event.amount_minor

    def _move(self, tender_id: str, authorization_id: str, change: int) -> None:
        name = f"{tender_id} {authorization_id}"
        self.kept[name] = self.kept.get(name, 0) + change
        assert self.kept[name] >= 0, f"{name} holds {self.kept[name]}"


class Run:
    """One payment from its beginning to its rest."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.room = PaymentsRoom()
        self.states = DictStates()
        self.gateway = Gateway(self.chance)
        self.books = Books()
        self.now = NOW
        self.inbox: list[Record] = []
        self.asked: set[tuple[str, int]] = set()
        self.replies: list[RecordPayment] = []
        self.agreed = -1
        self.posted: dict[str, PostPayment] = {}
        self.commands: list[Record] = []
        self.total = self.chance.choice([0, 1, 100, 3000, 4999])
        self.revision = 0
        self.numbers = iter(range(1, 1_000))

    def tenders(self) -> list[Tender]:
        """Some ways to pay the total."""
        gift = Tender("g", "gift_card", 0, "gift-1")
        card = Tender("c", "card", 0, "4242")
        some = self.chance.randint(1, max(1, self.total))
        return self.chance.choice(
            [
                [],
                [gift, card],
                [card, gift],
                [Tender("a", "card", some, "1"), card],
                [Tender("p", "channel", some, "", some, "EUR"), gift, card],
                [Tender("i", "invoice", 0, terms_days=14)],
                [gift, Tender("d", "cash_on_delivery", 0)],
                [Tender("a", "card", some, "1"), Tender("i", "invoice", 0, terms_days=1)],
            ]
        )

    def go(self) -> None:
        """Steps of every kind in any order, then everything comes to rest."""
        tenders = self.tenders()
        first = AuthorizePayment(ORDER, self.total, "EUR", "card", "4242", 0, "", tenders)
        self.commands.append(first)
        self.inbox.append(first)
        for _ in range(self.chance.randint(1, MAXIMUM_STEPS)):
            self.step()
        self.rest()

    def step(self) -> None:
        """One thing happens."""
        match self.chance.randrange(10):
            case 0 | 1 | 2 | 3:
                self.deliver()
            case 4:
                self.pass_time(self.chance.choice([1_000, 40_000, MAXIMUM_BACKOFF_MS, HOUR_MS]))
            case 5:
                self.pass_time(self.chance.choice([2, 25, 250]) * HOUR_MS)
            case 6 if self.gateway.stale:
                self.inbox.append(self.chance.choice(self.gateway.stale))
            case 7 if self.commands:
                self.inbox.append(self.chance.choice(self.commands))
            case 8 if self.chance.random() < 0.2:
                self.gateway.out_until = self.now + self.chance.choice([1, 30]) * HOUR_MS
            case _:
                command = self.command()
                self.commands.append(command)
                self.inbox.append(command)

    def command(self) -> Record:
        """What orders or a person asks for."""
        number = next(self.numbers)
        amount = self.chance.choice([0, 1, self.total // 3, self.total // 2, self.total])
        match self.chance.randrange(14):
            case 0 | 1 | 2 | 3 | 4:
                final = self.chance.random() < 0.2
                return CapturePayment(ORDER, f"s{number}", amount, final)
            case 5 | 6 | 7:
                return RefundPayment(ORDER, f"r{number}", amount, "returned")
            case 8 | 9 | 10:
                self.revision += 1
                self.total = max(0, self.total + self.chance.choice([-500, -1, 1, 700, 2000]))
                return ChangePayment(ORDER, self.revision, self.total)
            case 11 | 12:
                return RecordReceipt(ORDER, f"b{number}", amount, "EUR")
            case _:
                return VoidPayment(ORDER, "cancelled")

    def deliver(self) -> None:
        """The next record of the inbox, mostly the oldest."""
        if not self.inbox:
            return
        place = 0 if self.chance.random() < 0.8 else self.chance.randrange(len(self.inbox))
        record = self.inbox.pop(place)
        sends = self.room.decide(Inbound(ORDER, record, 0, 0), self.states, self.now)
        self.take(sends)

    def pass_time(self, by_ms: int) -> None:
        """Time passes, with every timer on the way."""
        until = self.now + by_ms
        while (due := self.wake_at_ms) and due <= until:
            self.wake(due)
            if self.chance.random() < 0.2:
                self.deliver()
        self.now = self.gateway.now = until

    @property
    def wake_at_ms(self) -> int:
        """When the room wants to be woken."""
        state = self.states.get(ORDER)
        return state.wake_at_ms if isinstance(state, PaymentState) else 0

    def wake(self, due: int) -> None:
        """The room's timer."""
        self.now = self.gateway.now = max(self.now, due)
        before = self.states.get(ORDER)
        self.take(self.room.wake(ORDER, self.states, self.now))
        assert self.states.get(ORDER) is not before
        assert self.wake_at_ms == 0 or self.wake_at_ms > self.now

    def take(self, sends: list[Send]) -> None:
        """What the room writes goes to the gateway and into the books."""
        for send in sends:
            if isinstance(send.record, RecordPayment):
                self.replies.append(send.record)
                continue
            if isinstance(send.record, PostPayment):
                key = send.record.entry_key
                assert key not in self.posted
                self.posted[key] = send.record
                continue
            event = send.record
            self.books.feed(event)
            if isinstance(event, PaymentTotalChanged):
                self.agreed = event.amount_minor
            if isinstance(
                event, AuthorizationRequested | CaptureRequested | RefundRequested | VoidRequested
            ):
                number = (type(event).__name__, event.attempt)
                assert number not in self.asked
                self.asked.add(number)
                self.inbox += self.gateway.ask(event)
        self.check()

    def check(self) -> None:
        """What holds at every point."""
        state = self.states.get(ORDER)
        if not isinstance(state, PaymentState):
            return
        # What a gateway takes by itself is as much as it holds.
        wanted = [part for part in state.capture_parts if part.capture_id and not part.unwanted]
        taken = sum(part.amount_minor for part in wanted if part.status == "done")
        under_way = sum(part.amount_minor for part in wanted if part.status == "under_way")
        total = max(state.agreed_minor, *self.totals(), 0)
        assert taken + under_way - state.returned_minor <= total, "more than the order costs"
        for part in state.capture_parts:
            assert 0 <= part.refunded_minor <= part.amount_minor
        assert self.books.refunded <= self.books.captured
        for one in state.captures:
            parts = [part for part in wanted if part.capture_id == one.capture_id]
            asked = sum(part.amount_minor for part in parts if part.status != "failed")
            assert asked + one.failed_minor <= one.amount_minor, "money is taken twice"
        self.check_status(state)

    def check_status(self, state: PaymentState) -> None:
        """A part is never the whole."""
        promised = {
            t.tender_id for t in state.tenders if t.method in ("invoice", "cash_on_delivery")
        }
        done = [part for part in state.capture_parts if part.status == "done"]
        there = sum(part.amount_minor for part in done if part.tender_id not in promised)
        there += self.books.received
        held = sum(
            one.held_minor
            for one in state.authorizations
            if one.status == "authorized" and not one.void_reason
        )
        credited = self.books.refunded
        if state.status == PaymentStatus.PAID:
            assert there + credited >= state.agreed_minor
        if state.status == PaymentStatus.AUTHORIZED and state.agreed_minor >= 0:
            assert held + sum(part.amount_minor for part in done) >= state.agreed_minor
        last = self.replies[-1] if self.replies else None
        if last is not None and last.authorized and last.status == PaymentStatus.AUTHORIZED:
            assert last.amount_minor >= state.agreed_minor >= 0

    def totals(self) -> Iterator[int]:
        """Every total that was ever asked for: a capture may come before a lessening of it."""
        for command in self.commands:
            if isinstance(command, AuthorizePayment | ChangePayment):
                yield command.amount_minor

    def rest(self) -> None:
        """The gateway mends, every record is delivered, and every timer has come."""
        self.gateway.out_until = 0
        for _ in range(MAXIMUM_WAKES):
            while self.inbox:
                self.deliver()
            if not self.wake_at_ms:
                break
            self.wake(self.wake_at_ms)
        assert not self.wake_at_ms and not self.inbox, "the payment does not come to rest"
        self.check_rest()

    def check_rest(self) -> None:
        """The books, the state and the gateway say the same."""
        state = self.states.get(ORDER)
        if not isinstance(state, PaymentState):
            return
        held = Counter(
            {
                name: one.held
                for name, one in self.gateway.authorizations.items()
                if one.held and not one.void
            }
        )
        told = Counter(
            {
                name.partition(" ")[2]: amount
                for name, amount in self.books.kept.items()
                if amount and name.partition(" ")[2].startswith("auth-")
            }
        )
        assert told == held
        at_gateway = sum(self.gateway.captured.values())
        parts = [part for part in state.capture_parts if part.authorization_id.startswith("auth-")]
        done = [part for part in parts if part.status == "done"]
        assert sum(part.amount_minor for part in done) == at_gateway
        back = sum(
            one.amount_minor
            for one in state.refund_parts
            if one.authorization_id.startswith("auth-") and one.status == "done"
        )
        assert back == sum(self.gateway.refunded.values())
        assert state.seeking == ""
        assert all(one.status in ("done", "failed") for one in state.captures)
        kept = sum(self.books.kept.values())
        if state.void_reason or state.agreed_minor < 0:
            assert kept == 0
            failed = any(part.status == "failed" for part in state.refund_parts)
            assert self.books.captured == self.books.refunded or failed
        unwanted = [part for part in state.capture_parts if part.unwanted]
        failed_back = {
            (one.capture_id, one.capture_number)
            for one in state.refund_parts
            if one.status == "failed"
        }
        for part in unwanted:
            assert part.refunded_minor == part.amount_minor or (
                (part.capture_id, part.number) in failed_back
            )
        posted = Counter[str]()
        for one in self.posted.values():
            posted[one.kind] += one.amount_minor
        assert posted["captured"] == self.books.captured
        assert posted["received"] == self.books.received
        assert posted["refunded"] <= self.books.refunded
        assert self.books.authorized - self.books.voided - self.books.captured == kept
        if state.told:
            last = self.replies[-1]
            assert (last.status, last.captured_minor) == (state.status, state.told_captured_minor)


@pytest.mark.skipif(REPLAYED is not None, reason="one seed is replayed")
@settings(max_examples=200, deadline=None)
@given(st.integers(0, 2**32))
def test_whatever_the_gateway_does_the_sums_hold_and_every_payment_comes_to_rest(
    seed: int,
) -> None:
    note(f"PAYMENT_SEED={seed}")
    Run(seed).go()


@pytest.mark.skipif(REPLAYED is None, reason="PAYMENT_SEED names the seed to replay")
def test_a_seed_is_replayed() -> None:
    Run(int(REPLAYED or 0)).go()
