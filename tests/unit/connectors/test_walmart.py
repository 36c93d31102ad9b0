"""What comes from Walmart becomes commands, or a reason that is true."""

from __future__ import annotations

import json
from typing import Any

import pytest

from connectors.channels import people
from connectors.channels.mapping import Mapped, Rejected
from connectors.channels.walmart import Walmart
from schemas.orders import CancelOrder, Discount, LineKind, PlaceOrder
from schemas.totals import recomputed_total
from tests.unit.connectors.walmart_order import charge, line, status, walmart_order

NOW = 1_709_400_000_000


def results(value: Any) -> list[Mapped]:
    payload = value if isinstance(value, bytes) else json.dumps(value).encode()
    return Walmart().orders(payload, "", "raw-1", NOW)


def placed(value: Any) -> PlaceOrder:
    (order,) = results(value)
    assert isinstance(order, PlaceOrder), order
    assert recomputed_total(order) == order.total_minor
    return order


def rejected(value: Any) -> Rejected:
    (error,) = results(value)
    assert isinstance(error, Rejected), error
    return error


def quantity(amount: Any) -> dict[str, Any]:
    return {"unitOfMeasurement": "EACH", "amount": amount}


def statuses(*each: dict[str, Any]) -> dict[str, Any]:
    return {"orderLineStatus": list(each)}


def test_an_order_costs_the_sum_of_its_charges_and_taxes() -> None:
    order = placed({"order": walmart_order()})
    assert order.order_id == "walmart-1790000000001"
    assert (order.total_minor, order.currency) == (1250 + 103 + 599 + 49, "USD")
    assert (order.shipping_minor, order.tax_minor, order.discount_minor) == (599, 152, 0)
    assert (order.paid_minor, order.payment_method) == (order.total_minor, "channel")
    assert order.version == 1_709_300_000_001
    assert order.placed_at_ms == 1_709_290_000_000
    (only,) = order.lines
    assert (only.line_id, only.sku, only.quantity) == ("1", "LAMP-1", 1)
    assert (only.unit_price_minor, only.tax_minor) == (1250, 103)
    assert order.ship_to.country == "US"
    assert order.ship_to.region == "OR"
    assert order.shipping_method == "Standard"


def test_whom_an_order_names_stands_in_what_is_encrypted() -> None:
    payload = json.dumps(walmart_order()).encode()
    (contact,) = Walmart().contacts(payload, "")
    assert (contact.name, contact.phone) == ("Nora Webb", "2025550100")
    personal = people.read(placed(walmart_order()))
    assert personal.contact == contact
    assert personal.addresses[0].line1 == "12 Mill Lane"


def test_a_page_a_list_and_lines_hold_an_order_each() -> None:
    two = [walmart_order(), walmart_order(purchaseOrderId="1790000000002")]
    page = {"list": {"meta": {"totalCount": 2, "nextCursor": "?x"}, "elements": {"order": two}}}
    by_line = "\n".join(json.dumps(order) for order in two).encode()
    for payload in (page, two, by_line, json.dumps(page).encode("utf-16")):
        assert [order.external_id for order in map(_order, results(payload))] == [
            "1790000000001",
            "1790000000002",
        ]


def _order(order: Mapped) -> PlaceOrder:
    assert isinstance(order, PlaceOrder)
    return order


def test_a_charge_is_that_of_its_whole_line() -> None:
    three = line(1, charge("PRODUCT", 30, 2.4), orderLineQuantity=quantity("3"))
    three["orderLineStatuses"] = statuses(status("Created", "3"))
    order = placed(walmart_order(three))
    assert order.total_minor == 3240
    assert (order.lines[0].quantity, order.lines[0].unit_price_minor) == (3, 1000)


def test_a_charge_that_no_price_of_a_piece_gives_stays_exact() -> None:
    three = line(1, charge("PRODUCT", 10.00), orderLineQuantity=quantity("3"))
    order = placed(walmart_order(three))
    assert order.total_minor == 1000
    assert (order.lines[0].unit_price_minor, order.lines[0].per) == (1000, 3)


