"""The short run of `python -m tests.flash_sale`: many orders for few pieces, through everything."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

ORDERS = 2_000
UNITS = 50
TIMEOUT_SECONDS = 240.0


@pytest.mark.integration
def test_a_flash_sale_reserves_each_unit_once_and_refuses_everyone_else() -> None:
    command = [sys.executable, "-m", "tests.flash_sale"]
    command += ["--orders", str(ORDERS), "--units", str(UNITS)]
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
    assert result["reserved"] == result["released"] == result["paid"] == UNITS
    assert result["refused"] == {"out_of_stock": ORDERS - UNITS}
