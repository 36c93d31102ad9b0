"""The state machine of the inventory room for a night.

    python -m tests.properties.soak --steps 5000000 [--seed 7]

Rounds of a seed each. A failure is told with the commands that it needs, and with the seed that
makes it again; the exit status is 1 then. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import secrets
import sys
import time
import traceback

from hypothesis import HealthCheck, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.properties.stock_machine import STEPS, StockMachine

EXAMPLES = 250
"""of a round; with another number a seed makes something else"""
STEPS_OF_AN_EXAMPLE = 200
SEEDS = 2**32


def play(number: int) -> None:
    """One round. Raises what the machine finds."""
    seed(number)(StockMachine)
    run_state_machine_as_test(
        StockMachine,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=STEPS_OF_AN_EXAMPLE,
            deadline=None,
            database=None,
            report_multiple_bugs=False,
            suppress_health_check=list(HealthCheck),
        ),
    )


def main() -> int:
    """Run by the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.properties.soak", description=__doc__)
    parser.add_argument("--steps", type=int, default=5_000_000)
    parser.add_argument("--seed", type=int, help="of the first round; none: any")
    options = parser.parse_args()
    first = secrets.randbelow(SEEDS) if options.seed is None else options.seed
    began, rounds, failed = time.monotonic(), 0, False
    while STEPS.total() < options.steps and not failed:
        number = (first + rounds) % SEEDS
        try:
            play(number)
        except Exception:
            failed = True
            traceback.print_exc()
            told = f"python -m tests.properties.soak --steps 1 --seed {number}"
            print(f"found with seed {number}; again: {told}", file=sys.stderr)
        rounds += 1
        seconds = time.monotonic() - began
        done = f"{STEPS.total():,} of {options.steps:,} steps, {seconds:,.0f} s, seed {number}"
        print(done, file=sys.stderr, flush=True)
    result = {
        "steps": STEPS.total(),
        "rounds": rounds,
        "seed": first,
        "seconds": round(time.monotonic() - began, 1),
        "failed": failed,
    }
    print(json.dumps(result))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
