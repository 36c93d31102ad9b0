"""Orders of commercetools, in the shapes that its HTTP API and its subscriptions give them."""

from __future__ import annotations

import codecs
import json
from typing import Any

import pytest

from connectors.channels import people
from connectors.channels.commercetools import Commercetools
from connectors.channels.mapping import Mapped, Rejected
from schemas.orders import CancelOrder, LineKind, PlaceOrder
from schemas.payments import Method
from schemas.totals import recomputed_total, shares
from tests.unit.connectors.commercetools_order import (
    address,
    commercetools_order,
    custom,
    line,
    money,
    shipping,
    taxed,
)

NOW = 1_709_300_000_000
ORDER_ID = "3d64a514-0000-4345-b817-f683628f17e5"


def read(value: object) -> list[Mapped]:
    payload = value if isinstance(value, bytes) else json.dumps(value).encode()
    return Commercetools().orders(payload, "", "raw-1", NOW)


def placed(value: object) -> PlaceOrder:
    [result] = read(value)
    assert isinstance(result, PlaceOrder), result
    assert recomputed_total(result) == result.total_minor
    assert sum(share.total_minor for share in shares(result)) == result.total_minor
    return result


def rejected(value: object) -> Rejected:
    [result] = read(value)
    assert isinstance(result, Rejected), result
    return result


def test_an_order_whose_prices_include_tax() -> None:
    order = placed(commercetools_order())
    assert order.external_id == ORDER_ID
    assert order.order_id == f"commercetools-{ORDER_ID}"
    assert order.version == 7
    assert order.currency == "EUR"
    assert order.total_minor == order.paid_minor == 12_800
    assert order.prices_include_tax
    assert order.tax_minor == 0
    assert order.shipping_minor == 300
    assert order.shipping_method == "Standard EU"
    assert order.shipping_tax_rate_ppm == 190_000
    [item] = order.lines
    assert (item.sku, item.quantity, item.unit_price_minor) == ("SKU-1", 1, 12_500)
    assert (item.title, item.tax_minor, item.tax_rate_ppm) == ("Schuh", 1_996, 190_000)
    assert order.purchase_order_number == "PO-7"
    assert order.billing_country == "AT"
    assert order.ship_to.line1 == "Kai 4"
    personal = people.read(order)
    assert personal.contact.email == "ida@example.com"
    assert personal.contact.channel_customer_id == "customer-1"


def test_an_order_with_tax_on_top_is_paid_with_its_gross() -> None:
    item = line(1, 4_200, quantity=2, rate=("0.137", False), totals=(8_400, 9_551))
    order = placed(
        commercetools_order(
            lineItems=[item],
            shippingInfo=None,
            totalPrice=money(8_400),
            taxedPrice=taxed(8_400, 9_551),
        )
    )
    assert not order.prices_include_tax
    assert (order.tax_minor, order.total_minor) == (1_151, 9_551)
    assert order.lines[0].tax_rate_ppm == 137_000


def test_an_order_without_computed_tax_is_paid_with_its_price() -> None:
    item = line(1, 2_800, quantity=2)
    del item["taxRate"], item["taxedPrice"]
    change = {"lineItems": [item], "shippingInfo": None, "totalPrice": money(5_600)}
    order = placed(commercetools_order(**change, taxedPrice=None))
    assert order.total_minor == 5_600


def test_cart_discounts_are_the_lines_own() -> None:
    item = line(1, 1_000, quantity=3, totals=(2_101, 2_500))
    item["discountedPricePerQuantity"] = [
        {"quantity": 1, "discountedPrice": {"value": money(500), "includedDiscounts": [
            {"discount": {"typeId": "cart-discount", "id": "d-1"}, "discountedAmount": money(500)}
        ]}},
        {"quantity": 2, "discountedPrice": {"value": money(1_000), "includedDiscounts": []}},
    ]  # fmt: skip
    item["totalPrice"] = money(2_500)
    order = placed(
        commercetools_order(
            lineItems=[item],
            shippingInfo={**shipping(300), "discountedPrice": {"value": money(0)}},
            totalPrice=money(2_500),
            taxedPrice=taxed(2_101, 2_500),
        )
    )
    assert order.lines[0].unit_price_minor == 1_000
    assert order.lines[0].discount_minor == 500
    assert order.shipping_minor == 0
    assert [(each.code, each.amount_minor) for each in order.discounts] == [("d-1", 500)]


def test_a_product_discount_is_the_price() -> None:
    item = line(1, 2_990, totals=(2_513, 2_990))
    item["price"] = {"value": money(5_980), "discounted": {"value": money(2_990)}}
    order = placed(_of(item, 2_990, 2_513))
    assert order.lines[0].unit_price_minor == 2_990
    assert order.lines[0].discount_minor == 0


