"""Shipments that carriers are asked about. Key: fulfillment_order_id, or @ and a partition."""

from __future__ import annotations

from schemas.records import Millis, Record


class ShipmentFollowed(Record, frozen=True):
    """A shipment whose carrier still has something to tell, and how far it has told it. Written in
    the transaction of the commands up to there; deleted once nothing more is to come."""

    order_id: str
    fulfillment_order_id: str
    carrier: str
    tracking_number: str
    shipped_at_ms: Millis
    """when it left"""
    cursor: str
    """in the carrier's own words; only its connector reads it"""
    ask_at_ms: Millis
    """when the carrier is asked again"""
    event_ids: list[str]
    """the latest that the fulfillment room was told of, to tell it none twice"""


class EventsFollowed(Record, frozen=True):
    """How far a partition of fulfillment.events has been read. Written in the transaction of the
    shipments that were found up to there."""

    partition: int
    """of fulfillment.events"""
    offset: int
    """of the next record"""
