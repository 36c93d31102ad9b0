"""Payment links: where a customer pays for what was agreed on the phone.

Guarantee: an order is placed only once its link is told to be paid in full; that is asked until it
is, or the time is over. Idempotency key: the draft's id and what is asked for. A duplicate of
`create` is the same link, and one that is paid twice is paid once.

The gateways' interface (payment_gateways/gateway.py) authorizes what an order names and has no
links, so this is a seam of its own. In the sandbox the customer pays on a page of the desk, where
nobody is charged. At Stripe it is a Checkout Session.

Source: Stripe, "API reference: Checkout Sessions", "Create" and "The Session object".
"""

from __future__ import annotations

import hashlib
import re
import secrets
from typing import Protocol

from msgspec import Struct

from connectors.payment_gateways.stripe_amounts import Unpayable, to_stripe
from connectors.payment_gateways.stripe_api import Form, StripeApi, StripeError

LINK_MS = 23 * 3_600_000
"""How long a customer has to pay, unless a quote ends before: Stripe's sessions end in a day."""
SHORTEST_MS = 31 * 60_000
"""Stripe's sessions last for half an hour at least."""
_SESSION = re.compile(r"cs_[A-Za-z0-9_]{4,250}", re.ASCII)
_STRIPE = "https://checkout.stripe.com/"


class Link(Struct, frozen=True):
    """Where to pay."""

    name: str
    """what the link is known by; whoever has it can pay"""
    url: str
    """empty where the desk's own page is meant"""
    until_ms: int


class NoLink(Exception):
    """There is no link, or nobody knows whether it is paid; the message is for the agent."""


class PaymentLinks(Protocol):
    """A service that takes a payment over a link."""

    async def create(
        self, draft_id: str, amount_minor: int, currency: str, now_ms: int, until_ms: int
    ) -> Link:
        """A link that asks for so much. Raises NoLink."""

    async def is_paid(self, name: str, amount_minor: int, currency: str) -> bool:
        """It is paid, and with so much. Raises NoLink."""

    async def withdraw(self, name: str) -> None:
        """It can be paid no more. Raises NoLink where it has been, or nobody knows."""

    async def close(self) -> None:
        """Let go of connections."""


def ends(now_ms: int, until_ms: int) -> int:
    """When a link ends: with the quote, but within its own bounds."""
    return max(now_ms + SHORTEST_MS, min(until_ms or now_ms + LINK_MS, now_ms + LINK_MS))


class SandboxLinks:
    """See PaymentLinks. Charges nobody: the desk's page says that it is paid, and nobody else."""

    async def create(
        self, draft_id: str, amount_minor: int, currency: str, now_ms: int, until_ms: int
    ) -> Link:
        """See PaymentLinks."""
        return Link(secrets.token_urlsafe(24), "", ends(now_ms, until_ms))

    async def is_paid(self, name: str, amount_minor: int, currency: str) -> bool:
        """See PaymentLinks."""
        return False

    async def withdraw(self, name: str) -> None:
        """See PaymentLinks. Its page is gone with the draft's link."""

    async def close(self) -> None:
        """See PaymentLinks."""


class Session(Struct, frozen=True):
    """What Stripe tells of a Checkout Session."""

    id: str
    url: str | None = None
    payment_status: str = ""
    amount_total: int | None = None
    currency: str | None = None


class StripeLinks:
    """See PaymentLinks. Belongs to the event loop of its first request."""

    def __init__(self, api: StripeApi, thanks_url: str) -> None:
        """`thanks_url` is where a customer comes who has paid; https in earnest."""
        self._api, self._thanks_url = api, thanks_url

    async def create(
        self, draft_id: str, amount_minor: int, currency: str, now_ms: int, until_ms: int
    ) -> Link:
        """See PaymentLinks."""
        until = ends(now_ms, until_ms)
        try:
            price: Form = {
                "currency": currency.lower(),
                "unit_amount": to_stripe(amount_minor, currency),
                "product_data": {"name": f"Order {draft_id}"},
            }
        except Unpayable as error:
            raise NoLink(str(error)) from None
        form: Form = {
            "mode": "payment",
            "client_reference_id": draft_id,
            "success_url": self._thanks_url,
            "expires_at": until // 1000,
            "line_items": {"0": {"quantity": 1, "price_data": price}},
        }
        told = f"{draft_id} {amount_minor} {currency} {until // 1000}"
        key = f"link-{hashlib.sha256(told.encode()).hexdigest()}"
        try:
            made = await self._api.post("link", "/v1/checkout/sessions", Session, form, key)
        except StripeError as error:
            raise NoLink("the gateway gives no link now") from error
        if not _SESSION.fullmatch(made.id) or not (made.url or "").startswith(_STRIPE):
            raise NoLink("the gateway's answer makes no sense")
        return Link(made.id, made.url or "", until)

    async def is_paid(self, name: str, amount_minor: int, currency: str) -> bool:
        """See PaymentLinks."""
        if not _SESSION.fullmatch(name):
            return False
        try:
            found = await self._api.get("link paid", f"/v1/checkout/sessions/{name}", Session)
        except StripeError as error:
            raise NoLink("the gateway does not say now whether it is paid") from error
        return (
            found.payment_status == "paid"
            and found.amount_total == to_stripe(amount_minor, currency)
            and (found.currency or "").upper() == currency
        )

    async def withdraw(self, name: str) -> None:
        """See PaymentLinks."""
        try:
            await self._api.post(
                "link end", f"/v1/checkout/sessions/{name}/expire", Session, {}, f"end-{name}"
            )
        except StripeError as error:
            raise NoLink("the link cannot be withdrawn: it may be paid already") from error

    async def close(self) -> None:
        """See PaymentLinks."""
        await self._api.close()
