"""The order of the GraphQL API gives the same command as that of the REST API."""

from __future__ import annotations

import json
from typing import Any

import pytest

from connectors.channels.mapping import Mapped, Rejected
from connectors.channels.shopify import Shopify
from schemas.orders import CancelOrder, PlaceOrder
from tests.unit.connectors.shopify_order import shopify_order


def bag(amount: object, currency: str = "EUR") -> dict[str, Any]:
    """A MoneyBag; the customer paid in another currency than the shop's."""
    return {
        "shopMoney": {"amount": amount, "currencyCode": currency},
        "presentmentMoney": {"amount": "9.99", "currencyCode": "USD"},
    }


def item(number: int, **changes: Any) -> dict[str, Any]:
    """A line of one piece at 10.00."""
    return {
        "id": f"gid://shopify/LineItem/{9000 + number}",
        "sku": f"MUG-{number}",
        "quantity": 1,
        "currentQuantity": 1,
        "originalUnitPriceSet": bag("10.0"),
        **changes,
    }


def order(**changes: Any) -> dict[str, Any]:
    """The order of shopify_order in the names of GraphQL."""
    return {
        "id": "gid://shopify/Order/5001",
        "createdAt": "2024-03-01T11:00:00Z",
        "processedAt": "2024-03-01T10:59:00Z",
        "updatedAt": "2024-03-01T11:05:00Z",
        "cancelledAt": None,
        "currencyCode": "EUR",
        "displayFinancialStatus": "PAID",
        "displayFulfillmentStatus": "UNFULFILLED",
        "taxesIncluded": False,
        "totalDiscountsSet": bag("0.0"),
        "totalTaxSet": bag("2.1"),
        "totalPriceSet": bag("26.6"),
        "lineItems": {"edges": [{"node": item(1)}, {"node": item(2)}]},
        "shippingLines": {"nodes": [{"title": "Parcel", "originalPriceSet": bag("4.5")}]},
        "shippingAddress": {
            "name": "Ida Holm",
            "address1": "Quay 4",
            "address2": None,
            "city": "Bremen",
            "provinceCode": "HB",
            "zip": "28195",
            "countryCodeV2": "DE",
            "latitude": 53.08,
            "longitude": 8.8,
        },
        **changes,
    }


def read(value: object) -> list[Mapped]:
    return Shopify().orders(json.dumps(value).encode(), "", "raw-1", 1)


def fault(**changes: Any) -> tuple[str, str]:
    (result,) = read({"data": {"order": order(**changes)}})
    assert isinstance(result, Rejected), result
    assert result.detail.startswith(result.field.split(".")[0])
    return result.reason, result.field


@pytest.mark.parametrize(
    "value",
    [
        order(),
        {"data": {"order": order()}},
        {"data": {"node": order()}},
        {"data": {"orders": {"edges": [{"cursor": "c", "node": order()}]}}},
        {"data": {"orders": {"nodes": [order()], "pageInfo": {"hasNextPage": True}}}},
        {"data": {"orderUpdate": {"order": order(), "userErrors": []}}},
        {"orders": {"nodes": [order()]}},
        order(lineItems=[item(1), item(2)], currencyCode=None),
        order(lineItems={"nodes": [item(1, sku=None, variant={"sku": "MUG-1"}), item(2)]}),
    ],
)
def test_both_apis_give_the_same_order(value: object) -> None:
    (rest,) = Shopify().orders(json.dumps(shopify_order()).encode(), "", "raw-1", 1)
    assert read(value) == [rest]


def test_a_bulk_file_has_the_lines_of_an_order_below_it() -> None:
    first, second = order(), order(id="gid://shopify/Order/5002", lineItems=None)
    del first["lineItems"]
    lines = [first, *({**item(n), "__parentId": first["id"]} for n in (1, 2)), second]
    lines.append({**item(1), "__parentId": second["id"]})
    lines.append({"id": "gid://shopify/Customer/1", "__parentId": first["id"]})
    lines.append({**item(1), "__parentId": "gid://shopify/Order/9"})
    payload = "\n".join(map(json.dumps, lines)).encode()
    one, two, orphan = Shopify().orders(payload, "", "raw-1", 1)
    assert isinstance(one, PlaceOrder)
    assert [line.sku for line in one.lines] == ["MUG-1", "MUG-2"]
    assert isinstance(two, PlaceOrder)
    assert [line.sku for line in two.lines] == ["MUG-1"]
    assert isinstance(orphan, Rejected)
    assert (orphan.reason, orphan.field) == ("missing_field", "__parentId")


