"""The channel `edi-x12`."""

from __future__ import annotations

from functools import partial

from connectors.channels import mapping
from connectors.channels.edi import envelope, order, parties
from connectors.channels.edi.order import Found
from connectors.channels.mapping import Mapped, Rejected
from schemas.customers import Contact


class EdiX12:
    """Reads files of X12 interchanges; each set 850 is an order, or cancels one.

    A broken set is rejected alone, a broken group or interchange with all that is in it.
    """

    name = order.NAME

    def orders(self, payload: bytes, topic: str, raw_id: str, now_ms: int) -> list[Mapped]:
        """One result per set; one Rejected for what has no set. See Mapping."""
        try:
            interchanges = envelope.read(payload)
            found = order.founds(interchanges)
            others = _without_sets(interchanges)
            mapping.check_orders(len(found) + len(others))
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
        return [*results, *others]

    def contacts(self, payload: bytes, topic: str) -> list[Contact]:
        """See Mapping."""
        try:
            return [_contact(each) for each in order.founds(envelope.read(payload))]
        except Rejected:
            return []


def _contact(found: Found) -> Contact:
    heading = order.parts(found.set).heading
    return parties.contact(heading, order.customer_id(found))


def _without_sets(interchanges: list[envelope.Interchange]) -> list[Mapped]:
    """What is said of interchanges and groups that have no set in them."""
    said: list[Mapped] = []
    for interchange in interchanges:
        fault = interchange.fault
        if not interchange.groups:
            what = "begins an interchange without a group"
            said.append(fault or envelope.Fault("not_an_order", interchange.head, 0, what))
        for group in interchange.groups:
            if not group.sets:
                what = "begins a group without a set"
                none = envelope.Fault("not_an_order", group.head, 0, what)
                said.append(fault or group.fault or none)
    return said
