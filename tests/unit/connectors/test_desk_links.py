"""Payment links of Stripe, against a fake that refuses what its documentation says is refused.

Source: Stripe, "API reference: Checkout Sessions": Create (`mode`, `line_items`, `success_url`,
`expires_at` from 30 minutes to 24 hours ahead), Retrieve, Expire (only while it is open).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from connectors.call_centre.links import LINK_MS, SHORTEST_MS, NoLink, StripeLinks, ends
from connectors.payment_gateways.stripe_api import StripeApi, StripeSettings

NOW = int(time.time() * 1000)
NEEDED = (
    "client_reference_id", "success_url", "line_items[0][quantity]",
    "line_items[0][price_data][currency]", "line_items[0][price_data][unit_amount]",
    "line_items[0][price_data][product_data][name]",
)  # fmt: skip


class Sessions:
    """Checkout Sessions by id, and by Idempotency-Key."""

    def __init__(self) -> None:
        self.sessions: dict[str, dict[str, Any]] = {}
        self.by_key: dict[str, str] = {}

    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_post("/v1/checkout/sessions", self.create)
        app.router.add_get("/v1/checkout/sessions/{name}", self.get)
        app.router.add_post("/v1/checkout/sessions/{name}/expire", self.expire)
        return app

    async def create(self, request: web.Request) -> web.Response:
        form, key = await request.post(), request.headers["Idempotency-Key"]
        if key in self.by_key:
            return web.json_response(self.sessions[self.by_key[key]])
        ahead = int(str(form["expires_at"])) - NOW / 1000
        if form.get("mode") != "payment" or any(name not in form for name in NEEDED):
            return _refused("parameter_missing")
        if not 30 * 60 <= ahead <= 24 * 3600:
            return _refused("parameter_invalid_integer")
        name = f"cs_test_{len(self.sessions)}a"
        self.by_key[key] = name
        self.sessions[name] = {
            "id": name,
            "object": "checkout.session",
            "url": f"https://checkout.stripe.com/c/pay/{name}",
            "status": "open",
            "payment_status": "unpaid",
            "amount_total": int(str(form["line_items[0][price_data][unit_amount]"])),
            "currency": form["line_items[0][price_data][currency]"],
        }
        return web.json_response(self.sessions[name])

    async def get(self, request: web.Request) -> web.Response:
        return web.json_response(self.sessions[request.match_info["name"]])

    async def expire(self, request: web.Request) -> web.Response:
        session = self.sessions[request.match_info["name"]]
        if session["status"] != "open":
            return _refused("resource_missing")
        session.update(status="expired", url=None)
        return web.json_response(session)


def _refused(code: str) -> web.Response:
    error = {"type": "invalid_request_error", "code": code}
    return web.json_response({"error": error}, status=400)


def use(fake: Sessions, work: Callable[[StripeLinks], Awaitable[None]]) -> None:
    async def main() -> None:
        async with TestServer(fake.app()) as server:
            url = str(server.make_url("")).rstrip("/")
            links = StripeLinks(
                StripeApi(StripeSettings("sk_test_1234", url=url)), "https://desk/thanks"
            )
            try:
                await work(links)
            finally:
                await links.close()

    asyncio.run(main())


def test_a_link_is_made_once_and_paid_when_the_session_says_so_to_the_unit() -> None:
    fake = Sessions()

    async def work(links: StripeLinks) -> None:
        link = await links.create("d1", 1250, "EUR", NOW, 0)
        assert link == await links.create("d1", 1250, "EUR", NOW, 0)
        assert link.url.startswith("https://checkout.stripe.com/")
        assert not await links.is_paid(link.name, 1250, "EUR")
        fake.sessions[link.name].update(status="complete", payment_status="paid")
        assert await links.is_paid(link.name, 1250, "EUR")
        assert not await links.is_paid(link.name, 1251, "EUR")
        assert not await links.is_paid(link.name, 1250, "USD")
        assert not await links.is_paid("../refunds", 1250, "EUR")
        with pytest.raises(NoLink):
            await links.withdraw(link.name)

    use(fake, work)
    assert len(fake.sessions) == 1


def test_a_link_that_is_withdrawn_can_be_paid_no_more() -> None:
    fake = Sessions()

    async def work(links: StripeLinks) -> None:
        link = await links.create("d1", 300, "JPY", NOW, NOW + 1)
        await links.withdraw(link.name)
        assert fake.sessions[link.name]["status"] == "expired"

    use(fake, work)


def test_a_sum_that_cannot_be_asked_for_makes_no_link() -> None:
    async def work(links: StripeLinks) -> None:
        for amount, currency in ((0, "EUR"), (1001, "KWD"), (5, "UYW")):
            with pytest.raises(NoLink):
                await links.create("d1", amount, currency, NOW, 0)

    use(Sessions(), work)


def test_an_answer_that_leads_elsewhere_makes_no_link() -> None:
    class Elsewhere(Sessions):
        async def create(self, request: web.Request) -> web.Response:
            return web.json_response({"id": "cs_test_1", "url": "https://elsewhere.example/"})

    async def work(links: StripeLinks) -> None:
        with pytest.raises(NoLink):
            await links.create("d1", 100, "EUR", NOW, 0)

    use(Elsewhere(), work)


@pytest.mark.parametrize(
    ("until", "expected"),
    [(0, LINK_MS), (5, SHORTEST_MS), (3_600_000, 3_600_000), (10 * LINK_MS, LINK_MS)],
)
def test_a_link_ends_with_its_quote_within_what_the_gateway_allows(
    until: int, expected: int
) -> None:
    assert ends(NOW, NOW + until if until else 0) == NOW + expected
