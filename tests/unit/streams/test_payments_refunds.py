"""Refunds, and what a void does to money that is taken."""

from __future__ import annotations

import pytest

from schemas.accounting import PostPayment
from schemas.orders import Tender
from schemas.payments import (
    AuthorizationRequested,
    CapturePayment,
    ChangePayment,
    PaymentCommandRefused,
    PaymentRefunded,
    PaymentRefundFailed,
    PaymentStatus,
    RecordReceipt,
    RefundPayment,
    RefundRequested,
    Refusal,
    VoidPayment,
)
from streams.payments.model import PENDING_PATIENCE_MS
from tests.unit.streams.till import CARD, GIFT, Till, authorize

VOID = VoidPayment("o", "cancelled")


def refund(amount: int, refund_id: str = "r1") -> RefundPayment:
    return RefundPayment("o", refund_id, amount, "returned")


def captured(*tenders: Tender, amounts: tuple[int, ...] = (3000,)) -> Till:
    till = Till(authorize(*tenders))
    while till.state.seeking:
        gift = till.last(AuthorizationRequested).method == "gift_card"
        till.approve(1200 if gift else None)
    for number, amount in enumerate(amounts):
        before = len(till.all)
        till.ask(CapturePayment("o", f"s{number}", amount))
        for send in till.all[before:]:
            if type(send.record).__name__ == "CaptureRequested":
                till.captured(asked=send.record)  # type: ignore[arg-type]
    return till


def test_a_refund_gives_back_a_part_and_then_the_rest() -> None:
    till = captured()
    assert till.ask(refund(1000)) == ["RefundRequested"]
    asked = till.last(RefundRequested)
    assert (asked.refund_id, asked.capture_id) == ("r1/1", "s0/1")
    assert asked.idempotency_key == "o|refund|r1/1"
    assert till.refunded() == ["PaymentRefunded", "RecordPayment"]
    assert (till.reply.status, till.reply.refunded_minor) == (PaymentStatus.PARTLY_REFUNDED, 1000)
    till.ask(refund(2000, "r2"))
    till.refunded()
    assert till.reply.status == PaymentStatus.REFUNDED
    assert [one.kind for one in till.every(PostPayment)] == ["captured", "refunded", "refunded"]


def test_a_refund_begins_with_the_latest_capture() -> None:
    till = captured(CARD, GIFT, amounts=(2000, 1000))
    till.ask(refund(1900))
    asked = till.every(RefundRequested)
    assert [(one.tender_id, one.capture_id, one.amount_minor) for one in asked] == [
        ("c", "s1/1", 1000), ("c", "s0/2", 800), ("g", "s0/1", 100),
    ]  # fmt: skip


def test_no_more_is_refunded_than_was_taken() -> None:
    till = captured(amounts=(2000,))
    till.ask(refund(1500))
    assert till.ask(refund(501, "r2")) == ["PaymentCommandRefused"]
    assert till.last(PaymentCommandRefused).reason == Refusal.AMOUNT_TOO_LARGE
    assert till.ask(refund(500, "r2")) == ["RefundRequested"]


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        (refund(0), Refusal.AMOUNT_ZERO),
        (refund(-1), Refusal.AMOUNT_NEGATIVE),
        (refund(1, "@void"), Refusal.PAYMENT_CONFLICT),
    ],
)
def test_a_refund_that_makes_no_sense_is_refused(command: RefundPayment, reason: str) -> None:
    till = captured()
    assert till.ask(command) == ["PaymentCommandRefused"]
    assert till.last(PaymentCommandRefused).reason == reason


def test_what_is_only_authorized_is_not_refunded() -> None:
    till = captured(amounts=())
    till.ask(refund(1000))
    assert till.last(PaymentCommandRefused).reason == Refusal.NOT_CAPTURED


def test_the_same_refund_again_changes_nothing_and_another_sum_is_a_conflict() -> None:
    till = captured()
    till.ask(refund(1000))
    assert till.ask(refund(1000)) == []
    assert till.refunded() == ["PaymentRefunded", "RecordPayment"]
    assert till.ask(refund(1000)) == []
    assert till.ask(refund(999)) == ["PaymentCommandRefused"]


