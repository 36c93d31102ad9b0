"""Numbers and the journal under any commands, in any order, with repeats: against a simple model.

The model knows nothing of the room: it adds up what was issued, by hand.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from deploy import journal
from schemas.accounting import (
    CreditNoteIssued,
    DocumentLine,
    InvoiceIssued,
    IssueCreditNote,
    IssueInvoice,
    JournalEntry,
    PostPayment,
    SetLegalEntity,
)
from schemas.messages import Inbound
from schemas.records import Record
from streams.accounting.agent import AccountingRoom
from tests.unit.streams.memory import NOW, DictStates

ENTITIES = ("default", "uk")
KEYS = ("a", "b")
RATES = (0, 70000, 190000)
KINDS = ("goods", "shipping", "gift_card", "rounding")
HOUR_MS = 3_600_000


@st.composite
def lines(draw: st.DrawFn, credited: bool) -> list[DocumentLine]:
    """Lines whose sums are often, but not always, within those of an invoice."""
    made = []
    few, many = (1, 2) if credited else (3, 4)
    for line_id in draw(st.sets(st.sampled_from("1234"), min_size=few, max_size=many)):
        kind = KINDS[int(line_id) - 1]
        rate = RATES[int(line_id) % 3] if kind in ("goods", "shipping") else 0
        share = draw(st.sampled_from((0, 1, 1, 2, 3) if credited else (2, 3, 4)))
        net = -share if kind == "rounding" else share * 50
        tax = share * draw(st.integers(0, 9)) if rate else 0
        made.append(DocumentLine(line_id, "", line_id, share, net, tax, rate, kind))
    return made


@st.composite
def commands(draw: st.DrawFn) -> Record:
    entity = draw(st.sampled_from(("default", *ENTITIES)))
    key, at_ms = draw(st.sampled_from(KEYS)), NOW - draw(st.integers(0, 60)) * HOUR_MS
    what = draw(st.sampled_from(("invoice", "invoice", "credit note", "credit note", "payment")))
    if what == "payment":
        kind = draw(st.sampled_from(("captured", "received", "refunded")))
        method = draw(st.sampled_from(("card", "gift_card", "invoice", "channel")))
        amount = draw(st.integers(-1, 500))
        return PostPayment(entity, key, "o", "1", kind, method, amount, "EUR", at_ms)
    of = draw(lines(what != "invoice"))
    total = sum(line.net_minor + line.tax_minor for line in of) + draw(
        st.sampled_from((0,) * 12 + (1,))
    )
    if what == "invoice":
        return IssueInvoice(entity, f"i-{key}", "o", "EUR", of, total, at_ms)
    against = f"i-{draw(st.sampled_from(KEYS))}"
    return IssueCreditNote(
        entity, f"c-{key}{draw(st.sampled_from(KEYS))}", against, "o", "EUR", of, total, at_ms
    )


def delivered(several: list[Record]) -> list[Record]:
    """Everything that the room writes; each command once more after the next one."""
    room, states = AccountingRoom(), DictStates()
    room.decide(Inbound("uk", SetLegalEntity("uk", "UK Ltd", [], ""), 0, 0), states, NOW)
    twice = [each for pair in pairwise(several) for each in (*pair, pair[0])]
    written = []
    for number, command in enumerate(twice or several):
        inbound = Inbound(str(getattr(command, "legal_entity", "")), command, 0, number)
        written += [send.record for send in room.decide(inbound, states, NOW)]
    return written


@given(st.lists(commands(), min_size=8, max_size=40))
@settings(max_examples=200, deadline=None)
def test_numbers_are_gapless_and_unique_and_in_the_order_of_their_dates(
    several: list[Record],
) -> None:
    written = delivered(several)
    for entity in ENTITIES:
        for kind, prefix in ((InvoiceIssued, "INV-"), (CreditNoteIssued, "CN-")):
            of = [each for each in written if isinstance(each, kind)]
            issued = [each for each in of if each.legal_entity == entity]
            assert [each.number for each in issued] == [
                f"{prefix}{number:06d}" for number in range(1, len(issued) + 1)
            ]
            assert [each.date for each in issued] == sorted(each.date for each in issued)
            keys = [each.document_key for each in issued]
            assert len(keys) == len(set(keys))


@given(st.lists(commands(), min_size=8, max_size=40))
@settings(max_examples=200, deadline=None)
def test_credit_notes_never_exceed_their_invoice(several: list[Record]) -> None:
    left: dict[tuple[str, str, str], tuple[int, int, int]] = {}
    totals: Counter[tuple[str, str]] = Counter()
    for each in delivered(several):
        if isinstance(each, InvoiceIssued):
            totals[each.legal_entity, each.document_key] = each.total_minor
            for line in each.lines:
                left[each.legal_entity, each.document_key, line.line_id] = (
                    line.net_minor, line.tax_minor, line.quantity,
                )  # fmt: skip
        elif isinstance(each, CreditNoteIssued):
            totals[each.legal_entity, each.invoice_key] -= each.total_minor
            assert totals[each.legal_entity, each.invoice_key] >= 0
            for line in each.lines:
                net, tax, pieces = left[each.legal_entity, each.invoice_key, line.line_id]
                rest = (net - line.net_minor, tax - line.tax_minor, pieces - line.quantity)
                assert rest[0] * net >= 0 and abs(rest[0]) <= abs(net)
                assert min(rest[1:]) >= 0
                left[each.legal_entity, each.invoice_key, line.line_id] = rest


@given(st.lists(commands(), min_size=8, max_size=40))
@settings(max_examples=200, deadline=None)
def test_the_journal_balances_and_comes_to_what_was_issued_and_paid(several: list[Record]) -> None:
    written = delivered(several)
    entries = [each for each in written if isinstance(each, JournalEntry)]
    for entry in entries:
        sums = [
            sum(getattr(each, side) for each in entry.postings)
            for side in ("debit_minor", "credit_minor")
        ]
        assert sums[0] == sums[1] > 0
    for entity in ENTITIES:
        own = [each for each in entries if each.legal_entity == entity]
        assert list(journal.complete(own)) == own
    balance: defaultdict[tuple[str, str], int] = defaultdict(int)
    days: Counter[tuple[str, str]] = Counter()
    for side, debit, credit, _ in journal.per_day(entries):
        balance[side.legal_entity, side.account] += debit - credit
        days[side.legal_entity, side.date] += debit - credit
    assert not any(days.values())
    assert {key: value for key, value in balance.items() if value} == _by_hand(several, written)


def _by_hand(several: list[Record], written: list[Record]) -> dict[tuple[str, str], int]:
    """What each account must come to, out of documents that were issued and first payments."""
    sums: Counter[tuple[str, str]] = Counter()
    percents = {0: "0", 70000: "7", 190000: "19"}
    for each in written:
        if not isinstance(each, InvoiceIssued | CreditNoteIssued):
            continue
        invoiced = isinstance(each, InvoiceIssued)
        sign = 1 if invoiced else -1
        sums[each.legal_entity, "1200"] += sign * each.total_minor
        for line in each.lines:
            rate = percents[line.tax_rate_ppm]
            income = {"goods": f"4000/{rate}", "shipping": f"4100/{rate}"}
            account = income.get(line.kind, "") if invoiced else f"4200/{rate}"
            account = {"gift_card": "2300", "rounding": "4900"}.get(line.kind, account)
            sums[each.legal_entity, account] -= sign * line.net_minor
            sums[each.legal_entity, f"2200/{rate}"] -= sign * line.tax_minor
    seen = set()
    for command in several:
        if not isinstance(command, PostPayment) or command.amount_minor < 1:
            continue
        if (command.legal_entity, command.entry_key) in seen:
            continue
        seen.add((command.legal_entity, command.entry_key))
        if (command.kind, command.method) == ("captured", "invoice"):
            continue
        sign = -1 if command.kind == "refunded" else 1
        money = "2300" if command.method == "gift_card" else f"1100/{command.method}"
        sums[command.legal_entity, money] += sign * command.amount_minor
        sums[command.legal_entity, "1200"] -= sign * command.amount_minor
    return {key: value for key, value in sums.items() if value}
