"""Shopify's complex orders: custom lines, gift cards, discounts, tax by line, tenders, pick-up."""

from __future__ import annotations

import json
from typing import Any

import pytest

from connectors.channels.mapping import Rejected
from connectors.channels.shopify import Shopify
from schemas.orders import Discount, OrderLine, PlaceOrder, Tender
from schemas.totals import RateSum, by_rate, recomputed_total
from tests.unit.connectors.shopify_order import line, shopify_order
from tests.unit.connectors.test_shopify_graphql import bag, item
from tests.unit.connectors.test_shopify_graphql import order as graphql_order


def read(value: object) -> PlaceOrder | Rejected:
    (result,) = Shopify().orders(json.dumps(value).encode(), "orders/create", "raw-1", 1)
    assert isinstance(result, PlaceOrder | Rejected)
    return result


def placed(**changes: Any) -> PlaceOrder:
    result = read(shopify_order(**changes))
    assert isinstance(result, PlaceOrder), result
    return result


def lines_of(*found: dict[str, Any]) -> list[OrderLine]:
    return placed(line_items=list(found)).lines


def test_a_line_without_a_sku_is_a_custom_line_known_by_its_title() -> None:
    custom = line(1, sku=None, title="Custom Item", name="Custom item", product_id=None)
    first, second = lines_of(custom, line(2))
    assert (first.kind, first.sku, first.title) == ("custom", "", "Custom item")
    assert (second.kind, second.sku) == ("goods", "MUG-2")


def test_a_line_with_neither_sku_nor_title_is_nobodys_to_guess() -> None:
    for sku in (None, "", " "):
        result = read(shopify_order(line_items=[line(1, sku=sku, title=None)]))
        assert isinstance(result, Rejected)
        assert (result.reason, result.field) == ("missing_field", "line_items[0].sku")


def test_a_gift_card_is_sold_and_not_shipped() -> None:
    card = line(1, sku=None, title="Gift card", gift_card=True, requires_shipping=False)
    (first,) = lines_of(card)
    assert (first.kind, first.title, first.unit_price_minor) == ("gift_card", "Gift card", 1000)
    (first,) = lines_of({**card, "sku": "GIFT-10"})
    assert (first.kind, first.sku) == ("gift_card", "GIFT-10")


def test_what_needs_no_shipping_is_no_goods() -> None:
    first, second, third = lines_of(
        line(1, requires_shipping=False), line(2, requires_shipping=True), line(3)
    )
    assert [first.kind, second.kind, third.kind] == ["custom", "goods", "goods"]
    assert first.sku == "MUG-1"


DISCOUNTED = {
    "taxes_included": False,
    "discount_applications": [
        {"type": "discount_code", "code": "SUMMER", "target_type": "line_item"},
        {"type": "manual", "title": "Sorry", "target_type": "line_item"},
        {"type": "automatic", "title": "Free shipping", "target_type": "shipping_line"},
    ],
    "line_items": [
        line(
            1,
            quantity=2,
            discount_allocations=[
                {"amount": "2.00", "discount_application_index": 0},
                {"amount": "0.50", "discount_application_index": 1},
            ],
        ),
        line(2, discount_allocations=[{"amount": "1.00", "discount_application_index": 0}]),
    ],
    "shipping_lines": [
        {
            "title": "Parcel",
            "price": "4.50",
            "discounted_price": "4.50",
            "discount_allocations": [{"amount": "4.50", "discount_application_index": 2}],
        }
    ],
    "total_discounts": "8.00",
    "total_price": "28.60",
}


def test_discounts_are_borne_where_the_order_allocates_them() -> None:
    order = placed(**DISCOUNTED)
    assert [each.discount_minor for each in order.lines] == [250, 100]
    assert (order.shipping_minor, order.discount_minor) == (0, 0)
    assert order.discounts == [
        Discount("SUMMER", 200, "9001"),
        Discount("Sorry", 50, "9001"),
        Discount("SUMMER", 100, "9002"),
        Discount("Free shipping", 450),
    ]
    assert recomputed_total(order) == order.total_minor