def test_a_tier_that_is_reached_is_the_price() -> None:
    item = line(1, 1_000, quantity=10, totals=(6_723, 8_000), totalPrice=money(8_000))
    item["price"]["tiers"] = [
        {"minimumQuantity": 10, "value": money(800)},
        {"minimumQuantity": 5, "value": money(900)},
        {"minimumQuantity": 11, "value": money(700)},
    ]
    assert placed(_of(item, 8_000, 6_723)).lines[0].unit_price_minor == 800


def _of(item: dict[str, Any], total: int, net: int) -> dict[str, Any]:
    return commercetools_order(
        lineItems=[item], shippingInfo=None, totalPrice=money(total), taxedPrice=taxed(net, total)
    )


def test_a_discount_on_the_total_is_the_orders() -> None:
    order = placed(
        commercetools_order(
            discountOnTotalPrice={
                "discountedAmount": money(1_280),
                "discountedNetAmount": money(1_076),
                "discountedGrossAmount": money(1_280),
                "includedDiscounts": [{"discount": {"typeId": "cart-discount", "id": "d-9"}}],
            },
            totalPrice=money(11_520),
            taxedPrice=taxed(9_680, 11_520),
        )
    )
    assert order.discount_minor == 1_280
    assert order.discounts[0].code == "d-9"


def test_custom_line_items_are_custom_lines_and_negative_ones_are_discounts() -> None:
    order = placed(
        commercetools_order(
            customLineItems=[custom(1, 450, "Geschenkpapier"), custom(2, -1_000, "Gutschein")],
            totalPrice=money(12_250),
            taxedPrice=taxed(10_294, 12_250),
        )
    )
    assert [each.kind for each in order.lines] == [LineKind.GOODS, LineKind.CUSTOM]
    assert order.lines[1].title == "Geschenkpapier"
    assert order.discount_minor == 1_000
    assert order.discounts[0].code == "Gutschein"


def test_prices_with_and_without_tax_side_by_side_are_read_without() -> None:
    fee = custom(1, 1_000, "Gravur", rate=("0.19", False), totals=(1_000, 1_190))
    order = placed(
        commercetools_order(
            customLineItems=[fee], totalPrice=money(13_800), taxedPrice=taxed(11_756, 13_990)
        )
    )
    assert not order.prices_include_tax
    assert (order.tax_minor, order.total_minor) == (2_234, 13_990)
    assert order.lines[0].unit_price_minor == 10_504


def test_a_gift_costs_nothing_and_is_delivered() -> None:
    gift = line(2, 900, totals=(0, 0), lineItemMode="GiftLineItem", totalPrice=money(0))
    gift["discountedPricePerQuantity"] = [
        {"quantity": 1, "discountedPrice": {"value": money(0), "includedDiscounts": []}}
    ]
    order = placed(commercetools_order(lineItems=[line(1, 12_500), gift]))
    assert [each.sku for each in order.lines] == ["SKU-1", "SKU-2"]
    assert order.lines[1].discount_minor == 900


def test_high_precision_prices_are_exact() -> None:
    value = {
        "type": "highPrecision",
        "currencyCode": "EUR",
        "centAmount": 1,
        "preciseAmount": 1_234_567,
        "fractionDigits": 8,
    }
    item = line(1, 0, quantity=1_000, totals=(1_038, 1_235), totalPrice=money(1_235))
    item["price"] = {"value": value}
    order = placed(_of(item, 1_235, 1_038))
    assert (order.lines[0].unit_price_minor, order.lines[0].per) == (1_234_567, 1_000_000)


def test_a_total_that_was_set_from_outside_is_the_lines_price() -> None:
    item = line(1, 333, quantity=3, totals=(841, 1_000), priceMode="ExternalTotal")
    item["totalPrice"] = money(1_000)
    order = placed(_of(item, 1_000, 841))
    assert (order.lines[0].unit_price_minor, order.lines[0].per) == (1_000, 3)


def test_a_currency_without_decimals_is_read_as_it_is() -> None:
    order = commercetools_order(shippingInfo=None, taxedPrice=None)
    text = json.dumps(order).replace('"EUR"', '"JPY"').replace('"fractionDigits": 2', '"x": 0')
    value = json.loads(text)
    value["totalPrice"]["centAmount"] = 12_500
    assert placed(value).total_minor == 12_500


