"""The intake over HTTP, with a publisher that keeps what it is given."""

from __future__ import annotations

import asyncio
import base64
import gzip
import hashlib
import hmac
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from aiohttp import ClientResponse
from aiohttp.test_utils import TestClient, TestServer

from connectors.channels import intake
from connectors.channels.publisher import Full, OnDone, Undelivered, new_raw_id
from schemas.channels import RawPayload

SECRETS = {"shopify": ["s3cret"], "json": ["t0ken"], "csv": ["t0ken"]}
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
    secrets: intake.Secrets = SECRETS,
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
    secrets: intake.Secrets = SECRETS,
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


def test_a_chunked_payload_that_is_too_large_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake, "MAXIMUM_PAYLOAD_BYTES", 10)

    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(3):
            yield b"0123"

    kept = Kept()
    url = "/channels/json/orders"
    status, _, _ = ask(kept, lambda client: client.post(url, data=pieces(), headers=TOKEN))
    assert status == 413
    assert not kept.payloads


def test_while_secrets_change_the_old_one_and_the_new_one_are_good() -> None:
    secrets = {"shopify": ["new", "old"], "json": ["a", "b"]}
    kept = Kept()
    assert post(kept, "shopify", b"{}", signature(b"{}", "old"), secrets)[0] == 200
    assert post(kept, "shopify", b"{}", signature(b"{}", "new"), secrets)[0] == 200
    assert post(kept, "shopify", b"{}", signature(b"{}", "older"), secrets)[0] == 401
    assert post(kept, "json", b"{}", {"Authorization": "Bearer b"}, secrets)[0] == 200
    assert post(kept, "json", b"{}", {"Authorization": "Bearer c"}, secrets)[0] == 401


def test_an_empty_secret_opens_nothing() -> None:
    assert post(Kept(), "shopify", b"{}", signature(b"{}", ""), {"shopify": [""]})[0] == 401
    assert post(Kept(), "json", b"{}", {"Authorization": "Bearer "}, {"json": [""]})[0] == 401


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_a_compressed_payload_is_kept_as_it_was_before(encoding: str) -> None:
    kept, body = Kept(), b'{"external_id": "A-1"}'
    sent = gzip.compress(body) if encoding == "gzip" else zlib.compress(body)
    status, _, _ = post(kept, "json", sent, {**TOKEN, "Content-Encoding": encoding})
    assert status == 200
    assert kept.payloads[0].payload == body


def test_a_small_body_that_unpacks_to_a_large_one_is_refused() -> None:
    kept = Kept()
    bomb = gzip.compress(b"0" * (4 * intake.MAXIMUM_PAYLOAD_BYTES))
    status, _, _ = post(kept, "json", bomb, {**TOKEN, "Content-Encoding": "gzip"})
    assert status == 413
    assert not kept.payloads


@pytest.mark.parametrize(
    ("encoding", "status"), [("gzip", 400), ("compress", 415), ("zstd", 415), ("gzip, gzip", 415)]
)
def test_a_body_that_is_not_what_its_encoding_says_is_refused(encoding: str, status: int) -> None:
    kept = Kept()
    answered, _, _ = post(kept, "json", b"no gzip at all", {**TOKEN, "Content-Encoding": encoding})
    assert answered == status
    assert not kept.payloads


def raw_request(kept: Kept, head: str, memory_bytes: int = 10**6) -> bytes:
    """What the intake answers before it has seen any body."""

    async def main() -> bytes:
        server = TestServer(intake.application(kept, SECRETS, memory_bytes))
        async with server:
            reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
            writer.write(head.replace("\n", "\r\n").encode())
            answer = await asyncio.wait_for(reader.read(100), 10)
            writer.close()
            await writer.wait_closed()
            return answer

    return asyncio.run(main())


@pytest.mark.parametrize(
    ("token", "length", "expect", "answer"),
    [
        ("t0ken", 2, "100-continue", b"HTTP/1.1 100 "),
        ("t0ken", 20 * 2**20, "100-continue", b"HTTP/1.1 413 "),
        ("wrong", 2, "100-continue", b"HTTP/1.1 401 "),
        ("t0ken", 2 * 10**6, "100-continue", b"HTTP/1.1 503 "),
        ("t0ken", 2, "a miracle", b"HTTP/1.1 417 "),
    ],
)
def test_a_body_is_asked_for_only_when_the_headers_are_good(
    token: str, length: int, expect: str, answer: bytes
) -> None:
    head = (
        f"POST /channels/json/orders HTTP/1.1\nHost: x\nAuthorization: Bearer {token}\n"
        f"Content-Length: {length}\nExpect: {expect}\n\n"
    )
    assert raw_request(Kept(), head).startswith(answer)


def test_bodies_in_memory_have_a_common_bound_and_room_is_given_back() -> None:
    """One sender holds 6 of 10 bytes while another wants 6; afterwards there is room again."""

    async def main() -> list[int]:
        inside, go_on = asyncio.Event(), asyncio.Event()

        async def slow() -> AsyncIterator[bytes]:
            yield b"012345"
            inside.set()
            await go_on.wait()

        app = intake.application(Kept(), SECRETS, memory_bytes=10)
        async with TestClient(TestServer(app)) as client:

            async def one(data: object) -> int:
                answer = await client.post("/channels/json/orders", data=data, headers=TOKEN)
                if answer.status == 503:
                    assert answer.headers["Retry-After"] == "1"
                return answer.status

            first = asyncio.create_task(one(slow()))
            await asyncio.wait_for(inside.wait(), 10)
            while app[intake.MEMORY].free == 10:
                await asyncio.sleep(0.01)

            async def chunked() -> AsyncIterator[bytes]:
                yield b"012345"

            refused = [await one(b"012345"), await one(chunked())]
            go_on.set()
            return [*refused, await first, await one(b"0123456789")]

    assert asyncio.run(asyncio.wait_for(main(), 30)) == [503, 503, 200, 200]


def test_memory_comes_back_however_a_request_ends() -> None:
    async def main() -> int:
        app = intake.application(Kept(Undelivered("away")), SECRETS, memory_bytes=100)
        async with TestClient(TestServer(app)) as client:
            for headers in (TOKEN, {"X-Shopify-Hmac-Sha256": "wrong"}):
                for channel in ("json", "shopify"):
                    await client.post(f"/channels/{channel}/orders", data=b"{}", headers=headers)
            return app[intake.MEMORY].free

    assert asyncio.run(main()) == 100


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
