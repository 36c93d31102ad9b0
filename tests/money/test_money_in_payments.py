"""The payments room takes and gives back, tender by tender, what orders.toml has worked out."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from schemas import money
from schemas.messages import Send
from schemas.orders import PlaceOrder, RecordPayment
from schemas.payments import (
    AuthorizePayment,
    CapturePayment,
    PaymentCaptured,
    PaymentCommandRefused,
    PaymentRefunded,
    PaymentStatus,
    RecordReceipt,
    RefundPayment,
)
from schemas.records import Record
from schemas.totals import recomputed_total
from streams.payments.agent import PaymentsRoom
from tests.money.gateway import answer
from tests.money.written import NAMES, WRITTEN, minors, placed
from tests.unit.streams.memory import Desk

PROMISED = ("invoice", "cash_on_delivery")


class Books:
    """The payments room with its gateway, and what has gone to and from each tender."""

    def __init__(self) -> None:
        self.desk = Desk(PaymentsRoom())
        self.captured: Counter[str] = Counter()
        self.refunded: Counter[str] = Counter()
        self.status = ""

    def ask(self, command: Record) -> None:
        """Let the room decide, and the gateway answer until there is nothing more to say."""
        waiting = [command]
        while waiting:
            for send in self.desk.ask("json-M", waiting.pop(0)):
                self._note(send)
                if (said := answer(send.record)) is not None:
                    waiting.append(said)

    def _note(self, send: Send) -> None:
        match send.record:
            case PaymentCaptured(tender_id=tender_id, amount_minor=amount_minor):
                self.captured[tender_id] += amount_minor
            case PaymentRefunded(tender_id=tender_id, amount_minor=amount_minor):
                self.refunded[tender_id] += amount_minor
            case RecordPayment(status=status):
                self.status = status
            case PaymentCommandRefused() as refused:
                raise AssertionError(refused)


def authorized(command: PlaceOrder) -> Books:
    """The books of an order whose total is covered."""
    books = Books()
    books.ask(
        AuthorizePayment(
            command.order_id,
            recomputed_total(command),
            command.currency,
            command.payment_method,
            command.payment_token,
            command.paid_minor,
            command.paid_currency,
            command.tenders,
            command.channel,
        )
    )
    assert books.status == PaymentStatus.AUTHORIZED
    return books


def captured(order: dict[str, Any], command: PlaceOrder) -> Books:
    """The books of an order that has been shipped, its promised money received."""
    books = authorized(command)
    for number, turn in enumerate(order["shipments"], 1):
        before = books.captured.total()
        (amount,) = minors([turn["captured"]], command.currency)
        final = number == len(order["shipments"])
        if amount:
            books.ask(CapturePayment(command.order_id, f"shipment-{number}", amount, final))
        assert books.captured.total() - before == amount
    for tender in command.tenders:
        if tender.method in PROMISED:
            due = books.captured[tender.tender_id]
            books.ask(RecordReceipt(command.order_id, "receipt-1", due, command.currency))
    return books


@pytest.mark.parametrize("order", WRITTEN, ids=NAMES)
def test_each_tender_pays_its_part_and_has_it_back(order: dict[str, Any]) -> None:
    command = placed(order["given"])
    total = recomputed_total(command)
    books = captured(order, command)
    tenders = order["sums"].get("tenders", {})
    written = {
        tender_id: money.minor(amount, command.currency, tender_id)
        for tender_id, amount in tenders.items()
    }
    assert books.captured == Counter(written or {"1": total})
    for number, turn in enumerate(order["refunds"], 1):
        before = books.refunded.total()
        (amount,) = minors([turn["given_back"]], command.currency)
        if amount:
            assert books.status in (PaymentStatus.PAID, PaymentStatus.PARTLY_REFUNDED)
            books.ask(RefundPayment(command.order_id, f"refund-{number}", amount, "returned"))
        assert books.refunded.total() - before == amount
    assert books.refunded == books.captured
    assert books.status == (PaymentStatus.REFUNDED if total else PaymentStatus.AUTHORIZED)
