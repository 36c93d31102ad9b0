"""A staff form becomes an order once it is placed, and says who gave what off, and why."""

from __future__ import annotations

import json
from typing import Any

import pytest

from connectors.channels import people
from connectors.channels.call_centre import CallCentre
from connectors.channels.mapping import Mapped, Rejected
from schemas.customers import Personalisation
from schemas.orders import CancelOrder, Discount, PlaceOrder, Tender
from schemas.totals import recomputed_total

NOW = 1_709_300_000_000


def form(**changes: Any) -> dict[str, Any]:
    return {
        "external_id": "CC-1",
        "status": "placed",
        "agent_id": "agent-7",
        "placed_at": "2024-03-01T11:00:00Z",
        "currency": "EUR",
        "customer": {"id": "C-9", "name": "Ada Example", "email": "ada@example.org"},
        "lines": [
            {
                "sku": "MUG",
                "quantity": 2,
                "unit_price": "10.00",
                "price_override": {"unit_price": "9.00", "reason": "price_match"},
            },
            {
                "sku": "CUP",
                "quantity": 1,
                "unit_price": "5.00",
                "discount": "1.00",
                "discount_reason": "damaged",
            },
        ],
        "discount": "2.00",
        "discount_reason": "goodwill",
        "shipping": "4.50",
        "shipping_method": "express",
        "delivery": "ship",
        "ship_to": {"name": "Ada Example", "line1": "Weg 1", "city": "Bremen", "country": "DE"},
        "payment": {"method": "card", "token": "tok_1"},
        "note": "ring twice",
        "gift_message": "Happy birthday",
        "purchase_order_number": "PO-5",
        "total": "24.50",
        **changes,
    }


def one(value: object) -> Mapped:
    (result,) = CallCentre().orders(json.dumps(value).encode(), "", "raw-1", NOW)
    return result


def placed(**changes: Any) -> PlaceOrder:
    order = one(form(**changes))
    assert isinstance(order, PlaceOrder), order
    return order


def fault(result: Mapped) -> tuple[str, str, str]:
    assert isinstance(result, Rejected), result
    return result.reason, result.field, result.external_id


def test_a_placed_form_comes_to_what_the_agent_told_the_customer() -> None:
    order = placed()
    assert order.order_id == "call-centre-CC-1"
    assert recomputed_total(order) == order.total_minor == 2450
    assert (order.shipping_method, order.purchase_order_number) == ("express", "PO-5")


def test_what_is_given_off_says_why_and_by_whom() -> None:
    order = placed()
    assert [line.unit_price_minor for line in order.lines] == [1000, 500]
    assert order.discounts == [
        Discount("goodwill/agent-7", 200),
        Discount("price_match/agent-7", 200, "1"),
        Discount("damaged/agent-7", 100, "2"),
    ]


def test_an_override_above_the_listed_price_takes_its_place() -> None:
    override = {"unit_price": "12.00", "reason": "engraving", "agent_id": "boss"}
    line = {"sku": "MUG", "quantity": 1, "unit_price": "10.00", "price_override": override}
    order = placed(lines=[line], discount=None, shipping=None, total="12.00")
    assert order.lines[0].unit_price_minor == recomputed_total(order) == 1200
    assert order.discounts == []


def test_the_note_and_the_gift_message_are_personal() -> None:
    personal = people.read(placed())
    assert personal.note == "ring twice"
    assert personal.personalisation == [Personalisation("", "gift_message", "Happy birthday")]
    assert personal.contact.channel_customer_id == "C-9"


@pytest.mark.parametrize(
    ("payment", "tender"),
    [
        (
            {"method": "invoice", "terms_days": 30},
            Tender("1", "invoice", 0, terms_days=30),
        ),
        ({"method": "cash_on_delivery"}, Tender("1", "cash_on_delivery", 0)),
    ],
)
def test_what_is_paid_later_is_promised(payment: dict[str, Any], tender: Tender) -> None:
    order = placed(payment=payment)
    assert (order.payment_method, order.paid_minor, order.tenders) == (tender.method, 0, [tender])


def test_a_payment_link_counts_once_it_is_paid() -> None:
    link = {"method": "payment_link", "status": "paid", "paid": "24.50"}
    order = placed(payment=link)
    assert (order.payment_method, order.paid_minor, order.paid_currency) == ("channel", 2450, "EUR")
    for status in ("pending", "expired"):
        waiting = one(form(payment={"method": "payment_link", "status": status}))
        assert fault(waiting) == ("not_ready", "payment.status", "CC-1")


@pytest.mark.parametrize("status", ["draft", "quote"])
def test_a_draft_and_a_quote_wait(status: str) -> None:
    assert fault(one({"external_id": "CC-1", "agent_id": "a", "status": status})) == (
        "not_ready",
        "status",
        "CC-1",
    )


def test_a_cancellation_names_the_agent() -> None:
    value = {"external_id": "CC-1", "agent_id": "agent-7", "status": "cancelled"}
    assert one(value) == CancelOrder(
        "call-centre-CC-1", "cancelled at the channel", NOW, actor="agent-7"
    )


def test_a_pick_up_sends_every_line_to_the_store() -> None:
    order = placed(delivery="pickup", pickup_location_id="store-1", ship_to=None)
    assert {line.pickup_location_id for line in order.lines} == {"store-1"}


@pytest.mark.parametrize(
    ("changes", "reason", "field"),
    [
        ({"agent_id": None}, "missing_field", "agent_id"),
        ({"status": "open"}, "wrong_type", "status"),
        ({"customer": None}, "missing_field", "customer"),
        ({"customer": {"email": ""}}, "missing_field", "customer"),
        ({"discount_reason": None}, "missing_field", "discount_reason"),
        ({"discount_reason": "Mrs Smith asked"}, "wrong_type", "discount_reason"),
        ({"delivery": None}, "missing_field", "delivery"),
        ({"delivery": "pickup"}, "missing_field", "pickup_location_id"),
        ({"ship_to": None}, "missing_field", "ship_to"),
        ({"payment": {"method": "cheque"}}, "wrong_type", "payment.method"),
        ({"payment": {"method": "card"}}, "missing_field", "payment.token"),
        (
            {"payment": {"method": "invoice", "terms_days": "soon"}},
            "invalid_quantity",
            "payment.terms_days",
        ),
        ({"payment": None}, "missing_field", "payment"),
        ({"lines": []}, "missing_field", "lines"),
        (
            {"lines": [{"sku": "MUG", "quantity": "1.5", "unit_price": "1"}]},
            "invalid_quantity",
            "lines[0].quantity",
        ),
        (
            {"lines": [{"sku": "A", "quantity": 1, "unit_price": "1", "price_override": 5}]},
            "wrong_type",
            "lines[0].price_override",
        ),
    ],
)
def test_a_fault_is_named_by_its_field(changes: dict[str, Any], reason: str, field: str) -> None:
    known = "CC-1"
    assert fault(one(form(**changes))) == (reason, field, known)


def test_what_is_no_form_is_unreadable() -> None:
    for value in ({"hello": 1}, 7):
        assert fault(one(value))[0] == "unreadable"
