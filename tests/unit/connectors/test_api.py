"""The JSON API: what it takes, what it refuses and how, and what a repeat is told."""

from __future__ import annotations

import asyncio
import dataclasses
import io
import json
import socket
from typing import Any

import msgspec
import pytest

from connectors.api import forms, reading, told
from connectors.api.__main__ import KEPT
from connectors.channels.generic import GenericJson
from connectors.channels.publisher import OnDone
from connectors.http_api import Pace, Problem, Repeats, Tokens, answer, pointer
from schemas.orders import (
    AmendOrder,
    CancelOrder,
    LineQuantity,
    OrderHeld,
    OrderLine,
    OrderPlaced,
    OrderShipped,
    PlaceOrder,
    ShippedLine,
)
from tests.unit.connectors.api_service import APP, Client, Service, ask, asked, run
from tests.unit.connectors.test_levels import TEA, store

ORDER = forms.ORDER_EXAMPLE


def keyed(key: str) -> dict[str, str]:
    return {**APP, "Idempotency-Key": key}


def test_the_example_in_the_document_is_an_order_whose_total_is_right() -> None:
    (order,) = GenericJson().orders(json.dumps(ORDER).encode(), "", "raw", 1)
    assert isinstance(order, PlaceOrder)
    assert (order.order_id, order.total_minor) == ("json-A-1001", 2450)


def test_an_order_is_accepted_once_it_is_on_kafka() -> None:
    service = Service()
    status, said = ask(service, "POST", "/v1/orders", ORDER)
    assert (status, said) == (202, {"order_id": "json-A-1001", "asked": "place"})
    (raw,) = service.kafka.raw
    assert (raw.channel, raw.source, json.loads(raw.payload)) == ("json", "api", ORDER)


def test_a_repeat_has_the_same_answer_and_another_body_under_its_key_is_refused() -> None:
    service = Service()

    async def work(client: Client) -> None:
        first = await asked(client, "POST", "/v1/orders", ORDER, keyed("k"))
        assert first == await asked(client, "POST", "/v1/orders", ORDER, keyed('"k"'))
        changed = {**ORDER, "total": "1.00"}
        status, said = await asked(client, "POST", "/v1/orders", changed, keyed("k"))
        assert (status, said["type"]) == (422, "urn:millrace:problem:key_reused")
        assert said["errors"][0]["parameter"] == "Idempotency-Key"

    run(service, work)
    assert len(service.kafka.raw) == 1


def test_a_repeat_while_the_first_is_under_way_is_told_to_wait() -> None:
    service = Service()
    waiting: list[OnDone] = []
    service.kafka.publish = lambda raw, on_done: waiting.append(on_done)  # type: ignore[method-assign]

    async def work(client: Client) -> None:
        first = asyncio.create_task(asked(client, "POST", "/v1/orders", ORDER))
        while not waiting:
            await asyncio.sleep(0.001)
        status, said = await asked(client, "POST", "/v1/orders", ORDER)
        assert (status, said["type"]) == (409, "urn:millrace:problem:under_way")
        waiting[0](None)
        assert (await first)[0] == 202
        async with client.post("/v1/orders", json=ORDER, headers=APP) as again:
            assert again.headers["Idempotency-Replayed"] == "true"
            assert again.headers["Location"] == "/v1/orders/json-A-1001"

    run(service, work)
    assert len(waiting) == 1


def test_without_a_key_the_order_and_its_version_are_the_key() -> None:
    service = Service()

    async def work(client: Client) -> list[int]:
        later = {**ORDER, "updated_at": "2024-03-02T11:00:00Z"}
        changed = {**ORDER, "total": "1.00"}
        return [
            (await asked(client, "POST", "/v1/orders", body))[0]
            for body in (ORDER, ORDER, changed, later)
        ]

    assert run(service, work) == [202, 202, 422, 202]
    assert len(service.kafka.raw) == 2


