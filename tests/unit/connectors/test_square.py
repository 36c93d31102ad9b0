"""What comes from Square becomes commands, or a reason that is true."""

from __future__ import annotations

import json
from typing import Any

import pytest

from connectors.channels import people
from connectors.channels.mapping import Mapped, Rejected
from connectors.channels.square import Square
from schemas.orders import CancelOrder, Discount, LineKind, PlaceOrder, Tender
from schemas.totals import recomputed_total, shares
from tests.unit.connectors.square_order import (
    line,
    recipient,
    shipment,
    square_order,
    tender,
    usd,
)

NOW = 1_709_400_000_000


def results(value: Any) -> list[Mapped]:
    payload = value if isinstance(value, bytes) else json.dumps(value).encode()
    return Square().orders(payload, "", "raw-1", NOW)


def placed(value: Any) -> PlaceOrder:
    (order,) = results(value)
    assert isinstance(order, PlaceOrder), order
    assert recomputed_total(order) == order.total_minor
    assert sum(share.total_minor for share in shares(order)) == order.total_minor
    return order


def rejected(value: Any) -> Rejected:
    (error,) = results(value)
    assert isinstance(error, Rejected), error
    return error


def paid(total: int, *lines: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """An order of this total, paid in cash."""
    money = {"total_money": usd(total), "tenders": [tender("CASH", total)]}
    return square_order(*lines, **{**money, **changes})


def test_an_open_order_that_is_paid_is_taken() -> None:
    order = placed({"order": square_order()})
    assert order.order_id == "square-ORDER1"
    assert (order.total_minor, order.paid_minor, order.currency) == (2400, 2400, "USD")
    assert order.version == 1_709_294_700_456
    (only,) = order.lines
    assert (only.line_id, only.sku, only.quantity) == ("line-1", "VARIATION1", 2)
    assert (only.unit_price_minor, only.kind, only.title) == (1200, "goods", "Bowl 1, Blue")
    assert (order.ship_to.name, order.ship_to.line2) == ("Kim Berg", "Floor 2")
    assert (order.ship_to.region, order.ship_to.country) == ("OR", "US")
    assert (order.shipping_method, order.tenders) == ("Priority", [])


def test_errors_beside_an_order_do_not_hide_it() -> None:
    placed({"order": square_order(), "errors": [{"code": "INVALID_EXPIRATION"}]})
    assert rejected({"errors": [{"code": "NOT_FOUND"}]}).reason == "not_an_order"


def test_whom_an_order_names_stands_in_what_is_encrypted() -> None:
    order = square_order(line(1, note="Happy birthday"))
    (contact,) = Square().contacts(json.dumps(order).encode(), "")
    assert (contact.name, contact.email) == ("Kim Berg", "kim@example.com")
    assert contact.channel_customer_id == "CUSTOMER1"
    personal = people.read(placed(order))
    assert personal.contact == contact
    assert personal.note == "Ring twice"
    assert personal.personalisation[0].value == "Happy birthday"


def test_several_orders_come_in_each_form() -> None:
    two = [square_order(), square_order(id="ORDER2")]
    by_line = "\n".join(json.dumps({"order": order}) for order in two).encode()
    for payload in ({"orders": two, "cursor": "x"}, two, by_line):
        found = [order for order in results(payload) if isinstance(order, PlaceOrder)]
        assert [order.external_id for order in found] == ["ORDER1", "ORDER2"]


def test_a_tax_on_top_is_added() -> None:
    taxed = line(
        1,
        applied_taxes=[{"tax_uid": "t", "applied_money": usd(216)}],
        total_tax_money=usd(216),
        total_money=usd(2616),
    )
    tax = {"uid": "t", "type": "ADDITIVE", "percentage": "9", "applied_money": usd(216)}
    order = placed(paid(2616, taxed, taxes=[tax], total_tax_money=usd(216)))
    assert (order.prices_include_tax, order.tax_minor) == (False, 216)
    assert (order.lines[0].tax_minor, order.lines[0].tax_rate_ppm) == (216, 90_000)


def test_a_tax_in_the_price_is_not_added() -> None:
    taxed = line(
        1,
        gross_sales_money=usd(2000),
        applied_taxes=[{"tax_uid": "t", "applied_money": usd(400)}],
        total_tax_money=usd(400),
    )
    tax = {"uid": "t", "type": "INCLUSIVE", "percentage": "20", "applied_money": usd(400)}
    order = placed(paid(2400, taxed, taxes=[tax], total_tax_money=usd(400)))
    assert (order.prices_include_tax, order.tax_minor) == (True, 0)
    assert (order.lines[0].tax_minor, order.lines[0].tax_rate_ppm) == (400, 200_000)


def test_of_taxes_of_both_kinds_only_those_on_top_are_added() -> None:
    both = line(
        1,
        applied_taxes=[
            {"tax_uid": "in", "applied_money": usd(400)},
            {"tax_uid": "on", "applied_money": usd(48)},
        ],
        total_tax_money=usd(448),
    )
    taxes = [
        {"uid": "in", "type": "INCLUSIVE", "percentage": "20", "applied_money": usd(400)},
        {"uid": "on", "type": "ADDITIVE", "percentage": "2", "applied_money": usd(48)},
    ]
    order = placed(paid(2448, both, taxes=taxes, total_tax_money=usd(448)))
    assert (order.tax_minor, order.lines[0].tax_minor) == (48, 48)


def test_discounts_are_those_of_the_lines_between_which_square_divides_them() -> None:
    off = [{"discount_uid": "d", "applied_money": usd(300)}]
    less = line(1, applied_discounts=off, total_discount_money=usd(300))
    all_off = [{"uid": "d", "name": "Spring", "scope": "ORDER", "applied_money": usd(300)}]
    order = placed(paid(2100, less, discounts=all_off, total_discount_money=usd(300)))
    assert (order.discount_minor, order.lines[0].discount_minor) == (0, 300)
    assert order.discounts == [Discount("Spring", 300, "line-1")]
    whole = placed(paid(2100, total_discount_money=usd(300)))
    assert (whole.discount_minor, whole.lines[0].discount_minor) == (300, 0)


def test_modifiers_are_part_of_the_price() -> None:
    modified = line(1, modifiers=[{"name": "Lid", "total_price_money": usd(100)}])
    order = placed(paid(2500, modified))
    assert (order.lines[0].unit_price_minor, order.lines[0].per) == (1250, 1)
    uneven = line(1, quantity="3", modifiers=[{"name": "Lid", "total_price_money": usd(100)}])
    uneven["variation_total_price_money"] = usd(3600)
    assert placed(paid(3700, uneven)).lines[0].per == 3
    alone = line(1, modifiers=[{"base_price_money": usd(50), "quantity": "2"}])
    assert placed(paid(2600, alone)).lines[0].unit_price_minor == 1300


def test_charges_tips_and_rounding_are_added() -> None:
    charges = [
        {"name": "Shipping", "applied_money": usd(500), "total_money": usd(500)},
        {"name": "Wrapping", "applied_money": usd(200), "total_money": usd(200)},
    ]
    order = placed(
        paid(
            3403,
            service_charges=charges,
            total_service_charge_money=usd(700),
            total_tip_money=usd(300),
            rounding_adjustment={"amount_money": usd(3)},
        )
    )
    assert (order.shipping_minor, order.tax_minor) == (500, 503)
    down = placed(paid(2398, rounding_adjustment={"amount_money": usd(-2)}))
    assert (down.discount_minor, down.total_minor) == (2, 2398)


def test_a_measure_counts_pieces_of_its_smallest_part() -> None:
    kilos = {"measurement_unit": {"weight_unit": "METRIC_KILOGRAM"}, "precision": 3}
    weighed = line(1, quantity="1.5", quantity_unit=kilos)
    weighed["variation_total_price_money"] = usd(1800)
    order = placed(paid(1800, weighed))
    only = order.lines[0]
    assert (only.quantity, only.per, only.unit_price_minor) == (1500, 1000, 1200)
    whole = line(1, quantity="2", quantity_unit=kilos)
    assert placed(paid(2400, whole)).lines[0].quantity == 2000
    no_precision = line(1, quantity="1.5", quantity_unit={"measurement_unit": {}})
    no_precision["variation_total_price_money"] = usd(1800)
    assert placed(paid(1800, no_precision)).lines[0].quantity == 1500


def test_a_measure_that_square_rounded_to_even_costs_what_square_says() -> None:
    grams = {"precision": 1}
    half = line(1, quantity="0.5", quantity_unit=grams, base_price_money=usd(25))
    half["variation_total_price_money"] = usd(12)
    assert placed(paid(12, half)).lines[0].quantity == 5


@pytest.mark.parametrize(
    ("quantity", "unit"),
    [
        ("1.5", None),
        ("1.5", {"precision": 0}),
        ("1.55", {"precision": 1}),
        ("1.5", {"precision": 54}),
        ("-1", None),
        ("two", None),
        ("", None),
        (True, None),
        ("1e3", None),
        ("9999999999", None),
    ],
)
def test_what_is_no_quantity_is_refused(quantity: Any, unit: Any) -> None:
    error = rejected(square_order(line(1, quantity=quantity, quantity_unit=unit)))
    assert error.reason == ("invalid_quantity" if quantity else "missing_field")
    assert (error.field, error.external_id) == ("line_items[0].quantity", "ORDER1")


def test_a_precision_that_square_does_not_have_measures_nothing() -> None:
    assert placed(square_order(line(1, quantity_unit={"precision": 54}))).lines[0].per == 1


def test_a_line_of_none_is_left_out() -> None:
    none = line(2, quantity="0")
    assert [each.line_id for each in placed(square_order(line(1), none)).lines] == ["line-1"]
    assert rejected(square_order(none)).reason == "nothing_to_deliver"


def test_what_is_not_from_the_catalog_is_made_for_the_order() -> None:
    custom = placed(square_order(line(1, catalog_object_id=None))).lines[0]
    assert (custom.kind, custom.title) == (LineKind.CUSTOM, "Bowl 1, Blue")
    typed = line(1, catalog_object_id=None, name=None, variation_name=None)
    assert placed(square_order({**typed, "item_type": "CUSTOM_AMOUNT"})).lines[0].title
    card = line(1, item_type="GIFT_CARD", catalog_object_id=None)
    assert placed(square_order(card)).lines[0].kind == LineKind.GIFT_CARD
    assert rejected(square_order(typed)).field == "line_items[0].catalog_object_id"


def test_several_tenders_are_told_apart() -> None:
    two = [tender("SQUARE_GIFT_CARD", 400), tender("CASH", 2000)]
    assert placed(square_order(tenders=two)).tenders == [
        Tender("1", "channel", 400, "", 400, "USD"),
        Tender("2", "channel", 2000, "", 2000, "USD"),
    ]


@pytest.mark.parametrize(
    "changes",
    [
        {"tenders": None},
        {"tenders": [tender("CARD", 2400, card_details={"status": "VOIDED"})]},
        {"tenders": [tender("CARD", 1000)]},
        {"refunds": [{"status": "APPROVED", "amount_money": usd(2400)}]},
        {"tenders": None, "net_amount_due_money": usd(2400)},
    ],
)
def test_an_order_that_is_not_paid_in_full_is_not_ready(changes: dict[str, Any]) -> None:
    error = rejected(square_order(**changes))
    assert (error.reason, error.external_id) == ("not_ready", "ORDER1")


def test_an_order_is_paid_where_nothing_of_it_is_due() -> None:
    assert placed(square_order(tenders=None, net_amount_due_money=usd(0))).paid_minor == 2400
    authorized = tender("CARD", 2400, card_details={"status": "AUTHORIZED"})
    assert placed(square_order(tenders=[authorized])).paid_minor == 2400
    back = {"tenders": [tender("CARD", 1400)], "return_amounts": {"total_money": usd(1000)}}
    assert placed(square_order(**back)).paid_minor == 2400


def test_a_draft_and_a_checkout_are_not_ready() -> None:
    assert rejected(square_order(state="DRAFT")).reason == "not_ready"
    assert rejected({"checkout": {"id": "C1", "order": {}}}).reason == "not_ready"
    link = {"id": "L1", "order_id": "ORDER1"}
    linked = {"payment_link": link, "related_resources": {"orders": [square_order(state="DRAFT")]}}
    assert (rejected(linked).reason, rejected(linked).external_id) == ("not_ready", "ORDER1")


def test_a_sale_over_the_counter_leaves_nothing_to_deliver() -> None:
    error = rejected(square_order(state="COMPLETED", fulfillments=None))
    assert (error.reason, error.field) == ("nothing_to_deliver", "state")


@pytest.mark.parametrize("state", ["COMPLETED", "CANCELED", "FAILED"])
def test_what_has_been_fulfilled_is_not_sent_again(state: str) -> None:
    ended = shipment(state=state)
    assert rejected(square_order(fulfillments=[ended])).reason == "nothing_to_deliver"
    again = square_order(fulfillments=[ended, shipment("f-2")])
    if state == "COMPLETED":
        assert "in part" in rejected(again).detail
    else:
        placed(again)


def test_a_canceled_order_is_canceled() -> None:
    gone = square_order(state="CANCELED", closed_at="2024-03-01T13:00:00Z", line_items=None)
    (command,) = results(gone)
    assert command == CancelOrder("square-ORDER1", "cancelled at the channel", 1_709_298_000_000)


def event(name: str, state: str) -> dict[str, Any]:
    told = {"order_id": "ORDER1", "state": state, "updated_at": "2024-03-01T13:00:00Z"}
    what = {f"order_{name}": told}
    return {"type": f"order.{name}", "data": {"id": "ORDER1", "object": what}}


def test_an_event_names_an_order_that_is_to_be_fetched() -> None:
    for name in ("created", "updated"):
        error = rejected(event(name, "OPEN"))
        assert (error.reason, error.external_id) == ("incomplete", "ORDER1")
    (command,) = results(event("updated", "CANCELED"))
    assert isinstance(command, CancelOrder)
    full = {"type": "order.updated", "data": {"object": {"order": square_order()}}}
    placed(full)
    assert rejected({"type": "payment.updated", "data": {"id": "P"}}).reason == "not_an_order"


def test_entries_of_a_search_name_orders_that_are_to_be_fetched() -> None:
    entries = {"order_entries": [{"order_id": "A", "version": 1}, {"order_id": "B"}]}
    found = [error for error in results(entries) if isinstance(error, Rejected)]
    assert [(error.reason, error.external_id) for error in found] == [
        ("incomplete", "A"),
        ("incomplete", "B"),
    ]


def test_what_is_fetched_names_its_shop() -> None:
    pickup = {"type": "PICKUP", "state": "PROPOSED", "pickup_details": {"note": "Tomorrow"}}
    order = placed(square_order(fulfillments=[pickup]))
    assert order.lines[0].pickup_location_id == "LOC1"
    assert people.read(order).note == "Tomorrow"


def test_each_line_goes_the_way_of_its_fulfillment() -> None:
    other = {"recipient": recipient("Lee Moss", "9 Hill Street"), "shipping_type": None}
    ways = [
        shipment("f-1", entries=[{"line_item_uid": "line-1", "quantity": "2"}]),
        shipment("f-2", entries=[{"line_item_uid": "line-2"}], shipment_details=other),
        {"type": "PICKUP", "state": "PREPARED", "entries": [{"line_item_uid": "line-3"}]},
    ]
    lines = [line(1), line(2), line(3), line(4)]
    order = placed(paid(9600, *lines, fulfillments=ways))
    assert [address.name for address in (order.ship_to, *order.more_addresses)] == [
        "Kim Berg",
        "Lee Moss",
    ]
    assert [(each.address, each.pickup_location_id, each.kind) for each in order.lines] == [
        (0, "", "goods"),
        (1, "", "goods"),
        (0, "LOC1", "goods"),
        (0, "", "custom"),
    ]


def test_a_line_that_is_divided_is_refused() -> None:
    other = {"recipient": recipient("Lee Moss", "9 Hill Street")}
    entries = [{"line_item_uid": "line-1", "quantity": "1"}]
    ways = [
        shipment(entries=entries),
        shipment("f-2", entries=entries, shipment_details=other),
    ]
    assert rejected(square_order(fulfillments=ways)).reason == "invalid_quantity"
    vague = [shipment(entries=entries), shipment("f-2")]
    assert rejected(square_order(fulfillments=vague)).reason == "incomplete"


def test_an_order_without_an_address_is_taken() -> None:
    for details in (None, {"recipient": None}, {"recipient": {"address": None}}):
        order = placed(square_order(fulfillments=[shipment(shipment_details=details)]))
        assert order.ship_to.country == ""


def test_a_number_that_came_as_text_is_the_same_amount() -> None:
    assert placed(square_order(total_money=usd("2400"))).total_minor == 2400


@pytest.mark.parametrize(
    ("changes", "reason", "field"),
    [
        ({"id": None}, "missing_field", "id"),
        ({"state": None, "tenders": None}, "not_ready", "tenders"),
        ({"state": "LOST"}, "wrong_type", "state"),
        ({"created_at": "2024-03-01T12:00:00"}, "invalid_time", "created_at"),
        ({"updated_at": "2024-03-01T12:00:00+99:00"}, "invalid_time", "updated_at"),
        ({"total_money": None}, "missing_field", "total_money"),
        ({"total_money": {"amount": 2400}}, "missing_field", "total_money.currency"),
        ({"total_money": usd(24.0)}, "invalid_amount", "total_money.amount"),
        ({"total_money": usd("24.00")}, "invalid_amount", "total_money.amount"),
        ({"total_money": usd(-1)}, "invalid_amount", "total_money.amount"),
        ({"total_money": usd(True)}, "invalid_amount", "total_money.amount"),
        (
            {"total_money": {"amount": 1, "currency": "QQQ"}},
            "unknown_currency",
            "total_money.currency",
        ),
        (
            {"total_tip_money": {"amount": 1, "currency": "CAD"}},
            "invalid_amount",
            "total_tip_money.currency",
        ),
        ({"line_items": None}, "missing_field", "line_items"),
        ({"line_items": {}}, "wrong_type", "line_items"),
        ({"fulfillments": [shipment(state="GONE")]}, "wrong_type", "fulfillments[0].state"),
        ({"line_items": [line(1), line(1)]}, "invalid_identifier", "line_items"),
        (
            {"line_items": [line(1, base_price_money=None)]},
            "missing_field",
            "line_items[0].base_price_money",
        ),
        (
            {"line_items": [line(1, modifiers=[{"total_price_money": usd(-9999)}])]},
            "invalid_amount",
            "line_items[0].modifiers",
        ),
    ],
)
def test_a_fault_is_named(changes: dict[str, Any], reason: str, field: str) -> None:
    error = rejected(square_order(**changes))
    assert (error.reason, error.field) == (reason, field)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ({"payment": {"id": "P1", "order_id": "ORDER1"}}, "not_an_order"),
        ({"id": "R1", "amount_money": usd(5), "status": "COMPLETED"}, "not_an_order"),
        ({"id": "X", "type": "ITEM", "item_data": {}}, "not_an_order"),
        ({"object": {"id": "X"}}, "not_an_order"),
        (square_order(line_items=None, returns=[{"uid": "r"}]), "not_an_order"),
        ({"id": "ORDER1", "location_id": "L"}, "incomplete"),
        ({"orders": []}, "missing_field"),
        ({"orders": {}}, "wrong_type"),
        ([], "missing_field"),
        ({}, "unreadable"),
        (b"", "unreadable"),
        (b'{"order": {"id": "1"', "unreadable"),
        (b'{"order": {"id": "1", "id": "2"}}', "wrong_type"),
        ("text", "unreadable"),
    ],
)
def test_what_is_no_order_is_said_to_be_none(value: Any, reason: str) -> None:
    assert rejected(value).reason == reason
