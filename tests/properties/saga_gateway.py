"""A payment gateway that is rarely at its best, and what it holds and has taken of whose money."""

from __future__ import annotations

import random
from dataclasses import dataclass

from schemas.payments import (
    AuthorizationRequested,
    CaptureRequested,
    RecordAuthorization,
    RecordCapture,
    RecordRefund,
    RecordVoid,
    RefundRequested,
    VoidRequested,
)
from schemas.records import Record

Asked = AuthorizationRequested | VoidRequested | CaptureRequested | RefundRequested


@dataclass
class Held:
    """One authorization."""

    order_id: str
    amount: int
    captured: int = 0
    void: bool = False


class Gateway:
    """Approves, declines, times out, answers twice and answers late. What it does it does once for
    a key."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self.truth: dict[str, str] = {}
        """outcome by idempotency key"""
        self.held: dict[str, Held] = {}
        """by authorization id"""
        self.silent: dict[str, int] = {}
        """how many more questions about an order have no answer"""
        self.under_way: dict[str, bool] = {}
        """keys of wishes that are lost, and whether they may arrive behind the first inquiry"""
        self.refunded: dict[str, int] = {}
        """by order"""
        self.late: list[RecordAuthorization] = []

    def answers(self, request: Asked) -> list[Record]:
        """Answers, none to two."""
        match request:
            case AuthorizationRequested():
                return self._authorize(request)
            case VoidRequested():
                return self._give_back(request)
            case CaptureRequested():
                return self._capture(request)
            case RefundRequested():
                return self._refund(request)

    def _authorize(self, request: AuthorizationRequested) -> list[Record]:
        """An approval whose answer is lost is answered late."""
        order_id, key = request.order_id, request.idempotency_key
        patience = self.chance.choice([0, 0, 0, 0, 0, 0, 3, 20])
        if self.silent.setdefault(order_id, patience) > 0:
            self.silent[order_id] -= 1
            return self._keep_silent(request)
        if key not in self.truth:
            if request.inquiry:
                if self.under_way.get(key) and self.chance.random() < 0.5:
                    self._decide(request)
                self.under_way[key] = False
                return [self._answer(request, "not_found")] * self.chance.choice([1, 2])
            if key not in self.under_way and self.chance.random() < 0.15:
                self.under_way[key] = True
                return [self._answer(request, "unknown")]
            self._decide(request)
        told = self._answer(request, self.truth[key])
        if told.outcome == "approved" and self.chance.random() < 0.05:
            return [told, self._hold(request, "again")]
        return self.chance.choice(
            [[told], [told, told], [self._answer(request, "unknown"), told], [told]]
        )

    def _decide(self, request: AuthorizationRequested) -> None:
        self.truth[request.idempotency_key] = self.chance.choice(
            ["approved", "approved", "declined"]
        )
        if self.truth[request.idempotency_key] == "approved":
            self._hold(request)

    def _hold(self, request: AuthorizationRequested, which: str = "auth") -> RecordAuthorization:
        """Mostly what was asked for; of a gift card often less."""
        amount = request.amount_minor + self.chance.choice([0] * 18 + [-1, 1])
        if request.partial and self.chance.random() < 0.5:
            amount = self.chance.randint(1, request.amount_minor)
        self.held.setdefault(_name(request, which), Held(request.order_id, amount))
        return self._answer(request, "approved", which)

    def _keep_silent(self, request: AuthorizationRequested) -> list[Record]:
        """Approve, and say so only when nobody waits for it any more."""
        if request.idempotency_key not in self.truth:
            self.truth[request.idempotency_key] = "approved"
            self.late.append(self._hold(request))
        return []

    def _answer(
        self, request: AuthorizationRequested, outcome: str, which: str = "auth"
    ) -> RecordAuthorization:
        authorization_id = _name(request, which) if outcome == "approved" else ""
        return RecordAuthorization(
            request.order_id,
            outcome,
            authorization_id,
            self.held[authorization_id].amount if authorization_id else 0,
            request.currency,
            "card_declined" if outcome == "declined" else "",
            request.attempt,
            request.tender_id,
            number=request.number,
        )

    def _give_back(self, request: VoidRequested) -> list[Record]:
        """Voids, and says so, says so twice, or does not know; or names something else."""
        order_id, authorization_id = request.order_id, request.authorization_id
        voided = RecordVoid(order_id, "voided", authorization_id)
        unknown = RecordVoid(order_id, "unknown", authorization_id)
        other = RecordVoid(order_id, "voided", f"{authorization_id}-other")
        expired = RecordVoid(order_id, "expired", authorization_id)
        answers = self.chance.choice(
            [[voided], [voided, voided], [expired], [unknown], [other], []]
        )
        if voided in answers or expired in answers or self.chance.random() < 0.5:
            self.held[authorization_id].void = True
        return list(answers)

    def _capture(self, request: CaptureRequested) -> list[Record]:
        """Takes the money once, and mostly says so."""
        key = request.idempotency_key
        if key not in self.truth:
            if request.inquiry:
                return [_captured(request, "not_found")]
            if self.chance.random() < 0.1:
                return [_captured(request, "unknown")]
            held = self.held[request.authorization_id]
            enough = not held.void and held.amount - held.captured >= request.amount_minor
            self.truth[key] = "captured" if enough else "declined"
            if enough:
                held.captured += request.amount_minor
                held.void = request.final
        told = _captured(request, self.truth[key])
        return self.chance.choice([[told], [told], [told, told], [_captured(request, "unknown")]])

    def _refund(self, request: RefundRequested) -> list[Record]:
        """Pays back once, at once or after a while."""
        key = request.idempotency_key
        if key not in self.truth:
            if request.inquiry:
                return [_refunded(request, "not_found")]
            self.truth[key] = self.chance.choice(["refunded", "refunded", "pending"])
            if self.truth[key] == "refunded":
                self._pay_back(request)
        elif self.truth[key] == "pending" and self.chance.random() < 0.5:
            self.truth[key] = "refunded"
            self._pay_back(request)
        told = _refunded(request, self.truth[key])
        return self.chance.choice([[told], [told, told], [_refunded(request, "unknown")]])

    def _pay_back(self, request: RefundRequested) -> None:
        before = self.refunded.get(request.order_id, 0)
        self.refunded[request.order_id] = before + request.amount_minor

    def holds(self, order_id: str) -> int:
        """What it still holds of an order's money."""
        return sum(
            one.amount - one.captured
            for one in self.held.values()
            if one.order_id == order_id and not one.void
        )

    def has(self, order_id: str) -> int:
        """What it has taken of an order's money and not given back."""
        taken = sum(one.captured for one in self.held.values() if one.order_id == order_id)
        return taken - self.refunded.get(order_id, 0)


def _name(request: AuthorizationRequested, which: str) -> str:
    return f"{which}-{request.order_id}-{request.tender_id}-{request.number}"


def _captured(request: CaptureRequested, outcome: str) -> RecordCapture:
    amount = request.amount_minor if outcome == "captured" else 0
    return RecordCapture(
        request.order_id, request.tender_id, request.capture_id, outcome, amount,
        request.currency, "", request.attempt,
    )  # fmt: skip


def _refunded(request: RefundRequested, outcome: str) -> RecordRefund:
    amount = request.amount_minor if outcome == "refunded" else 0
    return RecordRefund(
        request.order_id, request.tender_id, request.refund_id, outcome, amount,
        request.currency, "", request.attempt,
    )  # fmt: skip
