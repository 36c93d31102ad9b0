"""The intake over HTTP, with a publisher that keeps what it is given."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
from collections.abc import Awaitable, Callable

import pytest
from aiohttp import ClientResponse
from aiohttp.test_utils import TestClient, TestServer

from connectors.channels import intake
from connectors.channels.publisher import Full, OnDone, Undelivered, new_raw_id
from schemas.channels import RawPayload

SECRETS = {"shopify": "s3cret", "json": "t0ken", "csv": "t0ken"}
TOKEN = {"Authorization": "Bearer t0ken"}
Client = TestClient  # type: ignore[type-arg]


class Kept:
    """A publisher without Kafka."""

    def __init__(self, failure: Exception | None = None, full: bool = False) -> None:
        self.payloads: list[RawPayload] = []
        self.failure = failure
        self.full = full

    def publish(self, raw: RawPayload, on_done: OnDone) -> None:
        if self.full:
            raise Full("full")
        self.payloads.append(raw)
        on_done(self.failure)

    def ready(self) -> bool:
        return self.failure is None


def signature(body: bytes, secret: str = "s3cret") -> dict[str, str]:
    digest = hmac.new(secret.encode(), body, hashlib.sha256).digest()
    return {"X-Shopify-Hmac-Sha256": base64.b64encode(digest).decode()}


def ask(
    kept: Kept,
    call: Callable[[Client], Awaitable[ClientResponse]],
    secrets: dict[str, str] = SECRETS,
) -> tuple[int, dict[str, str], dict[str, object]]:
    async def main() -> tuple[int, dict[str, str], dict[str, object]]:
        async with TestClient(TestServer(intake.application(kept, secrets))) as client:
            answer = await call(client)
            return answer.status, dict(answer.headers), await answer.json(content_type=None)

    return asyncio.run(main())


def post(
    kept: Kept,
    channel: str,
    body: bytes,
    headers: dict[str, str],
    secrets: dict[str, str] = SECRETS,
) -> tuple[int, dict[str, str], dict[str, object]]:
    url = f"/channels/{channel}/orders"
    return ask(kept, lambda client: client.post(url, data=body, headers=headers), secrets)


def test_a_signed_webhook_is_kept_byte_for_byte() -> None:
    kept, body = Kept(), b'{"id": 1,  "x": "\xc3\xa9"}'
    headers = {**signature(body), "X-Shopify-Topic": "orders/create"}
    status, _, answer = post(kept, "shopify", body, headers)
    [raw] = kept.payloads
    assert (status, answer) == (200, {"raw_id": raw.raw_id})
    assert (raw.payload, raw.topic, raw.source) == (body, "orders/create", "webhook")


@pytest.mark.parametrize(
    "headers",
    [{}, {"X-Shopify-Hmac-Sha256": "é"}, signature(b"{}", "other"), signature(b"{ }"), TOKEN],
)
def test_a_webhook_without_the_right_signature_is_refused(headers: dict[str, str]) -> None:
    kept = Kept()
    status, told, answer = post(kept, "shopify", b"{}", headers)
    assert (status, answer["status"]) == (401, 401)
    assert told["Content-Type"].startswith("application/problem+json")
    assert not kept.payloads


def test_without_a_configured_secret_nothing_is_taken() -> None:
    kept = Kept()
    assert post(kept, "shopify", b"{}", signature(b"{}", ""), {})[0] == 401
    assert post(kept, "json", b"{}", {"Authorization": "Bearer "}, {})[0] == 401
    assert not kept.payloads


@pytest.mark.parametrize("value", ["", "t0ken", "Bearer", "Bearer wrong", "Basic t0ken"])
def test_a_wrong_token_is_refused(value: str) -> None:
    assert post(Kept(), "json", b"{}", {"Authorization": value})[0] == 401


def test_the_right_token_is_taken() -> None:
    kept = Kept()
    assert post(kept, "csv", b"a,b", TOKEN)[0] == 200
    assert kept.payloads[0].channel == "csv"


def test_an_unknown_channel_is_not_found() -> None:
    assert post(Kept(), "fax", b"{}", TOKEN)[0] == 404


def test_a_payload_that_is_too_large_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake, "MAXIMUM_PAYLOAD_BYTES", 10)
    kept = Kept()
    assert post(kept, "json", b"0123456789", TOKEN)[0] == 200
    assert post(kept, "json", b"0123456789x", TOKEN)[0] == 413
    assert len(kept.payloads) == 1


@pytest.mark.parametrize("kept", [Kept(full=True), Kept(Undelivered("timed out"))])
def test_what_kafka_does_not_take_may_be_sent_again(kept: Kept) -> None:
    status, headers, _ = post(kept, "json", b"{}", TOKEN)
    assert (status, headers["Retry-After"]) == (503, "1")


def test_it_tells_how_it_is() -> None:
    assert ask(Kept(), lambda client: client.get("/health"))[0] == 200
    assert ask(Kept(), lambda client: client.get("/ready"))[0] == 200
    assert ask(Kept(Undelivered("")), lambda client: client.get("/ready"))[0] == 503
    assert ask(Kept(), lambda client: client.get("/nothing"))[0] == 404


def test_ids_are_unique_and_in_order_of_time() -> None:
    ids = [new_raw_id() for _ in range(1_000)]
    assert len(set(ids)) == 1_000
    assert ids[0] < ids[-1]