def test_a_discount_is_taken_off_however_it_is_told() -> None:
    for less in (
        charge("PRODUCT", -2.5, chargeName="SubscriptionDiscount"),
        charge("PRODUCT", 2.5, chargeName="SubscriptionDiscount"),
        charge("PRODUCT", 2.5, isDiscount=True, chargeName="Promo"),
        charge("DISCOUNT", -2.5, chargeName="Promo"),
    ):
        order = placed(walmart_order(line(1, charge("PRODUCT", 12.5, 1.03), less)))
        assert order.total_minor == 1250 - 250 + 103
        assert order.lines[0].discount_minor == 250
        assert order.discounts == [Discount(less["chargeName"], 250, "1")]


@pytest.mark.parametrize("kind", ["PRODUCT", "DISCOUNT"])
def test_nothing_is_taken_off_goods_that_cost_nothing(kind: str) -> None:
    (result,) = results(json.dumps(walmart_order(line(1, charge(kind, -2)))).encode())
    assert isinstance(result, Rejected)
    assert (result.reason, result.field) == (
        "invalid_amount", "orderLines.orderLine[0].charges.charge",
    )  # fmt: skip


def test_shipping_that_is_waived_costs_nothing() -> None:
    free = [charge("SHIPPING", 5.99), charge("SHIPPING", -5.99, chargeName="Promo")]
    order = placed(walmart_order(line(1, charge("PRODUCT", 12.5), *free)))
    assert (order.shipping_minor, order.total_minor) == (0, 1250)
    more = placed(walmart_order(line(1, charge("PRODUCT", 12.5), charge("SHIPPING", -1))))
    assert (more.shipping_minor, more.discount_minor, more.total_minor) == (0, 100, 1150)


def test_a_fee_and_several_taxes_are_added() -> None:
    taxes = [{"taxAmount": {"currency": "USD", "amount": each}} for each in (0.5, 0.25)]
    fee = charge("FEE", 0.99, chargeName="Recycling")
    order = placed(walmart_order(line(1, charge("PRODUCT", 12.5, tax=None), fee)))
    assert (order.tax_minor, order.total_minor) == (99, 1349)
    both = charge("PRODUCT", 12.5)
    both["tax"] = taxes
    assert placed(walmart_order(line(1, both))).lines[0].tax_minor == 75


def test_an_order_of_which_all_is_cancelled_is_cancelled() -> None:
    gone = line(1, charge("PRODUCT", 0, 0), orderLineStatuses=statuses(status("Cancelled")))
    none = line(2, orderLineStatuses=statuses(status("Cancelled")), orderLineQuantity=quantity("0"))
    assert results(walmart_order(gone, none)) == [
        CancelOrder("walmart-1790000000001", "cancelled at the channel", 1_709_300_000_002)
    ]


def test_an_object_stands_for_a_list_of_one() -> None:
    one = line(1)
    one["charges"] = {"charge": one["charges"]["charge"][0]}
    one["orderLineStatuses"] = {"orderLineStatus": status("Created")}
    order = walmart_order()
    order["orderLines"] = {"orderLine": one}
    assert placed(order).total_minor == 1353


def test_what_is_cancelled_is_left_out() -> None:
    gone = line(2, charge("PRODUCT", 0, 0), orderLineStatuses=statuses(status("Cancelled")))
    part = line(3, charge("PRODUCT", 20, 1), orderLineQuantity=quantity("3"))
    part["orderLineStatuses"] = statuses(status("Cancelled"), status("Acknowledged", "2"))
    order = placed(walmart_order(line(1), gone, part))
    assert [(each.line_id, each.quantity) for each in order.lines] == [("1", 1), ("3", 2)]
    assert order.total_minor == 1250 + 103 + 2100


@pytest.mark.parametrize("name", ["Shipped", "Delivered", "Refund"])
def test_what_has_left_is_not_sent_again(name: str) -> None:
    error = rejected(walmart_order(line(1, orderLineStatuses=statuses(status(name)))))
    assert (error.reason, error.external_id) == ("nothing_to_deliver", "1790000000001")
    part = rejected(walmart_order(line(1), line(2, orderLineStatuses=statuses(status(name)))))
    assert part.reason == "nothing_to_deliver"
    assert "in part" in part.detail


