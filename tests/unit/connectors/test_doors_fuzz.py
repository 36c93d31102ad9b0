"""Whatever is sent to the doors for webhooks, stock and the dashboard, they answer it.

`MILLRACE_FUZZ=100000 pytest tests/unit/connectors/test_doors_fuzz.py` sends that many requests to
each. The parsers behind the intake are in test_channels_fuzz.py.
"""

from __future__ import annotations

import asyncio
import os
import string
import urllib.parse
from collections.abc import Sequence
from typing import Any, NamedTuple

import pytest
from aiohttp import ClientError, web
from aiohttp.test_utils import TestClient, TestServer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from yarl import URL

from connectors.channels import intake
from connectors.channels.registry import CHANNELS
from connectors.channels.signatures import SCHEMES
from connectors.levels import server as levels
from dashboards import server as dashboard
from schemas import codec
from tests.unit.connectors.test_intake import Kept, signature
from tests.unit.connectors.test_levels import POT, SET, TEA, store

AT_ONCE = 20
"""requests to one server"""
EXAMPLES = max(1, int(os.environ.get("MILLRACE_FUZZ", "200")) // AT_ONCE)
ANSWER_SECONDS = 10.0
TOKEN = "t0ken"
SECRETS = {channel: [TOKEN] for channel in CHANNELS}
thorough = settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
METHODS = ["GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH"]
_PRINTED = st.text(string.ascii_letters + string.digits + string.punctuation + " ", max_size=30)
_TEXT = st.text(max_size=12) | st.sampled_from(["%00", "..", "TEA", "POT", "a" * 400, "shopify"])
_HEADERS = st.dictionaries(
    st.sampled_from(
        ["Content-Type", "Content-Encoding", "Accept", "X-Shopify-Topic", "If-None-Match",
         "X-WC-Webhook-Topic", "Saleor-Event", "Range", "Authorization", "Last-Event-ID"]
    ),
    _PRINTED.map(str.strip),
    max_size=3,
)  # fmt: skip
_BODIES = st.binary(max_size=80) | st.sampled_from(
    [b"{}", b"[]", b"null", b'{"id": 1}', b"\xef\xbb\xbf{}", b"[" * 5_000, b"ISA*00*", b"\x1f\x8b"]
)


class Asked(NamedTuple):
    """A request."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


def quoted(text: str) -> str:
    return urllib.parse.quote(text.encode(errors="surrogatepass"), safe="/")


def paths(routes: Sequence[str]) -> st.SearchStrategy[str]:
    """A route with anything in its places, and anything asked of it."""
    return st.builds(
        lambda route, name, query: quoted(route.replace("{}", name)) + (query and f"?{query}"),
        st.sampled_from(routes),
        _TEXT,
        st.dictionaries(
            st.sampled_from(["limit", "cursor", "channel", "status", "x"]), _TEXT, max_size=2
        ).map(_query),
    )


def _query(asked: dict[str, str]) -> str:
    return "&".join(f"{name}={quoted(value)}" for name, value in asked.items())


def requests(routes: Sequence[str]) -> st.SearchStrategy[list[Asked]]:
    one = st.builds(Asked, st.sampled_from(METHODS), paths(routes), _HEADERS, _BODIES)
    return st.lists(one, min_size=1, max_size=AT_ONCE)


def check(app: web.Application, asked: list[Asked]) -> None:
    """Each is answered in time, by something else than a failure."""

    async def main() -> None:
        async with TestClient(TestServer(app)) as client:
            for each in asked:
                await answered(client, each)

    asyncio.run(main())


async def answered(client: Any, each: Asked) -> None:
    body = each.body if each.method not in ("GET", "HEAD", "OPTIONS") else None
    url = client.make_url("/").join(URL(each.path, encoded=True))
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            answer = await client.session.request(
                each.method, url, data=body, headers=each.headers, allow_redirects=False
            )
            # What the dashboard sends as events has no end.
            if answer.headers.get("Content-Type", "") != "text/event-stream":
                await answer.read()
            answer.close()
    except ClientError:
        return  # what the client itself does not send, or the server cannot read as HTTP
    assert answer.status < 500, (each, answer.status)


@thorough
@given(asked=requests(["/channels/{}/orders", "/channels/{}", "/health", "/ready", "/metrics"]))
def test_the_intake_answers(asked: list[Asked]) -> None:
    check(intake.application(Kept(), SECRETS), asked)


@thorough
@given(
    channel=st.sampled_from(sorted(CHANNELS)),
    bodies=st.lists(_BODIES, min_size=1, max_size=AT_ONCE),
    headers=_HEADERS,
)
def test_whatever_a_known_sender_sends_is_kept_as_it_is(
    channel: str, bodies: list[bytes], headers: dict[str, str]
) -> None:
    kept = Kept()
    asked = [
        Asked(
            "POST",
            f"/channels/{channel}/orders",
            {"X-Shopify-Topic": headers.get("X-Shopify-Topic", ""), **signature(body, TOKEN)}
            if channel == "shopify"
            else {"Authorization": f"Bearer {TOKEN}"},
            body,
        )
        for body in bodies
    ]
    check(intake.application(kept, SECRETS), asked)
    assert all(codec.decode(codec.encode(raw)) == raw for raw in kept.payloads)
    if channel not in SCHEMES or channel == "shopify":
        assert [raw.payload for raw in kept.payloads] == bodies


class Caught:
    """A follower that has caught up."""

    def waiting_for(self) -> str:
        return ""


@thorough
@given(asked=requests(["/stock/{}", "/stock", "/stock/{}/x", "/health", "/ready", "/{}"]))
def test_the_look_up_of_stock_answers(asked: list[Asked]) -> None:
    check(levels.application(store(TEA, POT, SET), Caught()), asked)


@pytest.mark.parametrize("rows", [[], [{}]])
@thorough
@given(asked=requests(["/", "/static/{}", "/health", "/{}"]))
def test_the_dashboard_answers(rows: list[dict[str, Any]], asked: list[Asked]) -> None:
    check(dashboard.application(lambda *_: rows, lambda: 0), asked)
