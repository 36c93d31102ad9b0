"""How each channel shows that a payload is its own: a signature over the body, or a bearer token.

| Channel | Header | Signature | Topic |
|---|---|---|---|
| shopify | X-Shopify-Hmac-Sha256 | base64 of HMAC-SHA256 over the body | X-Shopify-Topic |
| woocommerce | X-WC-Webhook-Signature | base64 of HMAC-SHA256 over the body | X-WC-Webhook-Topic |
| square | X-Square-HmacSha256-Signature | base64 of HMAC-SHA256 over notification URL and body | |
| saleor | Saleor-Signature | hexadecimal HMAC-SHA256 over the body | Saleor-Event |
| all others | Authorization: Bearer | none | |

Sources: Shopify, "Deliver webhooks through HTTPS"; WooCommerce REST API documentation v3, Webhooks
(delivery and payload); Square, "Verify and validate an event notification"; Saleor, "Webhook
payload signature" (with a secret key; what it signs without one, by RS256, is not taken).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from connectors.channels.woocommerce_ping import is_ping


def _base64(digest: bytes) -> str:
    return base64.b64encode(digest).decode()


def _never(_body: bytes) -> bool:
    return False


@dataclass(frozen=True, slots=True)
class Scheme:
    """How one channel signs its webhooks."""

    header: str
    topic_header: str = ""
    """names what the payload is; empty where only the payload itself does"""
    written: Callable[[bytes], str] = _base64
    """a digest, as the header has it"""
    with_url: bool = False
    """the notification URL is signed too, in front of the body"""
    is_ping: Callable[[bytes], bool] = _never
    """a body that is not signed, is answered with 200 and goes nowhere"""


SCHEMES: Mapping[str, Scheme] = {
    "shopify": Scheme("X-Shopify-Hmac-Sha256", "X-Shopify-Topic"),
    "woocommerce": Scheme("X-WC-Webhook-Signature", "X-WC-Webhook-Topic", is_ping=is_ping),
    "square": Scheme("X-Square-HmacSha256-Signature", with_url=True),
    "saleor": Scheme("Saleor-Signature", "Saleor-Event", written=bytes.hex),
}
"""Channels that sign the body; all others send a bearer token."""


def any_same(given: str, expected: Sequence[str]) -> bool:
    """In a time that tells neither how much of one was right nor which one."""
    text = given.encode(errors="replace")
    return any([hmac.compare_digest(text, one.encode()) for one in expected if one])


def is_signed(
    scheme: Scheme, headers: Mapping[str, str], body: bytes, secrets: Sequence[str], url: str
) -> bool:
    """The body, with `url` where the channel signs that too, is signed with one of the secrets.

    Never without a secret, and where a URL is signed never without one.
    """
    if scheme.with_url and not url:
        return False
    signed = url.encode() + body if scheme.with_url else body
    digests = [
        hmac.new(secret.encode(), signed, hashlib.sha256).digest() for secret in secrets if secret
    ]
    expected = [scheme.written(digest) for digest in digests]
    return any_same(headers.get(scheme.header, ""), expected)
