"""Follows what has left, asks its carriers what is new, and tells the fulfillment room.

Guarantee: each event of a carrier reaches the room exactly once by its event_id, because the
commands, the cursor behind them and the position in fulfillment.events are one transaction; a kill
neither skips nor repeats. Idempotency key: the event_id, of which a shipment keeps the latest
MAXIMUM_EVENT_IDS; older ones the room knows by their time.

Crash-only: what goes wrong with Kafka ends `run` with an exception, and a new start goes on behind
the last transaction. A carrier that is away is asked again, ever more slowly, and keeps nobody
else from being told.
"""

from __future__ import annotations

import heapq
import logging
import threading
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

from msgspec.structs import replace
from prometheus_client import Counter, Gauge

from connectors.carriers.carrier import CarrierAway, Shipment, TrackingCarrier, command
from schemas.carriers import ShipmentFollowed
from schemas.fulfillment_work import FulfillmentOrderShipped, RecordCarrierEvent
from schemas.records import Record
from schemas.topics import DAY_MS

MAXIMUM_FOLLOWED = 1_000_000
"""shipments; while there are so many, no further events are read"""
MAXIMUM_AGE_MS = 90 * DAY_MS
"""after which a carrier that has not said how a shipment ended is not asked any more"""
MAXIMUM_EVENT_IDS = 64
ASKED_AT_ONCE = 100
"""shipments of one transaction"""
WAIT_SECONDS = 0.5
"""the longest time without a look at what is due"""
SHORTEST_PAUSE_MS = 100
"""between two questions about one shipment"""
FIRST_PAUSE_MS = 1_000
LONGEST_PAUSE_MS = 300_000

TOLD = Counter("millrace_carriers_events_total", "Events told to the fulfillment room", ["carrier"])
FAILURES = Counter("millrace_carriers_failures_total", "Carriers that were away", ["carrier"])
FOLLOWED = Gauge("millrace_carriers_followed_shipments", "Shipments that are asked about")

log = logging.getLogger("millrace.carriers")


class Round(NamedTuple):
    """What one round has changed; written as a whole or not at all."""

    commands: list[RecordCarrierEvent]
    followed: dict[str, ShipmentFollowed | None]
    """by fulfillment order id; None: nothing more is to come"""


class Journal(Protocol):
    """Kafka, as the tracker needs it."""

    def followed(self) -> Sequence[ShipmentFollowed]:
        """The shipments that were followed at the end of the life before; asked once, first."""

    def read(self, seconds: float) -> Sequence[Record]:
        """Further records of fulfillment.events; waits up to `seconds` for the first."""

    def write(self, changed: Round) -> None:
        """Commit it together with the position behind everything that was read."""


