"""The journal as CSV, legal entities out of files, and settlements against captures."""

from __future__ import annotations

import base64
import io
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from connectors.vault.master import MasterKeys
from connectors.vault.sealing import ORDER, Vault
from deploy import invoices, journal
from deploy.csvfile import BadFile
from deploy.invoices import BadEntity, UnknownSeller, load
from deploy.reconciliation import Fact, Finding, Status, fact, fees, reconciled
from deploy.settlements import Format, Settled, read
from schemas.accounting import (
    InvoiceIssued,
    IssueCreditNote,
    IssueInvoice,
    JournalEntry,
    LegalEntitySet,
    LegalEntityState,
    PostPayment,
)
from schemas.customers import Contact, Personal
from schemas.payments import PaymentCaptured, PaymentRefunded
from schemas.records import Record
from streams.accounting.agent import AccountingRoom
from streams.accounting.model import unset
from tests.unit.streams.memory import NOW, Desk, only
from tests.unit.streams.test_accounting import credit, invoice, paid

EXAMPLE = Path(__file__).parents[3] / "deploy" / "examples" / "legal-entity.toml"
GOLDEN = Path(__file__).with_name("journal.csv")


def entries(*commands: Record) -> list[JournalEntry]:
    desk = Desk(AccountingRoom())
    sends = [send for command in commands for send in desk.ask("default", command)]
    return [send.record for send in sends if isinstance(send.record, JournalEntry)]


def some_entries() -> list[JournalEntry]:
    day = 86_400_000
    return entries(
        load(EXAMPLE, "default", "ann"),
        invoice(issued_at_ms=NOW - 2 * day),
        PostPayment("default", "p1", "o-1", "1", "captured", "card", 4044, "EUR", NOW - 2 * day),
        invoice(key="b", issued_at_ms=NOW - 2 * day),
        credit(issued_at_ms=NOW),
        PostPayment("default", "p2", "o-1", "1", "refunded", "card", 1190, "EUR", NOW),
        PostPayment("default", "p3", "o-2", "1", "received", "invoice", 5000, "JPY", NOW),
    )


def test_the_journal_by_day_and_account_is_what_the_golden_file_says() -> None:
    out = io.StringIO()
    journal.write_per_day(journal.per_day(journal.complete(some_entries())), out)
    assert out.getvalue() == GOLDEN.read_text(encoding="utf-8")


def test_the_journal_by_entry_has_a_row_for_each_posting() -> None:
    out = io.StringIO()
    journal.write_entries(some_entries()[1:2], out)
    assert out.getvalue().splitlines() == [
        "legal_entity,number,entry_id,date,account,purpose,tax_rate,method,currency,debit,credit,"
        "document,order_id",
        "default,2,captured/p1,2023-11-12,1360,clearing,,card,EUR,40.44,0.00,,o-1",
        "default,2,captured/p1,2023-11-12,1400,receivables,,,EUR,0.00,40.44,,o-1",
    ]


def test_days_outside_the_bounds_are_left_out() -> None:
    dates = {each.date for each in journal.within(some_entries(), "2023-11-13", "2023-11-14")}
    assert dates == {"2023-11-14"}
    assert len(list(journal.within(some_entries(), "", ""))) == len(some_entries())


def test_a_journal_with_a_gap_or_out_of_balance_is_not_exported() -> None:
    first, second, *_ = some_entries()
    with pytest.raises(journal.Unbalanced, match="entry 1 of default is missing"):
        list(journal.complete([second]))
    with pytest.raises(journal.Unbalanced, match="entry 2 of default is missing"):
        list(journal.complete([first, first]))
    wrong = replace(first, postings=first.postings[1:])
    with pytest.raises(journal.Unbalanced, match="entry 1 of default"):
        journal.per_day([wrong])


def test_words_that_a_spreadsheet_would_run_are_quoted() -> None:
    out = io.StringIO()
    journal.write_entries([replace(some_entries()[0], order_id="=1+1")], out)
    assert ",'=1+1\n" in out.getvalue()


