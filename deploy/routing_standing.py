"""An order and what its routing goes by, as both stand on Kafka now. Reads Kafka."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import NamedTuple

from deploy import records
from deploy.cluster import Cluster
from deploy.routing_snapshot import Placed, Snapshot, Stocked, by_address
from schemas import codec
from schemas.fulfillment import CapacityState
from schemas.inventory import StockState
from schemas.locations import LOCATIONS_KEY, LocationsState
from schemas.orders import OrderState
from schemas.records import Record
from schemas.routing import ROUTING_KEY, OrderIs, Places, RoutingRule, RoutingRules, RoutingState
from schemas.topics import DAY_MS, FULFILLMENT_STATE, INVENTORY_STATE, ORDERS_STATE, Topic
from streams.fulfillment.model import CAPACITY_KEY
from streams.orders import terms


class Standing(NamedTuple):
    """All that an explanation needs."""

    order: OrderState
    rules: RoutingRules
    """of the order's partition; those that rank as the room does without any where none are set"""
    are_set: bool
    """somebody has set these rules"""
    used: Mapping[str, int]
    """fulfillment orders that the order's partition has released today, UTC, by location"""
    snapshot: Snapshot
    """stock is what is free now, and what the order itself has reserved"""

    @property
    def placed(self) -> list[Placed]:
        """What of the order goes to each of its addresses."""
        return self.snapshot.placed


def standing(cluster: Cluster, order_id: str, now_ms: int) -> Standing | None:
    """The order as it stands; None where nobody knows it. Raises KafkaException and Unavailable."""
    order = latest(cluster, ORDERS_STATE, [order_id], order_id).get(order_id)
    if not isinstance(order, OrderState):
        return None
    keys = (ROUTING_KEY, LOCATIONS_KEY, CAPACITY_KEY)
    room = latest(cluster, FULFILLMENT_STATE, keys, order_id)
    known, used = room.get(LOCATIONS_KEY), room.get(CAPACITY_KEY)
    rules = room.get(ROUTING_KEY)
    of_today = isinstance(used, CapacityState) and used.day == now_ms // DAY_MS
    return Standing(
        order,
        rules.rules if isinstance(rules, RoutingState) else nearest(order.currency),
        isinstance(rules, RoutingState),
        {one.location_id: one.fulfillment_orders for one in used.used}
        if of_today and isinstance(used, CapacityState)
        else {},
        Snapshot(
            known if isinstance(known, LocationsState) else LocationsState([]),
            list(by_address(terms.of(order))),
            _stock(cluster, order),
            0,
        ),
    )


def nearest(currency: str) -> RoutingRules:
    """What the room does without rules, as rules."""
    rule = RoutingRule("no rules", 0, OrderIs(), Places(), ["same_country", "distance"])
    return RoutingRules(0, 0, "no rules", "", currency, [rule], consolidate="shipments")


def _stock(cluster: Cluster, order: OrderState) -> Stocked:
    """Pieces that the order could have, by SKU and location; of a kit, by its components."""
    states = _stock_states(cluster, {line.sku for line in order.lines})
    parts = {part.sku for one in states.values() for part in one.components} - states.keys()
    if parts:
        states |= _stock_states(cluster, parts)
    free = {sku: _free(one) for sku, one in states.items() if not one.components}
    for sku, one in states.items():
        if one.components:
            places = {name for part in one.components for name in free.get(part.sku, {})}
            free[sku] = {
                name: min(
                    free.get(part.sku, {}).get(name, 0) // part.quantity for part in one.components
                )
                for name in places
            }
    for line in order.lines:
        if line.location_id:
            there = free.setdefault(line.sku, {})
            there[line.location_id] = there.get(line.location_id, 0) + line.quantity - line.shipped
    return free


def _stock_states(cluster: Cluster, skus: Collection[str]) -> dict[str, StockState]:
    found = latest(cluster, INVENTORY_STATE, sorted(skus))
    return {sku: one for sku, one in found.items() if isinstance(one, StockState)}


def _free(state: StockState) -> dict[str, int]:
    return {
        one.location_id: max(0, one.on_hand - one.reserved - one.allocated - one.safety_stock)
        for one in state.positions
    }


def latest(
    cluster: Cluster, topic: Topic, keys: Collection[str], beside: str = ""
) -> dict[str, Record]:
    """The records that stand under these keys, each in its own partition, or all in that of the key
    `beside`, where what every partition has is wanted of one."""
    found: dict[str, Record] = {}
    homes = [beside.encode()] if beside else [key.encode() for key in keys]
    for message in records.messages(cluster, records.beginnings(cluster, topic, homes)):
        key, value = (message.key() or b"").decode(), message.value()
        if key not in keys:
            continue
        found.pop(key, None)
        if value is not None:
            try:
                found[key] = codec.decode(value)
            except codec.UnreadableRecord:
                continue
    return found
