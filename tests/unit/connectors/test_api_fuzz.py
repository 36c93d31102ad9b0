"""Whatever reaches the API or the desk, it answers: never a 5xx, and a problem where it refuses.

MILLRACE_FUZZ=100000 sends that many requests.
"""

from __future__ import annotations

import asyncio
import json
import os
import string
import urllib.parse
from collections.abc import Iterator
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.api import forms
from connectors.http_api import Pace
from tests.unit.connectors.api_service import APP, Client, Service
from tests.unit.connectors.desk_service import AGENT, DeskService, form
from tests.unit.connectors.test_channels_fuzz import _VALUES, _mutated, _paths
from tests.unit.connectors.test_levels import POT, SET, TEA, store

EXAMPLES = int(os.environ.get("MILLRACE_FUZZ", "200"))
thorough = settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
BODIES: list[tuple[str, object]] = [
    ("/v1/orders", forms.ORDER_EXAMPLE),
    ("/v1/orders/json-1/cancel", {"reason": "x", "line_ids": ["1", "2"]}),
    (
        "/v1/orders/json-1/amend",
        {
            **forms.AMEND_EXAMPLE,
            "revision": 1,
            "add": [{"sku": "CUP", "quantity": 1, "unit_price": "9.90", "title": "Cup"}],
            "remove": ["2"],
            "shipping_method": "express",
            "shipping": "4.50",
        },
    ),
]
ROUTES = ["/v1/orders/{}", "/v1/stock/{}", "/v1/orders/{}/cancel", "/{}", "/v1/{}"]
PARAMETERS = ["customer", "channel", "status", "cursor", "limit", "x"]
_TEXT = st.text(max_size=20) | st.sampled_from(["TEA", "json-1", "%2F", "..", "a" * 300, "\ud800"])
_HEADER = st.text(string.printable.replace("\r", "").replace("\n", ""), max_size=20)


