"""X12 850 purchase orders, and what is refused of them."""

from __future__ import annotations

import pytest

from connectors.channels import people
from connectors.channels.edi.channel import EdiX12
from connectors.channels.mapping import CANCELLED_AT_CHANNEL, NOWHERE, Mapped, Rejected
from schemas.orders import CancelOrder, LineKind, PlaceOrder, Tender
from schemas.payments import Method
from schemas.totals import recomputed_total
from tests.unit.connectors.edi_files import (
    HEAD,
    LINES,
    ORDER,
    SHIP,
    changed,
    file,
    group,
    interchange,
    transaction,
    written,
)

NOW = 1_709_300_000_000
KNOWN = "ZZ:BUYER:BUYERGS:PO-77"


def results(payload: bytes) -> list[Mapped]:
    return EdiX12().orders(payload, "", "raw-1", NOW)


def placed(body: list[str]) -> PlaceOrder:
    [order] = results(file(body))
    assert isinstance(order, PlaceOrder), order
    return order


def rejected(payload: bytes) -> Rejected:
    [rejection] = results(payload)
    assert isinstance(rejection, Rejected), rejection
    return rejection


def fault(body: list[str]) -> tuple[str, str]:
    rejection = rejected(file(body))
    assert rejection.external_id == "PO-77"
    return rejection.reason, rejection.field


def test_an_order_is_read_in_full() -> None:
    order = placed([*ORDER[:2], "ITD*01*3*2**10**30", "TD5*O*2*UPSN*M*UPS Ground", *ORDER[2:]])
    assert order.order_id == f"edi-x12-{KNOWN}"
    assert order.purchase_order_number == "PO-77"
    assert order.version == 1_709_208_060_042
    assert order.placed_at_ms == 1_709_164_800_000
    assert order.currency == "USD"
    assert (order.total_minor, recomputed_total(order)) == (1750, 1750)
    assert [(one.line_id, one.sku, one.quantity, one.title) for one in order.lines] == [
        ("1", "MUG-1", 4, "Mug, blue"),
        ("2", "PEN-2", 10, ""),
    ]
    assert order.tenders == [Tender("1", Method.INVOICE, 0, terms_days=30)]
    assert order.shipping_method == "UPS Ground"
    assert order.ship_to.line2 == "DOCK 4"
    assert order.ship_to.country == "US"


def test_what_is_personal_is_read_apart() -> None:
    body = [*ORDER[:3], "N9*L1*NOTES", "MSG*Ring twice", *ORDER[3:]]
    personal = people.read(placed(body))
    assert personal.contact.name == "Anna Berg"
    assert personal.contact.email == "anna@example.com"
    assert personal.contact.channel_customer_id == "ZZ:BUYER"
    assert personal.note == "Ring twice"
    assert EdiX12().contacts(file(body), "") == [personal.contact]


def test_a_consumer_of_a_drop_shipment_is_not_the_partner() -> None:
    body = changed("BEG*", "BEG*00*DS*PO-77**20240229")
    assert people.read(placed(body)).contact.channel_customer_id == ""


@pytest.mark.parametrize("end", ["~", "~\r\n", "\n", "\r\n", "\x1c", "'", "~\n   "])
def test_delimiters_are_those_of_isa(end: str) -> None:
    segments = interchange([group([transaction(ORDER)])])
    [order] = results(written([one.replace("*", "|") for one in segments], end))
    assert isinstance(order, PlaceOrder)
    assert order.total_minor == 1750


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "latin-1"])
def test_a_name_is_read_in_its_encoding(encoding: str) -> None:
    body = changed("N1*ST", "N1*ST*JÜRGEN MÜLLER*92*0158")
    [order] = results(file(body).decode().encode(encoding))
    assert isinstance(order, PlaceOrder)
    assert order.ship_to.name == "JÜRGEN MÜLLER"


def test_from_00402_on_isa11_separates_repetitions() -> None:
    later = file().replace(b"*U*00401*", b"*^*00501*")
    assert isinstance(results(later)[0], PlaceOrder)
    both = rejected(file().replace(b"*U*00401*", b"*>*00501*"))
    assert (both.reason, both.field) == ("unreadable", "ISA (segment 1)")


def test_several_groups_and_sets_are_an_order_each() -> None:
    def numbered(number: int) -> list[str]:
        return changed("BEG*", f"BEG*00*SA*{number}**20240229")

    sets = [transaction(numbered(number), f"{number:04d}") for number in (1, 2, 3)]
    one = interchange([group(sets[:2]), group(sets[2:], "8")])
    two = interchange([group([transaction(numbered(4))])], "000000043")
    found = results(written(one) + b"\r\n" + written(two))
    assert [order.external_id[-1] for order in found if isinstance(order, PlaceOrder)] == list(
        "1234"
    )


