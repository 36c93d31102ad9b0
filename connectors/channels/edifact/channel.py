"""The channel `edifact`."""

from __future__ import annotations

from functools import partial

from connectors.channels import mapping
from connectors.channels.edifact import order, reading, syntax
from connectors.channels.mapping import Mapped, Rejected
from schemas.customers import Contact


class Edifact:
    """Reads files of EDIFACT interchanges; each message ORDERS is an order, or cancels one.

    A broken message is rejected alone, a broken interchange with all that is in it.
    """

    name = order.NAME

    def orders(self, payload: bytes, topic: str, raw_id: str, now_ms: int) -> list[Mapped]:
        """One result per message; one Rejected for an interchange without one. See Mapping."""
        try:
            interchanges = syntax.read(payload)
            found = order.founds(interchanges)
            empty = [order.none_in(one) for one in interchanges if not one.messages]
            mapping.check_orders(len(found) + len(empty))
        except Rejected as error:
            return [error]
        results = [
            mapping.one(
                partial(order.read, each, raw_id),
                order.number(each),
                f"number {number}" if len(found) > 1 else "",
            )
            for number, each in enumerate(found, 1)
        ]
        return [*results, *empty]

    def contacts(self, payload: bytes, topic: str) -> list[Contact]:
        """See Mapping."""
        try:
            found = order.founds(syntax.read(payload))
        except Rejected:
            return []
        return [order.contact(reading.parties(order.parts(each.message).heading)) for each in found]