class Tracker:
    """The shipments under way. `run` is the whole life of it."""

    def __init__(
        self,
        journal: Journal,
        carriers: Sequence[TrackingCarrier],
        clock: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
        maximum_followed: int = MAXIMUM_FOLLOWED,
    ) -> None:
        """`clock` tells milliseconds since 1970."""
        self._journal = journal
        self._carriers = {one.name: one for one in carriers}
        self._clock = clock
        self._maximum = maximum_followed
        self._followed: dict[str, ShipmentFollowed] = {}
        self._due: list[tuple[int, str]] = []
        """when each is asked; those that stand there twice are asked by the one that holds"""
        self._ask_at: dict[str, int] = {}
        self._failures: dict[str, int] = {}
        """in a row, by carrier"""
        self._away_until: dict[str, int] = {}
        """by carrier: none of its shipments is asked about before"""
        self.ready = threading.Event()

    def run(self, stop: threading.Event) -> None:
        """Follow until `stop` is set. Raises whatever the journal raises."""
        self.start()
        while not stop.is_set():
            self.step(WAIT_SECONDS)

    def start(self) -> None:
        """Go on where the life before has ended."""
        for one in self._journal.followed():
            self._keep(one.fulfillment_order_id, one)
        FOLLOWED.set(len(self._followed))
        self.ready.set()

    def step(self, seconds: float) -> None:
        """One round: read what has left, ask about what is due, write what has come of it."""
        changed = Round([], {})
        postponed: dict[str, int] = {}
        if len(self._followed) < self._maximum:
            for event in self._journal.read(self._patience(seconds)):
                if isinstance(event, FulfillmentOrderShipped):
                    self._left(event, changed)
        else:
            time.sleep(self._patience(seconds))
        for name in self._due_now():
            self._ask(name, changed, postponed)
        self._journal.write(changed)
        for name, one in changed.followed.items():
            self._keep(name, one)
        for name, at_ms in postponed.items():
            self._plan(name, at_ms)
        for command_ in changed.commands:
            TOLD.labels(command_.actor).inc()
        FOLLOWED.set(len(self._followed))

    def _left(self, event: FulfillmentOrderShipped, changed: Round) -> None:
        """Follow what goes by a carrier that can be asked."""
        known = event.carrier in self._carriers and event.tracking_number
        if not known or event.at_ms < self._clock() - MAXIMUM_AGE_MS:
            return
        changed.followed[event.fulfillment_order_id] = ShipmentFollowed(
            event.order_id,
            event.fulfillment_order_id,
            event.carrier,
            event.tracking_number,
            event.at_ms,
            "",
            event.at_ms,
            [],
        )

    def _ask(self, name: str, changed: Round, postponed: dict[str, int]) -> None:
        """Ask the carrier of a shipment what is new."""
        one, now_ms = self._followed[name], self._clock()
        carrier = self._carriers.get(one.carrier)
        if carrier is None or one.shipped_at_ms < now_ms - MAXIMUM_AGE_MS:
            # One whose carrier is no longer served here is asked about when it is again.
            if carrier is None:
                postponed[name] = now_ms + LONGEST_PAUSE_MS
            else:
                changed.followed[name] = None
            return
        shipment = Shipment(
            one.order_id, one.fulfillment_order_id, one.tracking_number, one.shipped_at_ms
        )
        if now_ms < self._away_until.get(one.carrier, 0):
            postponed[name] = self._away_until[one.carrier]
            return
        try:
            told = carrier.since(shipment, one.cursor, now_ms)
        except CarrierAway as error:
            postponed[name] = self._away_until[one.carrier] = now_ms + self._pause(
                one.carrier, error
            )
            return
        self._failures.pop(one.carrier, None)
        event_ids = list(one.event_ids)
        for notice in told.notices:
            record = command(carrier, shipment, notice)
            if record is not None and record.event_id not in event_ids:
                changed.commands.append(record)
                event_ids.append(record.event_id)
        following = replace(
            one,
            cursor=told.cursor,
            ask_at_ms=max(told.ask_at_ms, now_ms + SHORTEST_PAUSE_MS),
            event_ids=event_ids[-MAXIMUM_EVENT_IDS:],
        )
        changed.followed[name] = following if told.ask_at_ms else None

    def _pause(self, carrier: str, error: CarrierAway) -> int:
        """Milliseconds, twice as many each time, and no fewer than the carrier asks for."""
        failures = self._failures.get(carrier, 0)
        self._failures[carrier] = failures + 1
        FAILURES.labels(carrier).inc()
        if not failures:
            log.warning("%s: %s; it is asked again", carrier, error)
        longest = min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS << min(failures, 20))
        return max(longest, int(error.seconds * 1000))

    def _keep(self, name: str, one: ShipmentFollowed | None) -> None:
        if one is None:
            self._followed.pop(name, None)
            self._ask_at.pop(name, None)
        else:
            self._followed[name] = one
            self._plan(name, one.ask_at_ms)

    def _plan(self, name: str, at_ms: int) -> None:
        self._ask_at[name] = at_ms
        heapq.heappush(self._due, (at_ms, name))

    def _due_now(self) -> list[str]:
        """Up to ASKED_AT_ONCE shipments whose time has come."""
        now_ms, found = self._clock(), list[str]()
        while self._due and self._due[0][0] <= now_ms and len(found) < ASKED_AT_ONCE:
            at_ms, name = heapq.heappop(self._due)
            if self._ask_at.get(name) == at_ms and name not in found:
                found.append(name)
        return found

    def _patience(self, seconds: float) -> float:
        """How long nothing is due, at most `seconds`."""
        if not self._due:
            return seconds
        return min(seconds, max(0.0, (self._due[0][0] - self._clock()) / 1000))
