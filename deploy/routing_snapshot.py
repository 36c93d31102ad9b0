"""Routing tried out on files: locations, orders and stock as they stand in them, without a broker.

Orders are those of a channel's files, taken one after the other at the moment they were placed.
What one takes of the stock and of a day's capacity, later ones do not have.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from connectors.channels.mapping import MAXIMUM_PAYLOAD_BYTES, Rejected
from connectors.channels.registry import CHANNELS
from deploy import imports, submission
from deploy.csvfile import BadField, BadFile, CsvFile
from deploy.stock import StockFile
from schemas import locations
from schemas.locations import LocationsState
from schemas.orders import Address, LineKind, OrderLine, PlaceOrder
from schemas.routing import RoutingRules
from schemas.topics import DAY_MS
from streams.fulfillment.model import UNKNOWN_DISTANCE_KM
from streams.fulfillment.routing import Router
from streams.fulfillment.routing_planning import ROUTED, Line, Order, Planned, planned
from streams.fulfillment.routing_sites import UNKNOWN_VALUE
from streams.orders import terms

Stocked = dict[str, dict[str, int]]
"""pieces by SKU and location"""


class BadSnapshot(ValueError):
    """A file of the snapshot cannot be used; the message is one line that names it."""


class Placed(NamedTuple):
    """What of an order goes to one of its addresses."""

    order: PlaceOrder
    address: int
    lines: tuple[OrderLine, ...]

    def as_asked(self, currency: str) -> Order:
        """What is routed. What is in another currency than the rules has no known value."""
        order, known = self.order, self.order.currency == currency
        to = [order.ship_to, *order.more_addresses][self.address]
        values, kits = terms.values(order), terms.kits(order)
        lines = tuple(
            Line(line.line_id, line.sku, line.quantity,
                 values[line.line_id] if known else UNKNOWN_VALUE, kits.get(line.line_id, ""))
            for line in self.lines
        )  # fmt: skip
        return Order(
            order.order_id,
            order.channel,
            order.customer_group,
            to.country,
            to.postal_code,
            to.latitude,
            to.longitude,
            lines,
            order.total_minor if known else UNKNOWN_VALUE,
        )


class Snapshot(NamedTuple):
    """Everything that is tried out."""

    known: LocationsState
    placed: list[Placed]
    """in the order of their placing"""
    stock: Stocked | None
    """None: every location has everything"""
    left_out: int
    """orders that were not understood, or of which nothing is sent"""


class Outcome(NamedTuple):
    """How all orders fared by one file of rules."""

    orders: int
    """those to several addresses count once for each"""
    routed: int
    shipments: int
    split: int
    """orders of several shipments"""
    cost_minor: int
    km: float
    """of all shipments whose distance is known"""
    located: int
    """shipments whose distance is known"""
    waiting: Mapping[str, int]
    """orders that are not routed, by what becomes of them"""
    reasons: Mapping[str, int]
    """why they are not"""


def read(
    locations_file: Path, order_files: Sequence[Path], channel: str, stock_file: Path | None,
    now_ms: int,
) -> Snapshot:  # fmt: skip
    """Read it all. Raises BadSnapshot."""
    known = read_locations(locations_file)
    orders, bad = _orders(order_files, channel, now_ms)
    placed = sorted(
        (one for order in orders for one in by_address(order)),
        key=lambda one: (one.order.placed_at_ms, one.order.order_id, one.address),
    )
    stock = _stock(stock_file) if stock_file is not None else None
    empty = len(orders) - len({one.order.order_id for one in placed})
    return Snapshot(known, placed, stock, bad + max(0, empty))


def read_locations(path: Path) -> LocationsState:
    """The locations of a file, as `millrace stock import locations` takes it.

    Raises BadSnapshot.
    """
    form = imports.locations(lambda: [])
    known: LocationsState | None = None
    try:
        with closing(CsvFile(path, form.required, form.optional)) as source:
            for row in source:
                if row.fault:
                    raise BadSnapshot(f"{path}:{row.line}: {row.fault}")
                try:
                    one = form.read([source.fields(row)])
                except BadField as error:
                    raise BadSnapshot(f"{path}:{row.line}: {error}") from error
                known = locations.registered(known, one)
    except BadFile as error:
        raise BadSnapshot(str(error)) from error
    if known is None:
        raise BadSnapshot(f"{path}: has no location")
    return known


def _stock(path: Path) -> Stocked:
    found: Stocked = {}
    try:
        with closing(StockFile(path)) as source:
            for row in source:
                if row.fault:
                    raise BadSnapshot(f"{path}:{row.line}: {row.fault}")
                try:
                    one = source.position(row)
                except BadField as error:
                    raise BadSnapshot(f"{path}:{row.line}: {error}") from error
                there = max(0, one.on_hand - one.safety_stock)
                found.setdefault(one.sku, {})[one.location_id] = there
    except BadFile as error:
        raise BadSnapshot(str(error)) from error
    return found


def _orders(files: Sequence[Path], channel: str, now_ms: int) -> tuple[list[PlaceOrder], int]:
    """The orders of the files, and how many results are none."""
    contents = []
    for file in files:
        try:
            with file.open("rb") as source:
                contents.append(source.read(MAXIMUM_PAYLOAD_BYTES + 1))
        except OSError as error:
            raise BadSnapshot(f"{file}: {error.strerror}") from error
    mapping = CHANNELS[channel]
    mapped = [
        one
        for payload in submission.payloads(channel, contents)
        for one in mapping.orders(payload, "", "", now_ms)
    ]
    latest: dict[str, PlaceOrder] = {}
    for one in mapped:
        if isinstance(one, PlaceOrder):
            before = latest.get(one.order_id)
            if before is None or before.version <= one.version:
                latest[one.order_id] = one
    if not latest:
        why = next((one.detail for one in mapped if isinstance(one, Rejected)), "has no order")
        raise BadSnapshot(f"{', '.join(map(str, files))}: {why}")
    return list(latest.values()), sum(isinstance(one, Rejected) for one in mapped)


def by_address(order: PlaceOrder) -> Iterator[Placed]:
    """What of the order is sent, by where it goes to."""
    addresses: list[Address] = [order.ship_to, *order.more_addresses]
    for number in range(len(addresses)):
        lines = tuple(
            line
            for line in order.lines
            if line.kind == LineKind.GOODS
            and line.address == number
            and not line.pickup_location_id
        )
        if lines:
            yield Placed(order, number, lines)


def whole(daily_capacity: int) -> int:
    """A location's whole capacity: here is one place that decides."""
    return daily_capacity


