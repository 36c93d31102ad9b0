"""Whatever is sent, each order becomes a command that can be written, or a reason for a person.

`MILLRACE_FUZZ=100000 pytest tests/unit/connectors/test_channels_fuzz.py` tries so many of each.
"""

from __future__ import annotations

import contextlib
import copy
import functools
import json
import operator
import os
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.channels.mapping import MAXIMUM_QUANTITY, Rejected
from connectors.channels.registry import CHANNELS
from schemas import codec, identifiers, money
from schemas.channels import REASONS, PayloadRejected
from schemas.orders import CancelOrder, LineKind, PlaceOrder
from schemas.payments import Method
from schemas.totals import line_total, recomputed_total, shares
from tests.unit.connectors.amazon_order import amazon_order, order_2026
from tests.unit.connectors.amazon_order import item as amazon_item
from tests.unit.connectors.commercetools_order import commercetools_order, custom
from tests.unit.connectors.ebay_order import ebay_order
from tests.unit.connectors.ebay_order import line as ebay_line
from tests.unit.connectors.ebay_order import summary as ebay_summary
from tests.unit.connectors.etsy_receipt import receipt
from tests.unit.connectors.magento_order import magento_order
from tests.unit.connectors.saleor_order import legacy_order, saleor_order
from tests.unit.connectors.shopify_order import line, shopify_order
from tests.unit.connectors.square_order import line as square_line
from tests.unit.connectors.square_order import shipment, square_order, usd
from tests.unit.connectors.square_order import tender as square_tender
from tests.unit.connectors.test_call_centre import form
from tests.unit.connectors.test_generic import (
    FIRST,
    HEADER,
    OTHER,
    SECOND,
    complex_order,
    plain,
)
from tests.unit.connectors.test_magento import ITEMS as MAGENTO_ITEMS
from tests.unit.connectors.test_pos import receipt as receipt_of_till
from tests.unit.connectors.test_shopify_complex import DISCOUNTED, GRAPHQL, transaction
from tests.unit.connectors.test_shopify_graphql import order as graphql_order
from tests.unit.connectors.test_shopify_totals import price_set
from tests.unit.connectors.test_woocommerce import BUNDLE, REFUNDED, refund
from tests.unit.connectors.walmart_order import charge as walmart_charge
from tests.unit.connectors.walmart_order import line as walmart_line
from tests.unit.connectors.walmart_order import walmart_order
from tests.unit.connectors.woocommerce_order import woo_order

NOW = 1_709_300_000_000
EXAMPLES = int(os.environ.get("MILLRACE_FUZZ", "1000"))
thorough = settings(
    max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)