def test_what_walmart_sends_itself_is_not_sent_by_us() -> None:
    error = rejected(walmart_order(shipNode={"type": "WFSFulfilled", "id": "7"}))
    assert (error.reason, error.field) == ("nothing_to_deliver", "shipNode.type")
    others: list[Any] = [[], None, {"type": "3PLFulfilled"}]
    for node in others:
        placed(walmart_order(shipNode=node))


def test_a_line_that_is_fetched_names_its_store() -> None:
    fetched = line(1, fulfillment={"fulfillmentOption": "PICKUP", "storeId": "2210"})
    assert placed(walmart_order(fetched)).lines[0].pickup_location_id == "2210"
    to_store = line(1, fulfillment={"fulfillmentOption": "S2S", "storeId": "2210"})
    assert placed(walmart_order(to_store)).lines[0].pickup_location_id == ""


def test_a_refund_of_a_line_changes_neither_total_nor_pieces() -> None:
    money = {"chargeAmount": {"currency": "USD", "amount": -5}, "chargeType": "PRODUCT"}
    refund = {"refundCharges": {"refundCharge": [{"refundReason": "Damaged", "charge": money}]}}
    assert placed(walmart_order(line(1, refund=refund))).total_minor == 1353


def test_a_line_without_a_sku_is_made_for_the_order() -> None:
    custom = line(1, item={"productName": "Engraving", "sku": None})
    assert placed(walmart_order(custom)).lines[0].kind == LineKind.CUSTOM


def test_an_order_without_an_address_is_taken() -> None:
    assert placed(walmart_order(shippingInfo=None)).personal != b""
    bare = {"phone": None, "postalAddress": None, "methodCode": None}
    assert placed(walmart_order(shippingInfo=bare)).ship_to.country == ""


_AT_1 = "orderLines.orderLine[0]"


@pytest.mark.parametrize(
    ("changes", "reason", "field"),
    [
        ({"orderLineQuantity": quantity("1.5")}, "invalid_quantity", "orderLineQuantity.amount"),
        ({"orderLineQuantity": quantity("two")}, "invalid_quantity", "orderLineQuantity.amount"),
        ({"orderLineQuantity": quantity("0")}, "invalid_quantity", "orderLineQuantity.amount"),
        ({"orderLineQuantity": quantity(-1)}, "invalid_quantity", "orderLineQuantity.amount"),
        ({"orderLineQuantity": quantity(True)}, "invalid_quantity", "orderLineQuantity.amount"),
        ({"orderLineQuantity": None}, "missing_field", "orderLineQuantity.amount"),
        ({"lineNumber": None}, "missing_field", "lineNumber"),
        ({"item": None}, "missing_field", "item"),
        ({"charges": None}, "incomplete", "charges"),
        ({"charges": {"charge": []}}, "missing_field", "charges.charge"),
        (
            {"orderLineStatuses": {"orderLineStatus": [status("Lost")]}},
            "wrong_type",
            "orderLineStatuses.orderLineStatus[0].status",
        ),
        (
            {"orderLineStatuses": {"orderLineStatus": [status("Shipped", "2")]}},
            "invalid_quantity",
            "orderLineQuantity.amount",
        ),
        (
            {"charges": {"charge": [charge("PRODUCT", 12.505)]}},
            "invalid_amount",
            "charges.charge[0].chargeAmount.amount",
        ),
        (
            {"charges": {"charge": [charge("PRODUCT", "a lot")]}},
            "invalid_amount",
            "charges.charge[0].chargeAmount.amount",
        ),
        (
            {"charges": {"charge": [charge("PRODUCT", 1, chargeAmount={"amount": 1})]}},
            "missing_field",
            "charges.charge[0].chargeAmount.currency",
        ),
        ({"statusDate": "soon"}, "invalid_time", "statusDate"),
    ],
)
def test_a_fault_in_a_line_is_named(changes: dict[str, Any], reason: str, field: str) -> None:
    error = rejected(walmart_order({**line(1), **changes}))
    assert (error.reason, error.field) == (reason, f"{_AT_1}.{field}")
    assert error.external_id == "1790000000001"