class Listening:
    """A service, and the loop that it listens in."""

    def __init__(self, service: Service) -> None:
        self.runner = asyncio.Runner()
        self.client = self.runner.run(self._started(service))

    async def _started(self, service: Service) -> Client:
        client: Client = TestClient(TestServer(service.app()))
        await client.start_server()
        return client

    def ask(self, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> Any:
        """The JSON of an answer that is as it must be; None for another kind."""

        async def main() -> Any:
            async with self.client.request(method, path, data=body, headers=headers) as answer:
                assert answer.status < 500, (answer.status, await answer.read())
                if answer.content_type == "text/html":
                    return None
                told = json.loads(await answer.read())
                if answer.status >= 400:
                    assert answer.content_type == "application/problem+json", told
                    assert told["status"] == answer.status
                return told

        return self.runner.run(asyncio.wait_for(main(), 10))

    def close(self) -> None:
        self.runner.run(self.client.close())
        self.runner.close()


@pytest.fixture(scope="module")
def listening() -> Iterator[Listening]:
    made = Listening(Service(store(TEA, POT, SET), Pace(1e9)))
    yield made
    made.close()


def quoted(text: str) -> str:
    return urllib.parse.quote(text.encode(errors="surrogatepass"), safe="")


@thorough
@given(data=st.data(), key=st.none() | _HEADER)
def test_no_body_breaks_it(listening: Listening, data: st.DataObject, key: str | None) -> None:
    path, sample = data.draw(st.sampled_from(BODIES))
    places: Any = st.sampled_from(_paths(sample))
    mutations = data.draw(st.lists(st.tuples(places, _VALUES), max_size=3))
    body = json.dumps(_mutated(sample, mutations)).encode()
    body = body[: data.draw(st.sampled_from([len(body), len(body), len(body) // 2]))]
    headers = {**APP, "Content-Type": "application/json"}
    if key is not None and key.isprintable():
        headers["Idempotency-Key"] = key
    listening.ask("POST", path, body, headers)


@thorough
@given(
    method=st.sampled_from(["GET", "GET", "POST", "DELETE", "PUT"]),
    route=st.sampled_from(ROUTES),
    name=_TEXT,
    query=st.dictionaries(st.sampled_from(PARAMETERS), _TEXT, max_size=3),
)
def test_no_path_and_no_query_breaks_it(
    listening: Listening, method: str, route: str, name: str, query: dict[str, str]
) -> None:
    asked = "&".join(f"{each}={quoted(value)}" for each, value in query.items())
    path = route.format(quoted(name)) + (f"?{asked}" if asked else "")
    listening.ask(method, path, None, APP)
    listening.ask("GET", f"/v1/orders?{asked}", None, APP)


@thorough
@given(body=st.binary(max_size=200), path=st.sampled_from([path for path, _ in BODIES]))
def test_no_bytes_break_it(listening: Listening, body: bytes, path: str) -> None:
    headers = {**APP, "Content-Type": "application/json", "Idempotency-Key": "k"}
    listening.ask("POST", path, body, headers)


DESK_FORM = form(
    lines=[
        {
            "sku": "TEA",
            "quantity": 2,
            "unit_price": "4.50",
            "price_override": {"unit_price": "4.00", "reason": "goodwill"},
        },
        {"sku": "POT", "quantity": 1, "unit_price": "9", "discount": "1", "discount_reason": "x"},
    ],
    discount="1.00",
    discount_reason="loyalty",
    pickup_location_id="berlin",
    note="ring twice",
)
DESK_ROUTES = [
    "/desk/{}", "/desk/products?q={}", "/desk/drafts/{}", "/desk/pay/{}", "/desk/page/{}",
    "/desk/drafts/{}/place",
]  # fmt: skip


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Listening]:
    service = DeskService(tmp_path_factory.mktemp("desk") / "desk.sqlite")
    made = Listening(service)
    yield made
    made.close()
    service.drafts.close()


@settings(thorough, max_examples=max(1, EXAMPLES // 6))
@given(data=st.data(), method=st.sampled_from(["card", "invoice", "payment_link", None]))
def test_no_form_breaks_the_desk(desk: Listening, data: st.DataObject, method: str | None) -> None:
    headers = {**AGENT, "Content-Type": "application/json"}
    sample = {**DESK_FORM, "payment": {"method": method, "token": "t", "terms_days": 3}}
    paths: Any = st.sampled_from(_paths(sample))
    mutations = data.draw(st.lists(st.tuples(paths, _VALUES), max_size=3))
    sent = {"form": _mutated(sample, mutations), "revision": data.draw(st.integers(0, 1))}
    made = desk.ask("POST", "/desk/drafts", json.dumps(sent).encode(), headers)
    if "draft_id" not in made:
        return
    path = f"/desk/drafts/{made['draft_id']}"
    for what in data.draw(st.permutations(["quote", "link", "withdraw", "place"])):
        told = desk.ask("GET", path, None, AGENT)
        body = json.dumps({"revision": told["revision"]}).encode()
        desk.ask("POST", f"{path}/{what}", body, headers)
    if told.get("link"):
        desk.ask("POST", told["link"].removeprefix("http://desk"), None, {})
    desk.ask("PUT", path, json.dumps(sent).encode(), headers)
    desk.ask("DELETE", path, None, AGENT)


@thorough
@given(
    method=st.sampled_from(["GET", "POST", "PUT", "DELETE"]),
    route=st.sampled_from(DESK_ROUTES),
    name=_TEXT,
    body=st.binary(max_size=100),
)
def test_no_path_and_no_bytes_break_the_desk(
    desk: Listening, method: str, route: str, name: str, body: bytes
) -> None:
    headers = {**AGENT, "Content-Type": "application/json"}
    desk.ask(method, route.format(quoted(name)), body, headers)
    desk.ask("POST", "/desk/customers", json.dumps({"words": name}).encode(), headers)
