"""What `millrace submit` says of an order, and how several files become payloads."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from connectors.channels.mapping import Rejected
from deploy import submission
from deploy.cli import cli
from schemas.orders import CancelOrder
from tests.unit.connectors.test_generic import plain

HOLDS = """
[totals.default]
mismatch = "hold"
"""


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["submit", *arguments, "--dry-run", "--json"])


def written(directory: Path, name: str, content: str) -> str:
    file = directory / name
    file.write_text(content, encoding="utf-8")
    return str(file)


def differing() -> dict[str, Any]:
    order = plain()
    order["total"] = "1.00"
    return order


def test_a_total_that_differs_is_trusted_and_told_without_a_policy(tmp_path: Path) -> None:
    result = run(written(tmp_path, "order.json", json.dumps(differing())), "--channel", "json")
    told = json.loads(result.output)
    assert result.exit_code == 0
    assert (told["outcome"], told["total_minor"]) == ("accepted", 100)
    assert told["reason"].startswith("the channel's total 1.00 differs from ")


def test_a_policy_holds_what_it_would_hold_in_the_pipeline(tmp_path: Path) -> None:
    order = written(tmp_path, "order.json", json.dumps(differing()))
    policy = written(tmp_path, "policy.toml", HOLDS)
    result = run(order, "--channel", "json", "--policy", policy)
    told = json.loads(result.output)
    assert result.exit_code == 1
    assert told["outcome"] == "held"
    assert "total" in told["reason"]


def test_a_policy_goes_only_with_a_dry_run(tmp_path: Path) -> None:
    order = written(tmp_path, "order.json", json.dumps(plain()))
    policy = written(tmp_path, "policy.toml", HOLDS)
    command = ["submit", order, "--channel", "json", "--policy", policy]
    result = CliRunner().invoke(cli, command)
    assert result.exit_code == 2
    assert "--dry-run" in result.output


def test_each_file_is_a_payload_of_its_own(tmp_path: Path) -> None:
    first = written(tmp_path, "a.json", json.dumps(plain()))
    second = written(tmp_path, "b.json", json.dumps([{**plain(), "external_id": "other"}]))
    result = run(first, second, "--channel", "json")
    assert result.exit_code == 0
    assert len(result.output.splitlines()) == 2


def test_the_answers_of_several_calls_are_one_payload() -> None:
    [joined] = submission.payloads("amazon", [b'\xef\xbb\xbf{"a": 1}\n', b"[2]"])
    assert json.loads(joined) == {"documents": [{"a": 1}, [2]]}


@pytest.mark.parametrize(
    ("reasons", "status"),
    [(["unreadable"], 2), (["unreadable", "missing_field"], 1), ([], 0)],
)
def test_the_exit_status_tells_unreadable_from_rejected(reasons: list[str], status: int) -> None:
    orders = [Rejected(reason, "", "why") for reason in reasons]
    said = [submission.described("json", order, None, 0) for order in orders]
    assert submission.status(orders, said) == status


def test_a_cancellation_is_told_under_the_channels_own_id() -> None:
    cancelled = CancelOrder("edi-x12-a-7", "why", 0)
    assert submission.described("edi-x12", cancelled, None, 0)["external_id"] == "a-7"


def test_a_purchase_order_is_cancelled_under_the_number_it_was_placed_under() -> None:
    cancelled = CancelOrder("edi-x12-ZZ:BUYER:BUYER:PO%3A7:R1", "cancelled at the channel", 0)
    assert submission.described("edi-x12", cancelled, None, 0)["external_id"] == "PO:7"
