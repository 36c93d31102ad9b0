"""A receiver of webhooks on loopback, which answers as a test says and checks signatures."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

HOST = "127.0.0.1"


@dataclass
class Receiver:
    """Keeps what was sent and answers with `answer(number of the request)`."""

    key: bytes
    answer: Callable[[int], int] = lambda _number: 200
    headers: dict[str, str] = field(default_factory=dict)
    seen: list[tuple[str, dict[str, Any], int]] = field(default_factory=list)
    """webhook-id, body and the status that was answered"""
    forged: int = 0

    def __enter__(self) -> Self:
        """Listen on a free port."""
        receiver = self

        class Requests(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                content = self.rfile.read(int(self.headers["Content-Length"]))
                if not receiver.signed(self.headers, content):
                    receiver.forged += 1
                status = receiver.answer(len(receiver.seen))
                seen = (self.headers["webhook-id"], json.loads(content), status)
                receiver.seen.append(seen)
                self.send_response(status)
                for name, value in receiver.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"ok")

            def log_message(self, *_: object) -> None:
                return

        self._server = ThreadingHTTPServer((HOST, 0), Requests)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://{HOST}:{self._server.server_port}/hooks"

    def signed(self, headers: Any, content: bytes) -> bool:
        """By the scheme of Standard Webhooks, computed here anew."""
        text = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + content
        digest = hmac.new(self.key, text, hashlib.sha256).digest()
        expected = f"v1,{base64.b64encode(digest).decode()}"
        return expected in headers["webhook-signature"].split(" ")
