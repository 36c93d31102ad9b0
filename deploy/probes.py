"""/health, /ready and /metrics, and ports that are taken."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Awaitable, Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from deploy.broker import is_free

READY_AGE_SECONDS = 0.5
"""So long an answer holds: however often it is asked, Kafka is asked twice a second."""

Check = Callable[[], str]
"""Why the process is not ready; empty when it is. May block for some seconds."""


class PortTaken(Exception):
    """Another program listens there; the message says where."""


def claim(host: str, port: int) -> None:
    """Raise PortTaken now, in a line, rather than later out of a server's inside."""
    if not is_free(host, port):
        raise PortTaken(f"port {port} on {host} is taken by another program; choose with --port")


class Remembered:
    """A check that is made once for everybody who asks at the same time. Any thread may ask."""

    def __init__(self, check: Check) -> None:
        """Take the check."""
        self._check = check
        self._lock = threading.Lock()
        self._answer = ""
        self._until = 0.0

    def __call__(self) -> str:
        """See Check."""
        with self._lock:
            if time.monotonic() >= self._until:
                self._answer = self._check()
                self._until = time.monotonic() + READY_AGE_SECONDS
            return self._answer


def serve_probes(
    host: str, port: int, check: Check, health: Callable[[], dict[str, object]] = dict
) -> ThreadingHTTPServer:
    """The probes of a process that serves nothing else, in a thread. Raises PortTaken.

    `health` gives what /health tells besides: how the parts do that stop nobody but themselves.
    """

    class Probe(BaseHTTPRequestHandler):
        timeout = 10

        def do_GET(self) -> None:
            if self.path == "/metrics":
                self._answer(200, generate_latest(), CONTENT_TYPE_LATEST)
            elif self.path == "/health":
                self._answer(200, json.dumps({"status": "ok", **health()}).encode())
            elif self.path == "/ready":
                why = check()
                status = {"status": "unavailable", "error": why} if why else {"status": "ready"}
                self._answer(503 if why else 200, json.dumps(status).encode())
            else:
                self.send_error(404)

        def _answer(self, status: int, body: bytes, content_type: str = "application/json") -> None:
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Probes are not logged."""

    claim(host, port)
    server = ThreadingHTTPServer((host, port), Probe)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, name="probes", daemon=True).start()
    return server


def also(check: Check) -> Callable[..., Awaitable[web.StreamResponse]]:
    """A middleware: /ready of an application answers 503 as long as `check` has a reason too."""

    @web.middleware
    async def ready(
        request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        if request.path == "/ready":
            why = await asyncio.to_thread(check)
            if why:
                return web.json_response({"status": "unavailable", "error": why}, status=503)
        return await handler(request)

    return ready
