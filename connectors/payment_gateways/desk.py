"""Where requests are put to a gateway. The connector hands them over and collects the answers.

Order: requests of one order_id are answered one after the other, in the order of the log. Those of
different orders overtake each other freely.

A request that is not answered in time, whose gateway raises, or whose answer makes no sense is
answered "unknown". There is no retry here: the payments room has the timers.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Protocol

from prometheus_client import Counter

from connectors.payment_gateways.gateway import (
    Answer,
    Gateway,
    InstantGateway,
    Request,
    checked,
    unknown,
)
from connectors.payment_gateways.window import Work
from schemas import codec
from schemas.payments import CaptureRequested, RefundRequested, VoidRequested

log = logging.getLogger("millrace.payment_gateway")
REQUEST_SECONDS = 10.0
"""Well under the payments room's patience of 30 s, so that "unknown" comes before its timer."""
MAXIMUM_CONCURRENT_REQUESTS = 64
MAXIMUM_IN_FLIGHT = 1_000
"""Requests of one partition from the lowest unfinished one on; so many can a crash repeat. One that
times out holds up to so many behind it, so fewer would make a partition wait for each time-out."""
MAXIMUM_AGE_SECONDS = 3_600.0
"""An older wish to authorize, capture or refund is a leftover: gateways forget idempotency keys,
some after a day, and would do it twice. The payments room has long asked again or given up."""
STUCK_REQUESTS = 3
"""Time-outs without any answer after which the gateway is taken to block its event loop."""
CLOSE_SECONDS = 5.0
UNKNOWN = Counter(
    "millrace_gateway_unknown_answers_total", "Answered unknown by the connector", ["cause"]
)

Finished = tuple[Work, list[bytes]]
"""A request and its answers, encoded."""


class GatewayStuck(RuntimeError):
    """The gateway answers nothing and cannot be interrupted; a new start goes on."""


@dataclass(frozen=True, slots=True)
class Limits:
    """The bounds of a desk for a real gateway."""

    request_seconds: float = REQUEST_SECONDS
    concurrent_requests: int = MAXIMUM_CONCURRENT_REQUESTS
    in_flight: int = MAXIMUM_IN_FLIGHT
    age_seconds: float = MAXIMUM_AGE_SECONDS


class Desk(Protocol):
    """What the connector needs. All methods are called from its thread and return at once."""

    capacity: int
    """Requests of one partition that it can have in flight."""

    def take(self, works: Sequence[Work]) -> None:
        """Put these to the gateway, in order per order_id."""

    def finished(self) -> Sequence[Finished]:
        """What has been answered since the last call. Raises GatewayStuck."""

    @property
    def busy(self) -> bool:
        """Whether there are requests under way."""

    def abandon(self) -> None:
        """Forget everything that is under way: another member does it again."""

    def close(self) -> None:
        """Abandon everything and let go of the gateway."""


class InstantDesk:
    """For a gateway that has its answers at hand: nothing is ever in flight."""

    busy: bool = False

    def __init__(self, gateway: InstantGateway, capacity: int) -> None:
        self._answer = gateway.answer
        self._finished: list[Finished] = []
        self.capacity = capacity

    def take(self, works: Sequence[Work]) -> None:
        """Answer these."""
        answer, encode, finish = self._answer, codec.encode, self._finished.append
        for work in works:
            try:
                request = work.request
                values = [encode(checked(request, each)) for each in answer(request)]
            except Exception as error:
                values = [codec.encode(_unknown(work.request, "failed", error))]
            finish((work, values))

    def finished(self) -> Sequence[Finished]:
        """What has been answered since the last call."""
        finished = self._finished
        if finished:
            self._finished = []
        return finished

    def abandon(self) -> None:
        """Drop what was not collected."""
        self._finished = []

    def close(self) -> None:
        """There is nothing to let go of."""


