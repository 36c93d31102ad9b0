"""What comes in from outside, before it is understood, and what could not be."""

from __future__ import annotations

from schemas.records import Millis, Record


class RawPayload(Record, frozen=True):
    """A payload exactly as a channel sent it. Key: raw_id."""

    raw_id: str
    """unique; sent again under a new id when mended and replayed"""
    channel: str
    """name of the channel, e.g. shopify"""
    source: str
    """webhook, file, api or replay"""
    topic: str
    """what the channel says that this is, e.g. orders/create; empty where it does not say"""
    received_at_ms: Millis
    payload: bytes
    """the body, byte for byte; encrypted where there is a key_id"""
    replay_of: str = ""
    """raw_id of the rejected payload that this one replaces; empty otherwise"""
    key_id: str = ""
    """the key that the payload is encrypted with; empty: it is not"""
    subject: str = ""
    """customer id of the one customer that it names; raw: and the raw_id where it names none or
    several; empty where it is not encrypted"""


class PayloadRejected(Record, frozen=True):
    """A payload that could not be mapped to a command. Key: raw_id."""

    raw_id: str
    channel: str
    reason: str
    """one of schemas.channels.REASONS"""
    field: str
    """path of the field at fault, e.g. line_items[0].sku; empty where it is the whole"""
    detail: str
    """one sentence for a person"""
    raw_partition: int
    """partition of channels.raw that holds the payload"""
    raw_offset: int
    """offset in that partition"""
    at_ms: Millis


class PayloadReplayed(Record, frozen=True):
    """A rejected payload was sent again and is settled, whatever came of it. Key: the first raw_id.

    What is rejected of the new payload has a rejection of its own.
    """

    raw_id: str
    """of the payload that had been rejected"""
    replayed_as: str
    """raw_id of the new payload"""
    at_ms: Millis


class ChannelCursor(Record, frozen=True):
    """How far the orders of a source have been fetched. Written in the transaction that writes the
    payloads up to there."""

    source: str
    """the channel, and the account at it where there are several"""
    cursor: str
    """in the source's own words; only its connector reads it"""
    payloads: int
    """how many have been fetched since the beginning"""
    at_ms: Millis


REASONS = (
    "unreadable",
    "unknown_channel",
    "missing_field",
    "wrong_type",
    "unknown_currency",
    "invalid_amount",
    "invalid_quantity",
    "invalid_identifier",
    "invalid_time",
    "not_an_order",
    "not_ready",
    "incomplete",
    "nothing_to_deliver",
    "too_large",
    "erased",
)
"""Why a payload is rejected, in the order in which the checks run. `not_ready`: the channel has not
let the order go yet, e.g. its payment is pending. `incomplete`: a part of it comes in another call,
e.g. its items."""
