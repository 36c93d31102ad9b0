"""A payments room with a gateway that a test plays, for the tests of the payments room."""

from __future__ import annotations

from typing import TypeVar

from schemas.messages import Send
from schemas.orders import RecordPayment, Tender
from schemas.payments import (
    AuthorizationRequested,
    AuthorizePayment,
    CaptureRequested,
    PaymentState,
    RecordAuthorization,
    RecordCapture,
    RecordRefund,
    RecordVoid,
    RefundRequested,
    VoidRequested,
)
from schemas.records import Record
from streams.payments.agent import PaymentsRoom
from tests.unit.streams.memory import Desk

R = TypeVar("R", bound=Record)

CARD = Tender("c", "card", 0, "4242")
GIFT = Tender("g", "gift_card", 0, "gift-1")


def authorize(
    *tenders: Tender, amount: int = 3000, revision: int = 0, channel: str = "shop"
) -> AuthorizePayment:
    """The wish of orders."""
    return AuthorizePayment(
        "o", amount, "EUR", "", "", 0, "", list(tenders) or [CARD], channel, "", "DE", revision
    )


class Till:
    """One order's payment."""

    def __init__(self, *commands: Record) -> None:
        self.desk = Desk(PaymentsRoom())
        self.sends: list[Send] = []
        self.all: list[Send] = []
        for command in commands:
            self.ask(command)

    def ask(self, command: Record) -> list[str]:
        """The names of what the room writes, without what accounting is told."""
        return self._took(self.desk.ask("o", command))

    def wake(self) -> list[str]:
        """Let the next timer come."""
        return self._took(self.desk.wake("o", self.state.wake_at_ms - self.desk.now))

    def _took(self, sends: list[Send]) -> list[str]:
        self.sends = sends
        self.all += sends
        names = [type(send.record).__name__ for send in sends]
        return [name for name in names if name != "PostPayment"]

    @property
    def state(self) -> PaymentState:
        """The payment."""
        return self.desk.state("o", PaymentState)

    def last(self, kind: type[R]) -> R:
        """The latest record of a kind."""
        return next(send.record for send in reversed(self.all) if isinstance(send.record, kind))

    def every(self, kind: type[R]) -> list[R]:
        """All records of a kind."""
        return [send.record for send in self.all if isinstance(send.record, kind)]

    @property
    def reply(self) -> RecordPayment:
        """What orders was told last."""
        return self.last(RecordPayment)

    # -- the gateway --------------------------------------------------------------------------

    def approve(self, amount: int | None = None, expires_at_ms: int = 0) -> list[str]:
        """The gateway holds what it was asked for last, or another amount."""
        asked = self.last(AuthorizationRequested)
        held = asked.amount_minor if amount is None else amount
        return self.ask(
            RecordAuthorization(
                "o", "approved", f"auth-{asked.tender_id}{asked.number}", held, "EUR", "",
                asked.attempt, asked.tender_id, expires_at_ms, asked.number,
            )
        )  # fmt: skip

    def decline(self, reason: str = "insufficient_funds") -> list[str]:
        """The gateway declines what it was asked for last."""
        asked = self.last(AuthorizationRequested)
        return self.ask(
            RecordAuthorization(
                "o", "declined", "", 0, "EUR", reason, asked.attempt, asked.tender_id,
                number=asked.number,
            )
        )  # fmt: skip

    def captured(
        self, outcome: str = "captured", asked: CaptureRequested | None = None
    ) -> list[str]:
        """What the gateway says of a capture, the last one if none is named."""
        asked = asked or self.last(CaptureRequested)
        amount = asked.amount_minor if outcome == "captured" else 0
        return self.ask(
            RecordCapture(
                "o", asked.tender_id, asked.capture_id, outcome, amount, "EUR", "", asked.attempt
            )
        )

    def refunded(
        self, outcome: str = "refunded", asked: RefundRequested | None = None
    ) -> list[str]:
        """What the gateway says of a refund, the last one if none is named."""
        asked = asked or self.last(RefundRequested)
        amount = asked.amount_minor if outcome == "refunded" else 0
        return self.ask(
            RecordRefund(
                "o", asked.tender_id, asked.refund_id, outcome, amount, "EUR", "", asked.attempt
            )
        )

    def voided(self, outcome: str = "voided") -> list[str]:
        """What the gateway says of the last void."""
        asked = self.last(VoidRequested)
        return self.ask(RecordVoid("o", outcome, asked.authorization_id))