def test_what_is_not_allocated_is_the_orders() -> None:
    order = placed(**{**DISCOUNTED, "total_discounts": "9.25"})
    assert order.discount_minor == 125


def test_allocations_beyond_the_sum_of_discounts_are_not_believed() -> None:
    order = placed(**{**DISCOUNTED, "total_discounts": "5.00", "discount_codes": []})
    assert [each.discount_minor for each in order.lines] == [0, 0]
    assert (order.shipping_minor, order.discount_minor, order.discounts) == (450, 500, [])


def test_allocations_that_cannot_be_read_leave_the_sum() -> None:
    spoilt = [line(1, discount_allocations=[{"amount": 1.5}]), line(2)]
    order = placed(line_items=spoilt, total_discounts="1.50")
    assert (order.lines[0].discount_minor, order.discount_minor) == (0, 150)


def test_a_line_with_pieces_removed_keeps_their_part_of_its_discount_and_tax() -> None:
    kept = line(
        1,
        quantity=3,
        current_quantity=2,
        discount_allocations=[{"amount": "1.00", "discount_application_index": 0}],
        tax_lines=[{"price": "3.00", "rate": 0.1}],
    )
    removed = line(2, current_quantity=0, discount_allocations=[{"amount": "2.00"}])
    order = placed(line_items=[kept, removed], total_discounts="3.00")
    assert [(each.discount_minor, each.tax_minor) for each in order.lines] == [(67, 200)]
    assert order.discount_minor == 0
    assert [each.line_id for each in order.discounts] == ["9001"]


def test_codes_are_told_where_nothing_is_allocated() -> None:
    codes = [{"code": "TENOFF", "amount": "10.00", "type": "fixed_amount"}]
    order = placed(discount_codes=codes, total_discounts="10.00")
    assert (order.discount_minor, order.discounts) == (1000, [Discount("TENOFF", 1000)])


@pytest.mark.parametrize("rate", ["NaN", "sNaN", "-Infinity", "1e9", [], True, None])
def test_a_rate_that_is_none_counts_as_none(rate: object) -> None:
    taxed = line(1, tax_lines=[{"price": "0.60", "rate": rate}])
    order = placed(line_items=[taxed, line(2)])
    assert (order.lines[0].tax_minor, order.lines[0].tax_rate_ppm % 1_000_000) == (60, 0)


def test_the_taxes_of_a_line_are_summed_and_their_rates_added() -> None:
    taxed = line(
        1,
        tax_lines=[
            {"title": "State", "price": "0.60", "rate": 0.06},
            {"title": "County", "price": "0.23", "rate": 0.0225},
        ],
    )
    order = placed(line_items=[taxed, line(2)], total_tax="0.83", total_price="25.33")
    assert (order.lines[0].tax_minor, order.lines[0].tax_rate_ppm) == (83, 82_500)
    assert (order.lines[1].tax_minor, order.lines[1].tax_rate_ppm) == (0, 0)
    assert by_rate(order) == [RateSum(82_500, 1000, 83), RateSum(0, 1450, 0)]


def test_tax_in_the_prices_is_told_by_line_and_not_added() -> None:
    taxed = line(1, price="11.90", tax_lines=[{"price": "1.90", "rate": 0.19}])
    order = placed(
        taxes_included=True,
        line_items=[taxed],
        shipping_lines=[
            {"title": "Parcel", "price": "4.50", "tax_lines": [{"price": "0.72", "rate": 0.19}]}
        ],
        total_tax="2.62",
        total_price="16.40",
    )
    assert (order.prices_include_tax, order.tax_minor) == (True, 0)
    assert (order.lines[0].tax_minor, order.shipping_tax_rate_ppm) == (190, 190_000)
    assert order.shipping_method == "Parcel"
    assert by_rate(order) == [RateSum(190_000, 1378, 262)]
    assert recomputed_total(order) == order.total_minor


@pytest.mark.parametrize(
    "tax_lines", [None, [], "x", [{"price": 1.5, "rate": "x"}], [{}], [{"rate": -1}]]
)
def test_tax_lines_that_cannot_be_read_do_not_reject_the_order(tax_lines: object) -> None:
    (first,) = lines_of(line(1, tax_lines=tax_lines))
    assert (first.tax_minor, first.tax_rate_ppm) == (0, 0)


