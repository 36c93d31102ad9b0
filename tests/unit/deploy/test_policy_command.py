"""`millrace policy` as a user meets it, without a broker."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from msgspec.structs import replace

from deploy import payment_rollout, policy_replay, policy_rollout, stock
from deploy.cli import cli
from deploy.cluster import Cluster
from deploy.options import Unavailable
from deploy.payment_rollout import Look, Validating
from deploy.policies import check
from deploy.policy_replay import Seen
from deploy.policy_rollout import Standing, put_in_force
from schemas.messages import Send
from schemas.payments import RULES_KEY, PaymentRulesState, SetPaymentRules
from schemas.policies import POLICY_KEY, Policy, PolicyState, SetPolicy
from schemas.topics import ORDERS_COMMANDS, PAYMENTS_COMMANDS
from streams.orders.policy import learn
from streams.payments.agent import PaymentsRoom
from tests.unit.streams.memory import NOW, Desk, place

EXAMPLE = str(Path(stock.__file__).parent / "examples" / "policy.toml")
REFUSE = '[[intake]]\nname = "large"\nwhen = { total_over = "20.00 EUR" }\n'
LIMIT = '[[payment_rule]]\nname = "limit"\nchannel = "shopify"\nmost_amount = "20.00 EUR"\n'
PARTITIONS = 2
CLUSTER = Cluster("127.0.0.1:1", {})


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["policy", *arguments])


def policy(text: str, version: int = 0) -> Policy:
    checked = check(text, "policy.toml")
    assert checked.policy is not None, checked.problems
    return replace(checked.policy, version=version)


def policy_payments(text: str) -> PaymentRulesState:
    return check(text, "policy.toml").payments


@pytest.fixture
def file(tmp_path: Path) -> Callable[[str], str]:
    def written(text: str) -> str:
        path = tmp_path / "policy.toml"
        path.write_text(text)
        return str(path)

    return written


class Room:
    """The orders room as far as policies go, fed by what commands send."""

    def __init__(self, sent: list[Send]) -> None:
        self.sent = sent
        self.taking = set(range(PARTITIONS))
        self.states: dict[int, PolicyState] = {}

    def standing(self, _cluster: Cluster) -> Standing:
        for send in self.sent:
            if isinstance(send.record, SetPolicy) and send.partition in self.taking:
                before = self.states.get(send.partition)
                self.states[send.partition] = learn(before, send.record, send.partition, NOW)[0]
        return Standing(dict(self.states), PARTITIONS)


class Till:
    """The payments room as far as its rules go, fed by what commands send."""

    def __init__(self, sent: list[Send]) -> None:
        self.sent = sent
        self.taking = set(range(PARTITIONS))
        self.desks = [Desk(PaymentsRoom(), number) for number in range(PARTITIONS)]

    @contextmanager
    def looking(self, _cluster: Cluster) -> Iterator[Look]:
        yield self.validating

    def validating(self) -> Validating:
        for send in self.sent:
            if isinstance(send.record, SetPaymentRules) and send.partition in self.taking:
                self.desks[send.partition].ask(send.key, send.record)
        kept = {number: desk.states.get(RULES_KEY) for number, desk in enumerate(self.desks)}
        states = {number: one for number, one in kept.items() if isinstance(one, PaymentRulesState)}
        return Validating(states, PARTITIONS)


@pytest.fixture
def till(sent: list[Send], monkeypatch: pytest.MonkeyPatch) -> Till:
    made = Till(sent)
    monkeypatch.setattr(payment_rollout, "looking", made.looking)
    return made


@pytest.fixture
def room(sent: list[Send], till: Till, monkeypatch: pytest.MonkeyPatch) -> Room:
    made = Room(sent)
    assert till.sent is sent

    def send(_cluster: object, sends: Iterator[Send]) -> int:
        sent.extend(sends)
        return len(sent)

    monkeypatch.setattr(policy_rollout, "send", send)
    monkeypatch.setattr(payment_rollout, "send", send)
    monkeypatch.setattr(policy_rollout, "standing", made.standing)
    return made


def test_a_sound_file_is_0_and_its_rules_are_counted() -> None:
    result = run("check", EXAMPLE)
    assert (result.exit_code, result.output) == (0, f"{EXAMPLE}: 45 rules, no error\n")


def test_an_error_is_1_and_named_with_its_line(file: Callable[[str], str]) -> None:
    path = file('[[hold]]\nname = "a"\nwhen.total_over = "250"\n')
    result = run("check", path)
    assert result.exit_code == 1
    assert result.output.splitlines() == [
        f"{path}:3: hold[1].when.total_over: '250' is no amount; write it as \"250.00 EUR\"",
        f"{path}: 1 error",
    ]


def test_errors_are_json_lines_for_scripts(file: Callable[[str], str]) -> None:
    path = file("[risk]\n")
    result = run("check", path, "--json")
    first, last = map(json.loads, result.output.splitlines())
    assert (first["severity"], first["line"], first["path"]) == ("error", 1, "risk")
    assert last == {"file": path, "rules": 0, "errors": 1, "warnings": 0}


def test_a_warning_is_0_and_with_strict_1(file: Callable[[str], str]) -> None:
    path = file('[backorder.fax]\nwaits = "never"\n')
    assert run("check", path).exit_code == 0
    assert run("check", path).output.endswith(": 1 rule, no error, 1 warning\n")
    assert run("check", path, "--strict").exit_code == 1


def test_a_file_that_cannot_be_read_is_2(tmp_path: Path) -> None:
    path = tmp_path / "policy.toml"
    path.write_bytes(b"\xff")
    result = run("check", str(path))
    assert (result.exit_code, result.stderr) == (2, f"Error: {path}:1: is not UTF-8\n")


@pytest.mark.parametrize("command", ["set", "simulate"])
def test_a_file_with_errors_is_neither_set_nor_simulated(
    command: str, file: Callable[[str], str], room: Room
) -> None:
    result = run(command, file("[risk]\n"))
    assert result.exit_code == 1
    assert "risk: neither hold_at nor refuse_at" in result.output
    assert room.sent == []


def test_a_policy_is_sent_to_every_partition_and_in_force_when_each_has_it(
    file: Callable[[str], str], room: Room
) -> None:
    result = run("set", file(REFUSE), "--actor", "anna", "--json")
    told = json.loads(result.output)
    assert (result.exit_code, told["changed"], told["rules"]) == (0, True, 1)
    assert [(send.topic, send.key, send.partition) for send in room.sent] == [
        (ORDERS_COMMANDS, POLICY_KEY, 0),
        (ORDERS_COMMANDS, POLICY_KEY, 1),
    ]
    assert {state.actor for state in room.states.values()} == {"anna"}
    assert {state.policy.version for state in room.states.values()} == {told["version"]}


def test_the_same_file_again_is_not_sent(file: Callable[[str], str], room: Room) -> None:
    path = file(REFUSE)
    run("set", path)
    result = run("set", path)
    assert (result.exit_code, result.output) == (0, "policy.toml is in force already\n")
    assert len(room.sent) == PARTITIONS


def test_a_former_file_is_set_again_under_a_later_version(room: Room) -> None:
    ahead = policy(REFUSE, NOW + 10)
    room.states = {number: PolicyState(ahead, "", NOW) for number in range(PARTITIONS)}
    done = put_in_force(CLUSTER, policy(""), "", NOW, room.standing)
    assert done is not None
    assert done.version == NOW + 11


def test_a_partition_that_does_not_take_it_in_time_is_named(room: Room) -> None:
    room.taking = {0}
    with pytest.raises(Unavailable) as raised:
        put_in_force(CLUSTER, policy(REFUSE), "", NOW, room.standing, 0)
    assert "partition 1 of the orders room has not taken it" in str(raised.value)
    assert room.standing(CLUSTER).behind == [1]


def test_the_same_policy_is_sent_again_where_a_partition_is_behind(room: Room) -> None:
    room.states = {0: PolicyState(policy(REFUSE, 5), "", NOW)}
    assert put_in_force(CLUSTER, policy(REFUSE), "", NOW, room.standing) is not None
    assert room.standing(CLUSTER).behind == []


def test_show_prints_the_file_as_it_was_set(file: Callable[[str], str], room: Room) -> None:
    run("set", file(REFUSE), "--actor", "anna")
    result = run("show")
    assert (result.exit_code, result.stdout) == (0, REFUSE)
    assert result.stderr.startswith("policy.toml: 1 rule, set 2023-11-14 22:13:20 by anna")
    told = json.loads(run("show", "--json").output)
    assert (told["names"], told["behind"], told["text"]) == (["large"], [], REFUSE)


@pytest.mark.usefixtures("room")
def test_the_rules_for_payments_go_to_every_partition_of_their_room(
    file: Callable[[str], str], till: Till
) -> None:
    told = json.loads(run("set", file(REFUSE + LIMIT), "--actor", "anna", "--json").output)
    assert (told["rules"], told["changed"], told["payment_rules_changed"]) == (2, True, True)
    assert [(send.topic, send.key, send.partition) for send in till.sent[PARTITIONS:]] == [
        (PAYMENTS_COMMANDS, RULES_KEY, 0),
        (PAYMENTS_COMMANDS, RULES_KEY, 1),
    ]
    command = till.sent[-1].record
    assert isinstance(command, SetPaymentRules)
    assert ([one.rule_id for one in command.rules], command.actor) == (["limit"], "anna")
    assert till.validating().others(policy_payments(LIMIT)) == []


@pytest.mark.usefixtures("room")
def test_the_same_rules_for_payments_again_are_not_sent(
    file: Callable[[str], str], till: Till
) -> None:
    run("set", file(LIMIT))
    assert run("set", file(LIMIT)).output == "policy.toml is in force already\n"
    assert len(till.sent) == 2 * PARTITIONS
    told = json.loads(run("set", file(REFUSE + LIMIT), "--json").output)
    assert (told["changed"], told["payment_rules_changed"]) == (True, False)


@pytest.mark.usefixtures("room")
def test_a_policy_without_rules_for_payments_ends_those_that_there_were(
    file: Callable[[str], str], till: Till
) -> None:
    run("set", file(LIMIT))
    run("set", file(REFUSE))
    assert set(till.validating().states) == {0, 1}
    assert till.validating().others(PaymentRulesState([], 0)) == []


@pytest.mark.usefixtures("room")
def test_rules_for_payments_that_somebody_else_has_set_are_replaced(
    file: Callable[[str], str], till: Till
) -> None:
    run("set", file(LIMIT))
    till.desks[1].ask(RULES_KEY, SetPaymentRules([], 0))
    till.sent.clear()
    assert "partition 1 of the payments room has other rules" in run("show").stderr
    assert json.loads(run("show", "--json").output)["payments_behind"] == [1]
    assert run("set", file(LIMIT)).output == "policy.toml is in force: 1 rule\n"
    assert till.validating().others(policy_payments(LIMIT)) == []


def test_a_partition_that_does_not_take_rules_for_payments_in_time_is_named(
    room: Room, till: Till
) -> None:
    till.taking = {1}
    with pytest.raises(Unavailable) as raised:
        payment_rollout.put_in_force(CLUSTER, policy_payments(LIMIT), "", till.validating, 0)
    assert "partition 0 of the payments room has not taken it" in str(raised.value)
    assert len(room.sent) == PARTITIONS


@pytest.mark.usefixtures("room", "till")
def test_show_counts_and_names_the_rules_for_payments(file: Callable[[str], str]) -> None:
    run("set", file(REFUSE + LIMIT))
    shown = run("show")
    assert shown.stdout == REFUSE + LIMIT
    assert shown.stderr.startswith("policy.toml: 2 rules, set ")
    told = json.loads(run("show", "--json").output)
    assert (told["names"], told["payments_behind"]) == (["large", "limit"], [])


def test_show_without_a_policy_is_1(room: Room) -> None:
    assert run("show").exit_code == 1
    assert room.sent == []


class FakeRecent:
    """Three orders, one of them small."""

    total = 3

    def __init__(self, _cluster: Cluster, since: int) -> None:
        assert since > 0

    def read(self, advance: Callable[[int], None]) -> Iterator[Seen]:
        for number, total in enumerate((3000, 1000, 2500)):
            advance(number)
            yield Seen(place(f"shop-{number}", total=total), NOW)


@pytest.fixture
def recent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(policy_replay, "Recent", FakeRecent)


@pytest.mark.usefixtures("recent", "room")
def test_simulate_says_what_would_have_been_different(file: Callable[[str], str]) -> None:
    result = run("simulate", file(REFUSE), "--since", "3d")
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        "3 orders, 2 decided differently by policy.toml than by no policy",
        "what\trule\torders",
        "refused, and was taken\tlarge\t2",
        "for example\twhat\tnow\tthen",
        "shop-0\trefused, and was taken\ttaken\tlarge",
        "shop-2\trefused, and was taken\ttaken\tlarge",
    ]


@pytest.mark.usefixtures("recent")
def test_simulate_compares_with_the_policy_that_holds(
    file: Callable[[str], str], room: Room
) -> None:
    path = file(REFUSE)
    run("set", path)
    result = run("simulate", path)
    assert result.stdout == "3 orders, 0 decided differently by policy.toml than by policy.toml\n"
    assert len(room.sent) == PARTITIONS


@pytest.mark.usefixtures("recent", "room")
def test_simulate_says_that_rules_for_payments_are_not_simulated(
    file: Callable[[str], str],
) -> None:
    said = "policy.toml has rules for payments, which are not simulated\n"
    assert run("simulate", file(REFUSE + LIMIT)).stderr == said
    assert run("simulate", file(REFUSE)).stderr == ""


@pytest.mark.usefixtures("recent", "room")
def test_simulate_writes_json_lines(file: Callable[[str], str]) -> None:
    result = run("simulate", file(REFUSE), "--json")
    *orders, last = map(json.loads, result.stdout.splitlines())
    assert [one["order_id"] for one in orders] == ["shop-0", "shop-2"]
    assert orders[0]["changes"] == [
        {"change": "refused", "rule": "large", "now": "taken", "then": "large"}
    ]
    assert (last["orders"], last["different"]) == (3, 2)
    assert last["changes"] == [{"change": "refused", "rule": "large", "orders": 2}]


def test_simulate_wants_a_time(file: Callable[[str], str]) -> None:
    result = run("simulate", file(""), "--since", "yesterday")
    assert result.exit_code == 2
    assert "'yesterday' is neither 24h, 3d nor a time" in result.output