def test_the_example_of_a_legal_entity_is_taken() -> None:
    sends = Desk(AccountingRoom()).ask("default", load(EXAMPLE, "default", "ann"))
    assert only(sends, LegalEntitySet).name == "Mühle & Söhne GmbH"


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("name = ", "is not TOML"),
        ('nome = "x"', "nome: there is no such key"),
        ('name = "x"', "missing required field `address`"),
        ('name = 1\naddress = []\ntax_id = ""', "expected `str`"),
    ],
)
def test_a_file_of_no_legal_entity_says_why(tmp_path: Path, content: str, why: str) -> None:
    file = tmp_path / "entity.toml"
    file.write_text(content)
    with pytest.raises(BadEntity, match=why):
        load(file, "default", "")


class OneKey:
    """A key book with a key, until it is erased."""

    def __init__(self) -> None:
        self.vault = Vault(MasterKeys([base64.b64encode(bytes(32)).decode()]))
        self.one = self.vault.new_key("k")
        self.erased = False

    def key(self, key_id: str) -> object:
        return None if self.erased or key_id != "k" else self.one


def issued(command: IssueInvoice | IssueCreditNote) -> InvoiceIssued:
    return only(Desk(AccountingRoom()).ask("default", command), InvoiceIssued)


def test_the_buyer_is_read_until_the_key_is_erased() -> None:
    keys = OneKey()
    ada = Personal(Contact("Ada"))
    sealed = keys.one.seal(ORDER, "o-1", msgspec.json.encode(ada))
    document = issued(invoice(key_id="k", personal=sealed))
    personal_of = invoices.personal_with(keys)  # type: ignore[arg-type]
    assert personal_of(document) == ada
    assert personal_of(replace(document, personal=b"damaged")) is None
    assert personal_of(replace(document, personal=b"")) is None
    keys.erased = True
    assert personal_of(document) is None


def test_nothing_is_drawn_before_somebody_says_who_sells() -> None:
    document = issued(invoice())
    with pytest.raises(UnknownSeller, match="default"):
        invoices.drawn(document, None, lambda _: None)
    with pytest.raises(UnknownSeller):
        invoices.drawn(document, unset("default"), lambda _: None)
    now: LegalEntityState = replace(unset("default"), name="Mill Ltd")
    assert invoices.drawn(document, now, lambda _: None).startswith(b"%PDF")


def test_what_scripts_get_holds_nothing_personal() -> None:
    told = invoices.as_json(issued(invoice(personal=b"sealed", key_id="k")))
    assert told["kind"] == "invoice"
    assert "personal" not in told


def captured(
    amount: int = 1000, authorization: str = "pi_1", capture: str = "s-1", order: str = "o-1",
    date: str = "2026-11-02",
) -> Fact:  # fmt: skip
    return Fact("captured", order, authorization, capture, "", amount, "EUR", date)


def refunded(amount: int = 300, authorization: str = "pi_1", refund: str = "r-1") -> Fact:
    return Fact("refunded", "o-1", authorization, "s-1", refund, amount, "EUR", "2026-11-03")


def settled(
    amount: int = 1000, authorization: str = "pi_1", kind: str = "captured", line: int = 2,
    capture: str = "", refund: str = "", order: str = "", currency: str = "EUR", fee: int = 0,
    date: str = "2026-11-03",
) -> Settled:  # fmt: skip
    return Settled(
        line, kind, kind or "payout", authorization, capture, refund, order, amount, currency, fee,
        "EUR", date,
    )  # fmt: skip


def statuses(found: list[Finding]) -> list[str]:
    return [str(each.status) for each in found]


def test_what_was_captured_and_settled_matches() -> None:
    found = reconciled([captured(), refunded()], [settled(), settled(300, kind="refunded", line=3)])
    assert statuses(found) == ["matched", "matched"]
    assert (found[0].here_minor, found[0].there_minor, found[0].lines) == (1000, 1000, [2])


