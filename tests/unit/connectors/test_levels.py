"""The look-up of stock levels, with a store that the test fills."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer
from msgspec.structs import replace

from connectors.levels import answers
from connectors.levels.server import application
from connectors.levels.store import Store
from schemas.codec import encode
from schemas.stock import (
    ChannelLevel,
    ChannelThreshold,
    Component,
    LocationLevel,
    Quota,
    StockLevels,
    Supply,
)

NOW = 1_700_000_000_000
DAY = 86_400_000


def at(location_id: str, on_hand: int, reserved: int = 0, allocated: int = 0) -> LocationLevel:
    available = max(0, on_hand - reserved - allocated)
    return LocationLevel(location_id, on_hand, reserved, allocated, 0, 0, 0, 0, available, True)


def levels(sku: str, *locations: LocationLevel, **words: Any) -> StockLevels:
    values: dict[str, Any] = {
        "available": sum(one.available for one in locations), "channels": [],
        "next_supply_at_ms": 0, "backordered": 0, "level": "ok", "components": [], "at_ms": NOW,
    }  # fmt: skip
    return StockLevels(sku=sku, locations=list(locations), **{**values, **words})


TEA = levels(
    "TEA", at("berlin", 10, 2, 1), at("lyon", 5),
    channels=[ChannelLevel("web", 3)],
    thresholds=[ChannelThreshold("web", 3)],
    quotas=[Quota("vip", "", "vip", 6, 0)],
    supplies=[Supply("po-1", "lyon", 4, NOW + DAY)],
    next_supply_at_ms=NOW + DAY,
)  # fmt: skip
POT = levels("POT", at("berlin", 9), at("oslo", 7))
SET = levels("TEA & POT/1", components=[Component("TEA", 2), Component("POT", 1)], level="")


def store(*records: StockLevels) -> Store:
    made = Store()
    for record in records:
        made.put(record.sku, encode(record))
    return made


class Ready:
    def __init__(self, why: str = "") -> None:
        self.why = why

    def waiting_for(self) -> str:
        return self.why


def get(kept: Store, path: str, why: str = "") -> tuple[int, str, Any]:
    async def main() -> tuple[int, str, Any]:
        server = TestServer(application(kept, Ready(why)))
        async with TestClient(server) as client, client.get(path) as answer:
            return answer.status, answer.content_type, await answer.json(content_type=None)

    return asyncio.run(main())


def test_a_sku_has_its_positions_and_what_channels_may_sell() -> None:
    status, kind, told = get(store(TEA), "/stock/TEA")
    assert (status, kind) == (200, "application/json")
    assert told["available"] == TEA.available
    assert [one["location_id"] for one in told["positions"]] == ["berlin", "lyon"]
    assert told["positions"][0]["allocated"] == 1
    assert told["channels"] == [{"channel": "web", "available": 3}]
    assert told["next_supply_at"] == "2023-11-15T22:13:20.000Z"
    assert "explained" not in told


def test_the_sum_is_explained_for_a_channel_and_a_date() -> None:
    _, _, told = get(store(TEA), "/stock/TEA?channel=web&at=2023-11-15")
    explained = told["explained"]
    steps = {
        one["location_id"]: {step["label"]: step["pieces"] for step in one["steps"]}
        for one in explained["locations"]
    }
    assert steps["berlin"]["on hand"] == 10
    assert steps["berlin"]["reserved"] == -2
    assert steps["berlin"]["threshold of the channel"] == -3
    assert steps["lyon"]["expected until then"] == 4
    assert explained["until"] == "2023-11-15T23:59:59.999Z"
    # berlin 10 - 2 - 1 - 3, lyon 5 + 4 - 3, less the 6 that are kept for others
    assert explained["available"] == 4 + 6 - 6


def test_without_a_date_nothing_is_expected() -> None:
    _, _, told = get(store(TEA), "/stock/TEA?channel=web")
    assert told["explained"]["available"] == 4 + 2 - 6


def test_a_kit_is_what_its_components_make_whole_at_one_location() -> None:
    kept = store(TEA, POT, SET)
    _, _, told = get(kept, "/stock/TEA%20%26%20POT%2F1?channel=")
    # Berlin has 7 of TEA, which make 3, and 9 of POT; Oslo has no TEA.
    # 6 of the 12 TEA are kept for others, and the 6 that are left make 3.
    assert told["available"] == told["explained"]["available"] == 3
    assert told["components"] == [{"sku": "TEA", "quantity": 2}, {"sku": "POT", "quantity": 1}]
    assert [one["location_id"] for one in told["explained"]["locations"]] == ["berlin"]


def test_a_kit_has_thresholds_of_its_own_on_top_of_its_components() -> None:
    tea = replace(TEA, quotas=[])
    kit = replace(SET, thresholds=[ChannelThreshold("web", 1), ChannelThreshold("pos", 5)])
    kit = replace(kit, channels=[ChannelLevel("pos", 0), ChannelLevel("web", 0)])
    _, _, told = get(store(tea, POT, kit), "/stock/TEA%20%26%20POT%2F1?channel=web")
    # Berlin has 7 of TEA, of which web may sell 4, which make 2.
    assert told["explained"]["locations"][0]["steps"] == [
        {"label": answers.KITS_HERE, "pieces": 2},
        {"label": "threshold of the channel", "pieces": -1},
    ]
    assert (told["available"], told["explained"]["available"]) == (3, 1)
    assert told["channels"] == [
        {"channel": "pos", "available": 0}, {"channel": "web", "available": 1},
    ]  # fmt: skip


def test_a_kit_without_one_of_its_components_is_not_available() -> None:
    _, _, told = get(store(POT, SET), "/stock/TEA%20%26%20POT%2F1")
    assert told["available"] == 0


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("/stock/NOPE", 404, "nothing is known of NOPE"),
        ("/stock/TEA?at=tomorrow", 400, "at: 'tomorrow' is neither"),
        ("/stock/TEA?at=2025-03-01T12:00:00", 400, "has no time zone"),
        ("/stock?limit=0", 400, "limit:"),
        ("/stock?limit=1001", 400, "limit:"),
        ("/stock?limit=%D9%A3", 400, "limit:"),
        ("/nothing", 404, "GET /nothing"),
    ],
)
def test_what_cannot_be_answered_is_a_problem_document(path: str, status: int, words: str) -> None:
    found, kind, told = get(store(TEA), path)
    assert (found, kind, told["status"]) == (status, "application/problem+json", status)
    assert words in told["detail"]


def test_nothing_is_told_before_all_that_was_there_is_read() -> None:
    for path in ("/stock/TEA", "/stock", "/ready"):
        status, kind, told = get(store(TEA), path, "7 SKUs read")
        assert (status, kind) == (503, "application/problem+json")
        assert told["detail"] == "7 SKUs read"
    assert get(store(TEA), "/health", "7 SKUs read")[0] == 200


def test_a_record_that_cannot_be_read_is_a_500_without_its_inside() -> None:
    kept = Store()
    kept.put("TEA", b"no record")
    status, _, told = get(kept, "/stock/TEA")
    assert (status, told["detail"]) == (500, "the record on Kafka cannot be read")


def test_pages_go_on_until_every_sku_was_told_once() -> None:
    kept = store(*(levels(f"S{number:03}", at("berlin", 1)) for number in range(25)))
    seen: list[str] = []
    path = "/stock?limit=10"
    while path:
        _, _, told = get(kept, path)
        seen += [one["sku"] for one in told["stock"]]
        path = f"/stock?limit=10&after={told['next']}" if told["next"] else ""
    assert seen == [f"S{number:03}" for number in range(25)]


def test_a_sku_that_comes_between_two_pages_is_told_where_it_belongs() -> None:
    kept = store(levels("A"), levels("C"), levels("E"))
    first, last = kept.page("", 2)
    assert ([one.sku for one in first], last) == (["A", "C"], "C")
    kept.put("B", encode(levels("B")))
    kept.put("D", encode(levels("D")))
    second, last = kept.page(last, 2)
    assert ([one.sku for one in second], last) == (["D", "E"], "")


def test_a_sku_that_was_deleted_is_gone_and_may_come_back() -> None:
    kept = store(levels("A"), levels("B"))
    kept.page("", 9)
    kept.put("A", None)
    assert kept.get("A") is None
    assert [one.sku for one in kept.page("", 9)[0]] == ["B"]
    kept.put("A", encode(levels("A")))
    assert [one.sku for one in kept.page("", 9)[0]] == ["A", "B"]
    assert len(kept) == 2


def test_a_day_lasts_to_its_end_and_a_time_needs_a_zone() -> None:
    assert answers.moment("2023-11-14T22:13:20Z") == NOW
    assert answers.moment("2023-11-14T23:13:20+01:00") == NOW
    assert answers.iso(answers.moment("2023-11-14")) == "2023-11-14T23:59:59.999Z"
    for text in ("", "2023-13-01", "1969-01-01", "soon"):
        with pytest.raises(ValueError):
            answers.moment(text)
