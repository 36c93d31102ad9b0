"""Magento's orders: what becomes of each, and that its total is what its amounts come to."""

from __future__ import annotations

import codecs
import json
from typing import Any

import pytest

from connectors.channels.magento import Magento
from connectors.channels.mapping import NOTHING_TO_DELIVER, Rejected
from schemas.orders import CancelOrder, LineKind, PlaceOrder
from schemas.payments import Method
from schemas.totals import line_total, recomputed_total
from tests.unit.connectors.magento_order import item, magento_order

NOW = 1_709_300_000_000


ITEMS = [
    item(1, 10, product_type="configurable"),
    item(2, 0, parent_item_id=201),
    item(3, 10, product_type="bundle", tax_amount=1),
    item(4, 4, parent_item_id=203, tax_amount=0.4, qty_ordered=2, qty_refunded=1),
    item(5, 6, parent_item_id=203, tax_amount=0.6),
    item(6, 3, product_type="giftcard", is_virtual=1),
]


def results(payload: object) -> list[Any]:
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    return list(Magento().orders(body, "", "raw-1", NOW))


def placed(payload: object) -> PlaceOrder:
    (order,) = results(payload)
    assert isinstance(order, PlaceOrder), order
    assert recomputed_total(order) == order.total_minor
    return order


def rejected(payload: object) -> Rejected:
    (error,) = results(payload)
    assert isinstance(error, Rejected), error
    return error


def plain(total: Any = 10, **more: Any) -> Any:
    """An order over 10 and nothing else, paid."""
    base = {
        "items": [item(1, 10)],
        "discount_amount": 0,
        "shipping_amount": 0,
        "tax_amount": 0,
        "grand_total": total,
        "total_paid": total,
    }
    return magento_order(**{**base, **more})


def test_tax_discount_and_shipping_come_to_the_total_in_the_orders_currency() -> None:
    order = placed(magento_order())
    assert (order.order_id, order.external_id) == ("magento-102", "102")
    assert (order.total_minor, order.paid_minor, order.currency) == (8223, 8223, "EUR")
    assert (order.shipping_minor, order.tax_minor, order.discount_minor) == (917, 1538, 0)
    first, second = order.lines
    assert (first.quantity, first.unit_price_minor, first.discount_minor) == (2, 2200, 440)
    assert (first.tax_minor, first.tax_rate_ppm) == (911, 230_000)
    assert line_total(second) == 2009
    assert [(each.code, each.amount_minor) for each in order.discounts] == [("SPRING", 641)]
    assert (order.ship_to.line2, order.ship_to.region) == ("2. OG", "Bremen")
    assert order.billing_country == "DE"
    assert b"jana@example.org" in order.personal


def test_times_are_utc() -> None:
    order = placed(magento_order())
    assert order.placed_at_ms == 1_709_287_200_000
    assert order.version == order.placed_at_ms + 5_000


def test_amounts_are_read_exactly_whatever_number_stands_there() -> None:
    text = json.dumps(plain("TOTAL")).replace('"TOTAL"', "10.0000")
    assert placed(text.encode()).total_minor == 1000
    long = json.dumps(plain("TOTAL", items=[item(1, "ROW")]))
    for row in ("4.6200000000000001", "4.62", "4.6199999999999997", '"4.6200"'):
        body = long.replace('"TOTAL"', "4.62").replace('"ROW"', row)
        assert placed(body.encode()).total_minor == 462


@pytest.mark.parametrize("total", ["10.005", "1e999999", "NaN", "Infinity", '"ten"', "true"])
def test_a_total_that_is_no_amount_of_its_currency_is_refused(total: str) -> None:
    body = json.dumps(plain("TOTAL")).replace('"TOTAL"', total).encode()
    assert rejected(body).reason in ("invalid_amount", "unreadable")


def test_rows_of_four_decimals_are_rounded_as_a_sum() -> None:
    rows = [item(n, 3.3333) for n in range(3)]
    assert sum(map(line_total, placed(plain(items=rows)).lines)) == 1000