_FULL = shopify_order(
    line_items=[
        line(1, current_quantity=1, price_set=price_set("10.00")),
        line(2),
        line(3, sku=None, tip_payment_gateway=None),
    ],
    refunds=[{"refund_line_items": [{"line_item_id": 9002, "quantity": 0}]}],
    fulfillment_status=None,
    total_outstanding="0.00",
    total_tip_received="1.00",
    original_total_duties_set=price_set("5.00"),
    original_total_additional_fees_set=None,
    total_price_set=price_set("26.60"),
)
SAMPLES: list[tuple[str, Any]] = [
    ("shopify", _FULL),
    ("shopify", {"orders": [shopify_order(), shopify_order(id=5002)]}),
    ("shopify", {"data": {"orders": {"edges": [{"node": graphql_order()}]}}}),
    ("shopify", {"data": {"order": GRAPHQL}}),
    (
        "shopify",
        shopify_order(
            **DISCOUNTED,
            po_number="PO-1",
            payment_terms={"due_in_days": 30},
            payment_gateway_names=["gift_card", "Cash on Delivery (COD)"],
            transactions=[transaction("gift_card", "10.00"), transaction("card", "18.60")],
        ),
    ),
    ("woocommerce", [woo_order(), woo_order(prices_include_tax=True)]),
    ("woocommerce", woo_order(line_items=BUNDLE, payment_method="cod", date_paid=None)),
    ("woocommerce", {"documents": [REFUNDED, refund()]}),
    ("magento", {"items": [magento_order()], "total_count": 1}),
    ("magento", magento_order(items=MAGENTO_ITEMS, total_refunded=1, total_paid=2)),
    ("commercetools", {"results": [commercetools_order()]}),
    (
        "commercetools",
        commercetools_order(customLineItems=[custom(1, 450, "a"), custom(2, -9, "b")]),
    ),
    ("saleor", {"event": {"__typename": "OrderUpdated", "order": saleor_order()}}),
    ("saleor", [legacy_order()]),
    ("json", complex_order()),
    ("call-centre", form()),
    ("pos", receipt_of_till()),
    ("json", plain(ship_to={"country": "DE", "latitude": "53.08"}, updated_at=None)),
    ("json", {"orders": [plain(), plain(payment={"method": "channel", "paid": "20.00"})]}),
    ("walmart", {"list": {"elements": {"order": [walmart_order()]}}}),
    (
        "walmart",
        walmart_order(
            walmart_line(
                1,
                walmart_charge("PRODUCT", 12.5, 1.03),
                walmart_charge("PRODUCT", -2.5, chargeName="SubscriptionDiscount"),
                walmart_charge("SHIPPING", 5, 0.4),
                orderLineQuantity={"amount": "2"},
            )
        ),
    ),
    ("etsy", {"documents": [{"results": [receipt()]}, receipt()["transactions"][0]]}),
    ("amazon", amazon_order(amazon_item(1, BuyerInfo={"GiftWrapLevel": "Classic"}))),
    ("amazon", {"orders": [order_2026()]}),
    ("ebay", {"orders": [ebay_order()]}),
    (
        "ebay",
        ebay_order(
            ebay_line(1, taxes=[{"amount": {"value": "1.00", "currency": "USD"}}]),
            pricingSummary=ebay_summary(
                "24.00", priceDiscount="-2.00", deliveryCost="5.00", tax="1.00", adjustment="0.00"
            ),
        ),
    ),
    ("square", {"order": square_order()}),
    (
        "square",
        square_order(
            square_line(
                1,
                modifiers=[{"quantity": "1", "base_price_money": usd(50)}],
                applied_taxes=[{"tax_uid": "t", "applied_money": usd(10)}],
                applied_discounts=[{"discount_uid": "d", "applied_money": usd(5)}],
                quantity_unit={"precision": 2},
            ),
            taxes=[{"uid": "t", "type": "ADDITIVE", "percentage": "7", "applied_money": usd(10)}],
            service_charges=[{"name": "Shipping", "applied_money": usd(5)}],
            rounding_adjustment={"amount_money": usd(-1)},
            fulfillments=[shipment(entries=[{"line_item_uid": "line-1"}])],
            tenders=[square_tender("CASH", 1400), square_tender("CARD", 1000)],
            net_amount_due_money=usd(0),
        ),
    ),
]
_TOPICS = st.sampled_from(["", "orders/create", "orders/cancelled", "orders/delete", "app/x"])