def test_a_broken_set_is_rejected_alone() -> None:
    broken = transaction(ORDER)
    broken[-1] = "SE*99*0001"
    good = transaction(changed("BEG*", "BEG*00*SA*PO-78**20240229"), "0002")
    first, second = results(written(interchange([group([broken, good])])))
    assert isinstance(first, Rejected)
    assert isinstance(second, PlaceOrder)
    assert first.detail == f"SE01 of SE (segment {len(ORDER) + 4}) says 99 segments, not 13"


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ("SE*13*0001~", "SE*12*0001~", "SE01 of SE (segment 15)"),
        ("SE*13*0001~", "SE*13*0009~", "SE02 of SE (segment 15)"),
        ("SE*13*0001~", "SE*x*0001~", "SE01 of SE (segment 15)"),
        ("SE*13*0001~\n", "", "GE (segment 15)"),
        ("SE*13*0001~", "SE*13*0001", "SE (segment 15)"),
        ("GE*1*7~", "GE*2*7~", "GE01 of GE (segment 16)"),
        ("GE*1*7~", "GE*1*8~", "GE02 of GE (segment 16)"),
        ("GE*1*7~\n", "", "IEA (segment 16)"),
        ("GE*1*7~", "GE*1*7", "GE (segment 16)"),
        ("IEA*1*000000042~", "IEA*2*000000042~", "IEA01 of IEA (segment 17)"),
        ("IEA*1*000000042~", "IEA*1*000000043~", "IEA02 of IEA (segment 17)"),
        ("IEA*1*000000042~", "IEA*1*000000042", "IEA (segment 17)"),
        ("IEA*1*000000042~\n", "", "GE (segment 16)"),
        ("CTT*2*14~", "CTT*2*14", "CTT (segment 13)"),
        ("*X*004010~\n", "*X*004010", "GS (segment 2)"),
        ("ST*850*0001~\n", "ST*850*0001", "ST (segment 3)"),
        ("ST*850*0001~\n", "", "BEG (segment 3)"),
        ("GS*PO*BUYERGS*SELLERGS*20240229*120105*7*X*004010~\n", "", "ST (segment 2)"),
        ("GS*PO", "GS*IN", "GS01 of GS (segment 2)"),
        ("*P*>~\n", "*P*>", "ISA (segment 1)"),
        ("*ZZ*BUYER          *", "*ZZ*BUYER*", "ISA (segment 1)"),
    ],
)  # fmt: skip
def test_a_broken_envelope_names_the_segment(old: str, new: str, named: str) -> None:
    text = file().decode()
    assert old in text
    rejection = rejected(text.replace(old, new, 1).encode())
    assert rejection.field == named
    assert named in rejection.detail


def test_a_lost_terminator_on_one_line_is_found_by_the_count() -> None:
    text = file().decode().replace("~\n", "~").replace("*US~PO1*", "*USPO1*")
    rejection = rejected(text.encode())
    assert rejection.field == "SE01 of SE (segment 14)"
    assert "N4 (segment 9) may have lost its terminator" in rejection.detail


def test_a_file_that_ends_early_loses_no_order_silently() -> None:
    whole = file()
    for length in range(len(whole) - 1):
        assert all(isinstance(one, Rejected) for one in results(whole[:length]))


def test_a_file_that_ends_within_a_segment_names_it() -> None:
    whole = file()
    cut = whole[: whole.index(b"PO1*2") + 9]
    rejection = rejected(cut)
    assert (rejection.reason, rejection.field) == ("missing_field", "PO1 (segment 12)")
    assert "has no segment terminator" in rejection.detail
    assert rejection.external_id == "PO-77"


def test_a_line_break_within_a_text_ends_no_segment() -> None:
    body = [*ORDER[:3], "MSG*Ring twice\nASK", *ORDER[3:]]
    assert people.read(placed(body)).note == "Ring twice\nASK"


def test_more_interchanges_than_one_transaction_carries_are_too_many() -> None:
    assert rejected(file()[:107] * 10_001).reason == "too_large"


def test_a_file_of_nothing_but_terminators_is_too_large() -> None:
    assert rejected(file() + file() + file()[:106] + b"~" * 600_000).reason == "too_large"


