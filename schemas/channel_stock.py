"""What channels have been told of stock, and every attempt to tell them."""

from __future__ import annotations

from schemas.records import Millis, Record


class AvailabilityPushed(Record, frozen=True):
    """What an account at a channel was told last of a SKU (availability.pushed)."""

    account: str
    """name of the account, e.g. shopify-de"""
    sku: str
    quantity: int
    """pieces that may be sold, as it was told; -1 where it could not be told"""
    item_id: str
    """the channel's own id of the SKU; empty where it has none"""
    reason: str
    """why it could not be told, e.g. unknown_sku; empty where it was"""
    at_ms: Millis
    """when the account had it"""


class AvailabilityAttempted(Record, frozen=True):
    """One try to tell an account of stock, or to read back what it was told."""

    account: str
    """name of the account, e.g. shopify-de"""
    action: str
    """push or read_back"""
    status: int
    """HTTP status of a try that failed; 0 where there was none or it did not fail"""
    reason: str
    """why it failed as a whole; empty where it did not"""
    count: int
    """SKUs that it was about"""
    skus: list[str]
    """the first of them"""
    failed: list[str]
    """the first of those that could not be told, or that read back as something else"""
    failed_count: int
    """how many of those there are"""
    at_ms: Millis
    """when it ended"""
    next_at_ms: Millis
    """when the account is tried again; 0 where it did not fail"""
