"""The auditor on changes, holds, captures and refunds: every rule finds its breach."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from schemas import codec
from schemas.messages import Send
from schemas.orders import OrderHeld, OrderRefused, OrderState
from schemas.topics import ORDERS_EVENTS
from streams.orders.chain import sealed
from tests.chaos.auditor import Contract
from tests.chaos.changes import BY_HAND
from tests.chaos.ledger import Event
from tests.chaos.rules import audit
from tests.unit.test_auditor import Log, event, log, money, placed, released, rules


def amended(difference: int, total: int, *lines: str, revision: int = 1) -> Event:
    return event(
        "OrderAmended",
        order_id="o1",
        revision=revision,
        lines=[{"line_id": line, "sku": "a", "quantity": 3} for line in lines],
        total_minor=total,
        difference_minor=difference,
    )


def shipped(status: str = "shipped", name: str = "s-1") -> Event:
    return event(
        "OrderShipped", order_id="o1", shipment_id=name, fulfillment_status=status, lines=[]
    )


def captured(amount: int = 3000, name: str = "s-1", authorization_id: str = "auth-1") -> Event:
    return event(
        "PaymentCaptured", order_id="o1", capture_id=name, part=1, amount_minor=amount,
        authorization_id=authorization_id, currency="EUR",
    )  # fmt: skip


def refunded(amount: int, name: str = "r-1") -> Event:
    return event(
        "PaymentRefunded", order_id="o1", refund_id=name, part=1, amount_minor=amount,
        authorization_id="auth-1", currency="EUR",
    )  # fmt: skip


def told(amount: int, name: str = "back-1") -> Event:
    return event(
        "OrderRefunded", order_id="o1", refund_id=name, amount_minor=amount, currency="EUR"
    )


def billed(name: str, **fields: Any) -> Event:
    told = {"legal_entity": "default", "document_key": "o1/s-1", "order_id": "o1", **fields}
    return Event("accounting.events", 0, 0, "default", name, told)


def invoiced(number: str) -> Event:
    line = {"net_minor": 3000, "tax_minor": 0}
    return billed("InvoiceIssued", number=number, currency="EUR", lines=[line], total_minor=3000)


def hold(name: str, hold_id: str = "h-1") -> Event:
    return Event("orders.events", 0, 0, "o1", name, {"order_id": "o1", "hold_id": hold_id})


def one_line_less() -> Log:
    """Shipped in full after a line was cancelled; what was authorized for it is given back."""
    return [
        *log(),
        amended(-1000, 2000, "1"),
        released("2", 3),
        shipped(),
        captured(2000),
        money("PaymentVoided", 1000),
    ]


def held_and_shipped() -> Log:
    whole = log()
    at = next(number for number, one in enumerate(whole) if one.name == "OrderReleased")
    around = [hold("OrderHeld"), hold("HoldEnded")]
    gift = refunded(300, f"{BY_HAND}-1")
    return [*whole[:at], *around, *whole[at:], shipped(), captured(), gift]


def taken_back() -> Log:
    """Cancelled, although the gateway had taken the money already."""
    undone = [event("OrderCancelled", order_id="o1"), released("1", 3), released("2", 0)]
    gone = event("FulfillmentCancelled", order_id="o1")
    return [*log(), captured(), *undone, refunded(3000, "@void"), gone]


def shipped_and_given_back() -> Log:
    """A refund by line, of which the order tells; the total stays what it was."""
    return [*log(), shipped(), captured(), told(1000), refunded(1000, "back-1")]


@pytest.mark.parametrize(
    "whole", [one_line_less, held_and_shipped, taken_back, shipped_and_given_back]
)
def test_what_adds_up_breaks_no_rule(whole: Callable[[], Log]) -> None:
    assert without_bills(rules(audit(whole()))) == set()


def test_what_is_authorized_for_more_may_wait_for_its_capture() -> None:
    assert rules(audit([*log(), amended(-1000, 2000, "1"), released("2", 3)])) == set()


def without_bills(found: set[str]) -> set[str]:
    """Logs of payments alone have no invoices."""
    return found - {"billed_as_captured"}


def document(number: str, name: str = "InvoiceIssued", total: int = 1190) -> Event:
    fields = {
        "legal_entity": "default", "number": number, "order_id": "o1", "currency": "EUR",
        "lines": [{"net_minor": 1000, "tax_minor": 190}], "total_minor": total,
    }  # fmt: skip
    return Event("accounting.events", 0, 0, "default", name, fields)


def entry(number: int, credit: int = 1190) -> Event:
    postings = [
        {"debit_minor": 1190, "credit_minor": 0},
        {"debit_minor": 0, "credit_minor": credit},
    ]
    fields = {
        "legal_entity": "default", "number": number, "entry_id": str(number), "postings": postings,
    }  # fmt: skip
    return Event("accounting.journal", 0, 0, "default", "JournalEntry", fields)


def books() -> Log:
    """Two invoices and a credit note, each with its entry."""
    return [
        *(document(f"INV-00{number}") for number in (1, 2)),
        document("CN-001", "CreditNoteIssued"),
        *(entry(number) for number in (1, 2, 3)),
    ]


BREACHES: dict[str, tuple[str, Callable[[], Log]]] = {
    "captured beyond the authorization": (
        "captured_as_authorized",
        lambda: [*log(), captured(3001)],
    ),
    "captured from nobody": (
        "captured_as_authorized",
        lambda: [*log(), captured(1, authorization_id="auth-9")],
    ),
    "captured twice": ("once", lambda: [*log(), captured(1000), captured(1000)]),
    "refunded beyond the capture": (
        "refunded_as_captured",
        lambda: [*log(), captured(1000), refunded(1001)],
    ),
    "voided beyond what is held": (
        "voided_as_authorized",
        lambda: [*log(), captured(1000), money("PaymentVoided")],
    ),
    "refunded although nothing was cancelled": (
        "money_nets",
        lambda: [*log(), captured(3000), refunded(1000)],
    ),
    "given back less than was told": (
        "refunded_as_told",
        lambda: [*log(), shipped(), captured(), told(1000), refunded(999, "back-1")],
    ),
    "given back more than was told": (
        "refunded_as_told",
        lambda: [*log(), shipped(), captured(), told(1000), refunded(1001, "back-1")],
    ),
    "billed twice": ("once", lambda: [*log(), invoiced("INV-1"), invoiced("INV-2")]),
    "refused to be billed": (
        "documents_add_up",
        lambda: [*log(), billed("DocumentRefused", reason="sum_differs")],
    ),
    "told to be given back twice": (
        "once",
        lambda: [*shipped_and_given_back(), told(1000)],
    ),
    "given back after its end": (
        "one_outcome",
        lambda: [*taken_back(), told(1)],
    ),
    "kept after the end": (
        "money_nets",
        lambda: [one for one in taken_back() if one.name != "PaymentRefunded"],
    ),
    "more than the total without a reason": (
        "money_nets",
        lambda: [*log(), amended(1000, 4000, "1", "2")],
    ),
    "shipped and not taken": ("shipped_is_paid", lambda: [*log(), shipped()]),
    "shipped and the rest kept": (
        "shipped_is_paid",
        lambda: [one for one in one_line_less() if one.name != "PaymentVoided"],
    ),
    "a difference that is none": (
        "amended_by_the_difference",
        lambda: [*log(), amended(-999, 2000, "1"), released("2", 3)],
    ),
    "released while held": (
        "held_is_not_released",
        lambda: [one for one in held_and_shipped() if one.name != "HoldEnded"],
    ),
    "ended and never held": (
        "held_before_it_ends",
        lambda: [one for one in held_and_shipped() if one.name != "OrderHeld"],
    ),
    "held twice": ("once", lambda: [placed(), hold("OrderHeld"), hold("OrderHeld")]),
    "shipped after its end": ("one_outcome", lambda: [*taken_back(), shipped()]),
    "held after its release": ("one_outcome", lambda: [*log(), hold("OrderHeld")]),
    "an invoice that is missing": ("numbers_without_gap", lambda: books()[1:]),
    "an invoice with another's number": (
        "numbers_without_gap",
        lambda: [*books(), document("INV-002")],
    ),
    "an entry that is missing": ("numbers_without_gap", lambda: [*books()[:3], entry(2)]),
    "an entry that does not balance": ("journal_balances", lambda: [*books(), entry(4, 1189)]),
    "an invoice that does not add up": (
        "documents_add_up",
        lambda: [*books(), document("INV-003", total=1191)],
    ),
    "captured and not invoiced": ("billed_as_captured", lambda: [*log(), captured()]),
    "invoiced and not captured": ("billed_as_captured", lambda: [*log(), document("INV-1")]),
    "a removed line that is still reserved": (
        "reserved_as_ordered",
        lambda: [one for one in one_line_less() if one.name != "StockReleased"],
    ),
}


@pytest.mark.parametrize("breach", BREACHES)
def test_a_breach_is_found(breach: str) -> None:
    rule, make = BREACHES[breach]
    assert rule in rules(audit(make()))


def chained() -> Log:
    """Three events of one order, as the room chains them and the contract reads them."""
    state = codec.decode(codec.encode(_state()))
    assert isinstance(state, OrderState)
    contract, written = Contract(), []
    for number in range(3):
        made = OrderHeld("o1", f"h-{number}", "manual", "", 0, "release", "Größe 7", "staff", 5)
        last = OrderRefused("o1", "", "policy", 6)
        send = Send(ORDERS_EVENTS, "o1", last if number == 2 else made)
        state, sends = sealed(state, [send])
        name, fields = contract.decode(codec.encode(sends[0].record))
        written.append(Event("orders.events", 0, number, "o1", name, fields))
    return written


def _state() -> OrderState:
    return OrderState(
        "o1", "held", 1, 1, 0, "EUR", 0, "card", "", 0, "", "", "", 0.0, 0.0, False, [], "", "",
        "", 0, 0,
    )  # fmt: skip


def changed(one: Event, **fields: Any) -> Event:
    return one._replace(fields={**one.fields, **fields})


def test_the_chain_can_be_recomputed_from_the_bytes() -> None:
    assert "chained" not in rules(audit(chained()))


def test_a_chain_with_a_changed_a_missing_or_a_doubled_event_is_found() -> None:
    one, two, three = chained()
    for broken in (
        [one, changed(two, reason="Größe 8"), three],
        [one, three],
        [one, two, two, three],
        [two, three],
        [changed(one, digest=b"\0" * 32), two, three],
    ):
        assert "chained" in rules(audit(broken))


def test_an_order_may_wait_for_a_person_when_the_rules_of_routing_say_why() -> None:
    def routing(reason: str) -> Event:
        told = {"order_id": "o1", "hold_id": "routing/1", "kind": "routing", "reason": reason}
        return Event("orders.events", 0, 0, "o1", "OrderHeld", told)

    waits = audit([placed(), routing("no stock of SKU-1")])
    assert (waits.violations, waits.waiting) == (0, 1)
    assert {one.rule for one in audit([placed(), routing("")]).broken} == {"waits_with_a_reason"}
    ended = [placed(), routing("no stock of SKU-1"), hold("HoldEnded", "routing/1")]
    assert {one.rule for one in audit(ended).broken} == {"one_outcome"}
