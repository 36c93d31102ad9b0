"""Captures, in parts and per shipment, and authorizations that expire under them."""

from __future__ import annotations

import pytest

from schemas.accounting import PostPayment
from schemas.orders import RecordPayment, Tender
from schemas.payments import (
    AuthorizationRequested,
    CapturePayment,
    CaptureRequested,
    ChangePayment,
    PaymentCaptured,
    PaymentCaptureFailed,
    PaymentCommandRefused,
    PaymentOverdue,
    PaymentReceived,
    PaymentStatus,
    PaymentVoided,
    RecordReceipt,
    Refusal,
    VoidRequested,
)
from streams.payments.model import DAY_MS, MAXIMUM_RENEWALS
from tests.unit.streams.memory import NOW
from tests.unit.streams.till import CARD, GIFT, Till, authorize

INVOICE = Tender("i", "invoice", 0, terms_days=14)


def capture(amount: int, capture_id: str = "s1", *, final: bool = False) -> CapturePayment:
    return CapturePayment("o", capture_id, amount, final)


def receipt(amount: int, receipt_id: str = "r1", **more: str) -> RecordReceipt:
    return RecordReceipt("o", receipt_id, amount, more.pop("currency", "EUR"), **more)


def authorized(*tenders: Tender, expires_at_ms: int = 0) -> Till:
    till = Till(authorize(*tenders))
    if till.every(AuthorizationRequested):
        till.approve(expires_at_ms=expires_at_ms)
    return till


def test_a_capture_takes_what_is_authorized() -> None:
    till = authorized()
    assert till.ask(capture(3000)) == ["CaptureRequested"]
    asked = till.last(CaptureRequested)
    assert (asked.capture_id, asked.idempotency_key) == ("s1/1", "o|capture|s1/1")
    assert (asked.authorization_id, asked.final, asked.inquiry) == ("auth-c1", True, False)
    assert till.captured() == ["PaymentCaptured", "RecordPayment"]
    assert (till.reply.status, till.reply.captured_minor) == (PaymentStatus.PAID, 3000)
    assert till.captured() == []
    assert till.state.wake_at_ms == 0


def test_what_is_taken_is_told_to_accounting_once() -> None:
    till = authorized()
    till.ask(capture(3000))
    till.captured()
    (posted,) = till.every(PostPayment)
    assert (posted.entry_key, posted.kind, posted.amount_minor) == (
        "o|captured|s1/1", "captured", 3000,
    )  # fmt: skip


def test_a_part_paid_order_does_not_count_as_paid() -> None:
    till = authorized()
    till.ask(capture(2999))
    till.captured()
    assert till.reply.status == PaymentStatus.PARTLY_PAID
    till.ask(capture(1, "s2"))
    till.captured()
    assert till.reply.status == PaymentStatus.PAID


def test_a_capture_goes_over_authorizations_in_the_order_in_which_they_were_made() -> None:
    till = Till(authorize(CARD, GIFT))
    till.approve(1200)
    till.approve()
    assert till.ask(capture(2000)) == ["CaptureRequested", "CaptureRequested"]
    asked = till.every(CaptureRequested)
    assert [(one.tender_id, one.amount_minor, one.final) for one in asked] == [
        ("g", 1200, True), ("c", 800, False),
    ]  # fmt: skip
    assert [one.attempt for one in asked] == [1, 2]
    till.captured(asked=asked[1])
    assert till.state.captures[0].status == "under_way"
    till.captured(asked=asked[0])
    assert till.state.captures[0].status == "done"


def test_no_more_is_captured_than_the_order_costs() -> None:
    till = authorized()
    till.ask(ChangePayment("o", 1, 2500))
    assert till.ask(capture(2501)) == ["PaymentCommandRefused"]
    assert till.last(PaymentCommandRefused).reason == Refusal.AMOUNT_TOO_LARGE
    till.ask(capture(2000))
    assert till.ask(capture(501, "s2")) == ["PaymentCommandRefused"]
    assert till.ask(capture(500, "s2")) == ["CaptureRequested"]


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        (capture(0), Refusal.AMOUNT_ZERO),
        (capture(-1), Refusal.AMOUNT_NEGATIVE),
        (capture(5, ""), Refusal.PAYMENT_CONFLICT),
    ],
)
def test_a_capture_that_makes_no_sense_is_refused(command: CapturePayment, reason: str) -> None:
    till = authorized()
    assert till.ask(command) == ["PaymentCommandRefused"]
    assert till.last(PaymentCommandRefused).reason == reason


