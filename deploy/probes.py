"""/health, /ready and /metrics for a process that serves nothing else."""

from __future__ import annotations

import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

SOCKET_SECONDS = 10.0


def serve(host: str, port: int, ready: Callable[[], bool]) -> ThreadingHTTPServer:
    """Answer in threads of its own until `shutdown`. Raises OSError where the port is taken."""

    class Handler(BaseHTTPRequestHandler):
        timeout = SOCKET_SECONDS

        def do_GET(self) -> None:
            if self.path == "/health":
                self._answer(200, b'{"status":"ok"}')
            elif self.path == "/ready":
                up = ready()
                self._answer(200 if up else 503, b'{"status":"%s"}' % (b"ready" if up else b"no"))
            elif self.path == "/metrics":
                self._answer(200, generate_latest(), CONTENT_TYPE_LATEST)
            else:
                self._answer(404, b'{"status":"not found"}')

        def _answer(self, status: int, body: bytes, kind: str = "application/json") -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer((host, port), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, name="probes", daemon=True).start()
    return server