def test_tax_within_a_discount_is_taken_off_the_discount() -> None:
    """Prices with 19 %: 119.00 less 10 %, of which 1.90 are tax."""
    row = item(1, 100, discount_amount=11.9, tax_amount=17.1, discount_tax_compensation_amount=1.9)
    order = placed(
        plain(
            107.1,
            items=[row],
            discount_amount=-11.9,
            tax_amount=17.1,
            discount_tax_compensation_amount=1.9,
        )
    )
    assert (order.lines[0].discount_minor, order.tax_minor) == (1000, 1710)


def test_a_discount_on_shipping_is_taken_off_shipping() -> None:
    order = placed(plain(12, shipping_amount=5, shipping_discount_amount=3, discount_amount=-3))
    assert (order.shipping_minor, order.discount_minor) == (200, 0)


def test_a_configurable_product_and_its_variant_are_one_line() -> None:
    parent = item(1, 10, product_type="configurable", sku="TEE-XS")
    child = item(2, 0, parent_item_id=201, sku="TEE-XS", parent_item=parent)
    for items in ([parent, child], [child]):
        order = placed(plain(items=items))
        (line,) = order.lines
        assert (line.line_id, line.sku, line.kind) == ("201", "TEE-XS", LineKind.GOODS)
        assert line_total(line) == 1000


def test_a_bundle_with_a_fixed_price_has_it_itself() -> None:
    items = [
        item(1, 10, product_type="bundle"),
        item(2, 0, parent_item_id=201),
        item(3, 0, parent_item_id=201, qty_ordered=2),
    ]
    order = placed(plain(items=items))
    assert [line.kind for line in order.lines] == [LineKind.BUNDLE, LineKind.GOODS, LineKind.GOODS]
    assert [line.parent_line_id for line in order.lines] == ["", "201", "201"]
    assert [line_total(line) for line in order.lines] == [1000, 0, 0]


def test_a_bundle_with_a_dynamic_price_is_what_its_parts_cost() -> None:
    items = [
        item(1, 10, product_type="bundle", tax_amount=1),
        item(2, 4, parent_item_id=201, tax_amount=0.4),
        item(3, 6, parent_item_id=201, tax_amount=0.6),
    ]
    order = placed(plain(11, items=items, tax_amount=1))
    assert [line_total(line) for line in order.lines] == [0, 400, 600]
    assert [line.tax_minor for line in order.lines] == [0, 40, 60]


def test_simple_configurable_and_bundled_products_stand_in_one_order() -> None:
    kit = item(2, 41, product_type="bundle")
    tee = item(6, 30, product_type="configurable")
    items = [
        item(1, 12.5),
        kit,
        *(item(n, price, parent_item_id=202, parent_item=kit) for n, price in ((3, 20), (4, 21))),
        tee,
        item(7, 0, parent_item_id=206, parent_item=tee),
    ]
    order = placed(plain(88, items=items, shipping_amount=4.5))
    assert [line_total(line) for line in order.lines] == [1250, 0, 2000, 2100, 3000]
    assert sum(line.kind == LineKind.GOODS for line in order.lines) == 4


def test_what_is_not_shipped_is_no_goods() -> None:
    items = [
        item(1, 4, product_type="virtual", is_virtual=1),
        item(2, 3, product_type="downloadable"),
        item(3, 2, product_type="giftcard"),
        item(4, 1),
    ]
    kinds = [line.kind for line in placed(plain(items=items)).lines]
    assert kinds == [LineKind.CUSTOM, LineKind.CUSTOM, LineKind.GIFT_CARD, LineKind.GOODS]


def test_gift_cards_and_store_credit_are_taken_off_as_the_total_is_without_them() -> None:
    more = {"gift_cards_amount": 3, "customer_balance_amount": 2, "gw_price": 1}
    assert placed(plain(6, extension_attributes=more)).discount_minor == 500


