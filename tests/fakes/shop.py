"""A shop on loopback that lists its orders as Shopify's or WooCommerce's REST API does.

Pages, rate limits and failures are those that the documentation describes; `troubles` says which
requests, by number, go wrong and how.
"""

from __future__ import annotations

import json
import threading
import urllib.parse
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

HOST = "127.0.0.1"
PAGE = 3
TOKEN = "shop-token"


@dataclass
class Shop:
    """Orders by id; a later change replaces the order."""

    orders: dict[int, dict[str, Any]] = field(default_factory=dict)
    troubles: dict[int, int | None] = field(default_factory=dict)
    """status by number of the request; None: the connection ends without an answer"""
    requests: list[str] = field(default_factory=list)

    def change(self, number: int, moment: str) -> None:
        """An order is new, or changed."""
        self.orders[number] = {"id": number, "updated_at": moment, "line_items": []}

    def __enter__(self) -> Self:
        """Listen on a free port."""
        shop = self

        class Requests(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                number = len(shop.requests)
                shop.requests.append(self.path)
                trouble = shop.troubles.get(number, 200)
                if trouble is None:
                    self.close_connection = True
                    return
                if self.headers["X-Shopify-Access-Token"] != TOKEN:
                    trouble = 401
                if trouble != 200:
                    self._answer(trouble, b"{}", {"Retry-After": "0.05"})
                    return
                self._answer(200, *shop.page(self.path))

            def _answer(self, status: int, body: bytes, headers: dict[str, str]) -> None:
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

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
        return f"http://{HOST}:{self._server.server_port}"

    def page(self, path: str) -> tuple[bytes, dict[str, str]]:
        """A page of orders and its headers: by page_info, or by updated_at_min."""
        asked = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(path).query))
        since, at = asked.get("updated_at_min", ""), 0
        if "page_info" in asked:
            since, _, place = asked["page_info"].partition("|")
            at = int(place)
        found = sorted(
            (one for one in self.orders.values() if one["updated_at"] >= since),
            key=lambda one: (one["updated_at"], one["id"]),
        )
        headers = {"X-Shopify-Shop-Api-Call-Limit": "1/40"}
        if len(found) > at + PAGE:
            info = urllib.parse.quote(f"{since}|{at + PAGE}")
            address = f"{self.url}/admin/api/2024-07/orders.json?limit=3&page_info={info}"
            headers["Link"] = f'<{address}>; rel="next"'
        return json.dumps({"orders": found[at : at + PAGE]}).encode(), headers
