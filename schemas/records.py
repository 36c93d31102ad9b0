"""What every record is built from: one base class and the annotated field types.

A field's Avro type follows from its annotation; `schemas.contract` writes the `.avsc` from it and
a test keeps the two equal.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

Millis = Annotated[int, Meta(extra={"logicalType": "timestamp-millis"})]
"""UTC, milliseconds since 1970-01-01T00:00:00Z; 0 where the moment does not exist."""


class Record(Struct, frozen=True, gc=False):
    """A frozen, flat record that travels on Kafka."""