def test_several_ways_of_shipping_and_addresses_cut_lines_up() -> None:
    def sent(number: int, key: str) -> dict[str, Any]:
        return {
            "shippingKey": f"s-{number}",
            "shippingAddress": address(key=key, streetNumber=str(number)),
            "shippingInfo": shipping(150, totals=(126, 150)),
        }

    item = line(1, 1_000, quantity=3, totals=(2_521, 3_000), taxRate=None)
    item["perMethodTaxRate"] = [
        {"shippingMethodKey": "m", "taxRate": {"amount": 0.19, "includedInPrice": True}}
    ]
    item["shippingDetails"] = {
        "valid": True,
        "targets": [
            {"addressKey": "home", "quantity": 2, "shippingMethodKey": "s-1"},
            {"addressKey": "work", "quantity": 1, "shippingMethodKey": "s-2"},
        ],
    }
    value = commercetools_order(
        shippingMode="Multiple",
        shippingInfo=None,
        shippingAddress=None,
        shipping=[sent(1, "home"), sent(2, "work")],
        itemShippingAddresses=[
            address(key="home", streetNumber="1"),
            address(key="work", streetNumber="2"),
        ],
        lineItems=[item],
        totalPrice=money(3_300),
        taxedPrice=taxed(2_773, 3_300),
    )
    order = placed(value)
    assert [(each.quantity, each.address) for each in order.lines] == [(2, 0), (1, 1)]
    assert [each.line1 for each in order.more_addresses] == ["Kai 2"]
    assert order.shipping_minor == 300
    assert sum(each.tax_minor for each in order.lines) == 479

    item["shippingDetails"]["targets"].pop()
    refused = rejected(value)
    assert (refused.reason, refused.field) == (
        "incomplete",
        "lineItems[0].shippingDetails.targets",
    )


def test_a_difference_is_left_to_be_seen() -> None:
    [order] = read(commercetools_order(taxedPrice=taxed(10_756, 12_900)))
    assert isinstance(order, PlaceOrder)
    assert order.total_minor - recomputed_total(order) == 100


def test_what_expanded_payments_hold_is_paid() -> None:
    def payment(*transactions: tuple[str, str, int], method: str = "card") -> dict[str, Any]:
        return {
            "amountPlanned": money(12_800),
            "paymentMethodInfo": {"method": method},
            "transactions": [
                {"type": kind, "state": state, "amount": money(cents)}
                for kind, state, cents in transactions
            ],
        }

    def paid(*payments: dict[str, Any], **changes: Any) -> PlaceOrder:
        found = [{"typeId": "payment", "id": "p", "obj": each} for each in payments]
        changes = {"paymentState": None, "paymentInfo": {"payments": found}, **changes}
        return placed(commercetools_order(**changes))

    held = payment(("Authorization", "Success", 12_800), ("Charge", "Failure", 12_800))
    assert paid(held).paid_minor == 12_800
    parts = [payment(("Charge", "Success", 2_800)), payment(("Authorization", "Success", 10_000))]
    assert paid(*parts, paymentState="Pending").paid_minor == 12_800
    refunded = payment(("Charge", "Success", 12_800), ("Refund", "Success", 800))
    assert paid(refunded).paid_minor == 12_000
    later = paid(payment(method="INVOICE"), paymentState="Pending")
    assert [each.method for each in later.tenders] == [Method.INVOICE]
    cash = paid(payment(method="Cash on delivery"), paymentState="BalanceDue")
    assert [each.method for each in cash.tenders] == [Method.CASH_ON_DELIVERY]


def test_orders_that_are_not_paid_are_not_ready() -> None:
    for state in ("Pending", "Failed"):
        assert rejected(commercetools_order(paymentState=state)).reason == "not_ready"
    due = commercetools_order(paymentState="BalanceDue")
    assert [each.method for each in placed(due).tenders] == [Method.INVOICE]
    due["purchaseOrderNumber"] = None
    assert rejected(due).reason == "not_ready"


def test_payments_come_from_their_own_answers() -> None:
    reference = {"payments": [{"typeId": "payment", "id": "pay-1"}]}
    order = commercetools_order(paymentState=None, paymentInfo=reference)
    refused = rejected(order)
    assert (refused.reason, refused.field) == ("incomplete", "paymentInfo.payments")
    payment = {
        "id": "pay-1",
        "amountPlanned": money(12_800),
        "transactions": [{"type": "Charge", "state": "Success", "amount": money(12_800)}],
    }
    assert placed({"documents": [order, payment]}).paid_minor == 12_800
    assert placed({"documents": [{"results": [payment]}, order]}).paid_minor == 12_800
    assert rejected({"documents": [payment]}).reason == "incomplete"


def test_an_order_that_has_ended_or_left_is_not_delivered() -> None:
    [cancelled] = read(commercetools_order(orderState="Cancelled"))
    assert isinstance(cancelled, CancelOrder)
    assert cancelled.order_id == f"commercetools-{ORDER_ID}"
    for change in (
        {"orderState": "Complete"},
        {"shipmentState": "Shipped"},
        {"shipmentState": "Partial"},
        {"returnInfo": [{"items": [{"lineItemId": "line-1", "quantity": 1}]}]},
    ):
        assert rejected(commercetools_order(**change)).reason == "nothing_to_deliver"
    placed(commercetools_order(shipmentState="Ready", orderState="Confirmed"))