def plans(
    rules: RoutingRules, known: LocationsState, placed: Iterable[Placed], stock: Stocked | None
) -> Iterator[Planned]:
    """What becomes of each order, one after the other."""
    router = Router(rules, known, whole)
    left = {sku: dict(there) for sku, there in stock.items()} if stock is not None else None
    used: Counter[str] = Counter()
    day = -1
    for one in placed:
        now_ms = one.order.placed_at_ms
        if now_ms // DAY_MS != day:
            day, used = now_ms // DAY_MS, Counter()
        order = one.as_asked(rules.currency)
        made = planned(
            router, order, lambda sku: None if left is None else left.get(sku, {}), used, now_ms
        )
        pieces = {line.line_id: line for line in order.lines}
        for shipment in made.shipments:
            used[shipment.location_id] += 1
            for line_id in shipment.line_ids if left is not None else ():
                line = pieces[line_id]
                assert left is not None
                left[line.sku][shipment.location_id] -= line.pieces
        yield made


def summed(made: Iterable[Planned]) -> Outcome:
    """How all of them fared."""
    every = list(made)
    routed = [one for one in every if one.outcome == ROUTED]
    shipments = [shipment for one in routed for shipment in one.shipments]
    distances = [one.km for one in shipments if one.km < UNKNOWN_DISTANCE_KM]
    others = [one for one in every if one.outcome != ROUTED]
    return Outcome(
        len(every), len(routed), len(shipments), sum(len(one.shipments) > 1 for one in routed),
        sum(one.cost_minor for one in shipments), sum(distances), len(distances),
        Counter(one.outcome for one in others),
        Counter(one.why.partition(": ")[2] or one.why for one in others),
    )  # fmt: skip
