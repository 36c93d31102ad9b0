"""The money of orders, as payments.events tell it. No I/O, nothing of the project.

Of each authorization: what was authorized is held, voided or captured, and what was captured stays
or is refunded. Nothing is ever below zero.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.chaos.changes import BY_HAND

Broken = Callable[[str, str, str], None]


@dataclass(slots=True)
class Sums:
    """The money of one order, by currency."""

    net: Counter[str] = field(default_factory=Counter)
    """authorized less voided"""
    captured: Counter[str] = field(default_factory=Counter)
    refunded: Counter[str] = field(default_factory=Counter)
    by_refund: Counter[tuple[str, str]] = field(default_factory=Counter)
    """the same, by refund and currency"""
    told: dict[str, tuple[str, int]] = field(default_factory=dict)
    """refunds of which the order tells, to currency and amount"""
    failed: bool = False
    """a capture or a refund was given up"""

    @property
    def beside(self) -> Counter[str]:
        """Of what is refunded, what no cancellation or change asked for: the total stays."""
        given: Counter[str] = Counter()
        for (refund_id, currency), amount in self.by_refund.items():
            if refund_id.startswith(BY_HAND) or refund_id in self.told:
                given[currency] += amount
        return given

    def returned(self, currency: str) -> int:
        """What was refunded for lines."""
        return sum(
            amount
            for (refund_id, code), amount in self.by_refund.items()
            if code == currency and refund_id in self.told
        )

    def kept(self, *, with_gifts: bool) -> dict[str, int]:
        """What is held or was taken, less what was given back; without the zeros."""
        left = Counter(self.net)
        left.subtract(self.refunded)
        if with_gifts:
            left.update(self.beside)
        return {code: sum_ for code, sum_ in left.items() if sum_}


class Money:
    """Takes the events of all payments."""

    def __init__(self, broken: Broken) -> None:
        self._broken = broken
        self.orders: dict[str, Sums] = defaultdict(Sums)
        self._held: Counter[tuple[str, str]] = Counter()
        """order and authorization, to what is held"""
        self._known: set[tuple[str, str]] = set()
        self._taken: Counter[tuple[str, str]] = Counter()

    def feed(self, name: str, told: dict[str, Any]) -> None:
        """Take the next event."""
        sums = self.orders[told["order_id"]]
        match name:
            case "PaymentAuthorized":
                self._authorized(sums, told)
            case "PaymentVoided":
                self._voided(sums, told)
            case "PaymentCaptured":
                self._captured(sums, told)
            case "PaymentRefunded":
                self._refunded(sums, told)
            case "PaymentCaptureFailed" | "PaymentRefundFailed":
                sums.failed = True

    def told_by_order(self, told: Mapping[str, Any]) -> None:
        """Take an OrderRefunded."""
        refund = told["currency"], told["amount_minor"]
        self.orders[told["order_id"]].told[told["refund_id"]] = refund

    def judge(self, order_id: str) -> None:
        """What an order has told to be refunded was refunded, and no more."""
        sums = self.orders[order_id]
        for refund_id, (currency, amount) in sums.told.items():
            given = sums.by_refund[refund_id, currency]
            if given != amount and not sums.failed:
                detail = f"{refund_id}: {given} of {amount} {currency}"
                self._broken("refunded_as_told", order_id, detail)

    def _authorized(self, sums: Sums, told: dict[str, Any]) -> None:
        place = told["order_id"], told["authorization_id"]
        if self._held[place]:
            self._broken("authorized_once", place[0], "authorized without a void between")
        self._known.add(place)
        self._held[place] += told["amount_minor"]
        sums.net[told["currency"]] += told["amount_minor"]

    def _voided(self, sums: Sums, told: dict[str, Any]) -> None:
        place, amount = (told["order_id"], told["authorization_id"]), told["amount_minor"]
        # What was withdrawn before it was authorized gives back nothing.
        if place not in self._known and amount != 0:
            self._broken("voided_as_authorized", place[0], f"{place[1]} was never authorized")
        elif amount > self._held[place]:
            detail = f"{place[1]}: {amount} of {self._held[place]}"
            self._broken("voided_as_authorized", place[0], detail)
        self._held[place] -= amount
        sums.net[told["currency"]] -= amount

    def _captured(self, sums: Sums, told: dict[str, Any]) -> None:
        place, amount = (told["order_id"], told["authorization_id"]), told["amount_minor"]
        if amount > self._held[place]:
            detail = f"{place[1]}: {amount} of {self._held[place]}"
            self._broken("captured_as_authorized", place[0], detail)
        self._held[place] -= amount
        self._taken[place] += amount
        sums.captured[told["currency"]] += amount

    def _refunded(self, sums: Sums, told: dict[str, Any]) -> None:
        place, amount = (told["order_id"], told["authorization_id"]), told["amount_minor"]
        if amount > self._taken[place]:
            detail = f"{place[1]}: {amount} of {self._taken[place]}"
            self._broken("refunded_as_captured", place[0], detail)
        self._taken[place] -= amount
        sums.refunded[told["currency"]] += amount
        sums.by_refund[told["refund_id"], told["currency"]] += amount
