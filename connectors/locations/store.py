"""Fulfillment orders as they stand, by location and status; each order as its bytes.

One thread writes and any may read. What is still to be worked on is all there, up to a bound; of
what has left or ended, the orders that came there last.
"""

from __future__ import annotations

import heapq
import logging
import threading
from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Collection, Iterator
from itertools import islice
from typing import NamedTuple

from prometheus_client import Counter

from connectors.locations.answers import order_of
from schemas import codec
from schemas.fulfillment import FulfillmentState
from schemas.fulfillment_work import FulfillmentOrder, WorkState, WorkStatus
from schemas.promises import Promise, PromiseState

MAXIMUM_OPEN = 1_000_000
"""Orders that are still worked on; of more than that the oldest are not told."""
MAXIMUM_GONE = 100_000
"""Orders of which everything has left or ended."""
WORKED_ON = frozenset(
    {
        WorkStatus.RELEASED, WorkStatus.ACCEPTED, WorkStatus.PICKING, WorkStatus.PACKED,
        WorkStatus.SHIPPING, WorkStatus.HELD, WorkStatus.MOVING,
    }
)  # fmt: skip
"""Statuses in which there is something to do at the location."""

LEFT_OUT = Counter(
    "millrace_locations_left_out_total", "Orders to be worked on that memory has no room for"
)

PROMISES = "promise"
"""what stands behind order_id| in the key of a PromiseState"""

log = logging.getLogger("millrace.locations")
Begun = Callable[[FulfillmentState], WorkState | None]
"""The fulfillment orders of an order that nobody has said anything of; None where there are none.
The rule is the fulfillment room's."""


class Found(NamedTuple):
    """A fulfillment order and the order that it is of."""

    order_id: str
    one: FulfillmentOrder
    promise: Promise | None
    """what is promised of it now"""


class Names:
    """Ids in order of code point; sorted when somebody reads them first, and kept so."""

    def __init__(self) -> None:
        """None."""
        self._names: set[str] = set()
        self._sorted: list[str] | None = None

    def __len__(self) -> int:
        return len(self._names)

    def add(self, name: str) -> None:
        """One more, if it is not there."""
        if name not in self._names:
            self._names.add(name)
            if self._sorted is not None:
                insort(self._sorted, name)

    def discard(self, name: str) -> None:
        """One less, if it is there."""
        if name in self._names:
            self._names.discard(name)
            if self._sorted is not None:
                del self._sorted[bisect_left(self._sorted, name)]

    def after(self, name: str) -> Iterator[str]:
        """Those behind a name."""
        if self._sorted is None:
            self._sorted = sorted(self._names)
        return islice(self._sorted, bisect_right(self._sorted, name), None)


