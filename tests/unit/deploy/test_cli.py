"""The command as a user meets it, where no broker is needed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from connectors.channels.publisher import OnDone, Undelivered
from deploy import demo, output, stock
from deploy.broker import free_port
from deploy.cli import SECTIONS, cli
from schemas.channels import RawPayload
from schemas.partitions import partitions

EXAMPLES = Path(stock.__file__).parent / "examples"
ORDER = str(EXAMPLES / "order.json")


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, list(arguments))


def millrace(*arguments: str, **variables: str) -> subprocess.CompletedProcess[bytes]:
    """The command as a process, with its own exit status."""
    command = [sys.executable, "-m", "deploy.cli", *arguments]
    environment = {**os.environ, **variables}
    return subprocess.run(command, env=environment, capture_output=True, timeout=60, check=False)


def test_help_names_every_command_and_every_exit_status() -> None:
    said = run("--help").output
    assert {name for names in SECTIONS.values() for name in names} == set(cli.commands)
    for word in (*cli.commands, "Exit status:", "69", "70", "130"):
        assert word in said


@pytest.mark.parametrize(
    "path", [[name] for name in cli.commands] + [["stock", "load"], ["rejected", "replay"]]
)
def test_every_command_has_help(path: list[str]) -> None:
    result = run(*path, "--help")
    assert result.exit_code == 0
    assert "Usage:" in result.output


def test_a_dry_run_says_what_would_be_understood() -> None:
    result = run("submit", ORDER, "--channel", "json", "--dry-run", "--json")
    told = json.loads(result.output)
    assert result.exit_code == 0
    assert (told["outcome"], told["total_minor"], told["currency"]) == ("accepted", 9390, "EUR")


def test_a_dry_run_of_a_bad_order_names_field_and_reason(tmp_path: Path) -> None:
    bad = tmp_path / "bad.json"
    bad.write_text('{"external_id": "1", "currency": "XXX"}')
    result = run("submit", str(bad), "--channel", "json", "--dry-run", "--json")
    told = json.loads(result.output)
    assert (result.exit_code, told["outcome"]) == (1, "rejected")
    assert told["reason"].startswith("unknown_currency: currency is not")


def test_a_file_that_is_not_of_the_format_is_unreadable(tmp_path: Path) -> None:
    bad = tmp_path / "bad.json"
    bad.write_text('{"order": {"id": 1')
    result = run("submit", str(bad), "--channel", "shopify", "--dry-run", "--json")
    assert result.exit_code == 2


def test_a_line_that_is_not_json_among_orders_is_rejected_and_the_file_was_readable(
    tmp_path: Path,
) -> None:
    mixed = tmp_path / "orders.jsonl"
    mixed.write_text(json.dumps(json.loads(Path(ORDER).read_text())) + '\n{"external_id": 1\n')
    result = run("submit", str(mixed), "--channel", "json", "--dry-run", "--json")
    told = [json.loads(line) for line in result.output.splitlines()]
    assert [line["outcome"] for line in told] == ["accepted", "rejected"]
    assert told[1]["reason"].startswith("unreadable")
    assert result.exit_code == 1


def test_a_cancellation_is_accepted_and_has_no_total(tmp_path: Path) -> None:
    cancelled = tmp_path / "cancelled.json"
    cancelled.write_text('{"external_id": "A-1", "cancelled": true, "cancel_reason": ""}')
    result = run("submit", str(cancelled), "--channel", "json", "--dry-run", "--json")
    told = json.loads(result.output)
    assert (result.exit_code, told["outcome"], told["reason"]) == (0, "accepted", "cancellation")
    assert told["total_minor"] is None


def test_a_file_that_is_too_large_is_rejected_and_not_sent(tmp_path: Path) -> None:
    large = tmp_path / "large.json"
    with large.open("wb") as file:
        file.truncate(11 * 2**20)
    result = run("submit", str(large), "--channel", "json", "--brokers", "127.0.0.1:1")
    assert result.exit_code == 1
    assert "too_large" in result.output


@pytest.mark.parametrize(
    "arguments",
    [
        ["submit", ORDER, "--channel", "fax", "--dry-run"],
        ["submit", ORDER],
        ["submit", "absent.json", "--channel", "json"],
        ["cancel", "o|1", "--reason", "x"],
        ["cancel", "o-1"],
        ["demo", "--rate", "0"],
        ["demo", "--seconds", "-1"],
        ["order", "o-1", "--dashboard", "localhost"],
        ["rejected", "replay"],
        ["rejected", "replay", "id", "--all"],
        ["rejected", "replay", "--all", "--file", ORDER],
        ["up", "--workers", "0"],
        ["up", "--dashboard-port", "8471"],
        ["up", "--probe-port", "8469"],
        ["worker"],
        ["nothing"],
        ["intake", "--token-file", "absent"],
    ],
)
def test_wrong_usage_is_2_and_no_traceback(arguments: list[str]) -> None:
    result = run(*arguments)
    assert result.exit_code == 2, result.output
    assert result.exception is None or isinstance(result.exception, SystemExit)


@pytest.mark.parametrize("number", ["many", "0", "-1", "1.5", "10001", "9" * 99])
def test_a_wrong_number_of_partitions_is_one_line_and_2(number: str) -> None:
    found = millrace("worker", "--instance", "w", MILLRACE_PARTITIONS=number)
    assert (found.returncode, found.stdout) == (2, b"")
    [line] = found.stderr.decode().splitlines()
    assert line.startswith(f"Error: MILLRACE_PARTITIONS is '{number[:50]}'")
    assert line.endswith("must be a whole number from 1 to 10000")


@pytest.mark.parametrize(
    ("arguments", "kafka", "said"),
    [
        (
            ["worker", "--instance", "w"],
            {"SECURITY_PROTOCOL": "SASL_SSL", "SASL_MECHANISM": "OAUTHBEARER"},
            "[kafka]: sasl.mechanism: workers know PLAIN, ",
        ),
        (["worker", "--instance", "w"], {"NO_SUCH": "1"}, "[kafka]: No such configuration"),
        (["gateway"], {"NO_SUCH": "1"}, "[kafka]: No such configuration"),
        (["intake"], {"NO_SUCH": "1"}, "[kafka]: No such configuration"),
        (["analytics"], {"NO_SUCH": "1"}, "[kafka]: No such configuration"),
        (["levels"], {"NO_SUCH": "1"}, "[kafka]: No such configuration"),
    ],
)
def test_a_process_says_which_kafka_setting_it_does_not_take(
    arguments: list[str], kafka: dict[str, str], said: str
) -> None:
    variables = {f"MILLRACE_KAFKA_{name}": value for name, value in kafka.items()}
    found = millrace(*arguments, "--port", str(free_port("127.0.0.1")), **variables)
    assert found.returncode == 2
    assert found.stderr.decode().splitlines()[-1].startswith(f"Error: {said}")


def test_partitions_are_2_unless_the_environment_says_otherwise() -> None:
    assert [partitions({"MILLRACE_PARTITIONS": said}) for said in ("", "1", " 12 ")] == [2, 1, 12]
    assert partitions({}) == 2


def test_a_dashboard_that_is_away_is_one_line_and_69() -> None:
    result = run("order", "o-1", "--dashboard", "http://127.0.0.1:1")
    assert result.exit_code == 69
    assert result.stderr == "Error: the dashboard at http://127.0.0.1:1 does not answer\n"


def test_a_reader_that_has_seen_enough_is_no_traceback() -> None:
    command = f"{sys.executable} -m deploy.cli channels | true"
    found = subprocess.run(["sh", "-c", command], capture_output=True, timeout=60, check=False)
    assert b"Traceback" not in found.stderr
    assert b"BrokenPipe" not in found.stderr


def test_a_command_that_ctrl_c_stops_ends_with_130() -> None:
    command = [sys.executable, "-m", "deploy.cli", "rejected", "list", "--brokers", "127.0.0.1:1"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    time.sleep(1.5)  # it waits for a broker for many seconds
    os.kill(process.pid, signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert (process.returncode, b"Traceback" in said) == (130, False)


def test_without_a_terminal_there_are_no_colours_and_no_boxes() -> None:
    found = millrace("channels")
    assert found.returncode == 0
    assert b"\x1b" not in found.stdout


def test_a_table_that_is_no_terminals_is_tab_separated(capsys: pytest.CaptureFixture[str]) -> None:
    output.table(("a", "b"), [("1", "two\tthree\x1b[31m")])
    assert (
        capsys.readouterr().out
        == "a\tb\n1\ttwo\N{REPLACEMENT CHARACTER}three\N{REPLACEMENT CHARACTER}[31m\n"
    )


def test_demo_orders_are_understood_by_their_channels() -> None:
    from connectors.channels.registry import CHANNELS
    from schemas.orders import PlaceOrder

    for raw in demo.payloads(200, 3):
        for order in CHANNELS[raw.channel].orders(raw.payload, "", raw.raw_id, 1):
            assert isinstance(order, PlaceOrder)


class Reports:
    """A publisher that takes a few, and then nothing."""

    takes = 3

    def __init__(self, _brokers: str, _kafka: object, _vault: object) -> None:
        self.seen = 0

    def publish(self, _raw: RawPayload, on_done: OnDone) -> None:
        self.seen += 1
        on_done(None if self.seen <= self.takes else Undelivered("timed out"))

    def close(self) -> int:
        return 0


def test_a_demonstration_counts_what_kafka_does_not_take_and_ends(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(demo, "RawPublisher", Reports)
    monkeypatch.setattr("deploy.records.send", lambda *_: 0)
    monkeypatch.setattr("deploy.records.partitions", lambda *_: 1)
    result = run("demo", "--rate", "10000", "--seconds", "1")
    assert result.exit_code == 69
    assert result.stdout == "3 orders sent\n"
    assert "did not take 1 orders: timed out" in result.stderr


def test_a_demonstration_that_is_stopped_says_what_was_sent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def stopped(_seconds: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(demo, "RawPublisher", Reports)
    monkeypatch.setattr("deploy.records.send", lambda *_: 0)
    monkeypatch.setattr("deploy.records.partitions", lambda *_: 1)
    monkeypatch.setattr("deploy.demo.time.sleep", stopped)
    result = run("demo", "--rate", "0.5", "--seconds", "4", "--json")
    assert result.exit_code == 130
    assert json.loads(result.stdout) == {"sent": 2, "failed": 0, "total": 2}