def _paths(value: object, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    items: list[tuple[Any, object]] = []
    if isinstance(value, dict):
        items = list(value.items())
    elif isinstance(value, list):
        items = list(enumerate(value))
    return [p for key, item in items for p in [(*path, key), *_paths(item, (*path, key))]]


_GONE = object()
_ODD = st.sampled_from(
    [
        "", " ", "1e9999", "-0", "∞", "\x00", "\ud800", "x|y", "9" * 5000, "1,00", "0.001", "１２",
        "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "2024-W01-1", "JPY", "KWD",
        "gid://shopify/Order/", "gid://shopify/Order/7", 2**63, -(2**63), 10**400, 1e308, -1,
        1.5, 10**18, "999999999999.99", "1000000000000000", {}, [], [None], {"nodes": []}, True,
        "fulfilled", "partially_refunded", price_set("1.00"), _GONE, _GONE,
    ]
)  # fmt: skip
_VALUES = _ODD | st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


def _mutated(sample: object, mutations: list[tuple[tuple[Any, ...], object]]) -> object:
    value: Any = copy.deepcopy(sample)
    for path, new in mutations:
        # An earlier mutation may have taken away what this one would change.
        with contextlib.suppress(TypeError, KeyError, IndexError):
            holder: Any = functools.reduce(operator.getitem, path[:-1], value)
            if new is _GONE:
                del holder[path[-1]]
            else:
                holder[path[-1]] = copy.deepcopy(new)
    return value


def check(channel: str, payload: bytes, topic: str = "") -> None:
    """Every result can be written, and is what its reader may rely on."""
    results = CHANNELS[channel].orders(payload, topic, "raw-1", NOW)
    assert results
    for result in results:
        if isinstance(result, Rejected):
            assert result.reason in REASONS
            assert result.detail.strip()
            assert len(result.external_id) <= identifiers.MAXIMUM_LENGTH
            codec.encode(
                PayloadRejected(
                    "raw-1", channel, result.reason, result.field,
                    result.external_id + result.detail, 0, 0, NOW,
                )
            )  # fmt: skip
            continue
        assert isinstance(result, PlaceOrder | CancelOrder)
        assert codec.decode(codec.encode(result)) == result
        assert result.order_id.startswith(f"{channel}-")
        if isinstance(result, PlaceOrder):
            _check_order(result)


def _check_order(order: PlaceOrder) -> None:
    if order.channel in {"edi-x12", "edifact"}:
        # The number is the buyer's, so that who sends it goes in front.
        assert order.order_id.startswith(f"{order.channel}-")
    else:
        assert order.order_id == f"{order.channel}-{order.external_id}"
    assert order.currency in money.EXPONENTS
    assert order.version > 0
    assert order.placed_at_ms > 0
    assert order.lines
    assert len({item.line_id for item in order.lines}) == len(order.lines)
    for item in order.lines:
        assert item.line_id.strip()
        assert item.sku.strip() or (item.kind != LineKind.GOODS and item.title.strip())
        assert item.kind in frozenset(LineKind)
        assert item.per >= 1
        assert item.parent_line_id in {"", *(each.line_id for each in order.lines)}
        assert 0 <= item.address <= len(order.more_addresses)
        assert 1 <= item.quantity <= MAXIMUM_QUANTITY
    for amount in (
        order.discount_minor,
        order.shipping_minor,
        order.tax_minor,
        order.total_minor,
        order.paid_minor,
        *(line_total(item) for item in order.lines),
        *(item.discount_minor for item in order.lines),
        *(item.tax_minor for item in order.lines),
        *(tender.amount_minor + tender.paid_minor for tender in order.tenders),
        *(discount.amount_minor for discount in order.discounts),
    ):
        assert 0 <= amount <= money.MAXIMUM_MINOR
    assert len({tender.tender_id for tender in order.tenders}) == len(order.tenders)
    assert {tender.method for tender in order.tenders} <= set(Method)
    if recomputed_total(order) >= 0:
        assert sum(share.total_minor for share in shares(order)) == recomputed_total(order)
    assert abs(order.ship_to.latitude) <= 90
    assert abs(order.ship_to.longitude) <= 180


@pytest.mark.parametrize(("channel", "sample"), SAMPLES)
def test_the_samples_themselves_are_accepted(channel: str, sample: object) -> None:
    results = CHANNELS[channel].orders(json.dumps(sample).encode(), "", "raw-1", NOW)
    assert all(isinstance(result, PlaceOrder) for result in results)


@thorough
@given(st.data(), _TOPICS)
def test_no_mutation_of_an_order_raises_or_gives_an_impossible_one(
    data: st.DataObject, topic: str
) -> None:
    channel, sample = data.draw(st.sampled_from(SAMPLES))
    path = st.sampled_from(_paths(sample))
    mutations = data.draw(st.lists(st.tuples(path, _VALUES), min_size=1, max_size=4))
    payload = json.dumps(_mutated(sample, mutations)).encode()
    check(channel, payload, topic)
    check(channel, payload[: data.draw(st.integers(0, len(payload)))], topic)


@thorough
@given(st.sampled_from(sorted(CHANNELS)), st.binary(), _TOPICS)
def test_no_bytes_raise_or_vanish(channel: str, payload: bytes, topic: str) -> None:
    check(channel, payload, topic)


_CSV = "\r\n".join([HEADER, FIRST, SECOND, OTHER])


@thorough
@given(
    st.lists(
        st.tuples(
            st.integers(0, len(_CSV)),
            st.integers(0, 3),
            st.text(max_size=3) | st.sampled_from(['"', ",", "\n", ";", "\t", "\x00", "1e5"]),
        ),
        max_size=4,
    ),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "cp1252"]),
)
def test_no_damage_to_a_csv_file_raises(edits: list[tuple[int, int, str]], encoding: str) -> None:
    text = _CSV
    for start, length, new in edits:
        text = text[:start] + new + text[start + length :]
    check("csv", text.encode(encoding, errors="replace"))