def test_nothing_is_captured_before_there_is_an_authorization() -> None:
    till = Till(authorize())
    till.ask(capture(3000))
    assert till.last(PaymentCommandRefused).reason == Refusal.NOT_AUTHORIZED


def test_the_same_capture_again_changes_nothing_and_another_sum_is_a_conflict() -> None:
    till = authorized()
    till.ask(capture(1000))
    assert till.ask(capture(1000)) == []
    till.captured()
    assert till.ask(capture(1000)) == []
    assert till.ask(capture(1001)) == ["PaymentCommandRefused"]
    assert till.last(PaymentCommandRefused).request_id == "s1"


def test_a_final_capture_gives_back_the_rest() -> None:
    till = Till(authorize(CARD, GIFT))
    till.approve(1200)
    till.approve()
    till.ask(capture(1000, final=True))
    assert till.last(CaptureRequested).final
    assert till.captured() == ["PaymentCaptured", "PaymentVoided", "VoidRequested", "RecordPayment"]
    assert till.last(PaymentVoided).amount_minor == 200
    assert till.last(VoidRequested).authorization_id == "auth-c1"
    till.voided()
    assert (till.last(PaymentVoided).amount_minor, till.state.wake_at_ms) == (1800, 0)


def test_a_capture_of_an_authorization_with_another_under_way_is_not_final() -> None:
    till = authorized()
    till.ask(capture(1000))
    till.ask(capture(2000, "s2"))
    assert [one.final for one in till.every(CaptureRequested)] == [False, False]


def test_a_capture_without_an_answer_is_looked_up_before_it_is_repeated() -> None:
    till = authorized()
    till.ask(capture(3000))
    assert till.captured("unknown") == []
    assert till.wake() == ["CaptureRequested"]
    asked = till.last(CaptureRequested)
    assert (asked.inquiry, asked.attempt) == (True, 2)
    assert till.captured("not_found") == ["CaptureRequested"]
    again = till.last(CaptureRequested)
    assert (again.inquiry, again.idempotency_key) == (False, asked.idempotency_key)
    assert till.captured("not_found", asked=asked) == []
    assert till.captured() == ["PaymentCaptured", "RecordPayment"]


def test_a_declined_capture_is_told_and_another_may_try() -> None:
    till = authorized()
    till.ask(capture(3000))
    assert till.captured("declined") == ["PaymentCaptureFailed"]
    assert till.last(PaymentCaptureFailed).amount_minor == 3000
    assert till.state.captures[0].status == "failed"
    assert till.ask(capture(3000, "again")) == ["CaptureRequested"]
    assert till.captured() == ["PaymentCaptured", "RecordPayment"]


def test_money_that_was_taken_after_all_goes_back_when_it_was_said_to_have_failed() -> None:
    till = authorized()
    till.ask(capture(1000))
    asked = till.last(CaptureRequested)
    till.captured("declined")
    assert till.captured(asked=asked) == ["PaymentCaptured", "RefundRequested", "RecordPayment"]
    assert till.refunded() == ["PaymentRefunded"]
    assert (till.state.told_captured_minor, till.state.status) == (
        0,
        PaymentStatus.PARTLY_AUTHORIZED,
    )


# -- expiry -----------------------------------------------------------------------------------


def test_an_authorization_past_its_time_is_voided_and_made_anew_before_it_is_captured() -> None:
    till = authorized(expires_at_ms=NOW + 1000)
    till.desk.now += 1000
    assert till.ask(capture(1000)) == ["VoidRequested", "RecordPayment"]
    assert till.voided("expired") == ["PaymentVoided", "AuthorizationRequested"]
    assert till.last(PaymentVoided).reason == Refusal.AUTHORIZATION_EXPIRED
    asked = till.last(AuthorizationRequested)
    assert (asked.amount_minor, asked.idempotency_key) == (3000, "o|c|2")
    assert till.approve() == ["PaymentAuthorized", "CaptureRequested", "RecordPayment"]
    assert till.last(CaptureRequested).authorization_id == "auth-c2"
    till.captured()
    assert till.reply.captured_minor == 1000


def test_an_authorization_that_the_gateway_calls_expired_is_made_anew() -> None:
    till = authorized()
    till.ask(capture(3000))
    assert till.captured("expired") == ["VoidRequested", "RecordPayment"]
    assert till.voided("expired") == ["PaymentVoided", "AuthorizationRequested"]
    till.approve()
    asked = till.last(CaptureRequested)
    assert (asked.capture_id, asked.authorization_id) == ("s1/2", "auth-c2")
    till.captured()
    assert till.reply.status == PaymentStatus.PAID


