"""What `millrace payment` says of a payment, and what its commands take when no sum is given."""

from __future__ import annotations

from deploy import payments
from deploy.timeline import words
from schemas.orders import Tender
from schemas.payments import (
    CapturePayment,
    PaymentCaptured,
    PaymentRefunded,
    RecordReceipt,
    RefundPayment,
)
from tests.unit.streams.till import CARD, GIFT, Till, authorize


def shipped() -> Till:
    """Half of an order is taken, by a gift card and a card."""
    till = Till(authorize(CARD, GIFT))
    till.approve(1200)
    till.approve()
    before = len(till.all)
    till.ask(CapturePayment("o", "s1", 1500))
    for send in till.all[before:]:
        if type(send.record).__name__ == "CaptureRequested":
            till.captured(asked=send.record)  # type: ignore[arg-type]
    return till


def test_a_payment_is_told_by_tender_and_without_a_token() -> None:
    told = payments.as_json(shipped().state)
    assert (told["status"], told["held_minor"], told["captured_minor"]) == (
        "partly_paid", 1500, 1500,
    )  # fmt: skip
    assert [(one["tender_id"], one["captured_minor"]) for one in told["tenders"]] == [
        ("c", 300), ("g", 1200),
    ]  # fmt: skip
    assert "4242" not in str(told) and "gift-1" not in str(told)
    assert payments.sums(shipped().state) == (
        "partly_paid, of 30.00 EUR: 15.00 EUR held, 15.00 EUR captured"
    )


def test_without_a_sum_everything_that_is_left_is_taken_or_given_back() -> None:
    till = shipped()
    assert payments.capturable(till.state) == 1500
    till.ask(RefundPayment("o", "r1", 400, "returned"))
    assert payments.refundable(till.state) == 1100


def test_the_same_id_again_means_the_same_sum() -> None:
    till = shipped()
    till.ask(RefundPayment("o", "r1", 400, "returned"))
    assert payments.capturable(till.state, "s1") == 1500
    assert payments.refundable(till.state, "r1") == 400


def test_what_happens_to_money_has_words() -> None:
    till = Till(authorize(Tender("i", "invoice", 0)))
    till.ask(CapturePayment("o", "s1", 3000))
    till.ask(RecordReceipt("o", "b1", 3000, "EUR"))
    till.ask(RefundPayment("o", "r1", 1000, "came_broken"))
    assert words(till.last(PaymentCaptured)) == "30.00 EUR due by invoice, s1"
    assert words(till.last(PaymentRefunded)) == "10.00 EUR refunded by invoice: came broken"
    money = [send.record for send in till.all if send.topic.name == "payments.events"]
    assert all(words(event) for event in money)
