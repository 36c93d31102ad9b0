"""How each channel signs, and what the intake makes of it."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac

import pytest
from aiohttp.test_utils import TestClient, TestServer

from connectors.channels import signatures
from connectors.channels.intake import application
from connectors.channels.signatures import SCHEMES, is_signed
from deploy.cli_processes import intake as command
from tests.unit.connectors.test_intake import Kept, post

BODY = b'{"id": 1,  "x": "\xc3\xa9"}'
URL = "https://orders.example.org/channels/square/orders"
SECRETS = {"woocommerce": ["old", "s3cret"], "saleor": ["s3cret"], "square": ["s3cret"]}


def digest(body: bytes, secret: str = "s3cret") -> bytes:
    return hmac.new(secret.encode(), body, hashlib.sha256).digest()


def signed(channel: str, value: str, secrets: list[str], url: str = "") -> bool:
    scheme = SCHEMES[channel]
    return is_signed(scheme, {scheme.header: value}, BODY, secrets, url)


@pytest.mark.parametrize("channel", ["shopify", "woocommerce"])
def test_shopify_and_woocommerce_sign_the_body_in_base64(channel: str) -> None:
    value = base64.b64encode(digest(BODY)).decode()
    assert signed(channel, value, ["other", "s3cret"])
    assert not signed(channel, value, ["other"])
    assert not signed(channel, digest(BODY).hex(), ["s3cret"])


def test_saleor_signs_the_body_in_hexadecimal() -> None:
    assert signed("saleor", digest(BODY).hex(), ["s3cret"])
    assert not signed("saleor", base64.b64encode(digest(BODY)).decode(), ["s3cret"])


def test_square_signs_its_url_and_the_body() -> None:
    value = base64.b64encode(digest(URL.encode() + BODY)).decode()
    assert signed("square", value, ["s3cret"], URL)
    assert not signed("square", value, ["s3cret"], f"{URL}/")
    assert not signed("square", base64.b64encode(digest(BODY)).decode(), ["s3cret"], "")


@pytest.mark.parametrize("channel", sorted(SCHEMES))
def test_without_a_secret_nothing_is_signed(channel: str) -> None:
    empty = SCHEMES[channel].written(digest(BODY, ""))
    assert not signed(channel, empty, [], URL)
    assert not signed(channel, empty, [""], URL)
    assert not signed(channel, "", ["s3cret"], URL)


def test_the_table_of_the_module_is_what_is_done() -> None:
    for channel, scheme in SCHEMES.items():
        (row,) = [
            line for line in (signatures.__doc__ or "").splitlines() if f"| {channel} |" in line
        ]
        assert scheme.header in row
        assert scheme.topic_header in row


def test_a_woocommerce_webhook_is_kept_with_its_topic() -> None:
    kept = Kept()
    headers = {
        "x-wc-webhook-signature": base64.b64encode(digest(BODY)).decode(),
        "x-wc-webhook-topic": "order.updated",
    }
    assert post(kept, "woocommerce", BODY, headers, SECRETS)[0] == 200
    assert (kept.payloads[0].topic, kept.payloads[0].source) == ("order.updated", "webhook")
    assert post(kept, "woocommerce", BODY + b" ", headers, SECRETS)[0] == 401
    assert len(kept.payloads) == 1


def test_a_woocommerce_ping_is_answered_and_not_kept() -> None:
    kept = Kept()
    assert post(kept, "woocommerce", b"webhook_id=42", {}, SECRETS)[0] == 200
    assert post(kept, "woocommerce", b"webhook_id=42", {}, {})[0] == 401
    assert post(kept, "woocommerce", b"webhook_id=42&x=1", {}, SECRETS)[0] == 401
    assert post(kept, "shopify", b"webhook_id=42", {}, {"shopify": ["s3cret"]})[0] == 401
    assert not kept.payloads


@pytest.mark.parametrize(("url", "status"), [(URL, 200), (f"{URL}/", 401), ("", 401)])
def test_square_is_checked_with_the_url_that_is_configured(url: str, status: int) -> None:
    value = base64.b64encode(digest(URL.encode() + BODY)).decode()

    async def ask() -> int:
        app = application(Kept(), SECRETS, notification_urls={"square": url})
        async with TestClient(TestServer(app)) as client:
            headers = {"X-Square-HmacSha256-Signature": value}
            answer = await client.post("/channels/square/orders", data=BODY, headers=headers)
            return answer.status

    assert asyncio.run(ask()) == status


def test_each_channel_that_signs_has_a_file_for_its_secrets() -> None:
    options = {option for param in command.params for option in param.opts}
    assert options >= {f"--{channel}-secret-file" for channel in SCHEMES}
    assert options >= {f"--{name}-url" for name, scheme in SCHEMES.items() if scheme.with_url}


def test_other_channels_send_a_token() -> None:
    kept, secrets = Kept(), {"magento": ["t0ken"]}
    headers = {"X-Shopify-Topic": "orders/create"}
    assert post(kept, "magento", BODY, headers, secrets)[0] == 401
    headers["Authorization"] = "Bearer t0ken"
    assert post(kept, "magento", BODY, headers, secrets)[0] == 200
    assert (kept.payloads[0].topic, kept.payloads[0].source) == ("", "api")
