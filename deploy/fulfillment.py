"""Fulfillment orders as they stand, and what happened to them. Reads Kafka."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from connectors.levels.answers import iso
from connectors.locations.answers import at_risk as at_risk
from connectors.locations.answers import order_of as order_of
from connectors.locations.answers import promise_told, told
from deploy import records
from deploy.cluster import Cluster
from deploy.timeline import words
from schemas import codec, promises
from schemas.fulfillment import FulfillmentOrderReleased, FulfillmentState
from schemas.fulfillment_moves import EVENTS
from schemas.fulfillment_work import FulfillmentOrder, WorkState
from schemas.promises import Promise, PromiseState
from schemas.records import Record
from schemas.topics import FULFILLMENT_EVENTS, FULFILLMENT_STATE
from streams.fulfillment.promise_room import PROMISE_SUFFIX
from streams.fulfillment.work_model import WORK_SUFFIX, begun

NAMING = ("fulfillment_order_id", "from_id", "merged_id")
"""fields of events that name a fulfillment order"""


def standing(cluster: Cluster, order_id: str | None = None) -> list[WorkState]:
    """What locations work on, by order: of every order, or of one."""
    return standing_and_promised(cluster, order_id)[0]


def standing_and_promised(
    cluster: Cluster, order_id: str | None = None
) -> tuple[list[WorkState], dict[str, Promise]]:
    """The same, and what is promised of each fulfillment order of which something is."""
    routed: dict[str, FulfillmentState] = {}
    worked_on: dict[str, WorkState] = {}
    promised: dict[str, list[Promise]] = {}
    for key, record in _of_topic(cluster, order_id):
        if isinstance(record, FulfillmentState):
            routed[key] = record
        elif isinstance(record, WorkState):
            worked_on[key.removesuffix(WORK_SUFFIX)] = record
        elif isinstance(record, PromiseState):
            promised[key] = record.promises
        elif record is None:
            promised.pop(key, None)
    found = [worked_on.get(name) or begun(state) for name, state in sorted(routed.items())]
    of_each = {
        one.fulfillment_order_id: one
        for several in promised.values()
        for one in several
        if not one.waiting and not one.ended
    }
    return [one for one in found if one is not None], of_each


def _of_topic(cluster: Cluster, order_id: str | None) -> Iterator[tuple[str, Record | None]]:
    """The states that stand, None for one that is deleted; those of an order lie in its partition
    under three keys."""
    keys = () if order_id is None else (order_id.encode(),)
    wanted = {order_id, f"{order_id}{WORK_SUFFIX}", f"{order_id}{PROMISE_SUFFIX}"}
    for message in records.messages(cluster, records.beginnings(cluster, FULFILLMENT_STATE, keys)):
        key, value = (message.key() or b"").decode(), message.value()
        if order_id is not None and key not in wanted:
            continue
        if value is None:
            yield key, None
            continue
        try:
            record = codec.decode(value)
        except codec.UnreadableRecord:
            continue
        yield key, record


def one_of(state: WorkState, fulfillment_order_id: str) -> FulfillmentOrder | None:
    """The fulfillment order of that name."""
    name = fulfillment_order_id
    return next((one for one in state.orders if one.fulfillment_order_id == name), None)


def history(cluster: Cluster, fulfillment_order_id: str) -> list[dict[str, Any]]:
    """What happened to a fulfillment order: at, event, why, actor and where it lies on Kafka."""
    found = []
    order_id = order_of(fulfillment_order_id)
    for message in records.messages_of(cluster, FULFILLMENT_EVENTS, order_id):
        try:
            record = codec.decode(message.value() or b"")
        except codec.UnreadableRecord:
            continue
        named = any(getattr(record, field, "") == fulfillment_order_id for field in NAMING)
        if named and isinstance(record, (FulfillmentOrderReleased, *EVENTS, *promises.EVENTS)):
            found.append(
                {
                    "at": iso(getattr(record, "at_ms", 0)),
                    "event": type(record).__name__,
                    "why": words(record),
                    "actor": getattr(record, "actor", ""),
                    **records.place_of(message)._asdict(),
                }
            )
    return found


def as_json(order_id: str, one: FulfillmentOrder) -> dict[str, Any]:
    """A fulfillment order for scripts."""
    made: dict[str, Any] = msgspec.to_builtins(told(order_id, one))
    return made


def promise_as_json(promise: Promise | None) -> dict[str, Any]:
    """Until when it leaves and when it is there, for scripts."""
    made: dict[str, Any] = msgspec.to_builtins(promise_told(promise))
    return made