def test_a_purchase_order_number_is_taken_over() -> None:
    assert placed(po_number="PO-4711").purchase_order_number == "PO-4711"
    assert placed(po_number=None).purchase_order_number == ""


def transaction(gateway: str, amount: str, kind: str = "sale", **changes: Any) -> dict[str, Any]:
    return {"gateway": gateway, "amount": amount, "kind": kind, "status": "success", **changes}


def test_a_gift_card_and_a_card_at_the_channel_are_two_tenders() -> None:
    order = placed(
        payment_gateway_names=["gift_card", "shopify_payments"],
        transactions=[
            transaction("gift_card", "10.00"),
            transaction("shopify_payments", "30.00", status="failure"),
            transaction("shopify_payments", "16.60", "authorization"),
            transaction("shopify_payments", "16.60", "capture", parent_id=1),
        ],
    )
    assert order.tenders == [
        Tender("gift_card", "channel", 1000, "", 1000, "EUR"),
        Tender("shopify_payments", "channel", 1660, "", 1660, "EUR"),
    ]
    assert (order.payment_method, order.paid_minor) == ("channel", 2660)


@pytest.mark.parametrize(
    "transactions",
    [
        None,
        [transaction("shopify_payments", "26.60")],
        [transaction("gift_card", "10.00"), transaction("shopify_payments", "10.00")],
        [transaction("gift_card", "10.00"), transaction("shopify_payments", "x")],
        [transaction("gift_card", "10.00"), transaction("card", "16.60", currency="USD")],
        "none",
    ],
)
def test_one_tender_or_one_that_cannot_be_told_is_not_split(transactions: object) -> None:
    names = ["gift_card", "shopify_payments"]
    order = placed(transactions=transactions, payment_gateway_names=names)
    assert (order.tenders, order.paid_minor) == ([], 2660)


def test_payment_terms_are_an_invoice_for_what_is_still_to_come() -> None:
    terms = {"payment_terms_name": "NET_30", "payment_terms_type": "NET", "due_in_days": 30}
    order = placed(financial_status="pending", payment_terms=terms)
    assert order.tenders == [Tender("terms", "invoice", 0, terms_days=30)]
    order = placed(financial_status="partially_paid", total_outstanding="6.60", payment_terms=terms)
    assert order.tenders == [
        Tender("1", "channel", 2000, "", 2000, "EUR"),
        Tender("terms", "invoice", 0, terms_days=30),
    ]
    assert placed(financial_status="paid", payment_terms=terms).tenders == []


def test_cash_on_delivery_is_still_to_come() -> None:
    names = ["Cash on Delivery (COD)"]
    order = placed(financial_status="pending", payment_gateway_names=names)
    assert order.tenders == [Tender("cash", "cash_on_delivery", 0)]
    assert placed(financial_status="pending", payment_gateway_names=["manual"]).tenders == []


@pytest.mark.parametrize("word", ["pickup", "pick_up", "PICK-UP", "local_pickup"])
def test_an_order_that_is_fetched_names_the_location_on_its_goods(word: str) -> None:
    order = placed(
        shipping_lines=[{"code": "SantaVenera", "price": "0.00", "delivery_category": word}],
        line_items=[line(1), line(2, requires_shipping=False)],
    )
    assert [each.pickup_location_id for each in order.lines] == ["SantaVenera", ""]


@pytest.mark.parametrize(
    "shipping_lines",
    [
        [{"code": "Parcel", "price": "4.50", "delivery_category": None, "source": "shopify"}],
        [{"code": "Locker 7", "price": "4.50", "delivery_category": "pickup_point"}],
        [
            {"code": "SantaVenera", "price": "0.00", "delivery_category": "pickup"},
            {"code": "Parcel", "price": "4.50"},
        ],
        [{"code": "a|b", "price": "4.50", "delivery_category": "pickup"}],
        [],
    ],
)
def test_what_is_sent_or_fetched_in_part_names_no_location(
    shipping_lines: list[dict[str, Any]],
) -> None:
    order = placed(shipping_lines=shipping_lines)
    assert {each.pickup_location_id for each in order.lines} == {""}


