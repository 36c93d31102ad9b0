"""The chain of an order's events: numbers without a gap, each tied to the one before.

The digest of an event is the SHA-256 of the digest of the order's event before (32 bytes, none
before the first), the event's record name, a newline, and the event as JSON: its fields in the
order of its schema, without blanks, in UTF-8, `digest` empty. Whoever has the events can compute
it; whoever changes, drops or inserts one has to change all that follow.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Any

import msgspec
from msgspec.structs import replace

from schemas.messages import Send
from schemas.orders import OrderState
from schemas.records import Record
from schemas.topics import ORDERS_EVENTS

_json = msgspec.json.Encoder().encode
_PREFIXES: dict[type[Record], bytes] = {
    event: f"{event.__name__}\n".encode() for event in ORDERS_EVENTS.values
}


def sealed(state: OrderState, sends: list[Send]) -> tuple[OrderState, list[Send]]:
    """The order with the number and the digest of its latest event, and its events with theirs."""
    sequence, digest = state.sequence, state.digest
    written = sends
    for at, (topic, key, event, _) in enumerate(sends):
        if topic is not ORDERS_EVENTS:
            continue
        if written is sends:
            written = sends.copy()
        sequence += 1
        numbered: Any = replace(event, sequence=sequence)
        digest = sha256(digest + _PREFIXES[type(event)] + _json(numbered)).digest()
        written[at] = Send(topic, key, replace(numbered, digest=digest))
    if written is sends:
        return state, sends
    return replace(state, sequence=sequence, digest=digest), written