def test_what_stands_behind_an_interchange_is_told_beside_its_orders() -> None:
    order, rest = results(file() + b"GS*PO*X~")
    assert isinstance(order, PlaceOrder)
    assert isinstance(rest, Rejected)
    assert rest.field == "GS (segment 18)"


@pytest.mark.parametrize("payload", [b"", b"  ", b"{}", b"UNB+UNOA:1+A+B'", b"\x00\xff", b"ISA*"])
def test_what_is_no_x12_is_unreadable(payload: bytes) -> None:
    assert rejected(payload).reason == "unreadable"


@pytest.mark.parametrize("kind", ["997", "855", "856", "810", "860"])
def test_another_set_is_no_order_and_named(kind: str) -> None:
    rejection = rejected(written(interchange([group([transaction(["BGN*00"], kind=kind)])])))
    assert rejection.reason == "not_an_order"
    assert f"a set {kind}" in rejection.detail


def test_an_interchange_without_a_set_is_no_order() -> None:
    assert rejected(written(interchange([]))).reason == "not_an_order"
    assert rejected(written(interchange([group([])]))).reason == "not_an_order"


def test_a_cancelled_order_is_cancelled() -> None:
    [cancelled] = results(file(["BEG*01*SA*PO-77**20240229"]))
    assert cancelled == CancelOrder(f"edi-x12-{KNOWN}", CANCELLED_AT_CHANNEL, 1_709_208_065_000)


@pytest.mark.parametrize(
    ("beg", "reason"),
    [
        ("BEG*24*SA*PO-77**20240229", "not_ready"),
        ("BEG*22*SA*PO-77**20240229", "not_an_order"),
        ("BEG*04*SA*PO-77**20240229", "not_an_order"),
        ("BEG*00*BE*PO-77**20240229", "not_an_order"),
        ("BEG**SA*PO-77**20240229", "missing_field"),
        ("BEG*00*SA*PO-77**20240230", "invalid_time"),
        ("BEG*00*SA*PO-77", "missing_field"),
    ],
)
def test_what_places_no_order_is_said(beg: str, reason: str) -> None:
    assert fault(changed("BEG*", beg))[0] == reason


def test_the_same_number_of_two_senders_or_releases_is_two_orders() -> None:
    ids = {placed(changed("BEG*", f"BEG*00*RL*PO-77*{n}*20240229")).order_id for n in (1, 2)}
    other = file().replace(b"BUYERGS", b"OTHERGS")
    [order] = results(other)
    assert isinstance(order, PlaceOrder)
    names = (f"{KNOWN}:1", f"{KNOWN}:2", "ZZ:BUYER:OTHERGS:PO-77")
    assert {*ids, order.order_id} == {f"edi-x12-{name}" for name in names}
    assert order.external_id == "PO-77"
    tricky = placed(changed("BEG*", "BEG*00*SA*PO-77:1**20240229")).order_id
    assert tricky == f"edi-x12-{KNOWN}%3A1"


def test_a_later_interchange_is_a_later_version() -> None:
    [first, second, third] = [
        results(payload)[0]
        for payload in (
            file(),
            file().replace(b"000000042", b"000000043"),
            file().replace(b"120105", b"120201"),
        )
    ]
    assert isinstance(first, PlaceOrder)
    assert isinstance(second, PlaceOrder)
    assert isinstance(third, PlaceOrder)
    assert first.version < second.version < third.version


def test_no_currency_is_dollars_and_an_unknown_one_is_refused() -> None:
    assert placed(changed("CUR*", "")).currency == "USD"
    assert placed(changed("CUR*", "CUR*BY*CAD")).currency == "CAD"
    assert fault(changed("CUR*", "CUR*BY*DOL")) == ("unknown_currency", "CUR02 of CUR (segment 5)")


def test_allowances_charges_and_taxes_make_the_total() -> None:
    body = [
        *HEAD,
        "SAC*A*C310***150*******02***Spring",
        "SAC*C*D240***500",
        "SAC*C*D500***100*******06",
        "SAC*N*B840***9900",
        "SAC*C*H750",
        "SAC*A*F800***9900*******01",
        "TXI*ST*1.23",
        "TXI*ST**8.25",
        "TXI*VA*9.99*****O",
        *SHIP,
        LINES[0],
        "SAC*A*C310***200",
        "SAC*C*F050***75",
        "TXI*ST*.10",
        LINES[2],
        "CTT*2",
        "AMT*TT*22.08",
    ]
    order = placed(body)
    assert (order.discount_minor, order.shipping_minor, order.tax_minor) == (150, 600, 208)
    assert [line.discount_minor for line in order.lines] == [200, 0]
    assert [(one.code, one.amount_minor, one.line_id) for one in order.discounts] == [
        ("Spring", 150, ""),
        ("C310", 200, "1"),
    ]
    assert (order.total_minor, recomputed_total(order)) == (2208, 2208)
    assert placed(body[:-1]).total_minor == 2208


