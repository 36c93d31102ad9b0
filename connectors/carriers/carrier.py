"""What a carrier is to millrace: notices about tracking numbers, in the carrier's own codes.

CarrierAway   the carrier could not be asked; it is asked again
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from typing import NamedTuple, Protocol

from schemas.fulfillment_work import CarrierKind, RecordCarrierEvent

MAXIMUM_WORDS = 500
"""characters that are kept of what a carrier says"""
MAXIMUM_ID = 200
"""characters of a notice's id; a longer one is hashed"""


class Shipment(NamedTuple):
    """What was given to a carrier."""

    order_id: str
    fulfillment_order_id: str
    tracking_number: str
    shipped_at_ms: int
    """when it left, in milliseconds since 1970"""


class Notice(NamedTuple):
    """What a carrier tells, as it tells it."""

    notice_id: str
    """the carrier's; empty where it gives none"""
    tracking_number: str
    code: str
    """the carrier's own"""
    occurred_at_ms: int
    """by the carrier's clock"""
    words: str


class Carrier(Protocol):
    """A carrier, as the fulfillment room hears of it."""

    name: str
    """as `millrace fulfillment ship --carrier` has it"""

    def notices(self, shipment: Shipment) -> Sequence[Notice]:
        """What the carrier tells of the shipment, in the order in which it comes in."""

    def meaning(self, code: str) -> CarrierKind | None:
        """What a code means; None for one that says nothing of where the parcel is."""


class Told(NamedTuple):
    """What a carrier has told since a cursor."""

    notices: Sequence[Notice]
    """in the order in which they came in"""
    cursor: str
    """where to go on"""
    ask_at_ms: int
    """when to ask again; 0: nothing more will come"""


class CarrierAway(Exception):
    """The carrier could not be asked. The message has no secret and nothing personal.

    `seconds`: how long it wants us to wait; 0 where it does not say.
    """

    def __init__(self, why: str, seconds: float = 0.0) -> None:
        super().__init__(why)
        self.seconds = seconds


class TrackingCarrier(Carrier, Protocol):
    """A carrier that can be asked again and again what is new."""

    def since(self, shipment: Shipment, cursor: str, now_ms: int) -> Told:
        """What it has told behind the cursor, which is empty at first. The same cursor gives the
        same notices again, and perhaps more. Raises CarrierAway."""


def commands(carrier: Carrier, shipment: Shipment) -> list[RecordCarrierEvent]:
    """What the room is told of the shipment; codes that mean nothing to it are left out."""
    found = (command(carrier, shipment, notice) for notice in carrier.notices(shipment))
    return [one for one in found if one is not None]


def command(carrier: Carrier, shipment: Shipment, notice: Notice) -> RecordCarrierEvent | None:
    """What the room is told of a notice; None where it is about nothing that counts, or about
    another shipment. The same notice is always the same command."""
    kind = carrier.meaning(notice.code)
    if kind is None or notice.tracking_number != shipment.tracking_number:
        return None
    return RecordCarrierEvent(
        shipment.order_id,
        shipment.fulfillment_order_id,
        event_id(carrier.name, notice),
        kind,
        notice.tracking_number,
        notice.occurred_at_ms,
        notice.words[:MAXIMUM_WORDS],
        carrier.name,
    )


def event_id(name: str, notice: Notice) -> str:
    """The notice's id within the carrier; of what it says where it has none."""
    own = notice.notice_id
    if own and len(own) <= MAXIMUM_ID:
        return f"{name}:{own}"
    said = "\n".join((own, notice.tracking_number, notice.code, str(notice.occurred_at_ms)))
    return f"{name}:{blake2b(said.encode(), digest_size=12).hexdigest()}"
