"""What commercetools wraps orders in, and what else comes from it."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from connectors.channels.mapping import Rejected
from schemas.orders import CancelOrder, PlaceOrder
from tests.unit.connectors.commercetools_order import commercetools_order, line, money
from tests.unit.connectors.test_commercetools import ORDER_ID, placed, read, rejected


def _message(name: str, **more: Any) -> dict[str, Any]:
    return {
        "notificationType": "Message",
        "projectKey": "shop",
        "id": "message-1",
        "version": 1,
        "sequenceNumber": 1,
        "resource": {"typeId": "order", "id": ORDER_ID},
        "resourceVersion": 1,
        "type": name,
        "createdAt": "2024-03-01T12:00:00.000Z",
        **more,
    }


def test_messages_carry_orders() -> None:
    order = commercetools_order()
    created = _message("OrderCreated", order=order)
    for value in (
        created,
        _message("OrderImported", order=order),
        {"specversion": "1.0", "id": "1", "type": "com.commercetools", "data": created},
        {"detail-type": "OrderCreated", "detail": created},
        [{"eventType": "Message", "id": "1", "data": created}],
        {"Type": "Notification", "MessageId": "1", "Message": json.dumps(created)},
        {"message": {"data": base64.b64encode(json.dumps(created).encode()).decode()}},
        {"limit": 20, "offset": 0, "count": 1, "results": [created]},
    ):
        assert placed(value).external_id == ORDER_ID
    for value in (
        _message("OrderDeleted", order=order),
        _message("OrderStateChanged", orderState="Cancelled", oldOrderState="Open"),
        {**_message(""), "notificationType": "ResourceDeleted"},
    ):
        [ended] = read(value)
        assert isinstance(ended, CancelOrder)
        assert ended.order_id == f"commercetools-{ORDER_ID}"
        assert ended.requested_at_ms == 1_709_294_400_000


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (_message("OrderStateChanged", orderState="Confirmed"), "incomplete"),
        (_message("OrderCreated", payloadNotIncluded={"reason": "too large"}), "incomplete"),
        ({**_message(""), "notificationType": "ResourceUpdated"}, "incomplete"),
        (_message("ProductPublished", resource={"typeId": "product", "id": "1"}), "not_an_order"),
        ({"action": "Create", "resource": {"typeId": "order", "obj": {}}}, "not_ready"),
        ({"statusCode": 404, "message": "not found", "errors": []}, "not_an_order"),
        ({"errors": [{"message": "no"}]}, "not_an_order"),
        ({"data": {"order": None}}, "missing_field"),
        ({"results": [], "count": 0}, "missing_field"),
        ({"hits": [{"id": ORDER_ID, "relevance": 1}], "total": 1}, "incomplete"),
        (commercetools_order(type="Cart", cartState="Active"), "not_ready"),
        ({"cart": {"typeId": "cart", "id": "1"}, "version": 1}, "not_ready"),
        ({"id": "1", "amountPlanned": money(1), "transactions": []}, "not_an_order"),
        ({"id": "1", "masterData": {}, "version": 2}, "not_an_order"),
        ({"lineItems": [line(1, 5)], "totalPrice": money(5)}, "not_ready"),
        (commercetools_order(lineItems=None, customLineItems=None), "incomplete"),
        (commercetools_order(lineItems=[]), "missing_field"),
        ({"Type": "Notification", "Message": "hello"}, "unreadable"),
        ({"id": "1", "version": 1, "recurringOrderState": "Active", "cart": {}}, "not_an_order"),
        ({"notificationType": "Event", "data": {"order": {"id": "1"}}}, "not_an_order"),
        ({"id": "1", "lineItems": [], "name": {"en": "wishes"}}, "not_an_order"),
        (commercetools_order(orderState=None, type=None, quoteState="Pending"), "not_an_order"),
        ({"resource": {"typeId": "order", "id": "1"}, "stagedActions": []}, "not_an_order"),
        ({"typeId": "order", "id": "1"}, "incomplete"),
        ({"order": {"typeId": "order", "id": "1"}}, "incomplete"),
        ({"message": {"data": "?"}}, "unreadable"),
        ({}, "unreadable"),
        ([], "missing_field"),
        (7, "unreadable"),
    ],
)
def test_what_is_no_whole_order_says_what_it_is(value: object, reason: str) -> None:
    assert rejected(value).reason == reason


def test_answers_lists_and_lines_hold_several_orders() -> None:
    one, two = commercetools_order(), commercetools_order(id="other-1")
    for value in (
        {"limit": 20, "offset": 0, "count": 2, "total": 2, "results": [one, two]},
        {"data": {"orders": {"results": [one, two]}}},
        {"data": {"a": one, "b": two}},
        [one, two],
        b"\n".join(json.dumps(each).encode() for each in (one, two)),
    ):
        assert [type(each) for each in read(value)] == [PlaceOrder, PlaceOrder]
    assert placed({"data": {"me": {"order": one}}}).external_id == ORDER_ID
    first, second = read([one, {"statusCode": 500, "message": "no"}])
    assert isinstance(first, PlaceOrder)
    assert isinstance(second, Rejected)
