"""Locations see and work on what is theirs, and are told what came of it."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import orjson
import pytest

from connectors.carriers.cartons import Carton, Goods, proposed
from connectors.http_api import Pace
from connectors.locations import documented, outcomes
from connectors.locations.callers import Caller
from connectors.locations.outcomes import Key, Outcomes
from connectors.locations.requests import ACTIONS
from connectors.locations.server import LIMIT_MAX
from schemas.fulfillment import CancelFulfillment
from schemas.fulfillment_work import (
    AcceptFulfillmentOrder,
    FulfillmentOrderAccepted,
    RecordCarrierEvent,
    RecordPacked,
    ShipFulfillmentOrder,
)
from tests.unit.connectors.locations_bench import ALL, BERLIN, DHL, LYON, Bench, ask
from tests.unit.streams.memory import NOW

HERE = "/v1/fulfillment-orders/json-1/1"
THERE = "/v1/fulfillment-orders/json-1/2"
WAIT = {"Prefer": "wait=5"}
PARCEL = {"weight_grams": 900, "length_mm": 300, "width_mm": 200, "height_mm": 100}
SHIPPED = {"carrier": "dhl", "service": "express", "tracking_number": "T1"}
EVENT = {
    "tracking_number": "T1", "event_id": "e1", "kind": "delivered",
    "occurred_at": "2023-11-15T08:00:00Z",
}  # fmt: skip


def shipped() -> Bench:
    """With the first fulfillment order under way."""
    bench = Bench()
    steps: list[tuple[str, object]] = [
        ("accept", None), ("pick", {}), ("pack", {"parcels": [PARCEL]}), ("ship", SHIPPED),
    ]  # fmt: skip
    answers = bench.ask_all(
        [("POST", f"{HERE}/{step}", BERLIN, body, WAIT) for step, body in steps]
    )
    assert [one.status for one in answers] == [200] * 4
    return bench


def test_a_location_takes_a_fulfillment_order_to_the_door() -> None:
    bench = shipped()
    status, told, _ = bench.ask("GET", HERE, BERLIN)
    assert status == 200
    assert (told["status"], told["tracking_number"]) == ("shipped", "T1")
    # The only parcel says nothing of what is in it, so it is all of it.
    [parcel] = told["parcels"]
    assert parcel == {**PARCEL, "parcel_id": "p1", "lines": [{"line_id": "1", "quantity": 2}]}


def test_its_slash_may_be_written_either_way() -> None:
    bench = Bench()
    first = bench.ask("GET", "/v1/fulfillment-orders/json-1%2F1", BERLIN)
    assert first.status == 200
    assert first.body == bench.ask("GET", HERE, BERLIN).body
    assert bench.ask("POST", "/v1/fulfillment-orders/json-1%2F1/accept", BERLIN).status == 200


def test_a_location_sees_only_its_own() -> None:
    bench = Bench()
    listed = bench.ask("GET", "/v1/fulfillment-orders", LYON).body
    assert [one["fulfillment_order_id"] for one in listed["fulfillment_orders"]] == ["json-1/2"]
    assert bench.ask("GET", HERE, LYON).status == 404
    assert bench.ask("POST", f"{HERE}/accept", LYON).status == 404
    assert bench.ask("GET", "/v1/fulfillment-orders?location=berlin", LYON).status == 403
    assert bench.ask("GET", "/v1/fulfillment-orders?location=lyon", LYON).status == 200
    assert bench.sent == []


def test_a_token_without_a_name_sees_all_of_them() -> None:
    listed = Bench().ask("GET", "/v1/fulfillment-orders", ALL).body
    names = [one["fulfillment_order_id"] for one in listed["fulfillment_orders"]]
    assert names == ["json-1/1", "json-1/2"]
    assert listed["next"] is None


def test_a_carrier_sees_nothing() -> None:
    bench = Bench()
    for path in ("/v1/fulfillment-orders", HERE, f"{HERE}/cartons", f"{HERE}/commands/k"):
        assert bench.ask("GET", path, DHL).status == 403
    assert bench.ask("POST", f"{HERE}/accept", DHL).status == 403


@pytest.mark.parametrize("token", ["", "wrong", "berlin", "berlin:b-secret"])
def test_nobody_gets_in_without_a_token(token: str) -> None:
    bench = Bench()
    for path in ("/v1/fulfillment-orders", HERE):
        status, told, headers = bench.ask("GET", path, token)
        assert (status, headers["WWW-Authenticate"]) == (401, "Bearer")
        assert told["title"] == "Unauthorized"


def test_pages_follow_each_other_without_gaps() -> None:
    bench = Bench()
    _, first, _ = bench.ask("GET", "/v1/fulfillment-orders?limit=1")
    assert first["next"] == "json-1/1"
    _, second, _ = bench.ask("GET", f"/v1/fulfillment-orders?limit=1&cursor={first['next']}")
    assert [one["fulfillment_order_id"] for one in second["fulfillment_orders"]] == ["json-1/2"]
    assert second["next"] is None


def test_without_a_status_there_is_what_is_still_to_do() -> None:
    bench = shipped()
    names = [
        one["fulfillment_order_id"]
        for one in bench.ask("GET", "/v1/fulfillment-orders").body["fulfillment_orders"]
    ]
    assert names == ["json-1/2"]
    asked = "/v1/fulfillment-orders?status=shipped&status=released"
    assert len(bench.ask("GET", asked).body["fulfillment_orders"]) == 2


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ("limit=0", "limit"),
        (f"limit={LIMIT_MAX + 1}", "limit"),
        ("limit=%D9%A3", "limit"),
        ("status=lost-it", "status"),
        ("cursor=%00", "cursor"),
        (f"location={'x' * 300}", "location"),
        ("colour=red", "colour"),
    ],
)
def test_a_wrong_parameter_is_named(query: str, parameter: str) -> None:
    status, told, _ = Bench().ask("GET", f"/v1/fulfillment-orders?{query}")
    assert status == 400
    assert told["errors"][0]["parameter"] == parameter


@pytest.mark.parametrize(
    ("action", "body", "pointer"),
    [
        ("accept", {"by": "anna"}, "/by"),
        ("accept", {"actor": 1}, "/actor"),
        ("accept", {"actor": "a\nb"}, "/actor"),
        ("accept", [], ""),
        ("reject", {}, "/reason"),
        ("reject", {"reason": ""}, "/reason"),
        ("short", {"line_id": "1", "quantity": 0}, "/quantity"),
        ("short", {"line_id": "1", "quantity": 1.0}, "/quantity"),
        ("short", {"line_id": "1", "quantity": True}, "/quantity"),
        ("short", {"line_id": " ", "quantity": 1}, "/line_id"),
        ("pack", {"parcels": []}, "/parcels"),
        ("pack", {"parcels": [{"weight_grams": 0}]}, "/parcels/0/weight_grams"),
        ("pack", {"parcels": [{"weight_grams": 1, "length_mm": 5}]}, "/parcels/0"),
        ("pack", {"parcels": [PARCEL, PARCEL]}, "/parcels/0/lines"),
        ("pack", {"parcels": [{**PARCEL, "colour": "red"}]}, "/parcels/0/colour"),
        ("ship", {"shipped_at": "yesterday"}, "/shipped_at"),
        ("ship", {"shipped_at": "2024-01-01T10:00:00"}, "/shipped_at"),
        ("ship", {"shipped_at": "2999-01-01T10:00:00Z"}, "/shipped_at"),
        ("ship", {"shipped_at": "1969-01-01T10:00:00Z"}, "/shipped_at"),
        ("ship", {"tracking_number": "x" * 201}, "/tracking_number"),
        ("hold", {"reason": None}, "/reason"),
    ],
)
def test_a_wrong_field_is_named_with_its_reason(action: str, body: object, pointer: str) -> None:
    bench = Bench()
    status, told, headers = bench.ask("POST", f"{HERE}/{action}", BERLIN, body)
    assert status == 422
    assert headers["Content-Type"].startswith("application/problem+json")
    assert told["errors"][0]["pointer"] == pointer
    assert told["errors"][0]["detail"]
    assert "matching regex" not in told["errors"][0]["detail"]
    assert bench.sent == []


def test_a_body_must_be_json_of_a_bounded_size() -> None:
    bench = Bench()
    path, json = f"{HERE}/reject", {"Content-Type": "application/json"}
    assert bench.ask("POST", path, BERLIN, b"{", **json).status == 400
    assert bench.ask("POST", path, BERLIN, b"\xff\xfe", **json).status == 400
    assert bench.ask("POST", path, BERLIN, b"[" * 100_000, **json).status in (400, 422)
    assert bench.ask("POST", path, BERLIN, b"reason=x").status == 415
    large = orjson.dumps({"reason": "x" * 1024 * 1024})
    assert bench.ask("POST", path, BERLIN, large, **json).status == 413
    assert bench.sent == []


def test_memory_for_bodies_is_bounded() -> None:
    bench = Bench()
    bench.memory_bytes = 10
    status, _, headers = bench.ask("POST", f"{HERE}/reject", BERLIN, {"reason": "flooded"})
    assert (status, headers["Retry-After"]) == (503, "1")


def test_what_is_asked_is_durable_before_it_is_answered() -> None:
    bench = Bench()
    bench.away = True
    path, key = f"{HERE}/accept", {"Idempotency-Key": "k1"}
    first = bench.ask("POST", path, BERLIN, None, **key)
    assert (first.status, first.headers["Retry-After"]) == (503, "1")
    assert bench.ask("GET", f"{HERE}/commands/k1", BERLIN).status == 404
    bench.away = False
    bench.waits = True
    status, told, headers = bench.ask("POST", path, BERLIN, {"actor": "anna"}, **key)
    assert (status, told["status"], told["key"]) == (202, "pending", "k1")
    assert bench.sent == [AcceptFulfillmentOrder("json-1", "json-1/1", "berlin: anna")]
    assert headers["Location"] == "/v1/fulfillment-orders/json-1%2F1/commands/k1"


def test_the_same_key_asks_once_and_has_the_same_answer() -> None:
    bench = Bench()
    bench.waits = True
    same = ("POST", f"{HERE}/reject", BERLIN, {"reason": "flooded"}, {"Idempotency-Key": "k1"})
    other = ("POST", f"{HERE}/reject", BERLIN, {"reason": "burnt"}, {"Idempotency-Key": "k1"})
    theirs = ("POST", f"{THERE}/reject", LYON, {"reason": "full"}, {"Idempotency-Key": "k1"})
    first, again, changed, lyon = bench.ask_all([same, same, other, theirs])
    assert (first.status, again.status) == (202, 202)
    assert first.body == again.body
    assert changed.status == 422
    assert lyon.status == 202
    assert len(bench.sent) == 2


def test_a_wrong_key_is_refused() -> None:
    bench = Bench()
    answer = bench.ask("POST", f"{HERE}/accept", BERLIN, None, Idempotency_Key="x" * 300)
    assert answer.status == 400
    assert answer.body["errors"][0]["parameter"] == "Idempotency-Key"


def test_an_outcome_is_waited_for_when_it_is_asked_for() -> None:
    bench = Bench()
    bench.waits = True

    async def work(client: Any) -> None:
        asking = asyncio.create_task(ask(client, "POST", f"{HERE}/accept", BERLIN, None, WAIT))
        while not bench.sent:
            await asyncio.sleep(0)
        assert not asking.done()
        # Events come from the follower's thread.
        thread = threading.Thread(target=bench.catch_up)
        thread.start()
        status, told, headers = await asking
        thread.join()
        assert (status, told["status"]) == (200, "done")
        assert headers["Preference-Applied"] == "wait=5"

    bench.run(work)


def test_without_waiting_the_outcome_is_told_under_its_key() -> None:
    bench = Bench()
    bench.waits = True

    async def work(client: Any) -> None:
        asked = await ask(client, "POST", f"{HERE}/accept", BERLIN)
        assert (asked.status, asked.body["status"]) == (202, "pending")
        where = asked.headers["Location"]
        assert (await ask(client, "GET", where, BERLIN)).body["status"] == "pending"
        bench.catch_up()
        await asyncio.sleep(0)
        assert (await ask(client, "GET", where, BERLIN)).body["status"] == "done"
        # Another caller's keys are nobody else's.
        assert (await ask(client, "GET", where, ALL)).status == 404

    bench.run(work)


def test_a_refusal_is_told_with_its_reason() -> None:
    bench = Bench()
    status, told, _ = bench.ask("POST", f"{HERE}/pick", BERLIN, {}, **WAIT)
    assert status == 409
    assert told["type"] == "urn:millrace:problem:refused"
    assert told["errors"][0]["reason"] == "wrong_status"
    answer = bench.ask("POST", f"{HERE}/pick", BERLIN, {}, Idempotency_Key="k")
    assert (answer.status, answer.body["status"]) == (202, "pending")


def test_what_is_so_already_is_done() -> None:
    bench = shipped()
    for step, body in (("accept", {}), ("pick", {}), ("ship", SHIPPED)):
        status, told, _ = bench.ask("POST", f"{HERE}/{step}", BERLIN, body)
        assert (status, told["status"]) == (200, "done"), step
    conflict = bench.ask(
        "POST", f"{HERE}/ship", BERLIN, {**SHIPPED, "tracking_number": "T2"}, **WAIT
    )
    assert conflict.status == 409
    assert conflict.body["errors"][0]["reason"] == "conflict"


def test_a_hold_begins_and_ends() -> None:
    bench = Bench()
    held = bench.ask("POST", f"{HERE}/hold", BERLIN, {"reason": "no boxes"}, **WAIT)
    assert held.status == 200
    assert bench.ask("GET", HERE, BERLIN).body["status"] == "held"
    assert bench.ask("POST", f"{HERE}/release", BERLIN, {}, **WAIT).status == 200
    assert bench.ask("GET", HERE, BERLIN).body["status"] == "released"


def test_a_short_line_and_a_rejection_leave_the_location() -> None:
    bench = Bench()
    for step in ("accept", "pick"):
        assert bench.ask("POST", f"{HERE}/{step}", BERLIN, {}, **WAIT).status == 200
    short = {"line_id": "1", "quantity": 1}
    assert bench.ask("POST", f"{HERE}/short", BERLIN, short, **WAIT).status == 200
    assert bench.ask("GET", HERE, BERLIN).body["missing"] == [short]
    assert bench.ask("POST", f"{THERE}/reject", LYON, {"reason": "full"}, **WAIT).status == 200
    assert bench.ask("GET", THERE, LYON).body["status"] == "rejected"


def test_a_carrier_tells_of_its_own_shipments() -> None:
    bench = shipped()
    status, told, _ = bench.ask("POST", "/v1/carrier-events", DHL, EVENT)
    assert (status, told["event_id"]) == (202, "dhl:e1")
    assert isinstance(bench.sent[-1], RecordCarrierEvent)
    assert bench.ask("GET", HERE).body["status"] == "delivered"
    again = bench.ask("POST", "/v1/carrier-events", DHL, EVENT)
    assert again.status == 202
    assert bench.sent[-1] == bench.sent[-2]


def test_carrier_events_are_refused_that_nobody_may_tell() -> None:
    bench = shipped()
    path = "/v1/carrier-events"
    assert bench.ask("POST", path, BERLIN, EVENT).status == 403
    assert bench.ask("POST", path, DHL, {**EVENT, "carrier": "ups"}).status == 403
    unknown = bench.ask("POST", path, DHL, {**EVENT, "tracking_number": "T9"})
    assert (unknown.status, unknown.body["type"]) == (404, "urn:millrace:problem:unknown_shipment")
    nameless = bench.ask("POST", path, ALL, EVENT)
    assert (nameless.status, nameless.body["errors"][0]["pointer"]) == (422, "/carrier")
    assert bench.ask("POST", path, ALL, {**EVENT, "carrier": "dhl"}).status == 202
    wrong = bench.ask("POST", path, DHL, {**EVENT, "kind": "eaten"})
    assert (wrong.status, wrong.body["errors"][0]["pointer"]) == (422, "/kind")
    future = {**EVENT, "occurred_at": "2999-01-01T00:00:00Z"}
    assert bench.ask("POST", path, DHL, future).body["errors"][0]["pointer"] == "/occurred_at"


def test_cartons_are_proposed_where_sizes_are_known() -> None:
    box = Carton("box", 300, 200, 100, 100, 10_000)

    def proposes(lines: Any) -> Any:
        if any(line.sku != "MUG" for line in lines):
            raise LookupError("the size of TEE is not known")
        goods = [Goods(line.line_id, line.quantity, 90, 90, 90, 400, False) for line in lines]
        return proposed(goods, [box])

    bench = Bench(proposes=proposes)
    status, told, _ = bench.ask("GET", f"{HERE}/cartons", BERLIN)
    assert status == 200
    assert [(one["carton"], one["weight_grams"]) for one in told["cartons"]] == [("box", 900)]
    assert told["left"] == []
    missing = bench.ask("GET", f"{THERE}/cartons", LYON)
    assert (missing.status, missing.body["detail"]) == (409, "the size of TEE is not known")
    assert Bench().ask("GET", f"{HERE}/cartons", BERLIN).body["type"].endswith("no_sizes")


def test_nothing_is_told_before_everything_is_read() -> None:
    bench = Bench()
    bench.why = "0 orders read"
    for method, path in (("GET", HERE), ("POST", f"{HERE}/accept"), ("GET", "/ready")):
        answer = bench.ask(method, path)
        assert (answer.status, answer.body["detail"]) == (503, "0 orders read")
    assert bench.ask("GET", "/health", "").status == 200
    bench.why, bench.away = "", True
    assert bench.ask("GET", "/ready", "").body["detail"] == "Kafka does not answer"
    bench.away = False
    assert bench.ask("GET", "/ready", "").status == 200


def test_a_caller_that_asks_too_often_is_slowed_down() -> None:
    bench = Bench(pace=Pace(1.0, 2.0, lambda: 0.0))
    answers = bench.ask_all(
        [("GET", HERE, BERLIN, None, {})] * 3 + [("GET", THERE, LYON, None, {})]
    )
    assert [one.status for one in answers] == [200, 200, 429, 200]
    assert int(answers[2].headers["Retry-After"]) >= 1


def test_what_is_not_there_is_a_problem_too() -> None:
    bench = Bench()
    for method, path, status in (
        ("GET", "/v1/fulfillment-orders/json-9/1", 404),
        ("GET", "/v1/fulfillment-orders/nothing", 404),
        ("GET", "/v1/nothing", 404),
        ("DELETE", HERE, 405),
        ("POST", f"{HERE}/burn", 404),
    ):
        answer = bench.ask(method, path)
        assert (answer.status, answer.body["status"]) == (status, status)


def test_a_withdrawn_order_is_told_as_cancelled() -> None:
    bench = Bench()
    bench.decide("json-1", CancelFulfillment("json-1", "changed my mind"))
    assert bench.ask("GET", HERE, BERLIN).body["status"] == "cancelled"


def test_the_document_is_current_and_has_an_example_of_each_call() -> None:
    assert documented.FILE.read_bytes() == documented.document(), (
        "python -m connectors.locations.documented"
    )
    told = orjson.loads(documented.document())
    assert told["openapi"].startswith("3.1")
    names = {
        operation["operationId"] for path in told["paths"].values() for operation in path.values()
    }
    assert {f"{name}FulfillmentOrder" for name in ACTIONS} <= names
    for path in told["paths"].values():
        for operation in path.values():
            if "requestBody" in operation:
                assert operation["requestBody"]["content"]["application/json"]["example"]
            for status, response in operation["responses"].items():
                if status.startswith("2") and "content" in response:
                    assert response["content"]["application/json"]["example"]


def test_the_document_is_served_to_everybody() -> None:
    status, told, _ = Bench().ask("GET", "/openapi.json", "")
    assert status == 200
    assert told == orjson.loads(documented.FILE.read_bytes())


def test_every_example_is_a_request_that_is_taken() -> None:
    bench = shipped()
    for name, action in ACTIONS.items():
        assert bench.ask("POST", f"{THERE}/{name}", LYON, dict(action.example)).status in (200, 202)


def test_the_earlier_of_two_commands_is_answered_first() -> None:
    async def main() -> None:
        kept = Outcomes()
        record = AcceptFulfillmentOrder("o", "o/1", "berlin")
        first = kept.add(Key("berlin", "o/1", "a"), "o", record, "berlin")
        second = kept.add(Key("berlin", "o/1", "b"), "o", record, "berlin")
        assert kept.is_next(first)
        assert not kept.is_next(second)
        event = FulfillmentOrderAccepted("o", "o/1", "berlin", "berlin", NOW)
        kept.put("o", outcomes.codec.encode(event))
        await asyncio.sleep(0)
        assert (first.settled.done(), second.settled.done()) == (True, False)
        assert kept.is_next(second)

    asyncio.run(main())


def test_commands_in_memory_are_bounded() -> None:
    async def main() -> None:
        kept = Outcomes(maximum=2)
        record = AcceptFulfillmentOrder("o", "o/1", "")
        for name in "abc":
            kept.add(Key("berlin", "o/1", name), "o", record, "")
        assert len(kept) == 2
        assert kept.find(Key("berlin", "o/1", "a")) is None

    asyncio.run(main())


def test_other_parcels_and_other_numbers_are_other_commands() -> None:
    bench = shipped()
    [packed] = [one for one in bench.sent if isinstance(one, RecordPacked)]
    [left] = [one for one in bench.sent if isinstance(one, ShipFulfillmentOrder)]
    found = bench.store.get("json-1/1")
    assert found is not None
    assert outcomes.is_so(packed, found.one)
    assert outcomes.is_so(left, found.one)
    assert not outcomes.is_so(RecordPacked("json-1", "json-1/1", [], ""), found.one)


def test_a_name_with_carrier_in_front_is_a_carrier() -> None:
    assert Caller("carrier@dhl").carrier == "dhl"
    assert Caller("berlin").carrier == ""
    assert Caller("api").may_do_all