class Store:
    """By order, and by location and status."""

    def __init__(
        self, begun: Begun, maximum_open: int = MAXIMUM_OPEN, maximum_gone: int = MAXIMUM_GONE
    ) -> None:
        """Nothing is known."""
        self._begun = begun
        self._maximum_open, self._maximum_gone = maximum_open, maximum_gone
        self._open: dict[str, bytes] = {}
        """by order id, in the order in which they came; a WorkState each"""
        self._gone: dict[str, bytes] = {}
        self._promises: dict[str, bytes] = {}
        """by order id; the room deletes them when nothing is promised any more"""
        self._untouched: set[str] = set()
        """orders of which only the routing is known"""
        self._index: dict[tuple[str, str], Names] = {}
        self._shipments: dict[tuple[str, str], str] = {}
        """fulfillment order id by carrier and tracking number"""
        self._is_full = False
        self._lock = threading.Lock()

    def __len__(self) -> int:
        """Orders."""
        return len(self._open) + len(self._gone)

    def sort(self) -> None:
        """Nothing is left to do: ids are sorted when they are read."""

    def put(self, key: str, value: bytes | None) -> None:
        """Keep what fulfillment.state says under a key."""
        if value is None:
            order_id, _, kind = key.partition("|")
            with self._lock:
                if kind == PROMISES:
                    self._promises.pop(order_id, None)
                else:
                    self._drop(order_id)
            return
        try:
            record = codec.decode(value)
        except codec.UnreadableRecord as error:
            # One order that cannot be told is no reason to tell nobody of the others.
            log.error("fulfillment.state, %s: %s", key, error)
            return
        if isinstance(record, WorkState):
            self._keep(record, untouched=False)
        elif isinstance(record, FulfillmentState) and self._is_news(record.order_id):
            state = self._begun(record)
            if state is not None:
                self._keep(state, untouched=True)
        elif isinstance(record, PromiseState):
            with self._lock:
                # It may stand before the order itself, in a topic that is compacted.
                self._promises[record.order_id] = value
                if len(self._promises) > self._maximum_open + self._maximum_gone:
                    self._promises.pop(next(iter(self._promises)))

    def get(self, fulfillment_order_id: str) -> Found | None:
        """One of them; None where it is not known."""
        order_id = order_of(fulfillment_order_id)
        value = self._open.get(order_id) or self._gone.get(order_id)
        if value is None:
            return None
        for one in _state(value).orders:
            if one.fulfillment_order_id == fulfillment_order_id:
                return Found(order_id, one, self._promise(order_id, fulfillment_order_id))
        return None

    def shipment(self, carrier: str, tracking_number: str) -> Found | None:
        """The latest that goes by that number; None where it is not known."""
        name = self._shipments.get((carrier, tracking_number))
        return None if name is None else self.get(name)

    def page(
        self, location_id: str, statuses: Collection[str], after: str, limit: int
    ) -> tuple[list[Found], str]:
        """Up to `limit` behind the id `after` by code point, and the last of them if more follow.

        Of one location, or of all where it is empty.
        """
        with self._lock:
            lists = [
                names.after(after)
                for (where, status), names in self._index.items()
                if status in statuses and location_id in ("", where)
            ]
            ids = list(islice(heapq.merge(*lists), limit + 1))
        found = [self.get(name) for name in ids[:limit]]
        return [one for one in found if one is not None], ids[limit - 1] if len(ids) > limit else ""

    def _promise(self, order_id: str, fulfillment_order_id: str) -> Promise | None:
        value = self._promises.get(order_id)
        record = codec.decode(value) if value is not None else None
        for one in record.promises if isinstance(record, PromiseState) else ():
            if one.fulfillment_order_id == fulfillment_order_id and not (one.waiting or one.ended):
                return one
        return None

    def _is_news(self, order_id: str) -> bool:
        """What the routing says counts only until somebody has said something of the order."""
        known = order_id in self._open or order_id in self._gone
        return not known or order_id in self._untouched

    def _keep(self, state: WorkState, untouched: bool) -> None:
        order_id, value = state.order_id, codec.encode(state)
        is_open = bool(state.without_place) or any(one.status in WORKED_ON for one in state.orders)
        with self._lock:
            place = self._open if is_open else self._gone
            if order_id in place:  # it keeps its turn
                self._unlist(place[order_id])
            else:
                self._take_out(order_id)
            place[order_id] = value
            if untouched:
                self._untouched.add(order_id)
            else:
                self._untouched.discard(order_id)
            for one in state.orders:
                where = (one.location_id, one.status)
                self._index.setdefault(where, Names()).add(one.fulfillment_order_id)
                if one.tracking_number:
                    shipment = (one.carrier, one.tracking_number)
                    self._shipments[shipment] = one.fulfillment_order_id
            self._bound()

    def _bound(self) -> None:
        if len(self._gone) > self._maximum_gone:
            self._drop(next(iter(self._gone)))
        if len(self._open) > self._maximum_open:
            if not self._is_full:
                log.error("more than %d orders are open; the oldest are not told", len(self._open))
                self._is_full = True
            LEFT_OUT.inc()
            self._drop(next(iter(self._open)))

    def _drop(self, order_id: str) -> None:
        self._take_out(order_id)
        self._untouched.discard(order_id)
        self._promises.pop(order_id, None)

    def _take_out(self, order_id: str) -> None:
        for place in (self._open, self._gone):
            value = place.pop(order_id, None)
            if value is not None:
                self._unlist(value)

    def _unlist(self, value: bytes) -> None:
        for one in _state(value).orders:
            where = (one.location_id, one.status)
            names = self._index.get(where)
            if names is not None:
                names.discard(one.fulfillment_order_id)
                if not names:
                    del self._index[where]
            shipment = (one.carrier, one.tracking_number)
            if self._shipments.get(shipment) == one.fulfillment_order_id:
                del self._shipments[shipment]


def _state(value: bytes) -> WorkState:
    record = codec.decode(value)
    assert isinstance(record, WorkState)
    return record
