"""Putting routing rules into force, without a broker."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from msgspec.structs import replace

from deploy import routing_rollout, stock
from deploy.cli import cli
from deploy.cluster import Cluster
from deploy.holds import Held
from deploy.options import Unavailable
from deploy.routing_rollout import Look, Routing, put_in_force
from schemas.messages import Send
from schemas.orders import Hold, ReleaseHold
from schemas.routing import ROUTING_KEY, RoutingState, SetRoutingRules
from schemas.topics import FULFILLMENT_COMMANDS, ORDERS_COMMANDS
from streams.fulfillment.routing_room import learn
from tests.unit.streams.routing_world import rule, rules

NOW = 1_767_600_000_000
PARTITIONS = 2
CLUSTER = Cluster("127.0.0.1:1", {})
EXAMPLE = str(Path(stock.__file__).parent / "examples" / "routing.toml")


class Room:
    """The partitions of the fulfillment room, taking what is sent to them."""

    def __init__(self, deaf: tuple[int, ...] = ()) -> None:
        self.states: dict[int, RoutingState] = {}
        self.sends: list[Send] = []
        self._deaf = deaf

    def send(self, _cluster: object, sends: Iterator[Send]) -> int:
        for one in sends:
            self.sends.append(one)
            assert isinstance(one.record, SetRoutingRules)
            assert one.partition is not None
            if one.partition not in self._deaf:
                before = self.states.get(one.partition)
                self.states[one.partition], _ = learn(before, one.record, one.partition, NOW)
        return len(self.sends)

    def look(self) -> Routing:
        return Routing(dict(self.states), PARTITIONS)


@pytest.fixture
def room(monkeypatch: pytest.MonkeyPatch) -> Room:
    made = Room()

    @contextmanager
    def looking(_cluster: Cluster) -> Iterator[Look]:
        yield made.look

    monkeypatch.setattr(routing_rollout, "send", made.send)
    monkeypatch.setattr(routing_rollout, "looking", looking)
    return made


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["routing", *arguments])


def test_rules_are_sent_to_every_partition_and_once(room: Room) -> None:
    wanted = rules(rule())
    done = put_in_force(CLUSTER, wanted, "anna", NOW, room.look)
    assert done == replace(wanted, version=NOW)
    assert [(one.topic, one.key, one.partition) for one in room.sends] == [
        (FULFILLMENT_COMMANDS, ROUTING_KEY, 0),
        (FULFILLMENT_COMMANDS, ROUTING_KEY, 1),
    ]
    assert put_in_force(CLUSTER, wanted, "bert", NOW, room.look) is None


def test_former_rules_hold_again_under_a_later_version(room: Room) -> None:
    first, second = rules(rule("a")), replace(rules(rule("b")), text_hash=2)
    for wanted in (first, second, first):
        assert put_in_force(CLUSTER, wanted, "anna", NOW, room.look) is not None
    latest = room.look().latest
    assert latest is not None
    assert latest.rules == replace(first, version=NOW + 2)


def test_a_partition_that_does_not_take_them_is_named(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    deaf = Room((1,))
    monkeypatch.setattr(routing_rollout, "send", deaf.send)
    with pytest.raises(Unavailable, match=r"partition 1 of the fulfillment room .* routing show"):
        put_in_force(CLUSTER, rules(rule()), "anna", NOW, deaf.look, 0.0)


def test_set_says_what_holds_and_show_prints_the_file(room: Room) -> None:
    assert "no rules are set" in run("show").output
    assert "routing.toml is in force: 30 rules" in run("set", EXAMPLE, "--actor", "anna").output
    assert "is in force already" in run("set", EXAMPLE).output
    shown = run("show")
    assert shown.stdout.strip() == Path(EXAMPLE).read_text().strip()
    assert "30 rules, set " in shown.stderr
    assert '"behind": []' in run("show", "--json").output


def test_orders_that_wait_because_of_the_rules_are_tried_again_by_others(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    def held(order_id: str, hold_id: str) -> Held:
        hold = Hold(hold_id, "routing", "r", 0, "", "", "routing", NOW, 0)
        return Held(order_id, "", "", "EUR", 0, hold)

    waiting = [held("a", "routing/1"), held("b", "routing/shipments/9")]
    sent: list[Send] = []

    def send(_cluster: object, sends: Iterator[Send]) -> int:
        sent.extend(sends)
        return len(sent)

    run("set", EXAMPLE)
    monkeypatch.setattr(routing_rollout, "standing", lambda _cluster, _kind: waiting)
    monkeypatch.setattr(routing_rollout, "send", send)
    assert "2 orders tried again" in run("set", EXAMPLE, "--try-again").output
    assert all(one.topic is ORDERS_COMMANDS for one in sent)
    released = [one.record for one in sent if isinstance(one.record, ReleaseHold)]
    assert [(one.order_id, one.hold_id) for one in released] == [
        ("a", "routing/1"), ("b", "routing/shipments/9"),
    ]  # fmt: skip
    assert all(one.ask_again for one in released)


def test_a_file_with_errors_is_not_set(room: Room, tmp_path: Path) -> None:
    path = tmp_path / "r.toml"
    path.write_text("x = 1\n")
    assert run("set", str(path)).exit_code == 1
    assert room.sends == []
