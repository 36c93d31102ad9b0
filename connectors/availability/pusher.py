"""One account's life: what changes is told to it, in batches, most urgent first.

Crash-only: what goes wrong with Kafka ends `run` with an exception; a new start tells what the book
does not have. What goes wrong at the account is tried again, ever more slowly and with what is then
true, and stops no other account.
"""

from __future__ import annotations

import logging
import random
import threading
import time
import uuid
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from prometheus_client import Counter, Gauge

from connectors.availability.account import UNKNOWN_SKU, Account, Level
from connectors.availability.book import Book
from connectors.availability.pending import Pending, Urgency, urgency
from connectors.availability.stock import Changes, Sellable, WatchedStore
from connectors.json_api import ApiFailed
from connectors.polling.pace import Backoff
from schemas.channel_stock import AvailabilityAttempted, AvailabilityPushed

log = logging.getLogger("millrace.availability")
MAXIMUM_ITEMS = 200_000
"""Channel ids that are remembered for one account; the longest unused gives way."""
MAXIMUM_SAMPLES = 10_000
"""Quantities that wait to be read back; the oldest gives way."""
MAXIMUM_NAMED = 20
"""SKUs that one attempt names."""
UNTOLD_MS = 6 * 3_600_000
"""What an account does not take is not tried again within these, whatever changes."""
IDLE_SECONDS = 0.2
FIRST_PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 300.0
ODD = (AttributeError, KeyError, TypeError, ValueError, IndexError)
"""What reading an answer of another shape raises."""

TOLD = Counter("millrace_availability_told_total", "Quantities told", ["account"])
REFUSED = Counter("millrace_availability_refused_total", "SKUs not taken", ["account", "reason"])
FAILED = Counter("millrace_availability_failed_total", "Tries that failed", ["account", "action"])
READ = Counter("millrace_availability_read_back_total", "Quantities read back", ["account"])
DRIFTED = Counter("millrace_availability_drifted_total", "Read back as another", ["account"])
WAITING = Gauge("millrace_availability_waiting_skus", "SKUs still to be told", ["account"])
FAILING = Gauge("millrace_availability_failing_ratio", "1 while it cannot be told", ["account"])


class Settings(NamedTuple):
    """How one account is served."""

    share: float = 0.05
    """of what is told, what is read back, 0 to 1"""
    read_back_seconds: float = 60.0
    """from telling to reading back: services take their time"""
    low_at: int = 0
    """pieces at or below which few are left, besides the SKU's own rule"""
    first_pause_seconds: float = FIRST_PAUSE_SECONDS


class _Sample(NamedTuple):
    due: float
    sku: str
    pieces: int


