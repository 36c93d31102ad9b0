"""The short run of `python -m tests.chaos`: a few kills in the middle of a small load."""

import json
import subprocess
import sys

import pytest

ORDERS = 1_500
FAULTS = 4
TIMEOUT_SECONDS = 240.0


@pytest.mark.chaos
def test_no_order_is_lost_or_doubled_when_processes_are_killed() -> None:
    command = [sys.executable, "-m", "tests.chaos", "--json"]
    command += ["--orders", str(ORDERS), "--faults", str(FAULTS), "--seed", "11"]
    answer = subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_SECONDS,
        check=False,
    )
    assert answer.returncode == 0, answer.stdout[-4_000:] + answer.stderr[-4_000:]
    result = json.loads(answer.stdout.splitlines()[-1])
    assert result["violations"] == 0
    assert result["faults"] >= FAULTS
    assert sum(result["outcomes"].values()) == ORDERS
