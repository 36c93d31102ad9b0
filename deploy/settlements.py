"""What a gateway says that it has settled: its CSV file, row by row.

Two kinds of files are read. `stripe` is the itemized payout reconciliation or balance report, by
its columns' documented names. `generic` is any file with a column for each of the names in GENERIC
that it has, whatever its own columns are called.
Sources: docs.stripe.com/reports/report-types/payout-reconciliation (columns; amounts in major
units, Gross negative for what is given back) and docs.stripe.com/reports/reporting-categories (a
partial capture is the whole authorization as `charge` and the rest as `partial_capture_reversal`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

from deploy.csvfile import BadField, BadFile, CsvFile
from schemas.accounting import PaymentKind
from schemas.money import InvalidMoney, currency, minor

STRIPE_REQUIRED = ("reporting_category", "gross", "currency")
STRIPE = (
    *STRIPE_REQUIRED, "fee", "payment_intent_id", "charge_id", "source_id", "created_utc",
    "created", "balance_transaction_id", "customer_facing_amount", "customer_facing_currency",
    "payment_metadata[millrace_order_id]", "refund_metadata[millrace_refund_id]",
)  # fmt: skip
CATEGORIES: dict[str, tuple[PaymentKind, int]] = {
    "charge": (PaymentKind.CAPTURED, 1),
    "partial_capture_reversal": (PaymentKind.CAPTURED, 1),
    "charge_failure": (PaymentKind.CAPTURED, 1),
    "refund": (PaymentKind.REFUNDED, -1),
    "refund_failure": (PaymentKind.REFUNDED, -1),
}
"""reporting_category, and what turns its gross into a sum that is above 0 where money moves the
usual way; of the rest nothing is captured or refunded"""
GENERIC = (
    "authorization_id", "capture_id", "refund_id", "order_id", "kind", "amount", "fee", "currency",
    "date",
)  # fmt: skip
GENERIC_REQUIRED = ("amount", "currency")
_CAPTURED = frozenset({"captured", "capture", "charge", "payment", "sale", "settled"})
_REFUNDED = frozenset({"refunded", "refund", "credit", "return"})


class Format(StrEnum):
    """Which kind of file it is."""

    STRIPE = "stripe"
    GENERIC = "generic"


class Settled(NamedTuple):
    """A row of a settlement file. What it does not say is empty."""

    line: int
    kind: str
    """one of captured and refunded; empty where it is neither: a fee, a payout, a dispute"""
    category: str
    """as the file calls it"""
    authorization_id: str
    capture_id: str
    refund_id: str
    order_id: str
    amount_minor: int
    """above 0 where money is captured, or refunded; below where that is undone"""
    currency: str
    fee_minor: int
    fee_currency: str
    date: str
    """ISO 8601 day"""


def read(
    path: Path, wanted: Format | None = None, columns: Mapping[str, str] | None = None
) -> list[Settled]:
    """Every row. `columns` says what a generic file calls the names of GENERIC.

    Raises BadFile, also where a row is wrong: what is not read would look as if it were missing.
    """
    named = {name: name for name in GENERIC} | {
        name: own.strip().lower() for name, own in (columns or {}).items()
    }
    form = wanted or _form(path)
    required: tuple[str, ...] = STRIPE_REQUIRED
    optional: tuple[str, ...] = STRIPE
    if form == Format.GENERIC:
        required = tuple(named[name] for name in GENERIC_REQUIRED)
        optional = tuple(named.values())
    file = CsvFile(path, required, optional)
    try:
        absent = [
            own for own in (columns or {}).values() if own.strip().lower() not in file.columns
        ]
        if absent and form == Format.GENERIC:
            raise BadFile(f"{path}: has no column {', '.join(absent)}")
        return list(_rows(file, form, named))
    finally:
        file.close()


def _form(path: Path) -> Format:
    """By its columns; what is no file of any kind is told when it is read."""
    try:
        CsvFile(path, STRIPE_REQUIRED, STRIPE).close()
    except BadFile:
        return Format.GENERIC
    return Format.STRIPE


def _rows(file: CsvFile, form: Format, named: Mapping[str, str]) -> Iterator[Settled]:
    for row in file:
        if row.fault:
            raise BadFile(f"{file.path}, line {row.line}: {row.fault}")
        fields = {name: cell.strip() for name, cell in file.fields(row).items()}
        try:
            if form == Format.STRIPE:
                yield _of_stripe(row.line, fields)
            else:
                yield _of_generic(
                    row.line, {name: fields.get(own, "") for name, own in named.items()}
                )
        except (InvalidMoney, BadField) as error:
            raise BadFile(f"{file.path}, line {row.line}: {error}") from error


def _of_stripe(line: int, fields: Mapping[str, str]) -> Settled:
    category = fields["reporting_category"]
    kind, sign = CATEGORIES.get(category, ("", 1))
    code = currency(fields["currency"].upper())
    gross = minor(fields["gross"], code, "gross")
    amount, facing = gross, fields.get("customer_facing_currency", "").upper()
    if facing and facing != code and fields.get("customer_facing_amount"):
        # What the customer was charged is what was captured; gross is what it was exchanged into.
        shown = minor(fields["customer_facing_amount"], currency(facing), "customer_facing_amount")
        amount = abs(shown) if gross >= 0 else -abs(shown)
    else:
        facing = code
    return Settled(
        line=line,
        kind=kind,
        category=category,
        authorization_id=fields.get("payment_intent_id") or fields.get("charge_id", ""),
        capture_id="",
        refund_id=fields.get("refund_metadata[millrace_refund_id]", ""),
        order_id=fields.get("payment_metadata[millrace_order_id]", ""),
        amount_minor=sign * amount,
        currency=facing,
        fee_minor=minor(fields.get("fee") or "0", code, "fee"),
        fee_currency=code,
        date=(fields.get("created_utc") or fields.get("created", ""))[:10],
    )


def _of_generic(line: int, fields: Mapping[str, str]) -> Settled:
    """Where there is no column for the kind, what is below 0 is refunded."""
    code = currency(fields["currency"].upper())
    amount = minor(fields["amount"], code, "amount")
    category = fields["kind"].lower()
    if category in _CAPTURED:
        kind, amount = str(PaymentKind.CAPTURED), abs(amount)
    elif category in _REFUNDED or (not category and amount < 0):
        kind, amount = str(PaymentKind.REFUNDED), abs(amount)
    else:
        kind = "" if category else str(PaymentKind.CAPTURED)
    return Settled(
        line=line,
        kind=kind,
        category=category or kind,
        authorization_id=fields["authorization_id"],
        capture_id=fields["capture_id"],
        refund_id=fields["refund_id"],
        order_id=fields["order_id"],
        amount_minor=amount,
        currency=code,
        fee_minor=minor(fields["fee"] or "0", code, "fee"),
        fee_currency=code,
        date=fields["date"][:10],
    )