class ConcurrentDesk:
    """For a gateway behind a network: an event loop on a thread of its own.

    The connector's thread goes on polling Kafka whatever the gateway does, so a slow gateway does
    not cost the membership of the group.
    """

    def __init__(
        self, gateway: Gateway, limits: Limits | None = None, clock: Callable[[], float] = time.time
    ) -> None:
        self._gateway = gateway
        self._limits = limits or Limits()
        self._clock = clock
        self.capacity = self._limits.in_flight
        self._in_flight = 0
        self._moved_at = time.monotonic()
        self._loop = asyncio.new_event_loop()
        self._slots = asyncio.Semaphore(self._limits.concurrent_requests)
        self._shift = _Shift(self._loop, self._values)
        self._thread = threading.Thread(target=self._loop.run_forever, name="gateway", daemon=True)
        self._thread.start()

    @property
    def busy(self) -> bool:
        """Whether there are requests under way."""
        return self._in_flight > 0

    def take(self, works: Sequence[Work]) -> None:
        """Put these to the gateway."""
        if not self._in_flight:
            self._moved_at = time.monotonic()
        self._in_flight += len(works)
        self._loop.call_soon_threadsafe(self._shift.begin, works)

    def finished(self) -> Sequence[Finished]:
        """What has been answered since the last call. Raises GatewayStuck."""
        finished: list[Finished] = []
        with contextlib.suppress(Empty):
            while True:
                finished.append(self._shift.finished.get_nowait())
        now = time.monotonic()
        if finished:
            self._moved_at = now
            self._in_flight -= len(finished)
        elif self._in_flight and now - self._moved_at > self._stuck_seconds:
            raise GatewayStuck(f"{self._in_flight} requests, no answer in {self._stuck_seconds} s")
        return finished

    @property
    def _stuck_seconds(self) -> float:
        return STUCK_REQUESTS * self._limits.request_seconds

    def abandon(self) -> None:
        """Cancel everything that is under way."""
        if self._in_flight:
            log.warning("%d requests are abandoned and will be done again", self._in_flight)
        self._loop.call_soon_threadsafe(self._shift.end)
        self._shift = _Shift(self._loop, self._values)
        self._in_flight = 0

    def close(self) -> None:
        """Cancel everything, close the gateway, end the thread; CLOSE_SECONDS at most for each."""
        self.abandon()
        closing = asyncio.run_coroutine_threadsafe(self._close(), self._loop)
        try:
            closing.result(CLOSE_SECONDS)
        except Exception as error:
            log.warning("the gateway does not close: %s", type(error).__name__)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(CLOSE_SECONDS)
        if not self._thread.is_alive():
            self._loop.close()

    async def _close(self) -> None:
        others = asyncio.all_tasks() - {asyncio.current_task()}
        await asyncio.gather(*others, return_exceptions=True)
        await self._gateway.close()

    async def _values(self, request: Request) -> list[bytes]:
        """The answer to one request, encoded; never an exception but being cancelled by us."""
        cause = "failed"
        fault: BaseException | None = None
        async with self._slots:
            try:
                if self._is_leftover(request):
                    return [codec.encode(_unknown(request, "leftover"))]
                async with asyncio.timeout(self._limits.request_seconds):
                    answer = await self._ask(request)
                return [codec.encode(checked(request, answer))]
            except TimeoutError:
                cause = "timed_out"
            except asyncio.CancelledError as error:
                task = asyncio.current_task()
                if task is not None and task.cancelling():
                    raise
                fault = error  # the gateway's own
            except Exception as error:
                fault = error
        return [codec.encode(_unknown(request, cause, fault))]

    async def _ask(self, request: Request) -> Answer:
        if isinstance(request, VoidRequested):
            return await self._gateway.void(request)
        if isinstance(request, CaptureRequested):
            ask = self._gateway.inquire_capture if request.inquiry else self._gateway.capture
            return await ask(request)
        if isinstance(request, RefundRequested):
            look = self._gateway.inquire_refund if request.inquiry else self._gateway.refund
            return await look(request)
        if request.inquiry:
            return await self._gateway.inquire(request)
        return await self._gateway.authorize(request)

    def _is_leftover(self, request: Request) -> bool:
        """Whether it is too old to move money; to inquire and to void is always safe."""
        if isinstance(request, VoidRequested) or request.inquiry:
            return False
        return self._clock() - request.at_ms / 1000 > self._limits.age_seconds


class _Shift:
    """The requests between two rebalances. Lives on the loop, except for taking `finished`."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        values: Callable[[Request], Awaitable[list[bytes]]],
    ) -> None:
        self._loop = loop
        self._values = values
        self._queues: dict[str, deque[Work]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self.finished: SimpleQueue[Finished] = SimpleQueue()

    def begin(self, works: Sequence[Work]) -> None:
        """Queue each behind its order's others; an order with none gets a task."""
        for work in works:
            order_id = work.request.order_id
            queue = self._queues.get(order_id)
            if queue is not None:
                queue.append(work)
                continue
            self._queues[order_id] = queue = deque([work])
            task = self._loop.create_task(self._serve(order_id, queue))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _serve(self, order_id: str, queue: deque[Work]) -> None:
        while queue:
            work = queue.popleft()
            self.finished.put((work, await self._values(work.request)))
        del self._queues[order_id]

    def end(self) -> None:
        """Cancel everything."""
        for task in self._tasks:
            task.cancel()


def _unknown(request: Request, cause: str, fault: BaseException | None = None) -> Answer:
    """Say so, without the fault's text: it may have the card in it."""
    UNKNOWN.labels(cause).inc()
    kind = type(fault).__name__ if fault is not None else ""
    log.warning(
        "order %s: %s is answered unknown: %s %s",
        request.order_id, type(request).__name__, cause, kind,
    )  # fmt: skip
    if fault is not None:
        log.debug("the fault", exc_info=fault)
    return unknown(request)
