"""A Python client of the API.

    shop = Client("https://orders.example.com", token)
    order_id = shop.place(order)
    shop.cancel(order_id, "changed my mind")
    for one in shop.orders(status="shipped"):
        print(one.order_id, one.total)

A request that got no answer, or 408, 409 under way, 429 or 5xx, is sent again with the same
Idempotency-Key, with growing pauses or those that the server asks for, up to ATTEMPTS times. Of one
thread; each thread has its own.
"""

from __future__ import annotations

import random
import time
import urllib.parse
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

import msgspec

from connectors.api.forms import Accepted, OrdersPage, OrderSummary, OrderTold, StockTold
from connectors.json_api import ApiFailed, JsonApi, fixed

ATTEMPTS = 5
FIRST_PAUSE_SECONDS = 0.2
MAXIMUM_PAUSE_SECONDS = 20.0
PAGE = 100
Told = TypeVar("Told")


class Refused(Exception):
    """The API does not do what was asked, and would not the next time either.

    `status` and `kind` are for programs, `errors` name the fields at fault.
    """

    def __init__(self, status: int, problem: Mapping[str, Any]) -> None:
        super().__init__(f"{status}: {problem.get('detail') or 'refused'}")
        self.status = status
        self.kind = str(problem.get("type", "")).rpartition(":")[2]
        self.errors: Sequence[Mapping[str, str]] = problem.get("errors") or []


class Unanswered(Exception):
    """No answer, or none that is final, after ATTEMPTS tries: ask again with the same key."""


class Client:
    """See the module. Any method raises Refused and Unanswered."""

    def __init__(
        self, address: str, token: str, sleep: Callable[[float], object] = time.sleep
    ) -> None:
        """Take where the API is, and a token; it connects when it is first asked."""
        self._api = JsonApi(address, fixed({"Authorization": f"Bearer {token}"}))
        self._sleep = sleep

    def place(self, order: Mapping[str, Any], key: str = "") -> str:
        """Place an order in the form of the `json` channel; its id."""
        return self._change("/v1/orders", order, key).order_id

    def cancel(
        self, order_id: str, reason: str, line_ids: Sequence[str] = (), key: str = ""
    ) -> None:
        """Ask to cancel an order, or some lines."""
        form = {"reason": reason, "line_ids": list(line_ids)}
        self._change(f"/v1/orders/{_quoted(order_id)}/cancel", form, key)

    def amend(self, order_id: str, change: Mapping[str, Any], key: str = "") -> None:
        """Ask to change an order; the fields are AmendForm's."""
        self._change(f"/v1/orders/{_quoted(order_id)}/amend", change, key)

    def order(self, order_id: str) -> OrderTold | None:
        """An order as it stands; None where it is not known, or not yet."""
        return self._look(f"/v1/orders/{_quoted(order_id)}", OrderTold)

    def orders(
        self, customer: str = "", channel: str = "", status: str = "", limit: int = PAGE
    ) -> Iterator[OrderSummary]:
        """All orders, the latest first; `limit` is how many are fetched at once."""
        asked = {"customer": customer, "channel": channel, "status": status, "limit": str(limit)}
        query = {name: value for name, value in asked.items() if value}
        while True:
            page = self._look(f"/v1/orders?{urllib.parse.urlencode(query)}", OrdersPage)
            if page is None:
                return
            yield from page.orders
            if page.next is None:
                return
            query["cursor"] = page.next

    def stock(self, sku: str) -> StockTold | None:
        """What there is of a SKU; None where nothing is known of it."""
        return self._look(f"/v1/stock/{_quoted(sku)}", StockTold)

    def close(self) -> None:
        """Let go of the connection."""
        self._api.close()

    def _change(self, path: str, content: Mapping[str, Any], key: str) -> Accepted:
        headers = {"Idempotency-Key": key or uuid.uuid4().hex}
        body = msgspec.json.encode(content)
        return _read(self._tried("POST", path, body, headers), Accepted)

    def _look(self, path: str, kind: type[Told]) -> Told | None:
        try:
            return _read(self._tried("GET", path, None, {}), kind)
        except Refused as refused:
            if refused.status == 404 and refused.kind in ("unknown_order", "unknown_sku"):
                return None
            raise

    def _tried(
        self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]
    ) -> dict[str, Any]:
        last = "no answer"
        for attempt in range(ATTEMPTS):
            try:
                return self._api.ask(method, path, body, headers)
            except ApiFailed as failed:
                if not _passes(failed):
                    raise Refused(failed.status, failed.problem) from None
                last, asked_for = failed.reason, failed.retry_after_seconds
            if attempt < ATTEMPTS - 1:
                pause = FIRST_PAUSE_SECONDS * 2**attempt * random.uniform(0.5, 1.0)
                self._sleep(min(MAXIMUM_PAUSE_SECONDS, max(pause, asked_for)))
        raise Unanswered(f"{last}, {ATTEMPTS} times")


def _passes(failed: ApiFailed) -> bool:
    """The same request may succeed a little later."""
    if failed.status == 409:
        return str(failed.problem.get("type", "")).endswith(":under_way")
    return failed.status in (0, 408, 429) or failed.status >= 500


def _read(answered: Mapping[str, Any], kind: type[Told]) -> Told:
    try:
        return msgspec.convert(answered, kind)
    except msgspec.ValidationError as error:
        raise Unanswered(f"the answer is no {kind.__name__}: {error}") from None


def _quoted(name: str) -> str:
    return urllib.parse.quote(name, safe="")
