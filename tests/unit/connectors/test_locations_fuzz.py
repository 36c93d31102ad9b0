"""Whatever is sent to the API for locations, it answers, and what it takes can be written.

`MILLRACE_FUZZ=10000 pytest tests/unit/connectors/test_locations_fuzz.py` tries so many of each.
"""

from __future__ import annotations

import json
import os
import string
import urllib.parse
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.locations.requests import ACTIONS, CARRIER_EVENT
from schemas import codec
from tests.unit.connectors.locations_bench import ALL, Bench
from tests.unit.connectors.test_channels_fuzz import _VALUES, _mutated, _paths

EXAMPLES = int(os.environ.get("MILLRACE_FUZZ", "80"))
thorough = settings(
    max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
HERE = "/v1/fulfillment-orders/json-1/1"
SAMPLES: list[tuple[str, object]] = [
    *((f"{HERE}/{name}", {**action.example, "actor": "a"}) for name, action in ACTIONS.items()),
    (f"{HERE}/ship", {**ACTIONS["ship"].example, "shipped_at": "2024-03-01T11:00:00Z"}),
    ("/v1/carrier-events", {**CARRIER_EVENT, "carrier": "dhl"}),
]
_TEXT = st.text(max_size=20) | st.sampled_from(["json-1", "json-1/1", "%2F", "..", "a" * 300])
_HEADER = st.text(string.printable.replace("\r", "").replace("\n", ""), max_size=20)


def check(bench: Bench, method: str, path: str, body: object, headers: dict[str, str]) -> None:
    """It is answered as it must be, and what has come of it can be written."""
    before = len(bench.sent)
    status, told, sent = bench.ask(method, path, ALL, body, **headers)
    assert status < 500, told
    if status >= 400:
        assert sent["Content-Type"].startswith("application/problem+json")
        assert told["status"] == status
    if status in (400, 404, 413, 415, 422):
        assert len(bench.sent) == before
    for record in bench.sent[before:]:
        assert codec.decode(codec.encode(record)) == record


def quoted(text: str) -> str:
    return urllib.parse.quote(text.encode(errors="surrogatepass"), safe="")


@thorough
@given(data=st.data(), key=_HEADER, prefer=_HEADER)
def test_no_body_breaks_it(data: st.DataObject, key: str, prefer: str) -> None:
    path, sample = data.draw(st.sampled_from(SAMPLES))
    places: Any = st.sampled_from(_paths(sample))
    mutations = data.draw(st.lists(st.tuples(places, _VALUES), max_size=3))
    body = json.dumps(_mutated(sample, mutations)).encode()
    body = body[: data.draw(st.sampled_from([len(body), len(body), len(body) // 2]))]
    headers = {"Content-Type": "application/json", "Prefer": prefer if prefer.isprintable() else ""}
    if key.isprintable():
        headers["Idempotency-Key"] = key
    check(Bench(), "POST", path, body, headers)


@thorough
@given(
    method=st.sampled_from(["GET", "POST", "DELETE", "PUT"]),
    route=st.sampled_from(["/{}", "/v1/{}", "", "/{}/accept", "/{}/1/ship", "/{}/commands/{}"]),
    name=_TEXT,
    query=st.dictionaries(
        st.sampled_from(["location", "status", "cursor", "limit", "x"]), _TEXT, max_size=3
    ),
)
def test_no_path_and_no_query_breaks_it(
    method: str, route: str, name: str, query: dict[str, str]
) -> None:
    asked = "&".join(f"{each}={quoted(value)}" for each, value in query.items())
    path = f"/v1/fulfillment-orders{route}".replace("{}", quoted(name))
    check(Bench(), method, f"{path}?{asked}" if asked else path, None, {})


@thorough
@given(body=st.binary(max_size=200), path=st.sampled_from([path for path, _ in SAMPLES]))
def test_no_bytes_break_it(body: bytes, path: str) -> None:
    check(Bench(), "POST", path, body, {"Content-Type": "application/json"})
