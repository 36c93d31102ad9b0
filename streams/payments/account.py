"""One payment while one command is decided: read once, written back once.

Rules read and change it here, and it holds what must be true at the end: the sums fit each other,
the status is the one that they come to, and orders has been told of it.
"""

from __future__ import annotations

from collections.abc import Iterator

from schemas.messages import Send
from schemas.orders import RecordPayment
from schemas.payments import (
    AuthorizationState,
    CapturePart,
    CaptureState,
    Method,
    PaymentCommandRefused,
    PaymentDeclined,
    PaymentState,
    PaymentStatus,
    Progress,
    ReceiptState,
    RefundPart,
    RefundState,
    Refusal,
    Status,
    TenderState,
)
from schemas.records import Record
from schemas.topics import ORDERS_COMMANDS, PAYMENTS_EVENTS
from streams.payments import sums
from streams.payments.model import FREE, GATEWAY_METHODS, PROMISES, check
from streams.transitions import Step

Part = tuple[str, int]


class BrokenBooks(ValueError):
    """A rule would have made a sum impossible; nothing of its record is kept."""


class Setback:
    """Why the search for money fails."""

    __slots__ = ("points", "reason", "rule_id", "tender_id", "told", "wanted_minor")

    def __init__(
        self, reason: str, tender_id: str = "", wanted_minor: int = 0, rule_id: str = "",
        points: int = 0,
    ) -> None:  # fmt: skip
        self.reason = reason
        self.tender_id = tender_id
        self.wanted_minor = wanted_minor
        self.rule_id = rule_id
        self.points = points
        self.told = False
        """an event says it already"""