def allocation(amount: str, **application: Any) -> dict[str, Any]:
    return {"allocatedAmountSet": bag(amount), "discountApplication": application}


GRAPHQL = graphql_order(
    poNumber="PO-4711",
    taxesIncluded=True,
    totalDiscountsSet=bag("3.5"),
    transactions=[
        {
            "gateway": "gift_card",
            "kind": "SALE",
            "status": "SUCCESS",
            "amountSet": bag("6.6"),
        },
        {
            "gateway": "card",
            "kind": "AUTHORIZATION",
            "status": "SUCCESS",
            "amountSet": bag("20.0"),
        },
    ],
    lineItems={
        "nodes": [
            item(
                1,
                name="Coffee",
                requiresShipping=True,
                taxLines=[{"priceSet": bag("1.6"), "rate": 0.19}],
                discountAllocations=[allocation("1.0", code="SUMMER")],
                sellingPlan={"name": "every month"},
                contract={"id": "gid://shopify/SubscriptionContract/77"},
            ),
            item(2, sku=None, name="Engraving", requiresShipping=False),
            item(3, sku=None, name="Gift card", isGiftCard=True),
        ]
    },
    shippingLines={
        "nodes": [
            {
                "title": "Shop",
                "code": "STORE-1",
                "deliveryCategory": "pickup",
                "originalPriceSet": bag("4.5"),
                "discountAllocations": [allocation("2.5", title="Cheaper")],
                "taxLines": [{"priceSet": bag("0.3"), "ratePercentage": 19, "rate": 0.19}],
            }
        ]
    },
)


def test_graphql_tells_the_same_in_its_own_names() -> None:
    order = read(GRAPHQL)
    assert isinstance(order, PlaceOrder), order
    coffee, engraving, card = order.lines
    assert (coffee.kind, coffee.title) == ("goods", "Coffee, every month")
    assert (coffee.tax_minor, coffee.tax_rate_ppm, coffee.discount_minor) == (160, 190_000, 100)
    assert coffee.pickup_location_id == "STORE-1"
    assert [engraving.kind, card.kind] == ["custom", "gift_card"]
    assert order.discounts == [Discount("SUMMER", 100, "9001"), Discount("Cheaper", 250)]
    assert (order.shipping_minor, order.discount_minor) == (200, 0)
    assert order.shipping_tax_rate_ppm == 190_000
    assert [(each.tender_id, each.paid_minor) for each in order.tenders] == [
        ("gift_card", 660),
        ("card", 2000),
    ]
    assert (order.purchase_order_number, order.subscription_id) == ("PO-4711", "77")


def test_payment_terms_come_from_graphql_as_well() -> None:
    order = read(graphql_order(displayFinancialStatus="PENDING", paymentTerms={"dueInDays": 14}))
    assert isinstance(order, PlaceOrder)
    assert order.tenders == [Tender("terms", "invoice", 0, terms_days=14)]


def test_odd_parts_in_graphql_do_not_reject_the_order() -> None:
    odd = item(1, taxLines={"nodes": 3}, discountAllocations=[7], sellingPlan=4, contract="x")
    order = read(graphql_order(lineItems={"nodes": [odd]}, transactions={"nodes": [1]}))
    assert isinstance(order, PlaceOrder)
    assert order.subscription_id == ""


def test_lines_whose_ids_nobody_asked_for_are_known_by_their_number() -> None:
    lines = [line(1), line(2, discount_allocations=[{"amount": "1.00"}])]
    for each in lines:
        del each["id"]
    order = placed(line_items=lines, total_discounts="1.00", total_price="25.60")
    assert [(each.line_id, each.discount_minor) for each in order.lines] == [("1", 0), ("2", 100)]


def test_an_order_that_names_its_currency_beside_its_total_only_is_read() -> None:
    total = {"shop_money": {"amount": "26.60", "currency_code": "EUR"}}
    order = placed(currency=None, total_price_set=total)
    assert (order.currency, order.total_minor) == ("EUR", 2660)
