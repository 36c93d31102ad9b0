"""Source: Walmart's Marketplace API, and the acknowledgement of what came from it.

Orders are found by when they were last modified within a window. The next page is what
`nextCursor` says, which counts positions: an order that changes while pages are read leaves the
window and moves the others. Each page says how many orders the window has; where that is not the
number of the first page, the window is read again from its beginning.

An order that is `Created` is acknowledged once it is durable: its number stands in the cursor that
is written with it, and is acknowledged when that cursor is read again, after a crash as well. That
is after the last page of the window, for acknowledging changes an order and would move the pages.
Acknowledging twice is allowed.

Source: Walmart Marketplace API, "All orders", "Acknowledge orders", "Token API", "Rate limiting".
"""

from __future__ import annotations

import html
import logging
import time
import urllib.parse
import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import msgspec
from msgspec.structs import replace

from connectors.polling import seam
from connectors.polling.fetching import JSON, Answer, Fetcher, read_as
from connectors.polling.pace import Bucket
from connectors.polling.seam import Answered, Place, Told, Windows
from connectors.polling.source import Page, SourceError, Unwanted
from connectors.polling.tokens import Granted, Tokens, basic, granted

log = logging.getLogger("millrace.poller")
PAGE = 200
RATE = (1.0, 60)
"""Walmart's limits are by call and account and not documented in numbers; this is far below what
it takes for its orders. Acknowledgements share it."""
HISTORY = timedelta(days=179)
"""How far back orders are searched by their creation, 180 days being all that Walmart keeps. Left
out it would be 7 days, and a change of an older order would not be found."""
MAXIMUM_REREADS = 5
"""Of one window whose number of orders grows, which a window of the past should not do. Where it
falls, the window comes to an end by itself."""
_NOTHING = b"CONTENT_NOT_FOUND"


class _Meta(msgspec.Struct):
    totalCount: int = 0
    nextCursor: str | None = None


class _Elements(msgspec.Struct):
    order: list[msgspec.Raw] = msgspec.field(default_factory=list)


class _List(msgspec.Struct):
    meta: _Meta
    elements: _Elements = msgspec.field(default_factory=_Elements)


class _Found(msgspec.Struct):
    list: _List


class WalmartOrders(Windows):
    """Every order that was created or changed and that the seller sends."""

    channel = "walmart"

    def __init__(
        self,
        name: str,
        url: str,
        client_id: str,
        client_secret: str,
        *,
        acknowledge: bool = True,
        clock_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`url` is https://marketplace.walmartapis.com; without `acknowledge` somebody else does
        it."""
        super().__init__(clock_ms)
        self.name = name
        self._url = url.rstrip("/")
        self._acknowledge = acknowledge
        self._fetcher = Fetcher(
            {
                "WM_SVC.NAME": "Walmart Marketplace",
                "Authorization": basic(client_id, client_secret),
            }
        )
        self._bucket = Bucket(*RATE, clock)
        self._tokens = Tokens(self._granted, clock)
        self._done: set[str] = set()
        """acknowledged already of those that are due"""

    def page(self, cursor: str) -> Page:
        """See Source."""
        place = seam.read(cursor)
        if place.due and not place.next:
            self._acknowledged(place.due)
            self._done.clear()
            return Page([], seam.written(replace(place, due=())), True)
        return super().page(cursor)

    def _granted(self) -> Granted:
        form = {"grant_type": "client_credentials"}
        return granted(self._fetcher, f"{self._url}/v3/token", form, _correlated())

    def _call(self, ask: Callable[[dict[str, str]], Answer]) -> Answer:
        with self._bucket.asking():
            return self._tokens.asked_with(
                lambda token: ask({"WM_SEC.ACCESS_TOKEN": token, **_correlated()})
            )

    def _ask(self, place: Place) -> Answered:
        address = f"{self._url}/v3/orders{place.next or self._query(place)}"
        try:
            answer = self._call(lambda headers: self._fetcher.get(address, headers))
        except Unwanted as error:
            # A search that finds nothing is answered 404, and so is an address that is wrong.
            if error.status != 404 or _NOTHING not in error.body:
                raise
            return Answered([])
        found = read_as(answer.body, _Found).list
        # An order tells no moment of its change, only lines those of their statuses.
        orders = [seam.told_whole(raw, place.until) for raw in found.elements.order]
        # Older answers have it escaped as in XML.
        following = html.unescape(found.meta.nextCursor or "")
        if following and not following.startswith("?"):
            raise SourceError("named a next page that is no query")
        return Answered(orders, following, total=found.meta.totalCount)

    def _query(self, place: Place) -> str:
        query = {
            "lastModifiedStartDate": seam.earlier(place.since),
            "lastModifiedEndDate": place.until,
            "createdStartDate": seam.earlier(place.until, HISTORY),
            "shipNodeType": "SellerFulfilled",
            "limit": PAGE,
        }
        return f"?{urllib.parse.urlencode(query)}"

    def _noted(self, place: Place, after: Place, orders: list[Told]) -> Place:
        """What is due, and whether the window must be read again."""
        due = place.due
        if self._acknowledge:
            new = (str(order.order.get("purchaseOrderId")) for order in orders if _is_new(order))
            due = tuple(dict.fromkeys([*due, *new]))
        return replace(after, due=due)

    def _turned(self, place: Place, answered: Answered) -> Page:
        """A page whose number of orders is not that of the first one is the last that is read of
        this turn; its orders count."""
        moved = bool(place.next) and answered.total != place.total
        if moved and (answered.total < place.total or place.again < MAXIMUM_REREADS):
            turned = super()._turned(place, answered)
            after = replace(seam.read(turned.cursor), since=place.since, until=place.until)
            after = replace(after, next="", total=0, again=place.again + 1)
            return turned._replace(cursor=seam.written(after), more=True)
        return super()._turned(place, answered)

    def _acknowledged(self, due: tuple[str, ...]) -> None:
        """Acknowledge all that are due. Raises NotYet and SourceError; those that are acknowledged
        by then are not asked for again."""
        for number in due:
            if number in self._done:
                continue
            path = f"/v3/orders/{urllib.parse.quote(number, safe='')}/acknowledge"
            address = f"{self._url}{path}"
            try:
                self._call(
                    lambda headers: self._fetcher.post(
                        address,  # noqa: B023 - called at once
                        b"",
                        {"Content-Type": JSON, **headers},
                    )
                )
            except Unwanted as error:
                # Shipped or cancelled meanwhile: there is nothing to acknowledge any more.
                log.warning("%s: answered %d to an acknowledgement", self.name, error.status)
            self._done.add(number)

    def _payloads(self, orders: list[Told]) -> list[bytes]:
        return seam.listed(b'{"list":{"elements":{"order":[', orders, b"]}}}")


def _correlated() -> dict[str, str]:
    return {"WM_QOS.CORRELATION_ID": str(uuid.uuid4())}


def _lines(order: dict[str, Any]) -> list[dict[str, Any]]:
    lines = order.get("orderLines")
    found = lines.get("orderLine") if isinstance(lines, dict) else None
    return [line for line in found if isinstance(line, dict)] if isinstance(found, list) else []


def _is_new(told: Told) -> bool:
    """All of it is `Created`: with a line that is in a later state it is not acknowledged."""
    states = []
    for line in _lines(told.order):
        listed = line.get("orderLineStatuses")
        found = listed.get("orderLineStatus") if isinstance(listed, dict) else None
        for each in found if isinstance(found, list) else ():
            states.append(each.get("status") if isinstance(each, dict) else None)
    return bool(states) and all(state == "Created" for state in states)
