"""The stream application of one worker: Faust hosts, the carrier carries, rooms decide.

    carrier.poll ──► PartitionBatch ──► faust.Channel of the room ──► agent: batch.decide
         ▲                    ▲                                               │
         │                    └─────── carrier.hand_over, batch.follow ◄──────┤
         └──────────────── carrier.commit, one transaction ◄──────────────────┘

One poll is one transaction over all partitions and rooms that the worker holds. There is nothing
in flight between two polls, which is why a partition can be handed over at any of them.
"""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import faust
from faust.web import Request, Response, View
from mode import Service
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from schemas.messages import Room, Summarises
from schemas.topics import WORKER_CONTROL
from streams.engine import metrics
from streams.engine.credentials import credentials
from streams.engine.kafka import Carrier, Crash
from streams.engine.partition import PartitionBatch
from streams.engine.settings import CHANNEL_BATCHES, COMMIT_PATIENCE_SECONDS, Settings

log = logging.getLogger("millrace.engine")
CRASHED = 70
"""Exit status of a worker that must start again (EX_SOFTWARE of sysexits.h)."""


class Work:
    """A step of a batch on its way to its room's agent and back."""

    __slots__ = ("batch", "decided", "step")

    def __init__(
        self, batch: PartitionBatch, step: Callable[[], None], decided: asyncio.Future[None]
    ) -> None:
        self.batch = batch
        self.step = step
        self.decided = decided


def die(error: BaseException) -> None:
    """End the process without any clean-up that could write something. Crash-only."""
    log.critical("worker gives up and must be started again: %s", error, exc_info=error)
    logging.shutdown()
    os._exit(CRASHED)


def application(
    rooms: Sequence[Room],
    settings: Settings,
    make_carrier: Callable[[Sequence[Room], Settings], Carrier] = Carrier,
) -> faust.App:
    """The worker's program. Starting it joins the group; its web views tell how it is.

    Raises UnusableSecurity where Faust cannot get into the cluster that `settings.kafka` means.
    """
    app = faust.App(
        # Faust's own consumer, on the control topic, has a group for each process: one that was
        # killed would otherwise be waited for until its session (60 s by default) is over.
        f"{settings.group}-{settings.instance}-{time.time_ns()}",
        broker=f"kafka://{settings.bootstrap}",
        broker_credentials=credentials(settings.kafka),
        datadir=str(Path(settings.state_directory) / settings.instance / "faust"),
        web_host=settings.web_host,
        web_port=settings.web_port,
        web_bind=settings.web_host,
        broker_session_timeout=settings.session_timeout_ms / 1000,
        broker_heartbeat_interval=settings.session_timeout_ms / 6000,
        broker_rebalance_timeout=settings.session_timeout_ms / 1000,
        topic_allow_declare=False,
        topic_disable_leader=True,
        worker_redirect_stdouts=False,
        loghandlers=[],
    )
    control = app.topic(
        WORKER_CONTROL.name,
        value_type=bytes,
        value_serializer="raw",
        partitions=WORKER_CONTROL.partitions,
    )

    @app.agent(control)
    async def listen(stream: Any) -> None:
        async for _ in stream:
            pass

    channels = {room.name: app.channel(maxsize=CHANNEL_BATCHES) for room in rooms}
    for room in rooms:
        app.agent(channels[room.name], name=f"decide.{room.name}")(_decide)
    carrier = make_carrier(rooms, settings)

    @app.service
    class Carry(Service):
        """Moves batches from the carrier to the rooms' channels and back."""

        async def on_start(self) -> None:
            self.thread = ThreadPoolExecutor(1, "carrier")
            self.idle = asyncio.Event()
            self.idle.set()

        @Service.task
        async def carry(self) -> None:
            try:
                await self._on_thread(carrier.start)
                while not self.should_stop:
                    self.idle.clear()
                    await self._turn()
                    self.idle.set()
            except Exception as error:
                die(error)

        async def _turn(self) -> None:
            polled = await self._on_thread(carrier.poll)
            if not polled:
                return
            batches = {(batch.room.commands.name, batch.partition): batch for batch, _ in polled}
            await self._run((batch, partial(batch.decide, due)) for batch, due in polled)
            while following := carrier.hand_over(batches):
                await self._run((batch, batch.follow) for batch in following)
            await self._run(
                (batch, batch.summarise)
                for batch in batches.values()
                if isinstance(batch.room, Summarises)
            )
            commit = self._on_thread(lambda: carrier.commit(list(batches.values())))
            try:
                await asyncio.wait_for(commit, COMMIT_PATIENCE_SECONDS)
            except TimeoutError:
                # DECISIONS.md 8: librdkafka can wait for ever, whatever time-out it was given.
                raise Crash(f"no commit within {COMMIT_PATIENCE_SECONDS:.0f} s") from None
            _count(batches.values())

        async def _run(self, steps: Iterable[tuple[PartitionBatch, Callable[[], None]]]) -> None:
            """Have the rooms' agents do a step of each batch."""
            loop = asyncio.get_running_loop()
            waiting = []
            for batch, step in steps:
                work = Work(batch, step, loop.create_future())
                await channels[batch.room.name].send(value=work)
                waiting.append(work.decided)
            await asyncio.gather(*waiting)

        async def _on_thread(self, call: Callable[[], Any]) -> Any:
            return await asyncio.get_running_loop().run_in_executor(self.thread, call)

        async def on_stop(self) -> None:
            await self.idle.wait()
            await self._on_thread(carrier.close)
            self.thread.shutdown()

    _pages(app, carrier)
    return app


async def _decide(stream: Any) -> None:
    """The agent of every room."""
    async for work in stream:
        try:
            with metrics.DECIDE_SECONDS.time():
                work.step()
        except BaseException as error:
            die(error)
        work.decided.set_result(None)


def _count(batches: Iterable[PartitionBatch]) -> None:
    """Tell Prometheus of what is committed."""
    for batch in batches:
        name = batch.room.name
        metrics.RECORDS_READ.labels(name).inc(len(batch.records) + batch.followed)
        metrics.HANDED_OVER.labels(name).inc(batch.followed)
        metrics.RECORDS_WRITTEN.labels(name).inc(len(batch.sends) + len(batch.changes))
        metrics.WAKES.labels(name).inc(batch.wakes)
        if batch.dead_letters:
            metrics.DEAD_LETTERS.labels(name).inc(batch.dead_letters)


def _pages(app: faust.App, carrier: Carrier) -> None:
    @app.page("/health")
    async def health(self: View, request: Request) -> Response:
        return self.json({"status": "ok"})

    @app.page("/ready")
    async def ready(self: View, request: Request) -> Response:
        if carrier.assigned:
            return self.json({"status": "ready"})
        return self.json({"status": "joining the group"}, status=503)

    @app.page("/metrics")
    async def prometheus(self: View, request: Request) -> Response:
        return self.bytes(generate_latest(), content_type=CONTENT_TYPE_LATEST.split(";")[0])
