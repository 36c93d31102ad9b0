"""`millrace fulfillment`, where no broker is needed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from click.testing import CliRunner, Result
from msgspec.structs import replace

from deploy import fulfillment, records
from deploy.cli import cli
from deploy.cluster import Cluster
from deploy.timeline import words
from schemas import codec
from schemas.fulfillment import Allocation, CapacityState, FulfillmentState
from schemas.fulfillment_moves import EVENTS
from schemas.fulfillment_work import (
    AcceptFulfillmentOrder,
    CarrierEventRecorded,
    FulfillmentOrder,
    FulfillmentOrderPacked,
    HoldFulfillmentOrder,
    LinesUnroutable,
    LineWithoutPlace,
    PackedLine,
    PackedParcel,
    RecordCarrierEvent,
    RecordPacked,
    RejectFulfillmentOrder,
    ReleaseFulfillmentOrder,
    ReportShort,
    RouteLinesTo,
    ShipFulfillmentOrder,
    StartPicking,
    WorkLine,
    WorkState,
)
from schemas.messages import Send
from schemas.promises import Promise, PromiseState
from schemas.records import Record
from tests.unit.streams.memory import NOW

LINES = [WorkLine("1", "MUG", 2, []), WorkLine("2", "TEE", 1, [])]
STATE = WorkState(
    "json-1",
    [
        FulfillmentOrder("json-1/1", "berlin", "", "rejected", [], NOW, reason="flooded"),
        FulfillmentOrder("json-1/2", "hamburg", "", "picking", LINES, NOW),
        FulfillmentOrder(
            "json-1/3",
            "hamburg",
            "",
            "shipped",
            LINES,
            NOW,
            carrier="sandbox",
            tracking_number="T1-LOST",
        ),
    ],
    ["berlin"],
    [LineWithoutPlace("3", "CAP", 1, "pickup", [], "", "", "pickup_rejected")],
)


PROMISES = [
    Promise("json-1/2", "hamburg", "", ["1", "2"], NOW, NOW + 1, "2023-11-15", NOW, 0,
            told=["not_packed"]),
    Promise("json-1/3", "hamburg", "", ["1", "2"], NOW, NOW + 1, "2023-11-16", NOW, 0),
]  # fmt: skip


class Kept(NamedTuple):
    """A message of the state topic."""

    name: str
    state: Record | None

    def key(self) -> bytes:
        return self.name.encode()

    def value(self) -> bytes | None:
        return codec.encode(self.state) if self.state is not None else None


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["fulfillment", *arguments], catch_exceptions=False)


@pytest.fixture
def standing(monkeypatch: pytest.MonkeyPatch) -> None:
    def read(_cluster: object, order_id: str | None = None) -> list[WorkState]:
        return [STATE] if order_id in (None, "json-1") else []

    def history(_cluster: object, _name: str) -> Iterator[dict[str, object]]:
        return iter([])

    def with_promises(_cluster: object) -> tuple[list[WorkState], dict[str, Promise]]:
        return [STATE], {one.fulfillment_order_id: one for one in PROMISES}

    monkeypatch.setattr(fulfillment, "standing", read)
    monkeypatch.setattr(fulfillment, "standing_and_promised", with_promises)
    monkeypatch.setattr(fulfillment, "history", lambda *given: list(history(*given)))


@pytest.mark.parametrize(
    ("arguments", "record"),
    [
        (["accept", "json-1/2"], AcceptFulfillmentOrder("json-1", "json-1/2", "jo")),
        (
            ["reject", "json-1/2", "--reason", "flooded"],
            RejectFulfillmentOrder("json-1", "json-1/2", "flooded", "jo"),
        ),
        (["pick", "json-1/2"], StartPicking("json-1", "json-1/2", "jo")),
        (
            ["short", "json-1/2", "--line", "1", "--quantity", "2"],
            ReportShort("json-1", "json-1/2", "1", 2, "jo"),
        ),
        (
            ["hold", "json-1/2", "--reason", "x"],
            HoldFulfillmentOrder("json-1", "json-1/2", "x", "jo"),
        ),
        (["release", "json-1/2"], ReleaseFulfillmentOrder("json-1", "json-1/2", "jo")),
        (
            ["pack", "json-1/2", "--parcel", "900@30x20x10:1=2", "--parcel", "40:2=1"],
            RecordPacked(
                "json-1",
                "json-1/2",
                [
                    PackedParcel("p1", 900, 30, 20, 10, [PackedLine("1", 2)]),
                    PackedParcel("p2", 40, 0, 0, 0, [PackedLine("2", 1)]),
                ],
                "jo",
            ),
        ),
    ],
)
def test_a_location_says_what_it_does(
    sent: list[Send], arguments: list[str], record: Record
) -> None:
    result = run(*arguments, "--actor", "jo", "--json")
    assert result.exit_code == 0, result.output
    [send] = sent
    assert (send.key, send.record) == ("json-1", record)
    assert json.loads(result.output)["fulfillment_order_id"] == "json-1/2"


def test_one_parcel_that_says_nothing_holds_all(sent: list[Send], standing: None) -> None:
    assert run("pack", "json-1/2", "--parcel", "900").exit_code == 0
    [send] = sent
    assert isinstance(send.record, RecordPacked)
    assert send.record.parcels[0].lines == [PackedLine("1", 2), PackedLine("2", 1)]


def test_what_leaves_and_what_arrives_is_told(sent: list[Send]) -> None:
    assert run("ship", "json-1/2", "--carrier", "dhl", "--tracking", "T1").exit_code == 0
    assert run("deliver", "json-1/2").exit_code == 0
    assert run("track", "json-1/2", "--kind", "lost", "--id", "e1").exit_code == 0
    ship, delivered, lost = (send.record for send in sent)
    assert isinstance(ship, ShipFulfillmentOrder)
    assert (ship.carrier, ship.tracking_number) == ("dhl", "T1")
    assert isinstance(delivered, RecordCarrierEvent)
    assert isinstance(lost, RecordCarrierEvent)
    assert (delivered.kind, lost.kind, lost.event_id) == ("delivered", "lost", "e1")


def test_a_person_names_a_location_for_what_waits(sent: list[Send]) -> None:
    assert run("route", "json-1", "--location", "hamburg", "--line", "3").exit_code == 0
    [send] = sent
    assert isinstance(send.record, RouteLinesTo)
    assert (send.record.location_id, send.record.line_ids) == ("hamburg", ["3"])


@pytest.mark.parametrize(
    "arguments",
    [
        ["accept", "json-1"],
        ["accept", "/1"],
        ["accept", "json-1/x"],
        ["reject", "json-1/2"],
        ["short", "json-1/2", "--line", "1", "--quantity", "0"],
        *(
            ["pack", "json-1/2", "--parcel", words]
            for words in (
                "",
                "x",
                "1@2x3",
                "1@2x3x4x5",
                "1@axbxc",
                "-1:1=1",
                "1:1",
                "1:=2",
                "1:1=y",
            )
        ),
        ["pack", "json-1/2", "--parcel", "1", "--parcel", "2"],
        ["track", "json-1/2", "--kind", "eaten"],
    ],
)
def test_what_makes_no_sense_is_not_sent(sent: list[Send], arguments: list[str]) -> None:
    assert run(*arguments).exit_code == 2
    assert sent == []


def test_the_list_has_what_is_not_over_unless_asked(standing: None) -> None:
    found = [json.loads(line) for line in run("list", "--json").output.splitlines()]
    assert [one["fulfillment_order_id"] for one in found] == ["json-1/2", "json-1/3"]
    assert found[0]["lines"][0] == {"line_id": "1", "sku": "MUG", "quantity": 2}
    assert "json-1/1" in run("list", "--status", "rejected").output
    assert run("list", "--location", "munich", "--json").output == ""


def test_the_queue_says_why_and_who_gave_it_back(standing: None) -> None:
    told = json.loads(run("unroutable", "--json").output)
    assert (told["reason"], told["tried"]) == ("pickup_rejected", ["berlin"])
    assert "pickup rejected" in run("unroutable").output


def test_the_sandbox_carrier_tells_of_what_it_carries(sent: list[Send], standing: None) -> None:
    assert run("simulate", "json-1/3").exit_code == 0
    kinds = {send.record.kind for send in sent if isinstance(send.record, RecordCarrierEvent)}
    assert kinds == {"in_transit", "lost"}
    assert run("simulate", "json-1/2").exit_code == 2


def test_one_is_shown_with_what_happened(standing: None) -> None:
    assert "rejected at berlin: flooded" in run("show", "json-1/1").output
    assert json.loads(run("show", "json-1/2", "--json").output)["status"] == "picking"
    assert run("show", "json-1/9").exit_code == 1


def test_what_nobody_has_said_anything_of_is_released(monkeypatch: pytest.MonkeyPatch) -> None:
    def routed(order_id: str) -> FulfillmentState:
        lines = [Allocation("1", "MUG", 2, "berlin", [])]
        return FulfillmentState(order_id, "routed", lines, [], 0, [], NOW)

    kept = [
        Kept("@capacity", CapacityState(1, [])),
        Kept("json-1", routed("json-1")),
        Kept("json-2", routed("json-2")),
        Kept("json-1|work", STATE),
    ]
    asked: list[object] = []
    monkeypatch.setattr(records, "beginnings", lambda *given: asked.append(given[2]))
    monkeypatch.setattr(records, "messages", lambda *_given: iter(kept))
    cluster = Cluster("", {})
    first, second = fulfillment.standing(cluster)
    assert first == STATE
    assert [one.status for one in second.orders] == ["released"]
    assert fulfillment.standing(cluster, "json-1") == [STATE]
    assert asked == [(), (b"json-1",)]


def test_what_is_promised_is_listed_until_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    promised = PromiseState("json-1", "json", "", [], 0, PROMISES)
    gone = PromiseState("json-2", "json", "", [], 0, [replace(PROMISES[0], told=[])])
    kept = [
        Kept("json-1|promise", promised), Kept("json-2|promise", gone),
        Kept("json-2|promise", None),
    ]  # fmt: skip
    monkeypatch.setattr(records, "beginnings", lambda *_given: [])
    monkeypatch.setattr(records, "messages", lambda *_given: iter(kept))
    _, found = fulfillment.standing_and_promised(Cluster("", {}))
    assert found == {one.fulfillment_order_id: one for one in PROMISES}


def test_the_list_says_until_when_it_leaves_and_what_is_promised(standing: None) -> None:
    told = [json.loads(line) for line in run("list", "--json").output.splitlines()]
    assert [(one["ship_by"], one["promised_day"], one["at_risk"]) for one in told] == [
        ("2023-11-14T22:13:20.000Z", "2023-11-15", ["not_packed"]),
        ("2023-11-14T22:13:20.000Z", "2023-11-16", []),
    ]
    risky = run("list", "--at-risk").output
    assert "json-1/2" in risky
    assert "not packed" in risky
    assert "json-1/3" not in risky


def test_every_event_of_a_fulfillment_order_has_its_words() -> None:
    values: dict[str, object] = {"str": "x", "int": 1}
    for kind in EVENTS:
        types = {name: getattr(hint, "__name__", "") for name, hint in _fields(kind).items()}
        made = kind(**{name: values.get(found, []) for name, found in types.items()})
        assert words(made), kind
    box = PackedParcel("p", 900, 1, 1, 1, [])
    packed = FulfillmentOrderPacked("o", "o/1", "berlin", [box], "jo", NOW)
    assert words(packed) == "o/1: 1 parcel, 900 g by jo"
    told = CarrierEventRecorded(
        "o", "o/1", "e", "exception", "shipped", "dhl", "T", NOW, "nobody at home", "dhl", NOW
    )
    assert words(told) == "o/1: exception: nobody at home, shipped now"
    none = LinesUnroutable("o", ["1", "2"], "no_other_location", ["A", "B"], NOW)
    assert words(none) == "line 1, 2: no other location; tried A, B"


def _fields(kind: type[Record]) -> dict[str, object]:
    from typing import get_type_hints

    return {
        name: hint for name, hint in get_type_hints(kind).items() if name in kind.__struct_fields__
    }


SIZES = """
[[carton]]
name = "S"
length_mm = 200
width_mm = 150
height_mm = 100
tare_grams = 80
payload_grams = 5000
[[sku]]
sku = "MUG"
length_mm = 100
width_mm = 90
height_mm = 90
weight_grams = 400
[[sku]]
sku = "TEE"
length_mm = 200
width_mm = 150
height_mm = HEIGHT
weight_grams = 150
"""


def test_cartons_are_proposed_and_what_does_not_fit_ends_with_1(
    standing: None, tmp_path: Path
) -> None:
    path = tmp_path / "cartons.toml"
    path.write_text(SIZES.replace("HEIGHT", "10"))
    result = run("cartons", "json-1/2", "--sizes", str(path), "--json")
    assert result.exit_code == 0, result.output
    told = [json.loads(line) for line in result.output.splitlines()]
    assert sum(one["lines"].get("1", 0) for one in told) == 2
    path.write_text(SIZES.replace("HEIGHT", "300"))
    result = run("cartons", "json-1/2", "--sizes", str(path))
    assert result.exit_code == 1
    assert "@200x150x100:1=2" in result.output


@pytest.mark.parametrize(
    ("words", "fault"),
    [
        ("carton = 3", "carton must be written"),
        ("[[box]]", "box is neither"),
        (SIZES.replace("HEIGHT", "0"), "height_mm"),
        (SIZES.replace("HEIGHT", "1.5"), "height_mm"),
        (SIZES.replace("HEIGHT", "true"), "height_mm"),
        (SIZES.replace("HEIGHT", '1\nupright = "yes"'), "upright"),
        (SIZES.replace('"S"', '""').replace("HEIGHT", "1"), "name"),
        (SIZES.replace('"TEE"', '"TIE"').replace("HEIGHT", "1"), "TEE"),
        ("[[", "cartons.toml"),
    ],
)
def test_a_file_of_sizes_that_is_wrong_says_where(
    standing: None, tmp_path: Path, words: str, fault: str
) -> None:
    path = tmp_path / "cartons.toml"
    path.write_text(words)
    result = run("cartons", "json-1/2", "--sizes", str(path))
    assert result.exit_code == 2
    assert fault in result.output