def test_a_pending_refund_is_looked_up_until_it_is_done() -> None:
    till = captured()
    till.ask(refund(3000))
    assert till.refunded("pending") == []
    assert till.state.wake_at_ms == till.desk.now + PENDING_PATIENCE_MS
    assert till.wake() == ["RefundRequested"]
    assert till.last(RefundRequested).inquiry
    assert till.refunded("pending") == []
    assert till.refunded() == ["PaymentRefunded", "RecordPayment"]
    assert till.state.wake_at_ms == 0


def test_a_refund_that_a_gateway_tells_of_by_itself_counts() -> None:
    till = captured()
    till.ask(refund(3000))
    first = till.last(RefundRequested)
    till.refunded("pending")
    till.wake()
    assert till.refunded(asked=first) == ["PaymentRefunded", "RecordPayment"]
    assert till.refunded() == []


def test_a_declined_refund_is_told_stays_visible_and_another_may_try() -> None:
    till = captured()
    till.ask(refund(1000))
    assert till.refunded("declined") == ["PaymentRefundFailed"]
    assert till.last(PaymentRefundFailed).amount_minor == 1000
    assert till.state.refunds[0].status == "failed"
    assert till.ask(refund(3000, "r2")) == ["RefundRequested"]


def test_a_refund_without_an_answer_is_looked_up_before_it_is_repeated() -> None:
    till = captured()
    till.ask(refund(1000))
    till.refunded("unknown")
    till.wake()
    assert till.refunded("not_found") == ["RefundRequested"]
    again = till.last(RefundRequested)
    assert (again.inquiry, again.idempotency_key) == (False, "o|refund|r1/1")


def test_what_is_given_back_in_goodwill_is_not_collected_again() -> None:
    till = captured()
    till.ask(refund(500))
    till.refunded()
    till.ask(ChangePayment("o", 1, 3200))
    assert till.last(AuthorizationRequested).amount_minor == 200


def test_what_is_given_back_because_the_order_costs_less_is_collected_when_it_costs_more() -> None:
    till = captured()
    till.ask(ChangePayment("o", 1, 2500))
    till.ask(refund(500))
    till.refunded()
    till.ask(ChangePayment("o", 2, 3000))
    assert till.last(AuthorizationRequested).amount_minor == 500


def test_a_refund_of_what_a_channel_was_paid_is_an_event_for_the_channel() -> None:
    till = captured(Tender("p", "channel", 0, "", 3000, "EUR"))
    assert till.ask(refund(1000)) == ["PaymentRefunded", "RecordPayment"]
    assert till.last(PaymentRefunded).method == "channel"


def test_an_invoice_is_first_owed_less_and_then_paid_back() -> None:
    till = captured(Tender("i", "invoice", 0))
    till.ask(RecordReceipt("o", "b1", 2000, "EUR"))
    till.ask(refund(1500))
    told = till.last(PaymentRefunded)
    assert (told.amount_minor, told.paid_back_minor) == (1500, 500)
    posted = [(one.kind, one.amount_minor) for one in till.every(PostPayment)]
    assert posted == [("captured", 3000), ("received", 2000), ("refunded", 500)]


def test_a_void_gives_back_what_is_held_and_refunds_what_is_taken() -> None:
    till = captured(amounts=(1000,))
    assert till.ask(VOID) == ["VoidRequested", "RefundRequested"]
    assert till.last(RefundRequested).amount_minor == 1000
    assert till.voided() == ["PaymentVoided"]
    assert till.refunded() == ["PaymentRefunded", "RecordPayment"]
    assert (till.reply.status, till.state.wake_at_ms) == (PaymentStatus.REFUNDED, 0)
    assert till.ask(VOID) == []


def test_a_void_while_money_is_being_taken_waits_for_the_answer() -> None:
    till = captured(amounts=())
    till.ask(CapturePayment("o", "s1", 1000))
    assert till.ask(VOID) == ["RecordPayment"]
    assert till.captured() == [
        "PaymentCaptured", "VoidRequested", "RefundRequested", "RecordPayment",
    ]  # fmt: skip


def test_a_refund_of_a_void_that_is_declined_is_left_to_people() -> None:
    till = captured()
    till.ask(VOID)
    assert till.refunded("declined") == ["PaymentRefundFailed"]
    assert till.ask(VOID) == []
    assert till.ask(refund(3000)) == ["RefundRequested"]
