"""What is called different between two policies, on orders that a fake reader gives."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from msgspec.structs import replace

from deploy import policy_replay
from deploy.policies import check
from deploy.policy_replay import Change, Difference, Replay, Seen, since_ms
from schemas.orders import CancelOrder, PlaceOrder, RecordAssessment
from schemas.policies import Policy
from schemas.records import Record
from tests.unit.streams.memory import NOW, place

HOUR_MS = 3_600_000


def policy(text: str) -> Policy:
    checked = check(text, "p.toml")
    assert checked.policy is not None, checked.problems
    return checked.policy


def order(number: int, *, total: int = 3000, customer: str = "") -> PlaceOrder:
    made = place(f"shop-{number}", total=total)
    return replace(made, customer_id=customer)


def assessment(number: int, last_hour: int = 0) -> RecordAssessment:
    return RecordAssessment(f"shop-{number}", "c", "", last_hour, 0, 0, 0, "", "")


def replayed(
    before: str | None, after: str, records: Sequence[Record]
) -> tuple[Replay, list[Difference]]:
    replay = Replay(policy(before) if before is not None else None, policy(after))
    return replay, list(replay.run(Seen(record, NOW) for record in records))


def changes(before: str | None, after: str, one: PlaceOrder | None = None) -> list[Change]:
    _, found = replayed(before, after, [one or order(1)])
    return [change for difference in found for change in difference.changes]


REFUSE = '[[intake]]\nname = "large"\nwhen = { total_over = "20.00 EUR" }\n'
REFUSE_TOO = '[[intake]]\nname = "lines"\nwhen = { lines_over = 1 }\n'
HOLD = '[[hold]]\nname = "large"\nkind = "fraud"\nwhen = { total_over = "20.00 EUR" }\n'
HOLD_TOO = '[[hold]]\nname = "lines"\nwhen = { lines_over = 1 }\n'


@pytest.mark.parametrize(
    ("before", "after", "found"),
    [
        (None, "", []),
        (REFUSE, REFUSE, []),
        (None, REFUSE, [Change("refused", "large", "taken", "large")]),
        (REFUSE, "", [Change("taken", "large", "large", "taken")]),
        (REFUSE, REFUSE_TOO, [Change("refused_otherwise", "lines", "large", "lines")]),
        (REFUSE, REFUSE + HOLD.replace('"large"', '"l"'), []),
        ("", HOLD, [Change("held", "large", "not held", "large (fraud)")]),
        (HOLD, "", [Change("not_held", "large", "large (fraud)", "not held")]),
        (
            HOLD,
            HOLD + HOLD_TOO,
            [Change("held_otherwise", "lines", "large (fraud)", "large (fraud), lines (manual)")],
        ),
        (
            HOLD,
            HOLD + 'limit = "2h"\nthen = "release"\n',
            [Change("held_otherwise", "large", "large (fraud)", "large (fraud)")],
        ),
        (
            "",
            '[backorder.default]\nwaits = "always"\n[[priority]]\nname = "all"\nadd = 5\n',
            [
                Change("waits", "", "does not wait", "waits for stock"),
                Change("priority", "", "0", "5"),
            ],
        ),
        (
            "",
            '[cutoff.all]\ntime = "12:00"\n',
            [Change("dispatch", "all", "no time", "2023-11-16 00:00 UTC")],
        ),
    ],
)
def test_a_change_is_told_with_its_rule(
    before: str | None, after: str, found: list[Change]
) -> None:
    assert changes(before, after) == found


@pytest.mark.parametrize(
    ("total", "kinds"), [(3000, []), (3002, []), (3003, ["held"]), (2990, ["held"])]
)
def test_a_total_counts_where_it_differs_by_more_than_the_tolerance(
    total: int, kinds: list[str]
) -> None:
    after = '[totals.shop]\nmismatch = "hold"\ntolerance_minor = 2\n'
    assert [change.kind for change in changes("", after, order(1, total=total))] == kinds


def test_a_total_that_is_refused_is_told_with_its_table() -> None:
    after = '[totals.default]\nmismatch = "refuse"\n'
    assert changes("", after, order(1, total=1)) == [
        Change("refused", "totals.default", "taken", "totals.default")
    ]


def test_repeats_and_amendments_of_an_order_are_not_counted_again() -> None:
    records = [order(1), order(1), replace(order(1), version=2, total_minor=9), order(2)]
    replay, found = replayed(None, REFUSE, records)
    assert (replay.summary.orders, len(found)) == (2, 2)


def test_other_commands_are_passed_by() -> None:
    replay, _ = replayed(None, REFUSE, [CancelOrder("shop-1", "x", NOW), assessment(9)])
    assert replay.summary.orders == 0


VELOCITY = '[[hold]]\nname = "fast"\nwhen = { orders_last_hour_over = 3 }\n'


def test_an_order_is_decided_with_its_assessment_which_comes_later() -> None:
    records = [order(1, customer="c"), order(2, customer="c"), assessment(2, 4), assessment(1, 3)]
    replay, found = replayed("", VELOCITY, records)
    assert [one.order.order_id for one in found] == ["shop-2"]
    assert (replay.summary.orders, replay.summary.unassessed) == (2, 0)


def test_an_order_whose_assessment_never_came_is_decided_without_and_counted() -> None:
    replay, found = replayed("", VELOCITY, [order(1, customer="c"), order(2)])
    assert found == []
    assert (replay.summary.orders, replay.summary.unassessed) == (2, 1)


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(policy_replay, "MAXIMUM_WAITING", 10)
    monkeypatch.setattr(policy_replay, "MAXIMUM_KNOWN", 10)
    replay = Replay(policy(""), policy(VELOCITY))
    for number in range(100):
        list(replay.run([Seen(order(number, customer="c"), NOW)]))
    stream = (Seen(order(number, customer="c"), NOW) for number in range(200, 300))
    for _ in replay.run(stream):
        pass
    assert len(replay._waiting) <= 10
    assert len(replay._known) <= 10
    assert replay.summary.orders == 200


def test_a_few_examples_are_kept_of_each_change() -> None:
    replay, _ = replayed(None, REFUSE, [order(number) for number in range(10)])
    summary = replay.summary
    assert (summary.different, summary.changes["refused", "large"]) == (10, 10)
    assert [one.order.order_id for one in summary.examples["refused"]] == [
        "shop-0",
        "shop-1",
        "shop-2",
    ]


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("24h", NOW - 24 * HOUR_MS),
        ("30m", NOW - HOUR_MS // 2),
        ("3d", NOW - 72 * HOUR_MS),
        ("2023-11-14", 1_699_920_000_000),
        ("2023-11-14T01:00:00Z", 1_699_923_600_000),
        ("2023-11-14T01:00:00+01:00", 1_699_920_000_000),
    ],
)
def test_since_is_a_duration_a_day_or_a_time(text: str, moment: int) -> None:
    assert since_ms(text, NOW) == moment


@pytest.mark.parametrize("text", ["", "yesterday", "0h", "24", "999999d"])
def test_since_is_nothing_else(text: str) -> None:
    with pytest.raises(ValueError):
        since_ms(text, NOW)
