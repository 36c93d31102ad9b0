"""A server on loopback: what a fake of a service is made of.

`troubles` says which requests, by number, go wrong and how; all others are answered by `reply`.
"""

from __future__ import annotations

import json
import threading
import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple, Self

HOST = "127.0.0.1"


class Asked(NamedTuple):
    """A request."""

    method: str
    path: str
    """with its query"""
    headers: Message
    body: bytes

    @property
    def query(self) -> dict[str, str]:
        """The parameters of the address."""
        return dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(self.path).query))

    @property
    def form(self) -> dict[str, str]:
        """The parameters of a form."""
        return dict(urllib.parse.parse_qsl(self.body.decode()))

    @property
    def place(self) -> str:
        """The path without its query."""
        return urllib.parse.urlsplit(self.path).path


class Reply(NamedTuple):
    """What is answered."""

    status: int
    body: bytes = b"{}"
    headers: Mapping[str, str] = {}


LOST = Reply(0)
"""The connection ends without an answer, as when nobody waits any longer for it."""


def told(value: Any, headers: Mapping[str, str] | None = None) -> Reply:
    """JSON with 200."""
    return Reply(200, json.dumps(value).encode(), headers or {})


@dataclass
class Loopback:
    """A server; `with` listens on a free port."""

    troubles: dict[int, int | None] = field(default_factory=dict, kw_only=True)
    """status by number of the request; None: the connection ends without an answer"""
    requests: list[Asked] = field(default_factory=list, kw_only=True)

    def reply(self, asked: Asked) -> Reply:
        """What the service answers."""
        raise NotImplementedError

    def __enter__(self) -> Self:
        """Listen on a free port."""
        fake = self

        class Requests(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            # Headers and body in one packet: two wait 40 ms for each other.
            wbufsize = 65_536
            disable_nagle_algorithm = True

            def take(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                reply = fake.taken(Asked(self.command, self.path, self.headers, body))
                if reply is LOST:
                    self.close_connection = True
                    return
                self.send_response(reply.status)
                for name, value in reply.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(reply.body)))
                self.end_headers()
                self.wfile.write(reply.body)

            do_GET = do_POST = do_PUT = do_PATCH = take

            def log_message(self, *_: object) -> None:
                return

        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer((HOST, 0), Requests)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.005,))
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://{HOST}:{self._server.server_port}"

    def taken(self, asked: Asked) -> Reply:
        """The answer to one request after the other, or its trouble."""
        with self._lock:
            number = len(self.requests)
            self.requests.append(asked)
            trouble = self.troubles.get(number, 200)
            if trouble is None:
                return LOST
            if trouble != 200:
                return Reply(trouble, b"{}", {"Retry-After": "0.05"})
            return self.reply(asked)

    def asked_for(self, part: str) -> list[Asked]:
        """The requests whose path has this in it."""
        return [one for one in self.requests if part in one.path]