@pytest.mark.parametrize(
    ("changes", "reason", "field"),
    [
        ({"purchaseOrderId": None}, "missing_field", "purchaseOrderId"),
        ({"orderDate": "yesterday"}, "invalid_time", "orderDate"),
        ({"orderDate": 99_999_999_999_999}, "invalid_time", "orderDate"),
        ({"orderDate": None}, "missing_field", "orderDate"),
        ({"orderLines": None}, "incomplete", "orderLines"),
        ({"orderLines": []}, "wrong_type", "orderLines"),
        ({"orderLines": {"orderLine": []}}, "missing_field", "orderLines.orderLine"),
        ({"shippingInfo": "by mail"}, "wrong_type", "shippingInfo"),
    ],
)
def test_a_fault_in_an_order_is_named(changes: dict[str, Any], reason: str, field: str) -> None:
    error = rejected(walmart_order(**changes))
    assert (error.reason, error.field) == (reason, field)


def test_two_currencies_are_no_total() -> None:
    pesos = charge("SHIPPING", 5, chargeAmount={"currency": "CAD", "amount": 5})
    error = rejected(walmart_order(line(1, charge("PRODUCT", 12.5), pesos)))
    assert error.reason == "invalid_amount"
    assert error.field.endswith("charge[1].chargeAmount.currency")


def test_an_amount_is_read_as_it_is_written() -> None:
    written = json.dumps(walmart_order(line(1, charge("PRODUCT", "AMOUNT"))))
    for amount, minor in (("12.50", 1250), ("1.25e1", 1250), ("703687441776.07", 70368744177607)):
        assert placed(written.replace('"AMOUNT"', amount).encode()).total_minor == minor
    assert rejected(written.replace('"AMOUNT"', "1e300").encode()).reason == "invalid_amount"
    assert rejected(written.replace('"AMOUNT"', "NaN").encode()).reason == "unreadable"


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ({"errors": {"error": [{"code": "INVALID_TOKEN"}]}}, "not_an_order"),
        ({"orderShipment": {"orderLines": {}}}, "not_an_order"),
        ({"returnOrders": []}, "not_an_order"),
        ({"list": {"meta": {}, "elements": {"order": []}}}, "missing_field"),
        ({"list": {"meta": {}}}, "missing_field"),
        ({"title": "a page"}, "unreadable"),
        (b"<ns3:order xmlns:ns3='x'/>", "unreadable"),
        (b"", "unreadable"),
        (b'{"order": {"purchaseOrderId": "1"', "unreadable"),
        (b'{"order": {"purchaseOrderId": "1", "purchaseOrderId": "2"}}', "wrong_type"),
        (7, "unreadable"),
        ([], "missing_field"),
        ([None], "wrong_type"),
    ],
)
def test_what_is_no_order_is_said_to_be_none(value: Any, reason: str) -> None:
    assert rejected(value).reason == reason


def test_an_event_names_an_order_that_is_to_be_fetched() -> None:
    created = {"purchaseOrderId": "1790000000001", "orderLines": [{"lineNumber": "1"}]}
    for payload in (created, {"subEventType": "PO_CREATED", "order": created}):
        error = rejected({"source": {"eventType": "PO_CREATED"}, "payload": payload})
        assert (error.reason, error.external_id) == ("incomplete", "1790000000001")
    other = {"source": {"eventType": "BUY_BOX_CHANGED"}, "payload": {"sku": "1"}}
    assert rejected(other).reason == "not_an_order"


def test_an_order_of_mexico_is_known_as_such() -> None:
    error = rejected({"meta": {}, "order": [walmart_order(orderLines=[line(1)])]})
    assert (error.reason, error.external_id) == ("wrong_type", "1790000000001")
    assert "Mexico" in error.detail