def test_an_order_of_graphql_has_less_in_it() -> None:
    value = commercetools_order()
    for amount in (value["totalPrice"], value["lineItems"][0]["totalPrice"]):
        amount.pop("type"), amount.pop("fractionDigits")
    value["lineItems"][0]["name"] = "Schuh"
    value["lineItems"][0]["taxRate"] = None
    value["paymentInfo"] = {"payments": [{"id": "p", "amountPlanned": money(1)}]}
    assert placed({"data": {"order": value}}).prices_include_tax


@pytest.mark.parametrize(
    ("path", "value", "reason", "field"),
    [
        (("id",), None, "missing_field", "id"),
        (("orderState",), None, "missing_field", "orderState"),
        (("orderState",), "Lost", "wrong_type", "orderState"),
        (("totalPrice",), [], "wrong_type", "totalPrice"),
        (("totalPrice", "currencyCode"), "EURO", "unknown_currency", "totalPrice.currencyCode"),
        (("taxedPrice", "totalGross", "centAmount"), 128.5, "invalid_amount",
         "taxedPrice.totalGross.centAmount"),
        (("taxedPrice", "totalGross", "centAmount"), True, "invalid_amount",
         "taxedPrice.totalGross.centAmount"),
        (("lineItems", 0, "quantity"), "1.5", "invalid_quantity", "lineItems[0].quantity"),
        (("lineItems", 0, "quantity"), 1.5, "invalid_quantity", "lineItems[0].quantity"),
        (("lineItems", 0, "quantity"), -1, "invalid_quantity", "lineItems[0].quantity"),
        (("lineItems", 0, "quantity"), True, "invalid_quantity", "lineItems[0].quantity"),
        (("lineItems", 0, "price", "value", "currencyCode"), "USD", "invalid_amount",
         "lineItems[0].price.value.currencyCode"),
        (("lineItems", 0, "id"), None, "missing_field", "lineItems[0].id"),
        (("createdAt",), "2024-03-01T12:00:00", "invalid_time", "createdAt"),
        (("createdAt",), "2024-03-01T12:00:00+99:00", "invalid_time", "createdAt"),
        (("version",), "seven", "invalid_quantity", "version"),
        (("lineItems",), {"results": []}, "wrong_type", "lineItems"),
        (("shippingAddress",), ["x"], "wrong_type", "shippingAddress"),
        (("shippingAddress", "country"), "Atlantis", "wrong_type", "shippingAddress.country"),
        (("paymentState",), "Maybe", "wrong_type", "paymentState"),
    ],
)  # fmt: skip
def test_a_fault_is_named_by_its_field(
    path: tuple[Any, ...], value: object, reason: str, field: str
) -> None:
    order = commercetools_order()
    holder: Any = order
    for part in path[:-1]:
        holder = holder[part]
    holder[path[-1]] = value
    refused = rejected(order)
    assert (refused.reason, refused.field) == (reason, field)
    assert refused.external_id == ("" if path == ("id",) else ORDER_ID)


def test_what_does_not_matter_is_tolerated() -> None:
    order = placed(
        commercetools_order(
            shippingAddress=None, billingAddress=7, locale=[], customerEmail={}, syncInfo="x",
            version=None, purchaseOrderNumber=[],
        )
    )  # fmt: skip
    assert order.ship_to.country == ""
    assert order.lines[0].title == "Shoe"
    whole = {**money(12_800), "centAmount": "12800"}
    assert placed(commercetools_order(totalPrice=whole)).total_minor == 12_800


def test_a_line_without_sku_is_custom_and_known_by_its_title() -> None:
    order = placed(commercetools_order(lineItems=[line(1, 12_500, variant={"id": 1})]))
    assert (order.lines[0].kind, order.lines[0].sku) == (LineKind.CUSTOM, "")


def test_marks_encodings_and_broken_files() -> None:
    text = json.dumps(commercetools_order())
    placed(codecs.BOM_UTF8 + text.encode())
    placed(text.encode("utf-16"))
    for broken in (b"", b" ", text.encode()[:-20], b"<html>", b'{"id": NaN}'):
        assert rejected(broken).reason == "unreadable"
    twice = text.replace('"version": 7', '"version": 7, "version": 8').encode()
    assert rejected(twice).reason == "wrong_type"


def test_contacts_are_read_one_by_one() -> None:
    mapping = Commercetools()
    payload = json.dumps([commercetools_order(), {"statusCode": 500}]).encode()
    first, second = mapping.contacts(payload, "")
    assert (first.name, first.email) == ("Ida Holm", "ida@example.com")
    assert second == people.NOBODY
    assert mapping.contacts(b"{", "") == []