def test_a_claim_that_differs_stays_as_it_is() -> None:
    order = placed(changed("AMT*", "AMT*TT*99"))
    assert (order.total_minor, recomputed_total(order)) == (9900, 1750)


@pytest.mark.parametrize(
    ("sac", "named"),
    [
        ("SAC*A*C310***1.50", "SAC05"),
        ("SAC*A*C310****2*5", "SAC05"),
        ("SAC*C*D240*****3.5", "SAC05"),
        ("SAC*A*C310***-5", "SAC05"),
        ("SAC*X*C310***5", "SAC01"),
        ("TXI*ST*1.234", "TXI02"),
        ("AMT*TT*5", "AMT02"),
    ],
)
def test_no_amount_is_guessed(sac: str, named: str) -> None:
    rejection = rejected(file([*HEAD, sac, *ORDER[2:]]))
    assert rejection.field.startswith(named)


@pytest.mark.parametrize(
    ("price", "minor", "per"),
    [
        ("2.50", 250, 1),
        (".5", 50, 1),
        ("3.", 300, 1),
        ("100", 10_000, 1),
        ("0.0075", 75, 100),
        ("2.5*HP", 250, 100),
        ("1.2345*TP", 12_345, 100_000),
        ("12*PD", 1200, 12),
        ("2.5*LE", 250, 1),
        ("0", 0, 1),
        ("*NC", 0, 1),
    ],
)
def test_prices_are_exact(price: str, minor: int, per: int) -> None:
    basis = "" if "*" in price else "*"
    order = placed([*HEAD, f"PO1*1*8*EA*{price}{basis}*VN*MUG-1"])
    assert (order.lines[0].unit_price_minor, order.lines[0].per) == (minor, per)


@pytest.mark.parametrize(
    ("po1", "reason", "named"),
    [
        ("PO1*1*1.5*EA*2.50**VN*A", "invalid_quantity", "PO102"),
        ("PO1*1*0*EA*2.50**VN*A", "invalid_quantity", "PO102"),
        ("PO1*1*-1*EA*2.50**VN*A", "invalid_quantity", "PO102"),
        ("PO1*1*two*EA*2.50**VN*A", "invalid_quantity", "PO102"),
        ("PO1*1*9999999999*EA*2.50**VN*A", "invalid_quantity", "PO102"),
        ("PO1*1**EA*2.50**VN*A", "missing_field", "PO102"),
        ("PO1*1*1*EA***VN*A", "missing_field", "PO104"),
        ("PO1*1*1*EA*-2.50**VN*A", "invalid_amount", "PO104"),
        ("PO1*1*1*EA*2,50**VN*A", "invalid_amount", "PO104"),
        ("PO1*1*1*EA*1e3**VN*A", "invalid_amount", "PO104"),
        ("PO1*1*1*EA*0.123456789012**VN*A", "invalid_amount", "PO104"),
        ("PO1*1*1*EA*2.50*PP*VN*A", "invalid_amount", "PO105"),
        ("PO1*1*1*EA*2.50*TB*VN*A", "invalid_amount", "PO105"),
        ("PO1*1*1*EA*2.50", "missing_field", "PO106"),
        ("PO1*1*1*EA*2.50**VN*A|B", "invalid_identifier", "PO107"),
    ],
)
def test_a_line_that_cannot_be_taken_names_its_element(po1: str, reason: str, named: str) -> None:
    assert fault([*HEAD, po1]) == (reason, f"{named} of PO1 (segment 6)")


def test_the_price_may_stand_in_ctp() -> None:
    order = placed([*HEAD, "PO1**144*CA***VN*24776", "CTP**UCP*16.09", "CTP**MSR*24.99"])
    assert (order.total_minor, order.lines[0].line_id) == (231_696, "1")


def test_the_sellers_number_comes_before_the_makers_and_the_buyers() -> None:
    def sku(pairs: str) -> str:
        return placed([*HEAD, f"PO1*1*1*EA*1**{pairs}"]).lines[0].sku

    assert sku("BP*b*UP*u*SK*s*VN*v*VP*p") == "p"
    assert sku("BP*b*UP*u*SK*s*VN*v") == "v"
    assert sku("BP*b*UP*u*SK*s") == "s"
    assert sku("BP*b*UP*u") == "u"
    assert sku("**BP*b") == "b"


