"""The accounting room's bounds, the keys of its states, and what a legal entity is at first."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo

from schemas.accounting import LegalEntityState

MAXIMUM_LINES = 2_000
"""of one document; keeps its record well within Kafka's megabyte"""
MAXIMUM_RATE_PPM = 10_000_000
"""a tax of ten times the price is a mistake"""
MAXIMUM_ACCOUNTS = 500
MAXIMUM_SERIES = 1_000
"""prefixes that one legal entity has used, which is also the bound of its state"""
MAXIMUM_TEXT = 200
MAXIMUM_TEXT_LINES = 20
MAXIMUM_DIGITS = 18


def document_state(legal_entity: str, document_key: str) -> str:
    """The key of a document's state."""
    return f"{legal_entity}|document|{document_key}"


def payment_state(legal_entity: str, entry_key: str) -> str:
    """The key of a payment's state."""
    return f"{legal_entity}|payment|{entry_key}"


def unset(legal_entity: str) -> LegalEntityState:
    """A legal entity of which nobody has said anything yet."""
    return LegalEntityState(
        legal_entity=legal_entity,
        name="",
        address=[],
        tax_id="",
        invoice_prefix="INV-",
        credit_note_prefix="CN-",
        digits=6,
        fiscal_year_start_month=1,
        time_zone="",
        accounts=[],
        notes=[],
        series=[],
        invoiced_at_ms=0,
        credited_at_ms=0,
        entries=0,
    )


@lru_cache(maxsize=64)
def zone(name: str) -> tzinfo:
    """The time zone; UTC for the empty name. Raises ZoneInfoNotFoundError or ValueError."""
    return ZoneInfo(name) if name else UTC


def local(at_ms: int, time_zone: str) -> datetime:
    """The moment as clocks of the zone show it."""
    return datetime.fromtimestamp(at_ms // 1000, zone(time_zone))


def fiscal_year(day: datetime, start_month: int) -> int:
    """The calendar year in which the fiscal year of a day starts."""
    return day.year if day.month >= start_month else day.year - 1