def test_what_kafka_did_not_take_can_be_sent_again_under_the_same_key() -> None:
    service = Service()

    async def work(client: Client) -> None:
        service.kafka.away = True
        async with client.post("/v1/orders", json=ORDER, headers=keyed("k")) as said:
            assert (said.status, said.headers["Retry-After"]) == (503, "1")
        service.kafka.away = False
        assert (await asked(client, "POST", "/v1/orders", ORDER, keyed("k")))[0] == 202

    run(service, work)


@pytest.mark.parametrize(
    ("change", "where", "reason"),
    [
        ({"lines": [{"sku": "MUG", "quantity": "1.5", "unit_price": "1"}]}, "/lines/0/quantity",
         "invalid_quantity"),
        ({"lines": [{"sku": "", "quantity": 1, "unit_price": "1"}]}, "/lines/0/sku",
         "missing_field"),
        ({"total": 24.5}, "/total", "invalid_amount"),
        ({"currency": "XXX"}, "/currency", "unknown_currency"),
        ({"payment": {"method": "card"}}, "/payment/token", "missing_field"),
    ],
)  # fmt: skip
def test_a_field_at_fault_is_named_by_its_pointer(
    change: dict[str, Any], where: str, reason: str
) -> None:
    status, said = ask(Service(), "POST", "/v1/orders", {**ORDER, **change})
    assert (status, said["status"]) == (422, 422)
    assert [(one["pointer"], one["reason"]) for one in said["errors"]] == [(where, reason)]


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b"{", {}, 400),
        (b"[]", {}, 422),
        (json.dumps([ORDER, ORDER]).encode(), {}, 422),
        (json.dumps({"external_id": "A", "cancelled": True}).encode(), {}, 422),
        (b"x" * (1024 * 1024 + 1), {}, 413),
        (b"{}", {"Content-Type": "text/plain"}, 415),
        (b"{}", {"Content-Encoding": "zstd"}, 415),
        (b"{}", {"Authorization": "Bearer wrong"}, 401),
        (b"{}", {"Authorization": "Basic other"}, 401),
        (b"{}", {"Idempotency-Key": "x" * 256}, 400),
    ],
)
def test_what_is_no_request_is_refused_with_a_problem(
    body: bytes, headers: dict[str, str], status: int
) -> None:
    service = Service()

    async def work(client: Client) -> None:
        sent = {"Content-Type": "application/json", **APP, **headers}
        async with client.post("/v1/orders", data=io.BytesIO(body), headers=sent) as said:
            assert (said.status, said.content_type) == (status, "application/problem+json")
            assert (await said.json())["status"] == status

    run(service, work)
    assert service.kafka.raw == []


def test_who_asks_too_often_is_told_when_to_come_back() -> None:
    now = [0.0]
    pace = Pace(0.5, 1, lambda: now[0])
    pace.admit("app")
    with pytest.raises(Problem) as refused:
        pace.admit("app")
    assert (refused.value.status, refused.value.retry_after) == (429, 2)
    pace.admit("other")
    now[0] = 2.0
    pace.admit("app")
    service = Service(pace=Pace(0.001, 1))

    async def work(client: Client) -> list[int]:
        return [(await asked(client, "GET", "/v1/orders"))[0] for _ in range(2)]

    assert run(service, work) == [200, 429]


def test_a_cancellation_says_who_asked() -> None:
    service = Service()
    form = {"reason": "changed my mind", "line_ids": ["1"]}
    status, said = ask(service, "POST", "/v1/orders/shopify-1%2F2/cancel", form)
    assert (status, said["order_id"]) == (202, "shopify-1/2")
    ((_, key, command, _),) = service.kafka.sent
    assert isinstance(command, CancelOrder)
    assert key == command.order_id == "shopify-1/2"
    assert (command.reason, command.line_ids, command.actor) == (
        "changed my mind", ["1"], "shop-app",
    )  # fmt: skip