def test_a_line_with_a_description_alone_is_made_for_the_order() -> None:
    line = placed([*HEAD, "PO1*1*1*EA*5", "PID*F****Engraving"]).lines[0]
    assert (line.kind, line.sku, line.title) == (LineKind.CUSTOM, "", "Engraving")


def test_no_order_without_lines_or_with_two_of_one_number() -> None:
    assert fault([*HEAD, "CTT*0"]) == ("missing_field", "SE (segment 7)")
    assert fault([*HEAD, LINES[0], LINES[0]])[0] == "invalid_identifier"


def test_ctt_counts_the_lines_and_their_quantities() -> None:
    assert fault(changed("CTT*", "CTT*3")) == ("wrong_type", "CTT01 of CTT (segment 13)")
    assert fault(changed("CTT*", "CTT*2*15")) == ("wrong_type", "CTT02 of CTT (segment 13)")
    assert placed(changed("CTT*", "CTT*2*14.00")).total_minor == 1750


STORES = [
    *HEAD,
    "N1*BY*SHOP*92*0001",
    "N1*SN*SHOP 12*92*0012",
    "N3*12 HIGH ST",
    "N4*BOSTON*MA*02101*US",
    "N1*SN*SHOP 13*92*0013",
    "N3*13 LOW ST",
    "N4*SALEM*MA*01970*US",
    "PO1*1*10*EA*3.00**VN*MUG-1",
]


def test_a_line_for_several_stores_is_split_among_them() -> None:
    order = placed([*STORES, "SDQ*EA*92*0012*4*0013*6", "SAC*A*C310***100", "AMT*TT*29"])
    assert [(one.line_id, one.quantity, one.address) for one in order.lines] == [
        ("1", 4, 1),
        ("1.2", 6, 2),
    ]
    assert [one.city for one in order.more_addresses] == ["BOSTON", "SALEM"]
    assert (order.total_minor, recomputed_total(order)) == (2900, 2900)


def test_stores_without_an_address_or_with_other_quantities_are_refused() -> None:
    assert fault([*STORES, "SDQ*EA*92*0012*4*0014*6"])[0] == "incomplete"
    assert fault([*STORES, "SDQ*EA*92*0012*4*0013*5"])[0] == "invalid_quantity"
    assert fault([*STORES, "SDQ*EA*92*0012*4*0013"])[0] == "missing_field"


def test_a_line_may_go_to_an_address_of_its_own() -> None:
    order = placed([*HEAD, *SHIP, LINES[0], *STORES[3:6], LINES[2]])
    assert [one.address for one in order.lines] == [0, 0]
    own = [*HEAD, *SHIP, LINES[0], "N1*ST*ELSEWHERE", *STORES[4:6], LINES[2]]
    assert [one.address for one in placed(own).lines] == [1, 0]


def test_no_ship_to_is_no_address_and_a_code_is_a_name() -> None:
    assert placed([*HEAD, *LINES]).ship_to == NOWHERE
    assert placed([*HEAD, "N1*ST**92*0791", *LINES]).ship_to.name == "0791"


def test_terms_are_days_or_a_date() -> None:
    def terms(itd: str) -> int:
        return placed([*HEAD, itd, *ORDER[2:]]).tenders[0].terms_days

    assert terms("ITD*08*15*0**0**30") == 30
    assert terms("ITD*01*3****20240310") == 10
    assert terms("ITD*01*3********NET 40") == 0
    assert fault([*HEAD, "ITD*01*3*****soon", *ORDER[2:]])[1] == "ITD07 of ITD (segment 6)"


def test_no_value_is_quoted_in_a_rejection() -> None:
    rejection = rejected(file(changed("PO1*2", "PO1*2*10*EA*SECRETNAME**VN*A")))
    assert "SECRETNAME" not in rejection.detail + rejection.field


def test_an_isa_that_lost_its_blanks_is_refused_with_its_orders_named() -> None:
    text = file().decode().replace("*ZZ*BUYER          *", "*ZZ*BUYER*")
    (error,) = results(text.replace("*01*SELLER         *", "*01*SELLER*").encode())
    assert isinstance(error, Rejected)
    assert (error.reason, error.external_id) == ("wrong_type", "PO-77")
    assert "ISA06 must have 15" in error.detail