def test_a_renewal_that_is_declined_fails_the_capture_and_tells_orders() -> None:
    till = authorized()
    till.ask(capture(3000))
    till.captured("expired")
    till.voided("expired")
    assert till.decline() == ["PaymentDeclined", "PaymentCaptureFailed"]
    assert till.last(PaymentCaptureFailed).reason == Refusal.INSUFFICIENT_FUNDS
    assert (till.reply.authorized, till.reply.status) == (False, PaymentStatus.PENDING)
    assert till.state.wake_at_ms == 0


def test_authorizations_that_expire_again_and_again_are_given_up() -> None:
    till = authorized()
    till.ask(capture(3000))
    for _ in range(MAXIMUM_RENEWALS):
        till.captured("expired")
        till.voided("expired")
        till.approve()
    till.captured("expired")
    assert "PaymentCaptureFailed" in till.voided("expired")
    assert till.last(PaymentCaptureFailed).reason == Refusal.AUTHORIZATION_EXPIRED


def test_an_expired_authorization_that_turns_out_to_be_taken_is_not_made_anew() -> None:
    till = authorized(expires_at_ms=NOW + 1000)
    till.desk.now += 1000
    till.ask(capture(3000))
    assert "AuthorizationRequested" not in till.voided("captured")
    assert (till.reply.status, till.reply.captured_minor) == (PaymentStatus.PAID, 3000)


# -- promises ---------------------------------------------------------------------------------


def test_an_invoice_is_due_when_captured_and_paid_when_the_money_is_there() -> None:
    till = authorized(INVOICE)
    assert till.ask(capture(3000)) == ["PaymentCaptured", "RecordPayment"]
    assert till.last(PaymentCaptured).due_at_ms == NOW + 14 * DAY_MS
    assert (till.reply.status, till.reply.captured_minor) == (PaymentStatus.AUTHORIZED, 3000)
    assert till.ask(receipt(1000)) == ["PaymentReceived", "RecordPayment"]
    assert till.reply.status == PaymentStatus.PARTLY_PAID
    assert till.ask(receipt(1000)) == []
    assert till.ask(receipt(2000, "r2")) == ["PaymentReceived", "RecordPayment"]
    assert till.reply.status == PaymentStatus.PAID
    assert [one.kind for one in till.every(PostPayment)] == ["captured", "received", "received"]


def test_an_invoice_that_is_not_paid_in_time_is_told_of() -> None:
    till = authorized(INVOICE)
    till.ask(capture(3000))
    till.ask(receipt(1000))
    assert till.wake() == ["PaymentOverdue"]
    overdue = till.last(PaymentOverdue)
    assert (overdue.amount_minor, till.desk.now) == (2000, NOW + 14 * DAY_MS)
    assert till.state.wake_at_ms == 0


def test_an_invoice_that_is_paid_in_time_is_not_overdue() -> None:
    till = authorized(INVOICE)
    till.ask(capture(3000))
    till.ask(receipt(3000))
    assert till.wake() == []


def test_cash_is_received_for_what_was_delivered() -> None:
    till = authorized(Tender("d", "cash_on_delivery", 0))
    till.ask(capture(3000))
    till.ask(receipt(3000, actor="driver 7", reference="tour 12"))
    told = till.last(PaymentReceived)
    assert (told.method, told.actor, told.reference) == ("cash_on_delivery", "driver 7", "tour 12")


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        (receipt(3001), Refusal.AMOUNT_TOO_LARGE),
        (receipt(0), Refusal.AMOUNT_ZERO),
        (receipt(-1), Refusal.AMOUNT_NEGATIVE),
        (receipt(1, currency="USD"), Refusal.CURRENCY_DIFFERS),
        (receipt(1, tender_id="x"), Refusal.UNKNOWN_TENDER),
        (receipt(1, ""), Refusal.PAYMENT_CONFLICT),
    ],
)
def test_a_receipt_that_makes_no_sense_is_refused(command: RecordReceipt, reason: str) -> None:
    till = authorized(INVOICE)
    till.ask(capture(3000))
    assert till.ask(command) == ["PaymentCommandRefused"]
    assert till.last(PaymentCommandRefused).reason == reason


def test_a_card_needs_no_receipt() -> None:
    till = authorized()
    till.ask(receipt(1))
    assert till.last(PaymentCommandRefused).reason == Refusal.UNKNOWN_TENDER


def test_what_a_channel_was_paid_is_captured_without_a_gateway() -> None:
    till = authorized(Tender("p", "channel", 0, "", 3000, "EUR"))
    assert till.ask(capture(3000)) == ["PaymentCaptured", "RecordPayment"]
    assert till.reply.status == PaymentStatus.PAID
    assert len(till.every(RecordPayment)) == 2
