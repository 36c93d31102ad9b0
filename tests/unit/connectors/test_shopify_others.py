"""What comes from Shopify and is no order is refused for what it is."""

from __future__ import annotations

import json
from typing import Any

import pytest

from connectors.channels.mapping import Rejected
from connectors.channels.shopify import Shopify
from schemas.orders import CancelOrder
from tests.unit.connectors.shopify_order import shopify_order


def refused(value: object, topic: str = "") -> Rejected:
    (result,) = Shopify().orders(json.dumps(value).encode(), topic, "raw-1", 1)
    assert isinstance(result, Rejected), result
    return result


def draft(**changes: Any) -> dict[str, Any]:
    """A draft order, as a webhook about it carries it."""
    return {
        "id": 77,
        "currency": "EUR",
        "status": "open",
        "order_id": None,
        "invoice_sent_at": None,
        "invoice_url": "https://shop.test/77/invoices/1",
        "applied_discount": None,
        "total_price": "10.00",
        "line_items": [{"sku": "MUG", "quantity": 1, "price": "10.00"}],
        **changes,
    }


@pytest.mark.parametrize(
    "value",
    [draft(), draft(invoice_url=None), {"draft_order": draft()}, {"draft_orders": [draft()]}],
)
def test_a_draft_is_refused_because_nobody_has_placed_it(value: object) -> None:
    result = refused(value)
    assert (result.reason, result.external_id) == ("not_an_order", "77")
    assert result.detail == "a draft order, which nobody has placed yet"


def test_a_completed_draft_names_the_order_that_it_became() -> None:
    result = refused({"draft_order": draft(status="completed", order_id=5001)})
    assert "order 5001" in result.detail


def test_each_draft_of_a_list_is_refused_by_itself() -> None:
    payload = json.dumps({"draft_orders": [draft(), draft(id=78), None]}).encode()
    results = Shopify().orders(payload, "", "raw-1", 1)
    assert [r.external_id for r in results if isinstance(r, Rejected)] == ["77", "78", ""]


@pytest.mark.parametrize(
    ("value", "word"),
    [
        ({"order_edit": {"order_id": 5001, "line_items": {"additions": []}}}, "orders/updated"),
        ({"errors": "[API] Invalid API key or access token"}, "error"),
        ({"errors": {"order": "Not Found"}}, "error"),
        ({"checkout": {"token": "t"}}, "checkout"),
        ({"refund": {"id": 1, "order_id": 5001}}, "refund"),
        ({"transactions": [{"id": 1}]}, "transactions"),
        ({"count": 3}, "count"),
        ({"id": 1, "order_id": 5001, "refund_line_items": [{"quantity": 1}]}, "refund"),
        ({"id": 1, "order_id": 5001, "tracking_numbers": ["1Z"], "line_items": []}, "fulfillment"),
        ({"id": 1, "order_id": 5001, "kind": "capture", "parent_id": 4}, "transaction"),
        ({"id": 1, "title": "Mug", "variants": [{"id": 2}]}, "product"),
        ({"id": 1, "abandoned_checkout_url": "https://x.test", "line_items": []}, "checkout"),
    ],
)
def test_another_object_is_named(value: object, word: str) -> None:
    result = refused(value)
    assert result.reason == "not_an_order"
    assert word in result.detail


@pytest.mark.parametrize("topic", ["orders/edited", "orders/risk_assessment_changed", "app/x"])
def test_a_topic_without_orders_is_refused_by_its_name(topic: str) -> None:
    result = refused(shopify_order(), topic)
    assert result.reason == "not_an_order"
    assert topic in result.detail


@pytest.mark.parametrize("name", ["customer", "refunds", "fulfillments", "transactions"])
def test_an_order_without_its_id_stays_an_order(name: str) -> None:
    order = shopify_order(**{name: []})
    del order["id"]
    assert (refused(order).reason, refused(order).field) == ("missing_field", "id")


def test_a_deleted_order_is_cancelled() -> None:
    (result,) = Shopify().orders(b'{"id": 5001}', "orders/delete", "raw-1", 7)
    assert result == CancelOrder("shopify-5001", "deleted at the channel", 7)
