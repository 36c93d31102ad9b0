from typing import Any

from schemas.records import Record

class Coder:
    """Writes and reads one record type; `binary.pyx` has what it does and raises."""

    def __init__(
        self,
        record: type[Record],
        schema: dict[str, Any],
        mark: bytes,
        named: dict[str, Coder],
    ) -> None: ...
    def encode(self, record: Record) -> bytes: ...
    def decode(self, message: bytes) -> Record: ...
