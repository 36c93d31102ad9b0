"""The policies of the accounting room."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from msgspec.structs import replace

from schemas.accounting import (
    AccountNumber,
    CreditNoteIssued,
    DocumentLine,
    DocumentRefused,
    InvoiceIssued,
    IssueCreditNote,
    IssueInvoice,
    JournalEntry,
    LegalEntitySet,
    LegalEntityState,
    PaymentKind,
    PostPayment,
    Purpose,
    Refusal,
    SetLegalEntity,
    percent,
)
from schemas.messages import Inbound, Send
from schemas.orders import CancelOrder
from schemas.payments import Method
from schemas.records import Record
from streams.accounting import journal
from streams.accounting.agent import AccountingRoom
from streams.accounting.journal import Side, UnbalancedEntry
from streams.accounting.model import MAXIMUM_LINES
from tests.unit.streams.memory import NOW, Desk, names, only

ENTITY = SetLegalEntity(
    "default", "Mill Ltd", ["1 Mill Lane", "Oxford", "United Kingdom"], "VAT GB123",
    notes=["Registered in England 1"], actor="ann",
)  # fmt: skip
MUG = DocumentLine("1", "MUG", "Mug", 2, 2000, 380, 190000)
TEA = DocumentLine("2", "TEA", "Tea", 3, 999, 70, 70000)
SHIPPING = DocumentLine("shipping", "", "Shipping", 1, 500, 95, 190000, "shipping")
CARD = DocumentLine("card", "", "Gift card", 1, 5000, 0, 0, "gift_card")
ROUNDED = DocumentLine("rounding", "", "Rounding", 0, -2, 0, 0, "rounding")


def total(lines: tuple[DocumentLine, ...]) -> int:
    return sum(line.net_minor + line.tax_minor for line in lines)


def invoice(*lines: DocumentLine, key: str = "o-1/s-1", **changes: Any) -> IssueInvoice:
    lines = lines or (MUG, TEA, SHIPPING)
    made = IssueInvoice("default", key, "o-1", "EUR", list(lines), total(lines), NOW)
    return replace(made, **changes)


def credit(*lines: DocumentLine, key: str = "o-1/r-1", **changes: Any) -> IssueCreditNote:
    lines = lines or (replace(MUG, quantity=1, net_minor=1000, tax_minor=190),)
    made = IssueCreditNote("default", key, "o-1/s-1", "o-1", "EUR", list(lines), total(lines), NOW)
    return replace(made, **changes)


def paid(
    amount: int = 1000, kind: str = "captured", method: str = "card", key: str = "o-1/s-1/1"
) -> PostPayment:
    return PostPayment("default", key, "o-1", "1", kind, method, amount, "EUR", NOW)


@pytest.fixture
def room() -> Desk:
    return Desk(AccountingRoom())


def ask(room: Desk, command: Record) -> list[Send]:
    return room.ask("default", command)


def refusal(room: Desk, command: Record) -> str:
    """Why a command is refused, which changes nothing."""
    before = dict(room.states.kept)
    sends = ask(room, command)
    assert names(sends) == ["DocumentRefused"]
    assert room.states.kept == before
    return only(sends, DocumentRefused).reason


def sides(sends: list[Send]) -> dict[str, int]:
    """The postings of the one entry: debits above 0, credits below, by account."""
    entry = only(sends, JournalEntry)
    assert sum(each.debit_minor - each.credit_minor for each in entry.postings) == 0
    return {each.account: each.debit_minor - each.credit_minor for each in entry.postings}


def test_documents_of_a_kind_are_numbered_without_a_gap(room: Desk) -> None:
    numbers = [
        only(ask(room, invoice(key=f"o-1/s-{each}")), InvoiceIssued).number for each in range(1, 4)
    ]
    assert numbers == ["INV-000001", "INV-000002", "INV-000003"]
    assert only(ask(room, credit()), CreditNoteIssued).number == "CN-000001"
    assert only(ask(room, invoice(key="o-1/s-9")), InvoiceIssued).number == "INV-000004"


def test_the_same_document_again_takes_no_other_number(room: Desk) -> None:
    ask(room, invoice())
    ask(room, credit())
    again = invoice(personal=b"sealed anew", issued_at_ms=NOW + 1)
    assert ask(room, again) == [] == ask(room, credit(reason="other words"))
    assert only(ask(room, invoice(key="o-1/s-2")), InvoiceIssued).number == "INV-000002"


def test_other_content_under_the_same_key_is_a_conflict(room: Desk) -> None:
    ask(room, invoice())
    ask(room, credit())
    assert refusal(room, invoice(MUG)) == Refusal.DOCUMENT_CONFLICT
    assert refusal(room, invoice(key="o-1/r-1")) == Refusal.DOCUMENT_CONFLICT
    assert refusal(room, credit(key="o-1/s-1")) == Refusal.DOCUMENT_CONFLICT


def test_what_is_refused_takes_no_number(room: Desk) -> None:
    assert refusal(room, invoice(total_minor=1)) == Refusal.SUM_DIFFERS
    assert only(ask(room, invoice()), InvoiceIssued).number == "INV-000001"


def test_only_the_default_entity_is_there_before_it_is_set(room: Desk) -> None:
    other = replace(invoice(), legal_entity="uk")
    refused = only(room.ask("uk", other), DocumentRefused)
    assert refused.reason == Refusal.UNKNOWN_ENTITY
    room.ask("uk", replace(ENTITY, legal_entity="uk"))
    issued = only(room.ask("uk", other), InvoiceIssued)
    assert (issued.number, issued.seller_name) == ("INV-000001", "Mill Ltd")


def test_entities_number_their_documents_apart(room: Desk) -> None:
    room.ask("uk", replace(ENTITY, legal_entity="uk"))
    ask(room, invoice())
    issued = only(room.ask("uk", replace(invoice(), legal_entity="uk")), InvoiceIssued)
    assert issued.number == "INV-000001"


@pytest.mark.parametrize(
    "lines",
    [
        (MUG, replace(TEA, line_id="1")),
        (replace(MUG, net_minor=-1),),
        (replace(MUG, tax_minor=-1),),
        (replace(MUG, quantity=-1),),
        (replace(MUG, kind="favour"),),
        (replace(MUG, tax_rate_ppm=-1),),
        (replace(MUG, net_minor=10**15 + 1),),
        (replace(ROUNDED, tax_minor=1),),
        (replace(ROUNDED, net_minor=-5000),),
    ],
)
def test_lines_that_are_none_are_refused(room: Desk, lines: tuple[DocumentLine, ...]) -> None:
    assert refusal(room, invoice(*lines)) == Refusal.INVALID_LINES


def test_a_document_has_lines_a_key_and_a_currency(room: Desk) -> None:
    many = [replace(MUG, line_id=str(number)) for number in range(MAXIMUM_LINES + 1)]
    for command in (
        invoice(lines=[], total_minor=0),
        invoice(*many),
        invoice(key=""),
        invoice(currency="EURO"),
    ):
        assert refusal(room, command) == Refusal.INVALID_LINES


def test_an_invoice_is_owed_and_earned_by_tax_rate(room: Desk) -> None:
    assert sides(ask(room, invoice(MUG, TEA, SHIPPING, ROUNDED))) == {
        "1200": 2380 + 1069 + 595 - 2,
        "4900": 2,
        "4000/19": -2000,
        "4000/7": -999,
        "4100/19": -500,
        "2200/19": -475,
        "2200/7": -70,
    }


def test_a_gift_card_that_is_sold_is_owed_by_us_until_it_is_redeemed(room: Desk) -> None:
    assert sides(ask(room, invoice(CARD))) == {"1200": 5000, "2300": -5000}
    assert sides(ask(room, paid(2000, method="gift_card"))) == {"2300": 2000, "1200": -2000}
    back = paid(500, "refunded", "gift_card", key="r")
    assert sides(ask(room, back)) == {"1200": 500, "2300": -500}


def test_a_credit_note_takes_revenue_and_tax_back(room: Desk) -> None:
    ask(room, invoice(MUG, CARD, SHIPPING))
    assert sides(ask(room, credit(MUG, CARD, SHIPPING))) == {
        "4200/19": 2500,
        "2200/19": 475,
        "2300": 5000,
        "1200": -7975,
    }


@pytest.mark.parametrize("method", [Method.CARD, Method.CHANNEL])
def test_money_that_is_taken_pays_what_is_owed(room: Desk, method: Method) -> None:
    assert sides(ask(room, paid(method=method))) == {f"1100/{method}": 1000, "1200": -1000}
    back = paid(300, "refunded", method, key="r")
    assert sides(ask(room, back)) == {"1200": 300, f"1100/{method}": -300}


@pytest.mark.parametrize("method", [Method.INVOICE, Method.CASH_ON_DELIVERY])
def test_what_is_due_is_no_money_until_it_is_received(room: Desk, method: Method) -> None:
    assert ask(room, paid(method=method)) == []
    received = paid(kind="received", method=method, key="o-1/receipt")
    assert sides(ask(room, received)) == {f"1100/{method}": 1000, "1200": -1000}


def test_a_payment_is_entered_once(room: Desk) -> None:
    assert only(ask(room, paid()), JournalEntry).number == 1
    assert ask(room, paid()) == []
    assert refusal(room, paid(1001)) == Refusal.DOCUMENT_CONFLICT
    assert only(ask(room, paid(key="another")), JournalEntry).number == 2


@pytest.mark.parametrize(
    "command",
    [
        paid(0),
        paid(10**15 + 1),
        paid(kind="stolen"),
        paid(method="shells"),
        paid(key=""),
        replace(paid(), currency="XXX"),
    ],
)
def test_a_payment_that_is_none_is_refused(room: Desk, command: PostPayment) -> None:
    assert refusal(room, command) == Refusal.INVALID_PAYMENT


def test_a_payment_and_a_document_may_have_the_same_key(room: Desk) -> None:
    ask(room, invoice(key="same"))
    assert names(ask(room, paid(key="same"))) == ["JournalEntry"]


def test_nothing_is_entered_of_a_free_order(room: Desk) -> None:
    free = replace(MUG, net_minor=0, tax_minor=0)
    assert names(ask(room, invoice(free))) == ["InvoiceIssued"]


def test_a_credit_note_names_an_invoice_of_the_same_order(room: Desk) -> None:
    assert refusal(room, credit()) == Refusal.UNKNOWN_INVOICE
    ask(room, invoice())
    assert refusal(room, credit(order_id="o-2")) == Refusal.UNKNOWN_INVOICE
    assert refusal(room, credit(currency="USD")) == Refusal.CURRENCY_DIFFERS
    ask(room, credit())
    assert refusal(room, credit(key="x", invoice_key="o-1/r-1")) == Refusal.UNKNOWN_INVOICE


@pytest.mark.parametrize(
    "line", [replace(MUG, line_id="9"), replace(MUG, tax_rate_ppm=0), replace(MUG, kind="fee")]
)
def test_a_credit_note_has_lines_of_its_invoice(room: Desk, line: DocumentLine) -> None:
    ask(room, invoice())
    assert refusal(room, credit(line)) == Refusal.LINE_DIFFERS


@pytest.mark.parametrize(
    "more",
    [
        {"net_minor": 1001, "tax_minor": 0, "quantity": 0},
        {"net_minor": 0, "tax_minor": 191, "quantity": 0},
        {"net_minor": 0, "tax_minor": 0, "quantity": 2},
    ],
)
def test_no_line_is_credited_beyond_what_is_left_of_it(room: Desk, more: dict[str, int]) -> None:
    ask(room, invoice())
    ask(room, credit())
    excess = credit(replace(MUG, **more), key="o-1/r-2")
    assert refusal(room, excess) == Refusal.MORE_THAN_INVOICED
    rest = replace(MUG, quantity=1, net_minor=1000, tax_minor=190)
    assert only(ask(room, credit(rest, key="o-1/r-3")), CreditNoteIssued).number == "CN-000002"


def test_a_rounding_down_is_part_of_what_is_left(room: Desk) -> None:
    ask(room, invoice(MUG, ROUNDED))
    assert refusal(room, credit(MUG)) == Refusal.MORE_THAN_INVOICED
    assert refusal(room, credit(MUG, replace(ROUNDED, net_minor=1))) == Refusal.MORE_THAN_INVOICED
    assert sides(ask(room, credit(MUG, ROUNDED)))["1200"] == -2378


def test_numbers_have_the_order_of_their_dates(room: Desk) -> None:
    day = 86_400_000
    ask(room, invoice(key="a"))
    earlier = only(ask(room, invoice(key="b", issued_at_ms=NOW - day)), InvoiceIssued)
    future = only(ask(room, invoice(key="c", issued_at_ms=NOW + day)), InvoiceIssued)
    assert earlier.date == future.date == "2023-11-14"
    assert earlier.supplied_at_ms == NOW - day
    assert future.supplied_at_ms == NOW


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


def test_numbers_start_anew_with_each_fiscal_year(room: Desk) -> None:
    april = replace(
        ENTITY, invoice_prefix="RE-{year}-", fiscal_year_start_month=4, digits=3,
        time_zone="Europe/Berlin",
    )  # fmt: skip
    ask(room, april)
    numbers = []
    moments = ("2026-01-01T00:00", "2026-03-31T21:59", "2026-03-31T22:00", "2027-04-02T00:00")
    for number, moment in enumerate(moments):
        room.now = at(moment)
        command = invoice(key=str(number), issued_at_ms=room.now)
        numbers.append(only(ask(room, command), InvoiceIssued).number)
    assert numbers == ["RE-2025-001", "RE-2025-002", "RE-2026-001", "RE-2027-001"]


def test_days_are_those_of_the_entitys_time_zone(room: Desk) -> None:
    ask(room, replace(ENTITY, time_zone="Asia/Tokyo"))
    sends = ask(room, invoice())
    assert only(sends, InvoiceIssued).date == only(sends, JournalEntry).date == "2023-11-15"


def test_an_entity_is_what_was_said_last_and_documents_stay_as_they_were(room: Desk) -> None:
    assert only(ask(room, ENTITY), LegalEntitySet).name == "Mill Ltd"
    assert ask(room, ENTITY) == []
    issued = only(ask(room, invoice()), InvoiceIssued)
    assert (issued.seller_name, issued.seller_tax_id) == ("Mill Ltd", "VAT GB123")
    assert issued.notes == ["Registered in England 1"]
    ask(room, replace(ENTITY, name="Mill PLC"))
    later = only(ask(room, invoice(key="later")), InvoiceIssued)
    assert (later.seller_name, later.number) == ("Mill PLC", "INV-000002")
    assert room.state("default", LegalEntityState).entries == 2


@pytest.mark.parametrize(
    "changes",
    [
        {"name": " "},
        {"notes": ["x" * 201]},
        {"digits": 0},
        {"fiscal_year_start_month": 13},
        {"time_zone": "Europe/Atlantis"},
        {"time_zone": "../../etc/passwd"},
        {"invoice_prefix": ""},
        {"invoice_prefix": "INV-1"},
        {"invoice_prefix": "INV{year}"},
        {"invoice_prefix": "{month}-"},
        {"credit_note_prefix": "INV-"},
        {"invoice_prefix": "A{year}-", "credit_note_prefix": "A2026-"},
        {"accounts": [AccountNumber("pocket", "1")]},
        {"accounts": [AccountNumber("revenue", "")]},
        {"accounts": [AccountNumber("revenue", "1"), AccountNumber("revenue", "2")]},
        {"accounts": [AccountNumber("receivables", "1", 190000)]},
        {"accounts": [AccountNumber("revenue", "1", method="card")]},
        {"accounts": [AccountNumber("clearing", "1", method="shells")]},
    ],
)
def test_an_entity_that_is_none_is_refused(room: Desk, changes: dict[str, Any]) -> None:
    assert refusal(room, replace(ENTITY, **changes)) == Refusal.INVALID_ENTITY


def test_a_prefix_of_the_other_kind_stays_taken(room: Desk) -> None:
    ask(room, invoice())
    swapped = replace(ENTITY, invoice_prefix="CN-", credit_note_prefix="INV-")
    assert refusal(room, swapped) == Refusal.INVALID_ENTITY


def test_a_prefix_that_comes_back_goes_on_where_it_stopped(room: Desk) -> None:
    ask(room, invoice(key="a"))
    ask(room, replace(ENTITY, invoice_prefix="X-"))
    assert only(ask(room, invoice(key="b")), InvoiceIssued).number == "X-000001"
    ask(room, ENTITY)
    assert only(ask(room, invoice(key="c")), InvoiceIssued).number == "INV-000002"


def test_accounts_are_those_of_the_rate_then_of_the_purpose_then_the_defaults(room: Desk) -> None:
    accounts = [
        AccountNumber(Purpose.REVENUE, "8400", 190000),
        AccountNumber(Purpose.REVENUE, "8000"),
        AccountNumber(Purpose.CLEARING, "1360", method="card"),
    ]
    ask(room, replace(ENTITY, accounts=accounts))
    posted = sides(ask(room, invoice(MUG, TEA)))
    assert (posted["8400"], posted["8000"], posted["2200/7"]) == (-2000, -999, -70)
    assert "1360" in sides(ask(room, paid()))
    assert "1100/channel" in sides(ask(room, paid(method="channel", key="c")))


def test_journal_entries_are_numbered_without_a_gap(room: Desk) -> None:
    commands: list[Record] = [invoice(), paid(), paid(0), credit(), paid(5, key="x")]
    written = [send.record for command in commands for send in ask(room, command)]
    entries = [each for each in written if isinstance(each, JournalEntry)]
    assert [each.number for each in entries] == [1, 2, 3, 4]
    assert [each.entry_id for each in entries] == [
        "invoice/o-1/s-1", "captured/o-1/s-1/1", "credit_note/o-1/r-1", "captured/x",
    ]  # fmt: skip
    assert [each.document for each in entries] == ["INV-000001", "", "CN-000001", ""]


def test_an_entry_that_does_not_balance_is_never_written() -> None:
    with pytest.raises(UnbalancedEntry):
        journal.postings([], {Side(Purpose.RECEIVABLES): 1})


def test_a_record_under_another_key_is_poison(room: Desk) -> None:
    with pytest.raises(ValueError, match="legal entity"):
        room.ask("uk", invoice())
    with pytest.raises(TypeError):
        room.ask("default", CancelOrder("o-1", "", NOW))
    with pytest.raises(TypeError):
        room.wake("default")


def test_a_rate_is_written_in_percent() -> None:
    rates = (0, 190000, 88750, 200000, 1)
    assert [percent(rate) for rate in rates] == ["0", "19", "8.875", "20", "0.0001"]


def test_every_kind_of_payment_is_decided(room: Desk) -> None:
    for kind in PaymentKind:
        for method in Method:
            sends = room.room.decide(
                Inbound("default", paid(1, kind, method, f"{kind}{method}"), 0, 0),
                room.states,
                NOW,
            )
            assert set(names(sends)) <= {"JournalEntry"}
