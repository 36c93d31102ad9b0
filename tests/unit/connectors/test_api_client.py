"""The Python client against the API itself: repeats, pages, and what is refused."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from connectors.api.client import ATTEMPTS, Client, Refused, Unanswered
from connectors.api.forms import ORDER_EXAMPLE, OrdersPage, OrderSummary
from connectors.api.reading import Place, Wanted, cursor
from schemas.orders import CancelOrder
from tests.unit.connectors.api_service import TOKEN, Orders, Service
from tests.unit.connectors.test_levels import TEA, store


def use(
    service: Service,
    work: Callable[[Client], Any],
    lost: int = 0,
    token: str = TOKEN,
    sleep: Callable[[float], object] = lambda seconds: None,
) -> Any:
    """What `work` returns; the first `lost` answers never reach the client."""
    left = [lost]

    @web.middleware
    async def losing(
        request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        response = await handler(request)
        if left[0]:
            left[0] -= 1
            return web.Response(status=502)
        return response

    async def main() -> Any:
        app = service.app()
        app.middlewares.insert(0, losing)
        async with TestServer(app) as server:
            client = Client(str(server.make_url("/")), token, sleep)
            try:
                return await asyncio.to_thread(work, client)
            finally:
                client.close()

    return asyncio.run(main())


def test_an_order_whose_answers_are_lost_is_placed_once() -> None:
    service = Service()
    assert use(service, lambda client: client.place(ORDER_EXAMPLE), lost=2) == "json-A-1001"
    assert len(service.kafka.raw) == 1


def test_the_client_waits_as_long_as_it_is_asked_to_and_gives_up_in_the_end() -> None:
    service, pauses = Service(), []
    service.kafka.away = True
    with pytest.raises(Unanswered):
        use(service, lambda client: client.place(ORDER_EXAMPLE), sleep=pauses.append)
    assert len(pauses) == ATTEMPTS - 1
    assert min(pauses) >= 1.0


def test_what_is_refused_names_the_field_and_is_not_tried_again() -> None:
    def work(client: Client) -> None:
        with pytest.raises(Refused) as refused:
            client.place({**ORDER_EXAMPLE, "currency": "XXX"}, "key")
        assert (refused.value.status, refused.value.kind) == (422, "not_taken")
        assert refused.value.errors[0]["pointer"] == "/currency"

    use(Service(), work)


def test_a_wrong_token_is_refused() -> None:
    with pytest.raises(Refused, match="401"):
        use(Service(), lambda client: client.stock("TEA"), token="wrong")


def test_all_pages_are_read_to_the_end() -> None:
    class Paged(Orders):
        async def page(self, wanted: Wanted, behind: Place, limit: int) -> OrdersPage:
            await super().page(wanted, behind, limit)
            number = len(self.asked)
            one = OrderSummary(f"json-{number}", "json", "", "shipped", "EUR", "1.00", "t")
            return OrdersPage([one], cursor(Place(number, "x")) if number < 3 else None)

    service = Service()
    service.orders = paged = Paged()
    service.outside = type(service.outside)(
        service.kafka, service.kafka, paged, store(TEA), service.outside.levels
    )
    found = use(service, lambda client: list(client.orders(status="shipped", limit=1)))
    assert [one.order_id for one in found] == ["json-1", "json-2", "json-3"]
    assert [behind.at_ms for _, behind, _ in paged.asked][1:] == [1, 2]


def test_stock_cancellations_and_what_is_not_known() -> None:
    service = Service(store(TEA))

    def work(client: Client) -> None:
        found = client.stock("TEA")
        assert found is not None and found.available == TEA.available
        assert client.stock("a/b?c") is None
        assert client.order("json-9") is None
        client.cancel("json-1/2", "late", ["1"])
        client.amend("json-1", {"reason": "less", "remove": ["2"]})

    use(service, work)
    first, second = (each.record for each in service.kafka.sent)
    assert isinstance(first, CancelOrder) and first.order_id == "json-1/2"
    assert second.order_id == "json-1"  # type: ignore[attr-defined]