class Pusher:
    """One account. `run` is the whole life of it."""

    def __init__(
        self,
        account: Account,
        store: WatchedStore,
        book: Book,
        settings: Settings,
        *,
        pending: Pending | None = None,
        chance: random.Random | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`store` is filled by somebody else, later than this."""
        self._account = account
        self._store = store
        self._book = book
        self._settings = settings
        self._changes: Changes = store.listen()
        self._pending = pending or Pending()
        self._chance = chance or random.Random()
        self._backoff = Backoff(settings.first_pause_seconds, LONGEST_PAUSE_SECONDS, self._chance)
        self._clock = clock
        self._told: dict[str, tuple[int, int]] = {}
        """by SKU the pieces, -1 for what was not taken, and when; a SKU of the catalogue each"""
        self._items: OrderedDict[str, str] = OrderedDict()
        self._samples: deque[_Sample] = deque(maxlen=MAXIMUM_SAMPLES)
        self._drifted: set[str] = set()
        """to be told again although nothing changed"""
        self._failures = 0
        self.ready = threading.Event()

    def run(self, stop: threading.Event, caught_up: Callable[[], bool]) -> None:
        """Tell until `stop` is set. Raises KafkaException and BookUnreadable."""
        self.begin()
        while not stop.is_set() and not caught_up():
            stop.wait(IDLE_SECONDS)
        # What has gone meanwhile without a trace; all that is there counts as changed already.
        self._look_at([sku for sku in self._told if not self._store.knows(sku)])
        try:
            while not stop.is_set():
                pause = self.step()
                if pause:
                    stop.wait(pause)
                elif self.idle():
                    self._changes.wait(IDLE_SECONDS)
        finally:
            self._account.close()

    def begin(self) -> None:
        """Read what was told before. Raises KafkaException and BookUnreadable."""
        for sku, known in self._book.open().items():
            self._told[sku] = known.quantity, known.at_ms
            if known.item_id:
                self._remember(sku, known.item_id)
        self.ready.set()

    def idle(self) -> bool:
        """Nothing is to be told, and nothing is due to be read back."""
        due = self._samples and self._samples[0].due <= self._clock()
        return not (len(self._pending) or due or self._pending.left_out or self._changes)

    def step(self) -> float:
        """One batch, or one reading back; returns the seconds to wait, 0 for none."""
        changed, everything = self._changes.take()
        self._look_at(self._store.skus() if everything else changed)
        if not len(self._pending) and self._pending.left_out:
            self._pending.left_out = False
            self._look_at(self._store.skus())
        WAITING.labels(self._account.name).set(len(self._pending))
        due = self._samples and self._samples[0].due <= self._clock()
        if due and not self._pending.urgent:
            return self._read_back()
        batch = self._pending.take(self._account.batch)
        return self._push(batch) if batch else 0.0

    def _look_at(self, skus: Iterable[str]) -> None:
        """Find out which of them the account has to be told of, and how urgently."""
        now_ms = _now_ms()
        for sku in skus:
            told = self._told.get(sku)
            if told is None and not self._store.knows(sku):
                continue
            if told is not None and told[0] < 0 and now_ms - told[1] < UNTOLD_MS:
                continue
            now = self._store.sellable(sku, self._account.channel)
            if told is not None and told[0] == now.pieces and sku not in self._drifted:
                # It changed and changed back before it was told.
                self._pending.drop(sku)
                continue
            self._pending.put(sku, self._how_urgent(now, told))

    def _pieces(self, sku: str) -> int:
        return self._store.sellable(sku, self._account.channel).pieces

    def _urgency(self, sku: str) -> Urgency:
        now = self._store.sellable(sku, self._account.channel)
        return self._how_urgent(now, self._told.get(sku))

    def _how_urgent(self, now: Sellable, told: tuple[int, int] | None) -> Urgency:
        low = now.low or now.pieces <= self._settings.low_at
        return urgency(now.pieces, told[0] if told is not None else None, low)

    def _push(self, batch: list[str]) -> float:
        """Tell a batch what is true now; returns the seconds to wait."""
        name = self._account.name
        try:
            refused = self._find(batch)
            levels = [
                Level(sku, self._items[sku], self._pieces(sku))
                for sku in batch
                if sku not in refused
            ]
            if levels:
                refused |= self._tell(levels)
        except (ApiFailed, *ODD) as error:
            self._pending.put_back(batch, self._urgency)
            return self._failed("push", batch, error)
        self._failures = 0
        FAILING.labels(name).set(0)
        self._note([level for level in levels if level.sku not in refused], refused)
        return 0.0

    def _find(self, batch: Sequence[str]) -> dict[str, str]:
        """Have the channel's ids at hand; returns the SKUs without one, and why."""
        missing = [sku for sku in batch if sku not in self._items]
        if not missing:
            return {}
        found = self._account.find(missing)
        for sku, item in found.items.items():
            self._remember(sku, item)
        return {
            sku: found.refused.get(sku, UNKNOWN_SKU) for sku in missing if sku not in found.items
        }

    def _tell(self, levels: Sequence[Level]) -> dict[str, str]:
        """Tell them; where the account refuses the batch for what stands in it, its halves."""
        try:
            return dict(self._account.tell(levels, str(uuid.uuid4())))
        except ApiFailed as failed:
            if not failed.of_content:
                raise
            if len(levels) == 1:
                [only] = levels
                self._items.pop(only.sku, None)
                return {only.sku: UNKNOWN_SKU if failed.status == 404 else failed.reason}
        half = len(levels) // 2
        return self._tell(levels[:half]) | self._tell(levels[half:])

    def _note(self, told: Sequence[Level], refused: Mapping[str, str]) -> None:
        """Keep what the account has now, and what it does not take."""
        name, now_ms = self._account.name, _now_ms()
        records = [
            AvailabilityPushed(name, one.sku, one.pieces, one.item_id, "", now_ms) for one in told
        ] + [
            AvailabilityPushed(name, sku, -1, self._items.get(sku, ""), reason, now_ms)
            for sku, reason in refused.items()
        ]
        skus = [one.sku for one in records]
        self._book.write(records, [self._attempt("push", skus, list(refused))])
        for one in records:
            self._told[one.sku] = one.quantity, now_ms
            self._drifted.discard(one.sku)
        TOLD.labels(name).inc(len(told))
        for sku, reason in refused.items():
            REFUSED.labels(name, reason).inc()
            log.warning("%s does not take %s: %s", name, sku, reason)
        due = self._clock() + self._settings.read_back_seconds
        for level in told:
            if self._chance.random() < self._settings.share:
                self._samples.append(_Sample(due, level.sku, level.pieces))

    def _read_back(self) -> float:
        """Compare what stands at the account with what it was told last."""
        name, now = self._account.name, self._clock()
        asked: dict[str, Level] = {}
        while self._samples and self._samples[0].due <= now and len(asked) < self._account.batch:
            _, sku, pieces = self._samples.popleft()
            if self._told.get(sku, (-1, 0))[0] == pieces and sku in self._items:
                asked[sku] = Level(sku, self._items[sku], pieces)
        if not asked:
            return 0.0
        try:
            there = dict(self._account.read(list(asked.values())))
        except (ApiFailed, *ODD) as error:
            for one in asked.values():
                self._samples.appendleft(_Sample(now, one.sku, one.pieces))
            return self._failed("read_back", list(asked), error)
        self._failures = 0
        drifted = [sku for sku, one in asked.items() if there.get(sku, one.pieces) != one.pieces]
        READ.labels(name).inc(len(asked))
        DRIFTED.labels(name).inc(len(drifted))
        for sku in drifted:
            log.warning(
                "%s says %d of %s, and was told %d", name, there[sku], sku, asked[sku].pieces
            )
            self._drifted.add(sku)
            self._pending.put(sku, self._urgency(sku))
        self._book.write([], [self._attempt("read_back", list(asked), drifted)])
        return 0.0

    def _failed(self, action: str, skus: Sequence[str], error: Exception) -> float:
        """Note a try that failed; returns the pause: full jitter, and no shorter than asked for."""
        name = self._account.name
        if isinstance(error, ApiFailed):
            status, reason, asked = error.status, error.reason, error.retry_after_seconds
        else:
            status, reason, asked = 200, "answered with something else than is documented", 0.0
        self._failures += 1
        pause = self._backoff.seconds(self._failures, asked)
        if status in (401, 403):
            # Somebody must mend the settings; asking often may lock the account.
            pause = max(asked, self._backoff.longest())
        FAILING.labels(name).set(1)
        FAILED.labels(name, action).inc()
        log.warning("%s: %s; again in %.1f s", name, reason, pause)
        attempt = self._attempt(action, skus, [], status, reason, pause)
        self._book.write([], [attempt])
        return pause

    def _attempt(
        self,
        action: str,
        skus: Sequence[str],
        failed: Sequence[str],
        status: int = 0,
        reason: str = "",
        pause: float = 0.0,
    ) -> AvailabilityAttempted:
        now_ms = _now_ms()
        return AvailabilityAttempted(
            self._account.name,
            action,
            status,
            reason,
            len(skus),
            list(skus[:MAXIMUM_NAMED]),
            list(failed[:MAXIMUM_NAMED]),
            len(failed),
            now_ms,
            now_ms + int(pause * 1000) if reason else 0,
        )

    def _remember(self, sku: str, item_id: str) -> None:
        self._items[sku] = item_id
        self._items.move_to_end(sku)
        while len(self._items) > MAXIMUM_ITEMS:
            self._items.popitem(last=False)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