def test_an_amendment_has_the_id_that_its_key_gives_it() -> None:
    service = Service()
    form = {
        **forms.AMEND_EXAMPLE,
        "add": [{"sku": "CUP", "quantity": 1, "unit_price": "9.90"}],
        "shipping": "0",
    }

    async def work(client: Client) -> list[int]:
        path = "/v1/orders/json-A/amend"
        keys = ({}, keyed("a"), keyed("a"), keyed("b"))
        return [
            (await asked(client, "POST", path, form, {**APP, **headers}))[0] for headers in keys
        ]

    assert run(service, work) == [400, 202, 202, 202]
    first, second = (each.record for each in service.kafka.sent)
    assert isinstance(first, AmendOrder) and isinstance(second, AmendOrder)
    assert first.amendment_id != second.amendment_id
    assert (first.quantities, first.shipping_minor) == ([LineQuantity("1", 3)], 0)
    assert first.add == [OrderLine(f"{first.amendment_id[:8]}-1", "CUP", 1, 990)]


@pytest.mark.parametrize(
    ("form", "where"),
    [
        ({"reason": "x"}, ""),
        ({"quantities": []}, "/reason"),
        ({"reason": "x", "remove": ["1"], "colour": "red"}, "/colour"),
        ({"reason": "x", "quantities": [{"line_id": "1", "quantity": 0}]},
         "/quantities/0/quantity"),
        ({"reason": "x", "shipping": "1.00"}, "/currency"),
        ({"reason": "x", "shipping": "1.001", "currency": "EUR"}, "/shipping"),
        ({"reason": "x", "add": [{"sku": "a|b", "quantity": 1, "unit_price": "1"}],
          "currency": "EUR"}, "/add/0/sku"),
    ],
)  # fmt: skip
def test_an_amendment_at_fault_names_the_field(form: dict[str, Any], where: str) -> None:
    service = Service()
    status, said = ask(service, "POST", "/v1/orders/json-A/amend", form, keyed("k"))
    assert (status, [one["pointer"] for one in said["errors"]]) == (422, [where])
    assert service.kafka.sent == []


def test_an_unknown_order_is_a_404_and_an_impossible_id_a_400() -> None:
    service = Service()
    assert ask(service, "GET", "/v1/orders/json-1")[0] == 404
    assert ask(service, "GET", "/v1/orders/json%7C1")[0] == 400
    assert ask(service, "DELETE", "/v1/orders/json-1")[0] == 405


def test_a_page_is_asked_for_behind_its_cursor() -> None:
    service = Service()
    place = reading.Place(7, "json-1")
    query = f"channel=json&status=shipped&customer=c-1&limit=3&cursor={reading.cursor(place)}"
    path = f"/v1/orders?{query}"
    assert ask(service, "GET", path)[0] == 200
    assert service.orders.asked == [(reading.Wanted("c-1", "json", "shipped"), place, 3)]


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=201", "limit=x", "cursor=x", "channel=x", "status=x", "page=2"]
)
def test_a_page_that_cannot_be_had_names_the_parameter(query: str) -> None:
    status, said = ask(Service(), "GET", f"/v1/orders?{query}")
    assert (status, said["errors"][0]["parameter"]) == (400, query.partition("=")[0])


def test_stock_is_what_levels_say() -> None:
    assert ask(Service(store(TEA)), "GET", "/v1/stock/TEA")[1]["available"] == TEA.available
    assert ask(Service(store(TEA)), "GET", "/v1/stock/POT")[0] == 404
    assert ask(Service(why="being read"), "GET", "/v1/stock/TEA")[0] == 503


def event(record: Any, at: str) -> told.Event:
    detail = json.loads(msgspec.json.encode(record))
    return told.Event(at, "orders", type(record).__name__, "", detail)