def test_planted_differences_are_found() -> None:
    here = [
        captured(),
        captured(2000, "pi_2"),
        captured(3000, "pi_3", date="2026-11-03"),
        refunded(),
    ]
    there = [
        settled(line=2),
        settled(1999, "pi_2", line=3),
        settled(500, "pi_9", line=4),
        settled(300, kind="refunded", line=5),
        settled(300, kind="refunded", line=6),
        settled(-1, "", "", line=7, fee=25, date="2026-11-01"),
    ]
    found = reconciled(here, there)
    assert statuses(found) == [
        "matched", "amount_differs", "missing_here", "matched", "missing_here", "other",
        "missing_there",
    ]  # fmt: skip
    assert (found[1].here_minor, found[1].there_minor) == (2000, 1999)
    assert found[-1].authorization_id == "pi_3"
    assert fees(found) == {"EUR": 25}


def test_another_currency_is_a_difference() -> None:
    found = reconciled([captured()], [settled(currency="USD")])
    assert statuses(found) == ["amount_differs"]
    assert (found[0].currency, found[0].there_currency) == ("EUR", "USD")


def test_captures_of_one_authorization_match_by_their_sums_or_together() -> None:
    here = [captured(400), captured(600, capture="s-2")]
    assert statuses(reconciled(here, [settled(600), settled(400, line=3)])) == ["matched"] * 2
    assert statuses(reconciled(here, [settled(1000)])) == ["matched"]
    assert statuses(reconciled(here[::-1], [settled(600, date="2026-11-02")])) == [
        "matched",
        "missing_there",
    ]


def test_a_capture_id_tells_captures_of_the_same_sum_apart() -> None:
    here = [captured(capture="s-1"), captured(capture="s-2", date="2026-11-03")]
    found = reconciled(here, [settled(capture="s-2")])
    assert statuses(found) == ["matched"]
    assert statuses(reconciled(here, [settled(capture="s-3")], "2026-11-03"))[0] == "missing_here"


def test_an_order_is_enough_where_there_is_no_other_id() -> None:
    found = reconciled([captured()], [settled(authorization="", order="o-1")])
    assert statuses(found) == ["matched"]
    assert statuses(reconciled([captured()], [settled(authorization="")]))[0] == "missing_here"


def test_only_days_of_the_period_are_missing_there() -> None:
    old = captured(1, "pi_0", date="2026-10-31")
    assert statuses(reconciled([old, captured()], [settled(date="2026-11-02")])) == ["matched"]
    found = reconciled([old], [], "2026-10-01", "2026-10-31")
    assert statuses(found) == ["missing_there"]
    assert reconciled([old], [], "2026-11-01") == []


def test_events_of_payments_say_what_was_taken_and_given_back() -> None:
    took = PaymentCaptured("o-1", "1", "s-1", 1, "pi_1", "card", 1000, "EUR", NOW)
    gave = PaymentRefunded(
        "o-1", "1", "r-1", 1, "s-1", "pi_1", "card", 300, "EUR", "returned", NOW, 300
    )
    assert fact(took) == captured(date="2023-11-14")
    assert fact(gave) == refunded()._replace(date="2023-11-14")


STRIPE = """\
automatic_payout_id,balance_transaction_id,created_utc,currency,gross,fee,net,reporting_category,\
source_id,payment_intent_id,payment_metadata[millrace_order_id],refund_metadata[millrace_refund_id]
po_1,txn_1,2026-11-03 10:00:00,eur,10.00,0.40,9.60,charge,ch_1,pi_1,o-1,
po_1,txn_2,2026-11-03 11:00:00,eur,30.00,0.70,29.30,charge,ch_2,pi_2,o-2,
po_1,txn_3,2026-11-03 11:00:00,eur,-10.00,0.00,-10.00,partial_capture_reversal,ch_2,pi_2,o-2,
po_1,txn_4,2026-11-03 12:00:00,eur,-3.00,0.00,-3.00,refund,re_1,pi_1,o-1,r-1
po_1,txn_5,2026-11-03 12:00:00,eur,-15.00,15.00,-30.00,dispute,du_1,pi_7,o-7,
po_1,txn_6,2026-11-03 13:00:00,eur,-20.90,0.00,-20.90,payout,po_1,,,
"""


