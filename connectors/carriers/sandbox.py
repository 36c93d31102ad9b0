"""A carrier that moves nothing and tells what real ones tell: late, twice and in any order.

It keeps nothing: all that it tells follows from the shipment, so asking again changes nothing. How
a shipment ends stands at the end of its tracking number; without one of these it is delivered.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from hashlib import blake2b

from connectors.carriers.carrier import Notice, Shipment, Told
from schemas.fulfillment_work import CarrierKind

LATE = "-LATE"
"""delivered after five more days, and a notice of the delay"""
LOST = "-LOST"
DAMAGED = "-DAMAGED"
RETURNED = "-RETURNED"
FOUND = "-FOUND"
"""lost, then found and delivered"""
SILENT = "-SILENT"
"""nothing is told after it was taken"""
STRAIGHT = "-STRAIGHT"
"""delivered, with every notice once and in order"""

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
MEANINGS: dict[str, CarrierKind] = {
    "PU": CarrierKind.IN_TRANSIT,
    "AR": CarrierKind.IN_TRANSIT,
    "OD": CarrierKind.IN_TRANSIT,
    "DE": CarrierKind.EXCEPTION,
    "NH": CarrierKind.EXCEPTION,
    "DM": CarrierKind.DAMAGED,
    "LS": CarrierKind.LOST,
    "RS": CarrierKind.RETURNED_TO_SENDER,
    "DL": CarrierKind.DELIVERED,
}
"""picked up, arrived at a depot, out for delivery, delayed, nobody at home, damaged, lost, back at
the sender, delivered; LB, a label was made, says nothing of where the parcel is"""
WORDS = {
    "LB": "label made",
    "PU": "picked up",
    "AR": "arrived at the depot",
    "OD": "out for delivery",
    "DE": "delayed",
    "NH": "nobody at home",
    "DM": "damaged in the depot",
    "LS": "cannot be found",
    "RS": "back at the sender",
    "DL": "delivered",
}
_BEGINNING = (("LB", 0), ("PU", HOUR_MS), ("AR", 10 * HOUR_MS))
_OUT = ("OD", DAY_MS)
_ENDS: dict[str, tuple[tuple[str, int], ...]] = {
    LATE: (
        ("DE", 2 * DAY_MS),
        ("OD", 5 * DAY_MS),
        ("NH", 5 * DAY_MS + HOUR_MS),
        ("DL", 6 * DAY_MS),
    ),
    LOST: (("LS", 4 * DAY_MS),),
    DAMAGED: (("DM", DAY_MS),),
    RETURNED: (_OUT, ("NH", DAY_MS + HOUR_MS), ("RS", 8 * DAY_MS)),
    FOUND: (("LS", 4 * DAY_MS), ("AR", 5 * DAY_MS), ("DL", 6 * DAY_MS)),
    SILENT: (),
    STRAIGHT: (_OUT, ("DL", DAY_MS + 5 * HOUR_MS)),
}
_DELIVERED = _ENDS[STRAIGHT]
_TWICE = 0.3
"""share of notices that come twice"""


MAXIMUM_SPEED = 1_000_000


class Sandbox:
    """The carrier. Asked again, it tells the same."""

    name: str = "sandbox"

    def __init__(self, speed: int = 1) -> None:
        """`speed`: how much faster than a real one it is, from 1 to MAXIMUM_SPEED."""
        self._speed = speed

    def notices(self, shipment: Shipment) -> Sequence[Notice]:
        """All that it will tell, as it comes in: mixed up and partly twice, by tracking number."""
        number = shipment.tracking_number
        ending = next((end for end in _ENDS if number.endswith(end)), "")
        steps = (*_BEGINNING, *_ENDS.get(ending, _DELIVERED))
        told = [
            Notice(
                f"{number}/{place}",
                number,
                code,
                shipment.shipped_at_ms + after_ms // self._speed,
                WORDS[code],
            )
            for place, (code, after_ms) in enumerate(steps, start=1)
        ]
        if ending == STRAIGHT:
            return told
        seed = blake2b(number.encode(), digest_size=8).digest()
        chance = random.Random(int.from_bytes(seed, "big"))
        told += [notice for notice in told if chance.random() < _TWICE]
        chance.shuffle(told)
        return told

    def since(self, shipment: Shipment, cursor: str, now_ms: int) -> Told:
        """See connectors.carriers.carrier.TrackingCarrier. A notice comes in when it and all before
        it have happened, so that one which overtakes others makes them late. The cursor is how
        many have come in."""
        told = self.notices(shipment)
        first = int(cursor or "0")
        past = first
        while past < len(told) and told[past].occurred_at_ms <= now_ms:
            past += 1
        following = told[past].occurred_at_ms if past < len(told) else 0
        return Told(told[first:past], str(past), following)

    def meaning(self, code: str) -> CarrierKind | None:
        """See connectors.carriers.carrier.Carrier."""
        return MEANINGS.get(code)
