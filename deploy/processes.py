"""The processes of the pipeline. Each runs until SIGTERM and then exits with 0."""

from __future__ import annotations

import json
import logging
import os
import signal
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from connectors.channels.intake import application as intake_application
from connectors.channels.publisher import RawPublisher
from connectors.channels.room import ChannelsRoom
from connectors.clickhouse.database import Database
from connectors.clickhouse.lag import PipelineLag
from connectors.clickhouse.sink import Sink
from connectors.payment_gateways import connector
from dashboards.server import application as dashboard_application
from streams.app import log_to_stderr, run
from streams.engine.settings import Settings
from streams.fulfillment.agent import FulfillmentRoom
from streams.inventory.agent import InventoryRoom
from streams.orders.agent import OrdersRoom
from streams.payments.agent import PaymentsRoom

log = logging.getLogger("millrace.deploy")
MUST_START_AGAIN = 70


def worker(brokers: str, instance: str, data: Path, host: str, port: int, compression: str) -> None:
    """All rooms, on the partitions that the group gives this worker."""
    run(
        [ChannelsRoom(), OrdersRoom(), InventoryRoom(), PaymentsRoom(), FulfillmentRoom()],
        Settings(
            brokers,
            instance,
            data / "state",
            web_host=host,
            web_port=port,
            compression=compression,
        ),
    )


def gateway(brokers: str, host: str, port: int) -> None:
    """The sandbox payment gateway."""
    log_to_stderr()
    stop = _stop_on_signals()
    probes(host, port)
    _or_start_again(lambda: connector.run(brokers, stop))


def analytics(brokers: str, data: Path, clickhouse_url: str, host: str, port: int) -> None:
    """The ClickHouse sink and the dashboard. One process, for embedded ClickHouse allows one."""
    log_to_stderr()
    if clickhouse_url:
        database = Database(url=clickhouse_url)
    else:
        data.mkdir(parents=True, exist_ok=True)
        database = Database(path=data / "clickhouse")
    sink = Sink(brokers, database, "analytics")
    stop = threading.Event()
    thread = threading.Thread(
        target=_or_start_again, args=(lambda: sink.run(stop),), name="sink", daemon=True
    )
    thread.start()
    lag = PipelineLag(brokers)
    serve(dashboard_application(database.query, lag), host, port)
    stop.set()
    thread.join(20)
    database.close()


def intake(brokers: str, secrets: dict[str, str], host: str, port: int) -> None:
    """The HTTP door for webhooks."""
    log_to_stderr()
    publisher = RawPublisher(brokers)
    serve(intake_application(publisher, secrets), host, port)
    publisher.close()


def serve(app: web.Application, host: str, port: int) -> None:
    """Serve until SIGTERM or SIGINT."""
    web.run_app(app, host=host, port=port, print=None, access_log=None, shutdown_timeout=3)


def probes(host: str, port: int) -> ThreadingHTTPServer:
    """/health, /ready and /metrics of a process that serves nothing else."""

    class Probe(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path == "/metrics":
                self._answer(generate_latest(), CONTENT_TYPE_LATEST)
            elif self.path in ("/health", "/ready"):
                self._answer(json.dumps({"status": "ok"}).encode(), "application/json")
            else:
                self.send_error(404)

        def _answer(self, body: bytes, content_type: str) -> None:
            self.send_response(200)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Probes are not logged."""

    server = ThreadingHTTPServer((host, port), Probe)
    threading.Thread(target=server.serve_forever, name="probes", daemon=True).start()
    return server


def _stop_on_signals() -> threading.Event:
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    return stop


def _or_start_again(work: Callable[[], None]) -> None:
    """Crash-only: whatever goes wrong, the process ends and its supervisor starts it again."""
    try:
        work()
    except BaseException as error:
        log.critical("gives up and must be started again: %s", error, exc_info=error)
        logging.shutdown()
        os._exit(MUST_START_AGAIN)