def test_a_stripe_report_is_read_by_its_columns(tmp_path: Path) -> None:
    file = tmp_path / "payout.csv"
    file.write_text(STRIPE)
    rows = read(file)
    assert [(row.kind, row.amount_minor, row.fee_minor) for row in rows] == [
        ("captured", 1000, 40), ("captured", 3000, 70), ("captured", -1000, 0),
        ("refunded", 300, 0), ("", -1500, 1500), ("", -2090, 0),
    ]  # fmt: skip
    here = [captured(), captured(2000, "pi_2", "s-2", "o-2"), refunded()]
    found = reconciled(here, rows)
    assert statuses(found) == ["matched", "matched", "matched", "other", "other"]
    assert fees(found) == {"EUR": 1610}


def test_a_charge_in_the_customers_currency_is_compared_in_it(tmp_path: Path) -> None:
    file = tmp_path / "payout.csv"
    file.write_text(
        "currency,gross,fee,reporting_category,payment_intent_id,customer_facing_amount,"
        "customer_facing_currency\n"
        "eur,9.10,0.30,charge,pi_1,1500,jpy\neur,-9.00,0,refund,pi_1,1500,jpy\n"
    )
    rows = read(file)
    assert [(row.amount_minor, row.currency, row.fee_currency) for row in rows] == [
        (1500, "JPY", "EUR"), (1500, "JPY", "EUR"),
    ]  # fmt: skip


def test_a_generic_file_says_what_its_columns_are(tmp_path: Path) -> None:
    file = tmp_path / "bank.csv"
    file.write_text(
        "Reference,Betrag,Waehrung,Art\npi_1,10.00,EUR,Sale\npi_1,-3.00,EUR,Refund\n"
        "x,1.00,EUR,Interest\n"
    )
    columns = {
        "authorization_id": "Reference", "amount": "Betrag", "currency": "Waehrung", "kind": "Art",
    }  # fmt: skip
    rows = read(file, columns=columns)
    assert [(row.kind, row.amount_minor) for row in rows] == [
        ("captured", 1000), ("refunded", 300), ("", 100),
    ]  # fmt: skip
    assert statuses(reconciled([captured(), refunded()], rows)) == ["matched", "matched", "other"]


def test_without_a_kind_what_is_below_zero_is_refunded(tmp_path: Path) -> None:
    file = tmp_path / "bank.csv"
    file.write_text("authorization_id,amount,currency\npi_1,10.00,EUR\npi_1,-3.00,EUR\n")
    assert [row.kind for row in read(file)] == ["captured", "refunded"]


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("a,b\n1,2\n", "has no header"),
        ("amount,currency\n1.005,EUR\n", "line 2: amount: .* has more decimals"),
        ("amount,currency\n1.00,EURO\n", "line 2: currency: .* is not an ISO 4217 currency"),
        ("amount,currency\n1,EUR,3\n", "line 2: has 3 cells"),
    ],
)
def test_a_row_that_cannot_be_read_stops_the_comparison(
    tmp_path: Path, content: str, why: str
) -> None:
    file = tmp_path / "bank.csv"
    file.write_text(content)
    with pytest.raises(BadFile, match=why):
        read(file, Format.GENERIC)


def test_every_row_and_every_fact_is_in_one_finding() -> None:
    here = [captured(100 * number, f"pi_{number % 7}", f"s-{number}") for number in range(1, 40)]
    there = [settled(150 * number, f"pi_{number % 9}", line=number) for number in range(1, 40)]
    found = reconciled(here, there)
    assert sorted(line for each in found for line in each.lines) == list(range(1, 40))
    assert sum(each.here_minor for each in found) == sum(each.amount_minor for each in here)
    assert sum(each.there_minor for each in found) == sum(each.amount_minor for each in there)
    assert Status.AMOUNT_DIFFERS in {each.status for each in found}


def test_a_payment_that_is_entered_twice_is_one_row() -> None:
    assert len(entries(paid(), paid())) == 1
