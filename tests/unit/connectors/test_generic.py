"""The plain JSON and CSV forms map to the same commands, and refuse order by order."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.channels import generic, mapping, people
from connectors.channels.generic import GenericCsv, GenericJson
from connectors.channels.mapping import Mapped, Rejected
from schemas.orders import CancelOrder, Discount, PlaceOrder, Tender

NOW = 1_709_300_000_000
HEADER = (
    "external_id,placed_at,currency,sku,quantity,unit_price,shipping,tax,discount,total,"
    "payment_token,country,latitude,longitude"
)
FIRST = "A-1,2024-03-01T11:00:00Z,EUR,MUG,2,10.00,4.50,,,34.50,tok_1,DE,53.08,8.8"
SECOND = "A-1,,,CUP,1,10.00,,,,,,,,"
OTHER = "A-2,2024-03-01T11:00:00Z,EUR,MUG,1,10.00,,,,10.00,tok_2,,,"


def plain(**changes: Any) -> dict[str, Any]:
    return {
        "external_id": "A-1",
        "placed_at": "2024-03-01T11:00:00Z",
        "currency": "EUR",
        "lines": [{"sku": "MUG", "quantity": 2, "unit_price": "10.00"}],
        "total": "20.00",
        "payment": {"method": "card", "token": "tok_1"},
        **changes,
    }


def read_json(payload: bytes) -> list[Mapped]:
    return GenericJson().orders(payload, "", "raw-1", NOW)


def one(value: object) -> Mapped:
    (result,) = read_json(json.dumps(value).encode())
    return result


def read_csv(*rows: str, header: str = HEADER) -> list[Mapped]:
    return GenericCsv().orders("\r\n".join([header, *rows]).encode(), "", "raw-1", NOW)


def faults(results: list[Mapped]) -> list[tuple[str, str, str]]:
    return [(r.reason, r.field, r.external_id) for r in results if isinstance(r, Rejected)]


def test_what_is_left_out_has_its_default() -> None:
    order = one(plain())
    assert isinstance(order, PlaceOrder)
    assert order.order_id == "json-A-1"
    assert order.version == order.placed_at_ms == 1_709_290_800_000
    assert order.lines[0].line_id == "1"
    assert (order.discount_minor, order.shipping_minor, order.tax_minor) == (0, 0, 0)
    assert (order.payment_method, order.payment_token, order.paid_minor) == ("card", "tok_1", 0)
    assert (order.ship_to, order.backorder) == (mapping.NOWHERE, False)


def test_what_the_channel_has_paid_keeps_its_own_currency() -> None:
    order = one(plain(payment={"method": "channel", "paid": "3000", "currency": "JPY"}))
    assert isinstance(order, PlaceOrder)
    assert (order.paid_minor, order.paid_currency) == (3000, "JPY")


def test_a_cancelled_order_asks_for_its_cancellation() -> None:
    value = {"external_id": "A-1", "cancelled": True, "cancel_reason": "changed her mind"}
    assert one(value) == CancelOrder("json-A-1", "changed her mind", NOW)


@pytest.mark.parametrize(
    "payload",
    [
        json.dumps([plain(), plain(external_id="A-2")]).encode(),
        json.dumps({"orders": [plain(), plain(external_id="A-2")]}).encode(),
        json.dumps([plain(), plain(external_id="A-2")]).encode("utf-16"),
        b"\xef\xbb\xbf%s\n\n%s\r\n"
        % (json.dumps(plain()).encode(), json.dumps(plain(external_id="A-2")).encode()),
    ],
    ids=["list", "orders", "utf-16", "lines"],
)
def test_several_orders_come_in_any_of_three_forms(payload: bytes) -> None:
    results = read_json(payload)
    assert [r.order_id for r in results if isinstance(r, PlaceOrder)] == ["json-A-1", "json-A-2"]


def test_a_bad_line_of_json_lines_leaves_the_others_alone() -> None:
    line = json.dumps(plain()).encode()
    results = read_json(b"\n".join([line[:-9], line, b"{]"]))
    assert faults(results) == [("unreadable", "line 1", ""), ("unreadable", "line 3", "")]
    assert isinstance(results[1], PlaceOrder)


def test_a_truncated_order_spread_over_lines_is_one_rejection() -> None:
    payload = json.dumps(plain(), indent=1).encode()[:-4]
    assert faults(read_json(payload)) == [("unreadable", "", "")]


def test_a_key_that_is_given_twice_is_refused_instead_of_guessed() -> None:
    once = json.dumps(plain())
    twice = once.replace('"total": "20.00"', '"total": "20.00", "total" : "30.00"')
    assert faults(read_json(twice.encode())) == [("wrong_type", "total", "")]
    line = once.replace('"sku": "MUG"', '"sku": "MUG", "sku": "CUP"')
    both = f"[{line}, {once}]".encode()
    assert faults(read_json(both)) == [("wrong_type", "lines[0].sku", "A-1")]
    assert isinstance(read_json(both)[1], PlaceOrder)
    elsewhere = once.replace('"method"', '"note": {"a": 1, "a": 2}, "method"')
    assert isinstance(read_json(elsewhere.encode())[0], PlaceOrder)


def test_colons_and_escapes_in_a_text_are_no_keys() -> None:
    assert isinstance(one(plain(ship_to={"name": 'a":"b'})), PlaceOrder)
    assert isinstance(
        read_json(json.dumps(plain()).replace("tok_1", "\\u003a").encode())[0], PlaceOrder
    )


@pytest.mark.parametrize("value", [7, "order", None, True])
def test_json_without_object_or_list_is_unreadable(value: object) -> None:
    assert faults([one(value)]) == [("unreadable", "", "")]


def test_an_order_in_an_envelope_is_an_order() -> None:
    assert one({"order": plain()}) == one(plain())


@pytest.mark.parametrize(
    ("changes", "reason", "field"),
    [
        ({"external_id": ""}, "missing_field", "external_id"),
        ({"currency": "XXX"}, "unknown_currency", "currency"),
        ({"total": None}, "missing_field", "total"),
        ({"total": "-20.00"}, "invalid_amount", "total"),
        ({"total": 20.5}, "invalid_amount", "total"),
        ({"total": 20.0}, "invalid_amount", "total"),
        ({"total": "20."}, "invalid_amount", "total"),
        ({"total": ".5"}, "invalid_amount", "total"),
        ({"total": "²0.00"}, "invalid_amount", "total"),
        ({"total": "9" * 25}, "invalid_amount", "total"),
        ({"placed_at": "2024-03-01T11:00:00+25:00"}, "invalid_time", "placed_at"),
        ({"placed_at": "2024-03-01T11:00:00 Europe/Berlin"}, "invalid_time", "placed_at"),
        ({"placed_at": "2300-01-01T00:00:00Z"}, "invalid_time", "placed_at"),
        ({"external_id": "A\0"}, "invalid_identifier", "external_id"),
        ({"external_id": "A" * 201}, "invalid_identifier", "external_id"),
        ({"ship_to": {"latitude": "1e400"}}, "wrong_type", "ship_to.latitude"),
        ({"lines": []}, "missing_field", "lines"),
        ({"lines": [{"sku": "MUG", "quantity": 0}]}, "invalid_quantity", "lines[0].quantity"),
        ({"payment": None}, "missing_field", "payment"),
        ({"payment": {"method": "cash"}}, "wrong_type", "payment.method"),
        ({"payment": {"method": "card"}}, "missing_field", "payment.token"),
        ({"payment": {"method": "channel"}}, "missing_field", "payment.paid"),
        ({"ship_to": {"country": "Germany"}}, "wrong_type", "ship_to.country"),
        ({"ship_to": {"longitude": 181}}, "wrong_type", "ship_to.longitude"),
        ({"backorder": 1}, "wrong_type", "backorder"),
        ({"cancelled": "yes"}, "wrong_type", "cancelled"),
    ],
)
def test_a_field_at_fault_is_named(changes: dict[str, Any], reason: str, field: str) -> None:
    result = one(plain(**changes))
    assert isinstance(result, Rejected)
    assert (result.reason, result.field) == (reason, field)


def complex_order(**changes: Any) -> dict[str, Any]:
    """A bundle with a part, cheese by weight, engraving and a gift card, paid in three ways."""
    return plain(
        lines=[
            {
                "line_id": "set",
                "kind": "bundle",
                "title": "Tea set",
                "quantity": 1,
                "unit_price": "50.00",
                "discount": "5.00",
                "tax": "7.18",
                "tax_rate": "19",
            },
            {"sku": "CUP", "quantity": 4, "unit_price": "0", "parent_line_id": "set"},
            {
                "sku": "CHEESE",
                "quantity": 345,
                "unit_price": "12.99",
                "per": 1000,
                "tax_rate": "8.1",
                "address": 1,
                "pickup_location_id": "STORE-1",
            },
            {"kind": "custom", "title": "Engraving", "quantity": 1, "unit_price": "3.00"},
            {"kind": "gift_card", "title": "Gift card", "quantity": 1, "unit_price": "25.00"},
        ],
        payment=None,
        tenders=[
            {"method": "gift_card", "amount": "20.00", "token": "GC-1"},
            {"tender_id": "shop", "method": "channel", "paid": "10.00"},
            {"method": "invoice", "terms_days": 30},
        ],
        discounts=[{"code": "SPRING", "amount": "5.00", "line_id": "set"}],
        prices_include_tax=True,
        shipping_method="express",
        shipping_tax_rate=19,
        more_addresses=[{"city": "Bremen", "country": "DE"}],
        purchase_order_number="PO 4711",
        subscription_id="S-9",
        **changes,
    )


def test_everything_that_a_complex_order_has_is_taken_over() -> None:
    order = one(complex_order())
    assert isinstance(order, PlaceOrder), order
    bundle, cup, cheese, engraving, card = order.lines
    assert (bundle.kind, bundle.title, bundle.sku) == ("bundle", "Tea set", "")
    assert (bundle.discount_minor, bundle.tax_minor, bundle.tax_rate_ppm) == (500, 718, 190_000)
    assert (cup.kind, cup.per, cup.parent_line_id) == ("goods", 1, "set")
    assert (cheese.quantity, cheese.per, cheese.unit_price_minor) == (345, 1000, 1299)
    assert (cheese.tax_rate_ppm, cheese.address, cheese.pickup_location_id) == (
        81_000,
        1,
        "STORE-1",
    )
    assert (engraving.kind, engraving.line_id, card.kind) == ("custom", "4", "gift_card")
    assert order.tenders == [
        Tender("1", "gift_card", 2000, "GC-1"),
        Tender("shop", "channel", 0, "", 1000, "EUR"),
        Tender("3", "invoice", 0, terms_days=30),
    ]
    assert order.discounts == [Discount("SPRING", 500, "set")]
    assert (order.prices_include_tax, order.shipping_tax_rate_ppm) == (True, 190_000)
    assert [address.city for address in order.more_addresses] == ["Bremen"]
    assert (order.shipping_method, order.purchase_order_number) == ("express", "PO 4711")
    assert order.subscription_id == "S-9"


def test_of_several_tenders_the_first_stands_for_those_who_know_only_one() -> None:
    order = one(complex_order())
    assert isinstance(order, PlaceOrder)
    assert (order.payment_method, order.payment_token) == ("gift_card", "GC-1")
    assert (order.paid_minor, order.paid_currency) == (0, "EUR")


def test_every_address_of_an_order_is_personal() -> None:
    order = one(complex_order())
    assert isinstance(order, PlaceOrder)
    assert [address.city for address in people.read(order).addresses] == ["", "Bremen"]


ODD_LINE: dict[str, Any] = {"sku": "MUG", "quantity": 1, "unit_price": "1.00"}
SET: dict[str, Any] = {**ODD_LINE, "line_id": "set", "kind": "bundle"}


@pytest.mark.parametrize(
    ("changes", "reason", "field"),
    [
        ({"kind": "parcel"}, "wrong_type", "kind"),
        ({"kind": 7}, "wrong_type", "kind"),
        ({"sku": ""}, "missing_field", "sku"),
        ({"sku": "", "kind": "custom"}, "missing_field", "title"),
        ({"sku": None, "kind": "gift_card"}, "missing_field", "title"),
        ({"title": 5}, "wrong_type", "title"),
        ({"per": 0}, "invalid_quantity", "per"),
        ({"per": "1.5"}, "invalid_quantity", "per"),
        ({"quantity": "0.345"}, "invalid_quantity", "quantity"),
        ({"discount": "-1.00"}, "invalid_amount", "discount"),
        ({"discount": 1.5}, "invalid_amount", "discount"),
        ({"tax": "0.001"}, "invalid_amount", "tax"),
        ({"tax_rate": 0.19}, "invalid_amount", "tax_rate"),
        ({"tax_rate": "19 %"}, "invalid_amount", "tax_rate"),
        ({"tax_rate": "19.00001"}, "invalid_amount", "tax_rate"),
        ({"tax_rate": True}, "invalid_amount", "tax_rate"),
        ({"tax_rate": -1}, "invalid_amount", "tax_rate"),
        ({"parent_line_id": "nobody"}, "invalid_identifier", "parent_line_id"),
        ({"parent_line_id": "1"}, "invalid_identifier", "parent_line_id"),
        (
            {"kind": "bundle", "parent_line_id": "set"},
            "invalid_identifier",
            "parent_line_id",
        ),
        ({"address": 1}, "invalid_identifier", "address"),
        ({"address": -1}, "invalid_quantity", "address"),
        ({"pickup_location_id": "a|b"}, "invalid_identifier", "pickup_location_id"),
    ],
)
def test_a_field_at_fault_in_a_line_is_named(
    changes: dict[str, Any], reason: str, field: str
) -> None:
    result = one(plain(lines=[{**ODD_LINE, **changes}, SET]))
    assert isinstance(result, Rejected)
    assert (result.reason, result.field) == (reason, f"lines[0].{field}")


@pytest.mark.parametrize(
    ("tenders", "reason", "field"),
    [
        ([{"method": "barter"}], "wrong_type", "tenders[0].method"),
        ([{}], "missing_field", "tenders[0].method"),
        ([{"method": "card"}], "missing_field", "tenders[0].token"),
        ([{"method": "gift_card"}], "missing_field", "tenders[0].token"),
        ([{"method": "channel"}], "missing_field", "tenders[0].paid"),
        (
            [{"method": "invoice", "amount": "0.00"}],
            "invalid_amount",
            "tenders[0].amount",
        ),
        (
            [{"method": "invoice", "terms_days": -1}],
            "invalid_quantity",
            "tenders[0].terms_days",
        ),
        (
            [{"method": "invoice", "terms_days": 4000}],
            "invalid_quantity",
            "tenders[0].terms_days",
        ),
        (
            [{"method": "invoice", "tender_id": 2}, {"method": "cash_on_delivery"}],
            "invalid_identifier",
            "tenders",
        ),
        ([{"method": "invoice"}] * 21, "too_large", "tenders"),
    ],
)
def test_a_field_at_fault_of_a_tender_is_named(
    tenders: list[dict[str, Any]], reason: str, field: str
) -> None:
    result = one(plain(payment=None, tenders=tenders))
    assert isinstance(result, Rejected)
    assert (result.reason, result.field) == (reason, field)


def test_an_order_has_one_payment_or_tenders_and_not_both() -> None:
    both = one(plain(tenders=[{"method": "card", "token": "t"}]))
    neither = one(plain(payment=None, tenders=[]))
    assert faults([both, neither]) == [
        ("wrong_type", "payment", "A-1"),
        ("missing_field", "payment", "A-1"),
    ]


@pytest.mark.parametrize(
    ("changes", "reason", "field"),
    [
        ({"discounts": [{"amount": "1.00"}]}, "missing_field", "discounts[0].code"),
        ({"discounts": [{"code": "A"}]}, "missing_field", "discounts[0].amount"),
        (
            {"discounts": [{"code": "A", "amount": "1.00", "line_id": "9"}]},
            "invalid_identifier",
            "discounts[0].line_id",
        ),
        ({"discounts": [{}] * 501}, "too_large", "discounts"),
        ({"prices_include_tax": "yes"}, "wrong_type", "prices_include_tax"),
        ({"shipping_tax_rate": "x"}, "invalid_amount", "shipping_tax_rate"),
        ({"shipping_method": 1}, "wrong_type", "shipping_method"),
        ({"more_addresses": [{"country": "DEU"}]}, "wrong_type", "more_addresses[0].country"),
        ({"more_addresses": [{}] * 101}, "too_large", "more_addresses"),
        ({"purchase_order_number": 7}, "wrong_type", "purchase_order_number"),
        ({"subscription_id": "a|b"}, "invalid_identifier", "subscription_id"),
    ],
)
def test_a_field_at_fault_of_a_complex_order_is_named(
    changes: dict[str, Any], reason: str, field: str
) -> None:
    result = one(plain(**changes))
    assert isinstance(result, Rejected)
    assert (result.reason, result.field) == (reason, field)


def test_rows_with_the_same_id_are_one_order_wherever_they_stand() -> None:
    first, other = read_csv(FIRST, OTHER, SECOND)
    assert isinstance(first, PlaceOrder)
    assert isinstance(other, PlaceOrder)
    assert [(item.line_id, item.sku, item.quantity) for item in first.lines] == [
        ("1", "MUG", 2),
        ("2", "CUP", 1),
    ]
    assert (first.total_minor, first.shipping_minor, first.tax_minor) == (3450, 450, 0)
    assert (first.payment_method, first.payment_token) == ("card", "tok_1")
    assert (first.ship_to.country, first.ship_to.latitude) == ("DE", 53.08)


def test_a_byte_order_mark_in_front_of_the_header_is_tolerated() -> None:
    (result,) = read_csv(OTHER, header="\ufeff" + HEADER)
    assert isinstance(result, PlaceOrder)


@pytest.mark.parametrize("separator", [";", "\t", "|"])
def test_the_separator_is_that_of_the_header(separator: str) -> None:
    assert read_csv(
        *(row.replace(",", separator) for row in (FIRST, SECOND)),
        header=HEADER.replace(",", separator),
    ) == read_csv(FIRST, SECOND)


def test_a_separator_that_excel_declares_counts_as_a_row() -> None:
    rows = [row.replace(",", ";") for row in (HEADER, FIRST, SECOND.replace(",1,", ",x,"))]
    results = read_csv(*rows, header="sep=;")
    assert faults(results) == [("invalid_quantity", "row 4.quantity", "A-1")]


@pytest.mark.parametrize("start", ["sep=", "sep=\n", "sep=,", "SEP=;"])
def test_a_file_that_ends_behind_its_separator_is_unreadable(start: str) -> None:
    assert faults(GenericCsv().orders(start.encode(), "", "r", NOW)) == [("unreadable", "", "")]


def test_a_decimal_comma_is_refused_instead_of_guessed() -> None:
    row = OTHER.replace(",", ";").replace("10.00;;", "10,00;;")
    results = read_csv(row, header=HEADER.replace(",", ";"))
    assert faults(results) == [("invalid_amount", "row 2.unit_price", "A-2")]


@pytest.mark.parametrize("encoding", ["cp1252", "utf-16", "utf-8-sig"])
def test_what_excel_saves_is_read(encoding: str) -> None:
    row = OTHER.replace("MUG", "KRÜGE").replace("tok_2", "„tok“")
    payload = f"\r\n{HEADER}\r\n\r\n{row}\r\n;;\r\n".replace(";", ",").encode(encoding)
    (order,) = GenericCsv().orders(payload, "", "r", NOW)
    assert isinstance(order, PlaceOrder)
    assert (order.lines[0].sku, order.payment_token) == ("KRÜGE", "„tok“")


def test_a_quoted_line_break_does_not_end_a_row() -> None:
    (order,) = read_csv(OTHER.replace("tok_2", '"tok\r\n2"'))
    assert isinstance(order, PlaceOrder)
    assert order.payment_token == "tok\r\n2"


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (OTHER.replace("tok_2", '"tok_2'), "a quote that opens in row 3 is never closed"),
        (OTHER.replace("tok_2", '"tok"_2'), "row 3: "),
    ],
)
def test_an_unbalanced_quote_refuses_the_file_and_names_its_row(row: str, words: str) -> None:
    (result,) = read_csv(FIRST, row, SECOND)
    assert isinstance(result, Rejected)
    assert (result.reason, result.field) == ("unreadable", "")
    assert words in result.detail


def test_two_rows_that_are_alike_are_two_lines() -> None:
    (order,) = read_csv(OTHER, OTHER)
    assert isinstance(order, PlaceOrder)
    assert [(item.line_id, item.sku) for item in order.lines] == [("1", "MUG"), ("2", "MUG")]


def test_a_row_without_an_order_stands_alone_whatever_other_orders_are_called() -> None:
    results = read_csv(OTHER.replace("A-2", "|3"), OTHER.replace("A-2", ""))
    assert faults(results) == [
        ("invalid_identifier", "row 2.external_id", "|3"),
        ("missing_field", "row 3.external_id", ""),
    ]


@pytest.mark.parametrize("payload", [b"", b"\x00\x81PK", b'{"external_id": "A-1"}', b"a,b\n1,2"])
def test_a_file_without_a_column_of_the_format_is_unreadable(payload: bytes) -> None:
    assert faults(GenericCsv().orders(payload, "", "r", NOW)) == [("unreadable", "", "")]


def test_one_bad_row_rejects_its_order_only() -> None:
    results = read_csv(FIRST, SECOND.replace(",1,", ",1.5,"), OTHER)
    assert faults(results) == [("invalid_quantity", "row 3.quantity", "A-1")]
    assert isinstance(results[1], PlaceOrder)


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([OTHER.replace("A-2", "")], ("missing_field", "row 2.external_id", "")),
        ([OTHER.replace("MUG", "")], ("missing_field", "row 2.sku", "A-2")),
        ([OTHER.replace("tok_2", "")], ("missing_field", "row 2.payment_token", "A-2")),
        ([OTHER.replace(",1,", ",-1,")], ("invalid_quantity", "row 2.quantity", "A-2")),
        ([OTHER + ",more"], ("unreadable", "row 2", "A-2")),
        (["A-2,2024-03-01"], ("missing_field", "row 2.currency", "A-2")),
        ([OTHER, OTHER.replace("tok_2", "tok_3")], ("wrong_type", "row 3.payment_token", "A-2")),
        (['A-2,"open'], ("unreadable", "", "")),
        ([], ("missing_field", "row 2", "")),
    ],
)
def test_a_cell_at_fault_is_named_by_its_row(
    rows: list[str], expected: tuple[str, str, str]
) -> None:
    assert faults(read_csv(*rows)) == [expected]


def test_a_file_without_a_required_column_is_refused_as_a_whole() -> None:
    results = read_csv(OTHER, header=HEADER.replace("sku", "article"))
    assert faults(results) == [("missing_field", "sku", "")]


@pytest.mark.parametrize("mapped", [GenericJson(), GenericCsv()])
def test_a_payload_beyond_the_limit_is_not_even_parsed(mapped: mapping.Mapping) -> None:
    payload = b"\n" * (mapping.MAXIMUM_PAYLOAD_BYTES + 1)
    assert [reason for reason, _, _ in faults(mapped.orders(payload, "", "r", NOW))] == [
        "too_large"
    ]


def test_more_orders_than_a_transaction_carries_are_refused_as_a_whole() -> None:
    number = mapping.MAXIMUM_ORDERS + 1
    too_many = [("too_large", "", "")]
    assert faults(read_json(b"{}\n" * number)) == too_many
    assert faults(read_json(b"[" + b"{}," * number + b"{}]")) == too_many
    assert faults(read_csv(*(OTHER.replace("A-2", str(n)) for n in range(number)))) == too_many


def test_reading_stops_at_the_last_row_that_is_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(generic, "MAXIMUM_ROWS", 2)
    assert isinstance(read_csv(FIRST, SECOND)[0], PlaceOrder)
    assert faults(read_csv(FIRST, SECOND, OTHER)) == [("too_large", "", "")]


def test_a_long_truncated_payload_is_unreadable_and_not_too_many_orders() -> None:
    payload = json.dumps({"orders": [plain()] * 1_000}, indent=1).encode()[:-4]
    assert payload.count(b"\n") > mapping.MAXIMUM_ORDERS
    assert faults(read_json(payload)) == [("unreadable", "", "")]


@given(st.binary() | st.text().map(lambda text: f"{HEADER}\n{text}".encode()))
def test_no_bytes_raise_or_vanish(payload: bytes) -> None:
    assert GenericCsv().orders(payload, "", "r", NOW)
    assert GenericJson().orders(payload, "", "r", NOW)


@pytest.mark.parametrize(
    ("billing", "country"),
    [
        ({"country": "FR"}, "FR"),
        ({"country": "France"}, "FR"),
        ({"country": "Nowhere"}, ""),
        (None, ""),
        ("x", ""),
    ],
)
def test_the_billing_country_is_told_where_the_order_says_it(billing: Any, country: str) -> None:
    [order] = GenericJson().orders(json.dumps({**plain(), "billing": billing}).encode(), "", "", 0)
    assert isinstance(order, PlaceOrder)
    assert order.billing_country == country