@pytest.mark.parametrize(
    ("state", "status", "reason"),
    [
        ("pending_payment", "pending_payment", "not_ready"),
        ("payment_review", "fraud", "not_ready"),
        ("processing", "fraud", "not_ready"),
        ("holded", "holded", "not_ready"),
        ("complete", "complete", NOTHING_TO_DELIVER),
        ("closed", "closed", NOTHING_TO_DELIVER),
        ("custom", "custom", "not_ready"),
        (None, "holded", "not_ready"),
        (None, None, "missing_field"),
    ],
)
def test_only_what_is_new_or_in_processing_is_let_go(state: Any, status: Any, reason: str) -> None:
    error = rejected(magento_order(state=state, status=status))
    assert (error.reason, error.external_id) == (reason, "102")


def test_an_order_that_is_cancelled_at_the_shop_is_cancelled() -> None:
    (order,) = results(magento_order(state="canceled"))
    assert isinstance(order, CancelOrder)
    assert (order.order_id, order.requested_at_ms) == ("magento-102", 1_709_287_205_000)


@pytest.mark.parametrize(
    ("method", "state", "tender"),
    [
        ("cashondelivery", "new", Method.CASH_ON_DELIVERY),
        ("purchaseorder", "new", Method.INVOICE),
        ("banktransfer", "processing", Method.INVOICE),
    ],
)
def test_an_order_let_go_unpaid_says_how_the_money_comes(
    method: str, state: str, tender: str
) -> None:
    payment = {"method": method, "po_number": "PO-7"}
    order = placed(plain(total_paid=None, state=state, payment=payment))
    assert order.paid_minor == 0
    assert [each.method for each in order.tenders] == [tender]
    assert order.purchase_order_number == "PO-7"


@pytest.mark.parametrize("method", ["checkmo", "banktransfer", "braintree"])
def test_a_new_order_waits_for_its_money(method: str) -> None:
    order = plain(total_paid=None, state="new", status="pending", payment={"method": method})
    assert rejected(order).reason == "not_ready"
    assert placed(plain(state="new", status="pending")).paid_minor == 1000
    free = plain(0, items=[item(1, 0)], state="new", payment={"method": "free"})
    assert placed(free).total_minor == 0


def test_pieces_that_were_refunded_or_cancelled_are_not_delivered() -> None:
    row = item(1, 30, qty_ordered=3, qty_refunded=1, amount_refunded=10, tax_amount=6)
    order = placed(
        plain(
            41,
            items=[row, item(2, 5, qty_canceled=1)],
            tax_amount=6,
            tax_refunded=2,
            total_refunded=12,
            total_canceled=5,
        )
    )
    assert (order.total_minor, order.paid_minor) == (2400, 2400)
    assert [line.quantity for line in order.lines] == [2]


def test_an_order_without_a_piece_left_has_nothing_to_deliver() -> None:
    assert rejected(plain(items=[item(1, 10, qty_canceled=1)])).reason == NOTHING_TO_DELIVER
    assert rejected(plain(items=[item(1, 10, qty_shipped=1)])).reason == NOTHING_TO_DELIVER


@pytest.mark.parametrize(
    "payload",
    [
        {"items": [magento_order()], "search_criteria": {}, "total_count": 1},
        [magento_order()],
        {"entity": magento_order()},
        {"documents": [magento_order()]},
        {"event_id": "e", "event": {"data": {"key": "k", "value": magento_order()}}},
        {"id": "1", "type": "com.adobe.commerce.x", "data": {"value": magento_order()}},
        codecs.BOM_UTF8 + json.dumps(magento_order()).encode(),
        json.dumps(magento_order()).encode("utf-16"),
    ],
)
def test_every_envelope_is_opened(payload: object) -> None:
    assert placed(payload).total_minor == 8223