def test_a_cancelled_order_asks_for_its_cancellation() -> None:
    cancelled = order(cancelledAt="1970-01-01T00:00:01Z", cancelReason="CUSTOMER")
    assert read(cancelled) == [CancelOrder("shopify-5001", "CUSTOMER", 1000)]


@pytest.mark.parametrize(
    ("changes", "reason", "field"),
    [
        ({"totalPriceSet": None}, "missing_field", "totalPriceSet"),
        ({"totalPriceSet": {}}, "missing_field", "totalPriceSet.shopMoney.amount"),
        ({"totalPriceSet": bag(26.605)}, "invalid_amount", "totalPriceSet"),
        (
            {"totalPriceSet": bag("26.6", "USD")},
            "invalid_amount",
            "totalPriceSet.shopMoney.currencyCode",
        ),
        ({"currencyCode": None, "totalPriceSet": None}, "missing_field", "currencyCode"),
        ({"lineItems": None}, "incomplete", "lineItems"),
        ({"lineItems": 3}, "wrong_type", "lineItems"),
        ({"lineItems": {"nodes": [3]}}, "wrong_type", "lineItems[0]"),
        ({"lineItems": {"nodes": [item(1, sku="")]}}, "missing_field", "lineItems[0].sku"),
        (
            {"lineItems": {"nodes": [item(1, currentQuantity=2)]}},
            "invalid_quantity",
            "lineItems[0].currentQuantity",
        ),
        (
            {"lineItems": {"nodes": [item(1, originalUnitPriceSet=bag("ten"))]}},
            "invalid_amount",
            "lineItems[0].originalUnitPriceSet",
        ),
        (
            {"shippingLines": {"nodes": [{"originalPriceSet": bag("ten")}]}},
            "invalid_amount",
            "shippingLines[0].originalPriceSet",
        ),
        (
            {"lineItems": {"nodes": [item(1)], "pageInfo": {"hasNextPage": True}}},
            "missing_field",
            "lineItems.pageInfo.hasNextPage",
        ),
        ({"createdAt": "now", "processedAt": None}, "invalid_time", "createdAt"),
        ({"displayFinancialStatus": "HELD"}, "wrong_type", "displayFinancialStatus"),
        ({"shippingAddress": {"countryCodeV2": "DEU"}}, "", "shippingAddress.countryCodeV2"),
    ],
)
def test_a_field_at_fault_has_the_name_of_graphql(
    changes: dict[str, Any], reason: str, field: str
) -> None:
    found = fault(**changes)
    assert found[1] == field
    assert not reason or found[0] == reason


@pytest.mark.parametrize(
    ("value", "reason", "field"),
    [
        ({"data": {"order": None}}, "missing_field", "data.order"),
        ({"data": {"orders": {"nodes": []}}}, "missing_field", "data"),
        ({"data": None, "errors": [{"message": "Throttled"}]}, "not_an_order", "errors"),
        ({"data": {"orders": {"edges": 3}}}, "wrong_type", "data.orders"),
        (order(id="gid://shopify/DraftOrder/7"), "not_an_order", "id"),
        (order(id="gid://shopify/Product/7"), "not_an_order", "id"),
        (
            order(displayFulfillmentStatus="FULFILLED"),
            "nothing_to_deliver",
            "displayFulfillmentStatus",
        ),
    ],
)
def test_what_carries_no_order_is_refused(value: object, reason: str, field: str) -> None:
    (result,) = read(value)
    assert isinstance(result, Rejected)
    assert (result.reason, result.field) == (reason, field)


def test_an_answer_that_asks_for_the_current_total_alone_is_read() -> None:
    said = order(currentTotalPriceSet=bag("26.6"), totalPriceSet=None, currencyCode=None)
    (result,) = Shopify().orders(json.dumps(said).encode(), "", "raw-1", 1)
    assert isinstance(result, PlaceOrder)
    assert (result.currency, result.total_minor) == ("EUR", 2660)


def test_after_a_removal_both_apis_name_what_the_order_costs_now() -> None:
    said = order(
        lineItems={"nodes": [item(1), item(2, currentQuantity=0)]},
        currentTotalPriceSet=bag("15.55"),
        currentTotalTaxSet=bag("1.05"),
        currentTotalDiscountsSet=bag("0.0"),
    )
    (result,) = Shopify().orders(json.dumps(said).encode(), "", "raw-1", 1)
    assert isinstance(result, PlaceOrder)
    assert (result.total_minor, result.tax_minor, len(result.lines)) == (1555, 105, 1)
