"""EDIFACT messages ORDERS become orders, or are refused with the segment at fault."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.channels import people
from connectors.channels.edifact.channel import Edifact
from connectors.channels.mapping import Mapped, Rejected
from schemas.orders import Address, CancelOrder, LineKind, PlaceOrder
from schemas.totals import recomputed_total
from tests.unit.connectors.edifact_files import (
    HEAD,
    LINES,
    ORDER,
    PARTIES,
    TAIL,
    interchange,
    message,
    written,
)


def results(payload: bytes) -> list[Mapped]:
    return Edifact().orders(payload, "", "raw-1", 1)


def of(body: list[str]) -> Mapped:
    (result,) = results(written(interchange([message(body)])))
    return result


def placed(body: list[str]) -> PlaceOrder:
    order = of(body)
    assert isinstance(order, PlaceOrder), order
    return order


def fault(result: Mapped) -> tuple[str, str]:
    assert isinstance(result, Rejected), result
    return result.reason, result.field


def changed(old: str, *new: str) -> list[str]:
    """The order with a segment replaced."""
    at = ORDER.index(old)
    return [*ORDER[:at], *new, *ORDER[at + 1 :]]


def test_an_order_is_what_its_segments_say() -> None:
    order = placed(ORDER)
    assert (order.order_id, order.external_id) == ("edifact-14:BUYER::PO-88", "PO-88")
    assert (order.currency, order.total_minor, recomputed_total(order)) == ("EUR", 2250, 2250)
    assert [(one.sku, one.quantity, one.unit_price_minor, one.per) for one in order.lines] == [
        ("MUG-1", 4, 250, 1),
        ("4006381333948", 10, 1250, 10),
    ]
    assert order.lines[0].title == "Mug, blue"
    assert order.ship_to == Address(
        "LAGER NORD", "KAI 4", "", "BREMEN", "", "28195", "DE", 0.0, 0.0
    )
    assert (order.tenders[0].method, order.tenders[0].terms_days) == ("invoice", 30)
    assert (order.placed_at_ms, order.version) == (1_709_164_800_000, 1_709_208_060_077)


def test_whom_an_order_names_is_known_to_the_channel_only() -> None:
    (contact,) = Edifact().contacts(written(interchange([message(ORDER)])), "")
    assert (contact.name, contact.company) == ("Ida Holm", "HANSE KONTOR GMBH")
    assert contact.phone == "+49 421 555"
    assert people.read(placed(ORDER)).contact == contact


@pytest.mark.parametrize(
    "end", ["'", "'\n", "'\r\n  "], ids=["one line", "a line each", "indented"]
)
def test_blanks_between_segments_say_nothing(end: str) -> None:
    body = interchange([message(ORDER)])
    assert results(written(body, end)) == results(written(body))


@pytest.mark.parametrize("mark", [b"\xef\xbb\xbf", b"\r\n", b""])
def test_a_byte_order_mark_says_nothing(mark: bytes) -> None:
    assert isinstance(results(mark + written(interchange([message(ORDER)])))[0], PlaceOrder)


def test_una_says_what_separates_and_the_release_character_what_does_not() -> None:
    body = [one.replace(":", "/").replace("+", "!") for one in interchange([message(ORDER)])]
    text = "UNA/!,# ~" + "".join(f"{one}~" for one in body).replace("?!", "#!")
    text = text.replace("2.50", "2,50").replace("12.5", "12,5").replace("22.5", "22,5")
    (order,) = results(text.encode())
    assert isinstance(order, PlaceOrder)
    assert (order.total_minor, recomputed_total(order)) == (2250, 2250)


def test_an_alphabet_is_the_one_that_the_syntax_names() -> None:
    body = changed(PARTIES[3], "NAD+DP+++СКЛАД+УЛ 1+МИНСК++220030+BY")
    text = written(interchange([message(body)])).decode().replace("UNOC", "UNOE")
    (order,) = results(text.encode("iso8859-5"))
    assert isinstance(order, PlaceOrder)
    assert order.ship_to.city == "МИНСК"


@pytest.mark.parametrize(
    ("segments", "total", "discount"),
    [
        (["PRI+AAB:2.50", "ALC+A", "PCD+3:20"], 2050, 200),
        (["PRI+AAB:2.50", "ALC+A+++++", "MOA+204:1.5"], 2100, 150),
        (["PRI+AAA:2.50", "ALC+A", "PCD+3:20"], 2250, 0),
        (["PRI+AAE:9.99:SRP", "MOA+203:7"], 1950, 0),
        (["PRI+AAA:2.4375"], 2225, 0),
    ],
    ids=["percent", "sum", "net", "amount alone", "four decimals"],
)
def test_a_gross_price_bears_its_allowances_and_a_net_price_has_them(
    segments: list[str], total: int, discount: int
) -> None:
    order = placed([one for one in changed("PRI+AAA:2.50", *segments) if one != "MOA+86:22.5"])
    assert (order.total_minor, recomputed_total(order)) == (total, total)
    assert order.lines[0].discount_minor == discount


def test_what_is_charged_on_top_is_shipping_tax_or_added() -> None:
    costs = ["ALC+C++++FC", "MOA+8:4.90", "ALC+C++++PC", "MOA+23:1", "ALC+A+++++", "MOA+8:2"]
    tail = ["UNS+S", "MOA+124:4.28", "MOA+86:30.68"]
    order = placed([*HEAD, *PARTIES, *costs, *LINES, *tail])
    assert (order.shipping_minor, order.tax_minor, order.discount_minor) == (490, 528, 200)
    assert recomputed_total(order) == order.total_minor == 3068


def test_a_claim_that_differs_is_kept() -> None:
    order = placed(changed("MOA+86:22.5", "MOA+86:23"))
    assert (order.total_minor, recomputed_total(order)) == (2300, 2250)


def test_a_line_may_go_to_a_place_of_its_own() -> None:
    order = placed(changed("QTY+21:4", "QTY+21:4", "NAD+DP+++LADEN+GASSE 1+KIEL++24103+DE"))
    assert [one.address for one in order.lines] == [1, 0]
    assert order.more_addresses[0].city == "KIEL"


def test_a_line_without_a_number_is_made_for_the_order() -> None:
    body = [one for one in changed(LINES[0], "LIN+1") if one != "PIA+1+MUG-1:SA"]
    assert placed(body).lines[0].kind == LineKind.CUSTOM


@pytest.mark.parametrize("function", ["1", "3"])
def test_a_cancellation_cancels(function: str) -> None:
    cancelled = of(changed(HEAD[0], f"BGM+220+PO-88+{function}"))
    assert isinstance(cancelled, CancelOrder)
    assert cancelled.order_id == "edifact-14:BUYER::PO-88"


@pytest.mark.parametrize(
    ("old", "new", "reason", "field"),
    [
        (HEAD[0], "BGM+220++9", "missing_field", "BGM02 of BGM (segment 3)"),
        (HEAD[0], "BGM+220+PO-88+16", "not_ready", "BGM03 of BGM (segment 3)"),
        (HEAD[0], "BGM+220+PO-88+4", "not_an_order", "BGM03 of BGM (segment 3)"),
        (HEAD[0], "BGM+221+PO-88+9", "not_an_order", "BGM01 of BGM (segment 3)"),
        (HEAD[0], "RFF+ON:1", "missing_field", "RFF (segment 3)"),
        (HEAD[1], "DTM+2:20240229:102", "missing_field", "BGM (segment 3)"),
        (HEAD[1], "DTM+137:20240230:102", "invalid_time", "DTM01 of DTM (segment 4)"),
        (HEAD[1], "DTM+137:week 9:616", "invalid_time", "DTM01 of DTM (segment 4)"),
        ("CUX+2:EUR:9", "CUX+2:EUX:9", "unknown_currency", "CUX01 of CUX (segment 9)"),
        ("CUX+2:EUR:9", "RFF+CT:1", "missing_field", "BGM (segment 3)"),
        ("QTY+21:4", "QTY+21:1.5", "invalid_quantity", "QTY01 of QTY (segment 14)"),
        ("QTY+21:4", "QTY+21:-4", "invalid_quantity", "QTY01 of QTY (segment 14)"),
        ("QTY+21:4", "QTY+21:four", "invalid_quantity", "QTY01 of QTY (segment 14)"),
        ("QTY+21:4", "QTY+59:4", "missing_field", "LIN (segment 11)"),
        ("QTY+21:4", "QTY+11:4", "wrong_type", "QTY01 of QTY (segment 14)"),
        ("PRI+AAA:2.50", "PRI+AAE:2.50", "missing_field", "LIN (segment 11)"),
        ("PRI+AAA:2.50", "PRI+AAA:two", "invalid_amount", "PRI01 of PRI (segment 15)"),
        ("PRI+AAA:2.50", "PRI+AAA:-2.5", "invalid_amount", "PRI01 of PRI (segment 15)"),
        (LINES[5], "LIN+2++4006:EN+1:1", "wrong_type", "LIN04 of LIN (segment 16)"),
        (LINES[5], "LIN+1++4006381333948:EN", "invalid_identifier", "LIN"),
        ("CNT+2:2", "CNT+2:3", "wrong_type", "CNT01 of CNT (segment 21)"),
        ("CNT+2:2", "CNT+1:15", "wrong_type", "CNT01 of CNT (segment 21)"),
        ("MOA+86:22.5", "MOA+86:22.505", "invalid_amount", "MOA01 of MOA (segment 20)"),
    ],
)
def test_a_fault_names_the_segment(old: str, new: str, reason: str, field: str) -> None:
    assert fault(of(changed(old, new))) == (reason, field)


def test_two_claims_that_differ_are_no_total() -> None:
    body = changed("MOA+86:22.5", "MOA+86:22.5", "MOA+86:23")
    assert fault(of(body)) == ("invalid_amount", "MOA01 of MOA (segment 21)")


def test_an_allowance_in_percent_alone_on_the_whole_order_is_refused() -> None:
    body = [*HEAD, *PARTIES, "ALC+A", "PCD+3:5", *LINES, *TAIL]
    assert fault(of(body)) == ("missing_field", "PCD01 of PCD (segment 12)")


@pytest.mark.parametrize(
    ("old", "new", "reason", "field"),
    [
        ("UNT+21+1'", "UNT+20+1'", "wrong_type", "UNT01 of UNT (segment 22)"),
        ("UNT+21+1'", "UNT+21+2'", "wrong_type", "UNT02 of UNT (segment 22)"),
        ("UNZ+1+77'", "UNZ+2+77'", "wrong_type", "UNZ01 of UNZ (segment 23)"),
        ("UNZ+1+77'", "UNZ+1+78'", "wrong_type", "UNZ02 of UNZ (segment 23)"),
        ("UNZ+1+77'", "UNZ+1+77", "missing_field", "UNZ (segment 23)"),
        ("UNZ+1+77'", "", "missing_field", "UNT (segment 22)"),
        ("UNT+21+1'", "", "missing_field", "UNZ (segment 22)"),
        ("QTY+21:4'", "QTY+21:4", "wrong_type", "UNT01 of UNT (segment 21)"),
        ("ORDERS:D", "ORDCHG:D", "not_an_order", "UNH02 of UNH (segment 2)"),
        ("UNB+UNOC", "UNX+UNOC", "unreadable", ""),
    ],
)
def test_an_envelope_that_is_broken_is_refused(old: str, new: str, reason: str, field: str) -> None:
    text = written(interchange([message(ORDER)])).decode()
    assert old in text
    (result,) = results(text.replace(old, new).encode())
    assert fault(result) == (reason, field)


def test_one_that_is_broken_does_not_spoil_the_others() -> None:
    other = [one.replace("PO-88", "PO-89").replace("21:4", "21:0") for one in ORDER]
    first = written(interchange([message(ORDER), message(other, "2")]))
    second = written(interchange([message([one.replace("PO-88", "PO-90") for one in ORDER])]))
    good, bad, last = results(first + second)
    assert isinstance(good, PlaceOrder)
    assert isinstance(bad, Rejected)
    assert (bad.reason, bad.external_id) == ("invalid_quantity", "PO-89")
    assert isinstance(last, PlaceOrder)
    assert last.external_id == "PO-90"


@given(st.integers(0, 700), st.integers(0, 30), st.text("'+:?UNTLIN0\0é", max_size=6))
def test_no_damage_to_a_file_raises(start: int, length: int, new: str) -> None:
    text = written(interchange([message(ORDER)])).decode()
    damaged = (text[:start] + new + text[start + length :]).encode()
    assert results(damaged)
    Edifact().contacts(damaged, "")
