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
from schemas.topics import ORDERS_EVENTS

_json = msgspec.json.Encoder().encode


def sealed(state: OrderState, sends: list[Send]) -> tuple[OrderState, list[Send]]:
    """The order with the number and the digest of its latest event, and its events with theirs."""
    sequence, digest = state.sequence, state.digest
    written: list[Send] = []
    for send in sends:
        if send.topic is ORDERS_EVENTS:
            sequence += 1
            event: Any = replace(send.record, sequence=sequence)
            digest = sha256(
                b"%b%b\n%b" % (digest, type(event).__name__.encode(), _json(event))
            ).digest()
            send = Send(ORDERS_EVENTS, send.key, replace(event, digest=digest))
        written.append(send)
    if sequence == state.sequence:
        return state, sends
    return replace(state, sequence=sequence, digest=digest), written