def test_an_order_is_told_out_of_its_events() -> None:
    line = OrderLine("1", "MUG", 3, 1000, title="Mug")
    placed = OrderPlaced(
        "json-1", "json", "1", "EUR", 3000, 0, [line], "DE", 1, "raw", 2, customer_id="c-1"
    )
    shipped = OrderShipped(
        "json-1", "s1", [ShippedLine("1", 2)], "berlin", "dhl", "T1", "partly_shipped", "EUR",
        2000, "", 4,
    )  # fmt: skip
    held = OrderHeld("json-1", "h", "fraud", "", 0, "", "", "ada", 3)
    events = [event(placed, "t1"), event(held, "t2"), event(shipped, "t3")]
    order = told.order("json-1", events)
    assert order is not None
    assert (order.status, order.total, order.holds) == ("held", "30.00", ["fraud"])
    free = told.order("json-1", [events[0], events[2]])
    assert free is not None and (free.status, free.holds) == ("partly_shipped", [])
    assert [(one.quantity, one.shipped, one.unit_price) for one in order.lines] == [(3, 2, "10.00")]
    assert order.shipments[0].tracking_number == "T1"
    assert [one.event for one in order.timeline] == ["OrderPlaced", "OrderHeld", "OrderShipped"]
    assert told.order("json-1", events[1:]) is None


def test_the_document_is_the_one_that_is_kept() -> None:
    status, said = ask(Service(), "GET", "/openapi.json", headers={})
    assert (status, said["openapi"]) == (200, "3.1.0")
    assert json.loads(KEPT.read_text()) == said, "`python -m connectors.api` writes it"


def test_every_reference_of_the_document_leads_somewhere() -> None:
    _, said = ask(Service(), "GET", "/openapi.json", headers={})
    text = json.dumps(said)
    for part in text.split('"$ref": "#/components/schemas/')[1:]:
        assert part.partition('"')[0] in said["components"]["schemas"]


def test_tokens_without_a_name_are_of_anyone_and_lines_that_are_none_are_refused() -> None:
    assert Tokens(["ada:one", "two", "", "ada:three"]).names() == {"ada", "api"}
    for line in ("a b:c", ":", "ada:"):
        with pytest.raises(ValueError, match="line 1"):
            Tokens([line])


def test_keys_are_bounded_in_number_and_in_time() -> None:
    async def work(_client: Client) -> None:
        now = [0.0]
        repeats, done = Repeats(2, lambda: now[0]), []

        async def once(key: str) -> None:
            async def made() -> Any:
                done.append(key)
                return answer({})

            await repeats.once("app", key, b"", made)

        for key in ("a", "b", "b", "c", "a"):
            await once(key)
        assert done == ["a", "b", "c", "a"]
        now[0] = 1e9
        await once("a")
        assert done[-1] == "a" and len(done) == 5

    run(Service(), work)


@pytest.mark.parametrize(
    ("path", "where"),
    [("lines[0].sku", "/lines/0/sku"), ("$[1].a/b", "/1/a~1b"), ("", ""), ("$", "")],
)
def test_a_path_becomes_a_pointer(path: str, where: str) -> None:
    assert pointer(path) == where


def test_analytics_that_does_not_answer_is_a_503_that_says_so() -> None:
    service = Service()
    with socket.socket() as taken:  # bound, and not listened to
        taken.bind(("127.0.0.1", 0))
        away = reading.Analytics(f"http://127.0.0.1:{taken.getsockname()[1]}/")
        service.outside = dataclasses.replace(service.outside, reader=away)
        for path in ("/v1/orders", "/v1/orders/json-1"):
            status, said = ask(service, "GET", path)
            assert (status, said["type"]) == (503, "urn:millrace:problem:analytics_away")


def test_the_document_is_a_page_too_without_a_script() -> None:
    async def work(client: Client) -> None:
        async with client.get("/docs") as page:
            text = await page.text()
            assert page.status == 200
            assert "default-src 'none'" in page.headers["Content-Security-Policy"]
        for one in ("POST /v1/orders", "cancelOrder", 'href="#OrderForm"', 'id="OrderForm"'):
            assert one in text
        assert "<script" not in text

    run(Service(), work)