class Account:
    """A payment. Its fields mean what those of PaymentState do."""

    __slots__ = (
        "agreed_minor", "amount_minor", "answered", "attempt", "before", "capture_attempt",
        "captures", "channel", "closing", "currency", "holds", "now_ms", "order_id", "parts",
        "receipts",
        "refund_attempt", "refund_parts", "refunds", "refusal", "returned_minor", "revision",
        "round", "seeking", "sends", "setback", "steps", "tenders", "told", "unrenewed",
        "void_attempt", "void_reason",
    )  # fmt: skip

    def __init__(self, state: PaymentState, now_ms: int) -> None:
        self.before = state
        self.now_ms = now_ms
        self.order_id = state.order_id
        self.amount_minor = state.amount_minor
        self.currency = state.currency
        self.channel = state.channel
        self.revision = state.revision
        self.agreed_minor = state.agreed_minor
        self.answered = state.answered
        self.refusal = state.refusal
        self.void_reason = state.void_reason
        self.seeking = state.seeking
        self.round = state.round
        self.returned_minor = state.returned_minor
        self.closing = state.closing
        self.attempt = state.attempt
        self.void_attempt = state.void_attempt
        self.capture_attempt = state.capture_attempt
        self.refund_attempt = state.refund_attempt
        self.told = (state.told, state.told_captured_minor, state.told_refunded_minor)
        self.tenders: dict[str, TenderState] = {one.tender_id: one for one in state.tenders}
        self.holds: dict[Part, AuthorizationState] = {
            (one.tender_id, one.number): one for one in state.authorizations
        }
        self.captures: dict[str, CaptureState] = {one.capture_id: one for one in state.captures}
        self.parts: dict[Part, CapturePart] = {
            (one.capture_id, one.number): one for one in state.capture_parts
        }
        self.refunds: dict[str, RefundState] = {one.refund_id: one for one in state.refunds}
        self.refund_parts: dict[Part, RefundPart] = {
            (one.refund_id, one.number): one for one in state.refund_parts
        }
        self.receipts: dict[str, ReceiptState] = {one.receipt_id: one for one in state.receipts}
        self.sends: list[Send] = []
        self.steps: set[Step] = set()
        """what may have changed the status"""
        self.setback: Setback | None = None
        """why the search for money has just failed"""
        self.unrenewed = ""
        """why an expired authorization has just not been renewed"""

    # -- what is written ----------------------------------------------------------------------

    def tell(self, event: Record) -> None:
        """Write an event."""
        self.steps.add(type(event))
        self.sends.append(Send(PAYMENTS_EVENTS, self.order_id, event))

    def refuse(self, command: Record, reason: Refusal, request_id: str = "") -> None:
        """Write that a command changes nothing."""
        name = type(command).__name__
        self.tell(PaymentCommandRefused(self.order_id, name, reason, self.now_ms, request_id))

    def reply(self, authorized: bool, reason: str) -> None:
        """Answer orders: the total of the latest revision is covered, or is not."""
        self.answered = self.revision
        self._report(authorized, reason)

    def _report(self, authorized: bool, reason: str) -> None:
        """Tell orders how the payment stands. What it has asked for and has no answer to yet is
        not in it: its revision is that of the latest answer."""
        status = self.status
        self.told = (status, self.captured, self.refunded)
        reply = RecordPayment(
            self.order_id, authorized, self.covered, self.currency, reason, self.answered, status,
            self.told[1], self.told[2],
        )  # fmt: skip
        self.sends.append(Send(ORDERS_COMMANDS, self.order_id, reply))

    def declined(self, setback: Setback) -> None:
        """Write that a sum is not authorized."""
        event = PaymentDeclined(
            self.order_id, setback.reason, setback.wanted_minor, self.currency, self.now_ms,
            setback.tender_id, setback.rule_id, setback.points,
        )  # fmt: skip
        self.tell(event)

    # -- what is changed ----------------------------------------------------------------------

    def keep(self, hold: AuthorizationState) -> AuthorizationState:
        """Set an authorization."""
        if hold.held_minor < 0:
            raise BrokenBooks(f"{self.order_id}: authorization {hold.number} holds less than 0")
        self.holds[hold.tender_id, hold.number] = hold
        return hold

    def keep_part(self, part: CapturePart) -> None:
        """Set a part of a capture."""
        self.parts[part.capture_id, part.number] = part

    def keep_refund_part(self, part: RefundPart) -> None:
        """Set a part of a refund."""
        self.refund_parts[part.refund_id, part.number] = part

    # -- what it comes to ---------------------------------------------------------------------

    def usable(self) -> Iterator[AuthorizationState]:
        """Authorizations that can be captured, in the order in which they are."""
        for hold in self.holds.values():
            if hold.status == Status.AUTHORIZED and not hold.void_reason:
                yield hold

    def method(self, tender_id: str) -> str:
        """How a tender is paid; as a card where it is not known."""
        tender = self.tenders.get(tender_id)
        return tender.method if tender is not None else Method.CARD

    def at_gateway(self, hold: AuthorizationState) -> bool:
        """Whether a gateway has it."""
        if hold.number < 0:
            return True
        return hold.authorization_id != FREE and self.method(hold.tender_id) in GATEWAY_METHODS

    def under_capture(self, hold: AuthorizationState) -> int:
        """What is being taken of it at the moment."""
        return sum(
            part.amount_minor
            for part in self.parts.values()
            if part.authorization_id == hold.authorization_id
            and part.tender_id == hold.tender_id
            and part.status == Progress.UNDER_WAY
        )

    @property
    def held(self) -> int:
        """What can be captured, with what is being captured."""
        held = 0
        for hold in self.holds.values():
            if hold.status == Status.AUTHORIZED and not hold.void_reason:
                held += hold.held_minor
        return held

    @property
    def captured(self) -> int:
        """What is taken, or due; without what the gateway took against our will."""
        if not self.parts:
            return 0
        return sum(
            part.amount_minor
            for part in self.parts.values()
            if part.status == Progress.DONE and not part.unwanted and not part.currency
        )

    @property
    def refunded(self) -> int:
        """What is given back of that."""
        if not self.refund_parts:
            return 0
        return sum(
            one.amount_minor
            for one in self.refund_parts.values()
            if one.status == Progress.DONE
            and not one.currency
            and not self.parts[one.capture_id, one.capture_number].unwanted
        )

    @property
    def taken(self) -> int:
        """What of the total is taken: without what was taken beyond it and given back."""
        return self.captured - self.returned_minor if self.parts else 0

    @property
    def covered(self) -> int:
        """What of the total is held, promised or taken."""
        return self.held + self.taken

    @property
    def total(self) -> int:
        """What the payment is for."""
        return self.agreed_minor if self.agreed_minor >= 0 else self.amount_minor

    @property
    def sought(self) -> bool:
        """Orders has no answer yet."""
        return bool(self.seeking) and self.agreed_minor < 0

    @property
    def status(self) -> PaymentStatus:
        """What the sums come to."""
        held, captured, refunded = self.held, self.captured, self.refunded
        paid, repaid = self._money(captured, refunded) if self.parts else (0, 0)
        return sums.status(
            sums.Sums(
                self.total, held + self.taken, held, captured, refunded, paid, repaid,
                bool(self.void_reason) or self.closing,
                bool(self.refusal) and self.agreed_minor < 0,
                self.sought,
            )
        )  # fmt: skip

    def _money(self, captured: int, refunded: int) -> tuple[int, int]:
        """What is there or was, and what of that is given back."""
        paid, repaid = captured, refunded
        for tender in self.tenders.values():
            if tender.method in PROMISES:
                due, credited = self.of_tender(tender.tender_id)
                paid += tender.received_minor - due
                repaid += self.paid_back(tender.tender_id) - credited
        return paid, repaid

    def paid_back(self, tender_id: str) -> int:
        """Of what came in for a promise, what is given back."""
        return sum(
            one.paid_back_minor
            for one in self.refund_parts.values()
            if one.tender_id == tender_id and one.status == Progress.DONE
        )

    def outstanding(self, tender: TenderState) -> int:
        """Of a promise, what is due and has not come; below 0 for what came beyond it."""
        captured, refunded = self.of_tender(tender.tender_id)
        there = tender.received_minor - self.paid_back(tender.tender_id)
        return captured - refunded - there

    def of_tender(self, tender_id: str) -> tuple[int, int]:
        """What is taken by a tender, and given back."""
        done = Progress.DONE
        return (
            sum(
                part.amount_minor
                for part in self.parts.values()
                if part.tender_id == tender_id and part.status == done
            ),
            sum(
                one.amount_minor
                for one in self.refund_parts.values()
                if one.tender_id == tender_id and one.status == done
            ),
        )

    # -- the end ------------------------------------------------------------------------------

    def close(self) -> PaymentState:
        """The payment as it is to be; the same object where nothing has changed.

        Raises IllegalTransition where the status may not become what the sums come to.
        """
        if self.refund_parts:
            self.returned_minor = sums.returned(
                self.returned_minor, self.captured, self.refunded, self.total
            )
        status = self.status
        if status != self.before.status:
            check(PaymentStatus(self.before.status), status, self.steps)
        changed = self.told != (status, self.captured, self.refunded)
        if changed and self.told[0] and not self.sought:
            net = self.held + self.captured - self.refunded
            covers = net > 0 or status == PaymentStatus.AUTHORIZED
            living = self.agreed_minor >= 0 and not self.void_reason
            self._report(living and covers, "")
        state = self._state(status)
        return self.before if state == self.before else state

    def _state(self, status: PaymentStatus) -> PaymentState:
        tenders = list(self.tenders.values())
        return PaymentState(
            order_id=self.order_id,
            status=status,
            amount_minor=self.amount_minor,
            currency=self.currency,
            method=tenders[0].method,
            token="",
            authorization_id="",
            attempt=self.attempt,
            void_reason=self.void_reason,
            wake_at_ms=self._wake_at_ms(),
            refusal=self.refusal,
            void_attempt=self.void_attempt,
            tenders=tenders,
            authorizations=list(self.holds.values()),
            captures=list(self.captures.values()),
            capture_parts=list(self.parts.values()),
            refunds=list(self.refunds.values()),
            refund_parts=list(self.refund_parts.values()),
            receipts=list(self.receipts.values()),
            revision=self.revision,
            agreed_minor=self.agreed_minor,
            answered=self.answered,
            seeking=self.seeking,
            round=self.round,
            returned_minor=self.returned_minor,
            closing=self.closing,
            capture_attempt=self.capture_attempt,
            refund_attempt=self.refund_attempt,
            told=self.told[0],
            told_captured_minor=self.told[1],
            told_refunded_minor=self.told[2],
            channel=self.channel,
        )

    def _wake_at_ms(self) -> int:
        due = [hold.wake_at_ms for hold in self.holds.values() if hold.wake_at_ms]
        due += [part.wake_at_ms for part in self.parts.values() if part.wake_at_ms]
        due += [part.wake_at_ms for part in self.refund_parts.values() if part.wake_at_ms]
        return min(due, default=0)
