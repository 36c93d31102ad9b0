"""What the accounting room decides about who sells: a change holds from the next document on."""

from __future__ import annotations

import re
from collections.abc import Sequence
from zoneinfo import ZoneInfoNotFoundError

from msgspec.structs import replace

from schemas.accounting import (
    AccountNumber,
    Kind,
    LegalEntitySet,
    LegalEntityState,
    Purpose,
    Refusal,
    SetLegalEntity,
)
from schemas.identifiers import InvalidIdentifier, checked
from schemas.payments import Method
from streams.accounting.accounts import BY_METHOD, BY_RATE, NO_RATE
from streams.accounting.books import Books
from streams.accounting.model import (
    MAXIMUM_ACCOUNTS,
    MAXIMUM_DIGITS,
    MAXIMUM_RATE_PPM,
    MAXIMUM_SERIES,
    MAXIMUM_TEXT,
    MAXIMUM_TEXT_LINES,
    unset,
    zone,
)

_YEAR = re.compile(r"\{year\}|[0-9]{4}")
_PREFIX = re.compile(r"[^\x00-\x1f\x7f{}]{1,40}")
_METHODS = frozenset(one.value for one in Method)


def decide(books: Books, command: SetLegalEntity) -> None:
    """Take over what the command says, or refuse it as a whole."""
    before = books.entity if books.entity is not None else unset(books.legal_entity)
    following = _following(before, command)
    if books.entity is not None and following == before:
        return
    fault = _fault(command) or _prefix_fault(command, before)
    if fault:
        books.refuse(command, "", "", Refusal.INVALID_ENTITY, fault)
        return
    books.entity = following
    books.tell(
        LegalEntitySet(
            legal_entity=command.legal_entity,
            name=command.name,
            address=command.address,
            tax_id=command.tax_id,
            invoice_prefix=command.invoice_prefix,
            credit_note_prefix=command.credit_note_prefix,
            digits=command.digits,
            fiscal_year_start_month=command.fiscal_year_start_month,
            time_zone=command.time_zone,
            accounts=command.accounts,
            notes=command.notes,
            actor=command.actor,
            at_ms=books.now_ms,
        )
    )


def _following(before: LegalEntityState, command: SetLegalEntity) -> LegalEntityState:
    return replace(
        before,
        name=command.name,
        address=command.address,
        tax_id=command.tax_id,
        invoice_prefix=command.invoice_prefix,
        credit_note_prefix=command.credit_note_prefix,
        digits=command.digits,
        fiscal_year_start_month=command.fiscal_year_start_month,
        time_zone=command.time_zone,
        accounts=command.accounts,
        notes=command.notes,
    )


def _fault(command: SetLegalEntity) -> str:
    """Why it is no legal entity; empty when it is one."""
    try:
        checked(command.legal_entity, "legal_entity")
        zone(command.time_zone)
    except InvalidIdentifier as error:
        return str(error)
    except (ZoneInfoNotFoundError, ValueError):
        return "time_zone: no such time zone is known here"
    if not command.name.strip():
        return "name: is empty"
    texts = [command.name, command.tax_id, *command.address, *command.notes]
    if len(texts) > MAXIMUM_TEXT_LINES or any(len(text) > MAXIMUM_TEXT for text in texts):
        return f"more than {MAXIMUM_TEXT_LINES} lines of text, or one over {MAXIMUM_TEXT} long"
    if not 1 <= command.digits <= MAXIMUM_DIGITS:
        return f"digits: is not between 1 and {MAXIMUM_DIGITS}"
    if not 1 <= command.fiscal_year_start_month <= 12:
        return "fiscal_year_start_month: is not between 1 and 12"
    return _accounts_fault(command.accounts)


def _prefix_fault(command: SetLegalEntity, before: LegalEntityState) -> str:
    """Why numbers could meet; empty where each is given once.

    A prefix that ends in a digit could make the same text out of two numbers, and one that both
    kinds of documents have would leave gaps in each.
    """
    prefixes = {
        Kind.INVOICE: command.invoice_prefix,
        Kind.CREDIT_NOTE: command.credit_note_prefix,
    }
    for kind, prefix in prefixes.items():
        name = f"{kind}_prefix"
        if not _PREFIX.fullmatch(prefix.replace("{year}", "2000")):
            return f"{name}: is empty, too long, or has braces around more than year"
        if prefix.endswith("{year}") or prefix[-1].isdigit():
            return f"{name}: ends in a digit; put a hyphen after it"
        others = {each.prefix for each in before.series if each.kind != kind}
        others |= {other for of, other in prefixes.items() if of != kind}
        if _shape(prefix) in {_shape(other) for other in others}:
            return f"{name}: is, or was, that of the other kind of documents"
    if len(before.series) >= MAXIMUM_SERIES and (
        (command.invoice_prefix, command.credit_note_prefix)
        != (before.invoice_prefix, before.credit_note_prefix)
    ):
        return f"{MAXIMUM_SERIES} prefixes were used already"
    return ""


def _shape(prefix: str) -> str:
    """The prefix without its year."""
    return _YEAR.sub("{year}", prefix)


def _accounts_fault(accounts: Sequence[AccountNumber]) -> str:
    if len(accounts) > MAXIMUM_ACCOUNTS:
        return f"accounts: more than {MAXIMUM_ACCOUNTS}"
    if len({(one.purpose, one.tax_rate_ppm, one.method) for one in accounts}) < len(accounts):
        return "accounts: two are for the same purpose, rate and method"
    for one in accounts:
        try:
            purpose = Purpose(one.purpose)
            checked(one.account, "account")
        except InvalidIdentifier as error:
            return f"accounts: {one.purpose}: {error}"
        except ValueError:
            return f"accounts: {one.purpose[:40]!r} is none of {', '.join(Purpose)}"
        if one.tax_rate_ppm != NO_RATE and not (
            purpose in BY_RATE and 0 <= one.tax_rate_ppm <= MAXIMUM_RATE_PPM
        ):
            return f"accounts: {purpose} has no such tax rate"
        if one.method and not (purpose in BY_METHOD and one.method in _METHODS):
            return f"accounts: {purpose} has no such method"
    return ""
