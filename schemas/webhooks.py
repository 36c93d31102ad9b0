"""Webhooks to downstream teams: what was tried, and who is switched off. Key: the subscription."""

from __future__ import annotations

from schemas.records import Millis, Record


class WebhookAttempted(Record, frozen=True):
    """One attempt to deliver an event to a subscription."""

    subscription: str
    """name of the subscription"""
    message_id: str
    """topic, partition and offset of the event, joined by hyphens; the same for every attempt"""
    event: str
    """type of the event, e.g. OrderReleased"""
    attempt: int
    """number of the try, from 1"""
    status: int
    """HTTP status of the answer; 0 where there was none"""
    reason: str
    """why it counts as failed; empty where it was delivered"""
    at_ms: Millis
    next_at_ms: Millis
    """when it is tried again; 0 for not by itself"""
    actor: str = ""
    """who had it delivered by hand; empty where nobody did"""


class WebhookSwitched(Record, frozen=True):
    """Whether a subscription is served. What happens meanwhile is kept for it on the topics."""

    subscription: str
    """name of the subscription"""
    enabled: bool
    """false: nothing is delivered until somebody switches it on"""
    reason: str
    """for people"""
    actor: str
    """who switched it; millrace where it has failed too often"""
    at_ms: Millis
