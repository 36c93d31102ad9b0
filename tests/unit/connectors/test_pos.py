"""A receipt becomes an order where something is to be sent, and is told apart where nothing is."""

from __future__ import annotations

import json
from typing import Any

import pytest

from connectors.channels.mapping import Mapped, Rejected
from connectors.channels.pos import PointOfSale
from schemas.orders import CancelOrder, LineKind, PlaceOrder
from schemas.totals import recomputed_total

NOW = 1_709_300_000_000
ID = "BER-1:T2:2024-03-01:0042"


def sold(kind: str, sku: str | None = "MUG", **changes: Any) -> dict[str, Any]:
    return {"type": kind, "sku": sku, "quantity": 1, "unit_price": "10.00", **changes}


def receipt(**changes: Any) -> dict[str, Any]:
    return {
        "store": "BER-1",
        "till": "T2",
        "business_day": "2024-03-01",
        "receipt_number": "0042",
        "sold_at": "2024-03-01T12:00:00+01:00",
        "currency": "EUR",
        "lines": [sold("carry"), sold("return", "CAP"), sold("send", "SOFA", tax_rate="19")],
        "shipping": "5.00",
        "prices_include_tax": True,
        "tenders": [
            {"method": "cash", "amount": "20.00"},
            {"method": "gift_card", "amount": "1.00"},
        ],
        "change": "6.00",
        "returned": "10.00",
        "total": "25.00",
        "ship_to": {"name": "Ada Example", "city": "Berlin", "country": "DE"},
        **changes,
    }


def read(value: object) -> list[Mapped]:
    return PointOfSale().orders(json.dumps(value).encode(), "", "raw-1", NOW)


def fault(value: object) -> tuple[str, str, str]:
    (result,) = read(value)
    assert isinstance(result, Rejected), result
    return result.reason, result.field, result.external_id


def test_a_send_sale_is_one_order_with_the_total_of_its_receipt() -> None:
    (order,) = read(receipt())
    assert isinstance(order, PlaceOrder)
    assert (order.order_id, order.external_id) == (f"pos-{ID}", ID)
    assert recomputed_total(order) == order.total_minor == 2500
    assert [(line.line_id, line.sku, line.kind) for line in order.lines] == [
        ("1", "MUG", LineKind.CUSTOM),
        ("3", "SOFA", LineKind.GOODS),
    ]


def test_tenders_less_change_and_what_was_brought_back_have_paid() -> None:
    (order,) = read(receipt())
    assert isinstance(order, PlaceOrder)
    assert (order.payment_method, order.paid_minor, order.paid_currency) == ("channel", 2500, "EUR")


def test_a_cash_and_carry_receipt_leaves_nothing_to_deliver() -> None:
    assert fault(receipt(lines=[sold("carry"), sold("return")])) == (
        "nothing_to_deliver",
        "lines",
        ID,
    )


def test_returns_alone_and_trainings_are_no_orders() -> None:
    assert fault(receipt(lines=[sold("return")])) == ("not_an_order", "lines", ID)
    assert fault(receipt(training=True)) == ("not_an_order", "training", ID)


def test_a_voided_receipt_cancels_its_order() -> None:
    (cancelled,) = read(receipt(voided=True))
    assert cancelled == CancelOrder(
        f"pos-{ID}", "voided at the till", 1_709_290_800_000, actor="pos"
    )


def test_several_receipts_come_in_any_of_three_forms() -> None:
    both = [receipt(), receipt(receipt_number="0043")]
    lines = b"\n".join(json.dumps(one).encode() for one in both)
    forms = [json.dumps(both).encode(), json.dumps({"receipts": both}).encode(), lines]
    for payload in forms:
        results = PointOfSale().orders(payload, "", "raw-1", NOW)
        assert [type(result) for result in results] == [PlaceOrder, PlaceOrder]


@pytest.mark.parametrize(
    ("changes", "reason", "field", "known"),
    [
        ({"till": None}, "missing_field", "till", ""),
        ({"till": "a:b"}, "invalid_identifier", "till", ""),
        ({"business_day": "2024-02-30"}, "invalid_time", "business_day", ""),
        ({"sold_at": "2024-03-01T12:00:00"}, "invalid_time", "sold_at", ID),
        ({"lines": None}, "missing_field", "lines", ID),
        ({"lines": [sold("sold")]}, "wrong_type", "lines[0].type", ID),
        ({"lines": [sold("send", quantity=-1)]}, "invalid_quantity", "lines[0].quantity", ID),
        ({"lines": [sold("send", sku=None)]}, "missing_field", "lines[0].sku", ID),
        ({"change": "99.00"}, "invalid_amount", "change", ID),
        ({"tenders": [{"method": "shells"}]}, "wrong_type", "tenders[0].method", ID),
        ({"tenders": [{"method": "cash"}]}, "missing_field", "tenders[0].amount", ID),
        ({"ship_to": None}, "missing_field", "ship_to", ID),
        ({"total": None}, "missing_field", "total", ID),
    ],
)
def test_a_fault_is_named_by_its_field(
    changes: dict[str, Any], reason: str, field: str, known: str
) -> None:
    assert fault(receipt(**changes)) == (reason, field, known)


def test_what_is_no_receipt_is_unreadable() -> None:
    for value in ({"hello": 1}, 7):
        assert fault(value)[0] == "unreadable"