def test_a_search_and_lines_give_one_result_each() -> None:
    second = magento_order(entity_id=103)
    lines = b"\n".join(json.dumps(order).encode() for order in (magento_order(), second))
    for payload in ({"items": [magento_order(), second], "total_count": 2}, lines):
        assert [order.external_id for order in results(payload)] == ["102", "103"]


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        ({"message": "The consumer isn't authorized"}, "not_an_order"),
        ({"items": [{"item_id": 1, "order_id": 2, "sku": "A"}]}, "incomplete"),
        ({"entity_id": 5, "order_id": 102, "grand_total": 5, "items": []}, "not_an_order"),
        ({"id": 1, "sku": "A", "type_id": "simple"}, "not_an_order"),
        ({"foo": 1}, "unreadable"),
        ({"data": {"customer": {"orders": {"items": [{"number": "1"}]}}}}, "wrong_type"),
        ({"data": {"guestOrder": {"number": "1"}}}, "wrong_type"),
        ({"items": [{"entity_id": 5, "increment_id": "000000005"}]}, "incomplete"),
        ({"items": [], "total_count": 0}, "missing_field"),
        ({"items": {}, "total_count": 0}, "wrong_type"),
        ([], "missing_field"),
        (b"", "unreadable"),
        (b"null", "unreadable"),
        (json.dumps(magento_order()).encode()[:-9], "unreadable"),
        (b"[" * 100_000, "unreadable"),
    ],
)
def test_what_is_no_order_is_told_as_what_it_is(payload: object, reason: str) -> None:
    assert rejected(payload).reason == reason


def test_an_order_without_its_items_is_incomplete() -> None:
    order = magento_order()
    del order["items"]
    assert (rejected(order).reason, rejected(order).field) == ("incomplete", "items")


@pytest.mark.parametrize(
    ("changes", "reason", "field"),
    [
        ({"items": [item(1, 5, qty_ordered=1.5)]}, "invalid_quantity", "qty_ordered"),
        ({"items": [item(1, 5, qty_ordered="two")]}, "invalid_quantity", "qty_ordered"),
        ({"items": [item(1, 5, qty_ordered=0)]}, "invalid_quantity", "qty_ordered"),
        ({"items": [item(1, 5, qty_ordered=True)]}, "invalid_quantity", "qty_ordered"),
        ({"items": [item(1, 5, qty_refunded=2)]}, "invalid_quantity", "qty_ordered"),
        ({"items": [item(1, 5, qty_refunded=-1)]}, "invalid_quantity", "qty_refunded"),
        ({"items": [item(1, -5)]}, "invalid_amount", "row_total"),
        ({"items": [item(1, None)]}, "missing_field", "row_total"),
        ({"items": []}, "missing_field", "items"),
        ({"items": None}, "missing_field", "items"),
        ({"items": [item(1, 1), item(1, 1)]}, "invalid_identifier", "items"),
        ({"grand_total": -1}, "invalid_amount", "grand_total"),
        ({"grand_total": None}, "missing_field", "grand_total"),
        ({"order_currency_code": "XX"}, "unknown_currency", "order_currency_code"),
        ({"created_at": "2024-13-01 10:00:00"}, "invalid_time", "created_at"),
        ({"created_at": "2024-03-01 10:00:00 Mars"}, "invalid_time", "created_at"),
        ({"billing_address": []}, "wrong_type", "billing_address"),
        ({"entity_id": None}, "missing_field", "entity_id"),
    ],
)
def test_a_field_that_cannot_be_read_is_named(changes: Any, reason: str, field: str) -> None:
    error = rejected(plain(**changes))
    assert error.reason == reason
    assert error.field.rpartition(".")[2] == field


def test_addresses_may_be_null() -> None:
    order = placed(plain(billing_address=None, extension_attributes=None))
    assert order.ship_to.city == ""
    assert placed(plain(extension_attributes=None)).ship_to.city == "Bremen"


def test_contacts_are_whom_the_orders_name() -> None:
    (contact,) = Magento().contacts(json.dumps(magento_order()).encode(), "")
    assert (contact.name, contact.company, contact.channel_customer_id) == (
        "Jana Meer", "Meer GmbH", "26",
    )  # fmt: skip
