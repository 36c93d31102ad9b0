"""What a gateway has settled against what the payments room says was captured and refunded.

Every row and every capture or refund ends in one finding. They find each other by the ids that
both have (refund, capture, authorization; the order where a row has nothing else), and among those
by the sum. Several rows of one authorization may together be several captures of it. `reconciled`
is pure; the rest reads Kafka.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import NamedTuple

from deploy import records
from deploy.cluster import Cluster
from deploy.settlements import Settled
from schemas.accounting import PaymentKind
from schemas.payments import PaymentCaptured, PaymentRefunded
from schemas.topics import PAYMENTS_EVENTS

Event = PaymentCaptured | PaymentRefunded


class Status(StrEnum):
    """What became of a row, a capture or a refund."""

    MATCHED = "matched"
    AMOUNT_DIFFERS = "amount_differs"
    MISSING_HERE = "missing_here"
    """settled, and nothing here has these ids, or everything that has is settled already"""
    MISSING_THERE = "missing_there"
    """captured or refunded in the period, and not settled"""
    OTHER = "other"
    """neither a capture nor a refund: a fee, a payout, a dispute"""


DIFFERENCES = frozenset({Status.AMOUNT_DIFFERS, Status.MISSING_HERE, Status.MISSING_THERE})


class Fact(NamedTuple):
    """A capture or a refund as payments has it."""

    kind: str
    order_id: str
    authorization_id: str
    capture_id: str
    refund_id: str
    amount_minor: int
    currency: str
    date: str
    """ISO 8601 day, UTC"""


class Finding(NamedTuple):
    """What stands on both sides, or on one."""

    status: Status
    kind: str
    """captured or refunded; of OTHER what the file calls it"""
    order_id: str
    authorization_id: str
    here_minor: int
    there_minor: int
    currency: str
    there_currency: str
    """another one only of AMOUNT_DIFFERS"""
    fee_minor: int
    fee_currency: str
    lines: list[int]
    """of the file"""


def facts(cluster: Cluster, methods: Collection[str]) -> Iterator[Fact]:
    """Every capture and refund of these methods."""
    for found in records.read(cluster, (PAYMENTS_EVENTS,)):
        if isinstance(found.record, Event) and found.record.method in methods:
            yield fact(found.record)


def fact(event: Event) -> Fact:
    """What an event says of money."""
    kind, refund_id, amount_minor = PaymentKind.CAPTURED, "", event.amount_minor
    if isinstance(event, PaymentRefunded):
        kind, refund_id, amount_minor = (
            PaymentKind.REFUNDED, event.refund_id, event.paid_back_minor,
        )  # fmt: skip
    return Fact(
        kind,
        event.order_id,
        event.authorization_id,
        event.capture_id,
        refund_id,
        amount_minor,
        event.currency,
        datetime.fromtimestamp(event.at_ms // 1000, UTC).date().isoformat(),
    )


def reconciled(
    here: Sequence[Fact], there: Iterable[Settled], since: str = "", until: str = ""
) -> list[Finding]:
    """Every finding, in the order of the file, and what is missing in it at the end.

    Of what is missing there, only days from `since` to `until` are told, where they are given;
    otherwise the days of the file, where it has any.
    """
    rows = _undone(there)
    dates = sorted(row.date for row in rows if row.date)
    since, until = since or (dates[0] if dates else ""), until or (dates[-1] if dates else "")
    index = _Index(here)
    open_ = set(range(len(here)))
    findings: list[Finding] = []
    left: dict[tuple[int, ...], list[Settled]] = defaultdict(list)
    narrow_first = sorted(
        ((index.candidates(row), row) for row in rows if row.kind), key=lambda each: len(each[0])
    )
    for candidates, row in narrow_first:
        same = next(
            (
                number
                for number in candidates
                if number in open_
                and (here[number].amount_minor, here[number].currency)
                == (row.amount_minor, row.currency)
            ),
            None,
        )
        if same is None:
            left[candidates].append(row)
        else:
            open_.discard(same)
            findings.append(_finding(Status.MATCHED, [here[same]], [row]))
    for candidates, several in left.items():
        remaining = [number for number in candidates if number in open_]
        if not remaining:
            findings += [_finding(Status.MISSING_HERE, [], [row]) for row in several]
            continue
        open_.difference_update(remaining)
        findings.append(_together([here[number] for number in remaining], several))
    findings += [_finding(Status.OTHER, [], [row]) for row in rows if not row.kind]
    findings.sort(key=lambda each: each.lines)
    missing = [here[number] for number in sorted(open_)]
    return findings + [
        _finding(Status.MISSING_THERE, [each], [])
        for each in missing
        if since <= each.date and (not until or each.date <= until)
    ]


def _undone(rows: Iterable[Settled]) -> list[Settled]:
    """Rows, with what undoes a part of one taken off it; the first keeps what is left."""
    kept: list[Settled] = []
    first: dict[tuple[str, str, str, str], int] = {}
    for row in sorted(
        rows, key=lambda each: (each.kind != "" and each.amount_minor < 0, each.line)
    ):
        key = (row.kind, row.authorization_id, row.refund_id, row.currency)
        if row.kind and row.amount_minor < 0 and row.authorization_id and key in first:
            of = kept[first[key]]
            kept[first[key]] = of._replace(
                amount_minor=of.amount_minor + row.amount_minor,
                fee_minor=of.fee_minor + row.fee_minor,
            )
            continue
        first.setdefault(key, len(kept))
        kept.append(row)
    return kept


class _Index:
    """Finds what a row can be."""

    def __init__(self, here: Sequence[Fact]) -> None:
        self._here = here
        self._by: dict[tuple[str, str, str], list[int]] = defaultdict(list)
        for number, each in enumerate(here):
            for name in ("refund_id", "capture_id", "authorization_id", "order_id"):
                value: str = getattr(each, name)
                if value:
                    self._by[each.kind, name, value].append(number)

    def candidates(self, row: Settled) -> tuple[int, ...]:
        """Everything that has every id of the row, where it has that id at all; the order counts
        where the row has no other."""
        names = [
            name for name in ("refund_id", "capture_id", "authorization_id") if getattr(row, name)
        ] or ["order_id"]
        found = [self._by.get((row.kind, name, getattr(row, name)), []) for name in names]
        known = [numbers for numbers in found if numbers]
        if not known:
            return ()
        shortest = min(known, key=len)
        return tuple(
            number
            for number in shortest
            if all(getattr(self._here[number], name) in ("", getattr(row, name)) for name in names)
        )


def _together(here: Sequence[Fact], there: Sequence[Settled]) -> Finding:
    """What is left of the same ids on both sides: it matches where the sums do."""
    currencies = {each.currency for each in here} | {each.currency for each in there}
    sums_agree = sum(each.amount_minor for each in here) == sum(each.amount_minor for each in there)
    matched = len(currencies) == 1 and sums_agree
    return _finding(Status.MATCHED if matched else Status.AMOUNT_DIFFERS, here, there)


def _finding(status: Status, here: Sequence[Fact], there: Sequence[Settled]) -> Finding:
    first_here, first_there = next(iter(here), None), next(iter(there), None)
    fallback = first_there.currency if first_there else ""
    code = first_here.currency if first_here else fallback
    kind = first_here.kind if first_here else ""
    if first_there and not kind:
        kind = first_there.kind or first_there.category
    order_id = first_here.order_id if first_here else ""
    authorization_id = first_here.authorization_id if first_here else ""
    if first_there and first_here is None:
        order_id, authorization_id = first_there.order_id, first_there.authorization_id
    return Finding(
        status=status,
        kind=kind,
        order_id=order_id,
        authorization_id=authorization_id,
        here_minor=sum(each.amount_minor for each in here),
        there_minor=sum(each.amount_minor for each in there),
        currency=code,
        there_currency=fallback or code,
        fee_minor=sum(each.fee_minor for each in there),
        fee_currency=first_there.fee_currency if first_there else code,
        lines=[each.line for each in there],
    )


def fees(findings: Iterable[Finding]) -> dict[str, int]:
    """What the gateway has kept, by currency, in minor units."""
    sums: dict[str, int] = defaultdict(int)
    for each in findings:
        sums[each.fee_currency] += each.fee_minor
    return {code: fee for code, fee in sorted(sums.items()) if fee}
