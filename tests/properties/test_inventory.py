"""The inventory room under random interleavings of every command, against a model.

`make soak` does the same for a night. What fails here fails again: the seed is fixed.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from schemas.inventory import Refusal
from streams.inventory import handling, holds, kits, levels, lots, queue, quotas, supply, sweep
from streams.inventory import reservations as lines
from tests.properties.stock_machine import ACTIONS, SEEN, STEPS, StockMachine

EXAMPLES = 600
STEPS_OF_AN_EXAMPLE = 100
STEPS_AT_LEAST = 20_000
EVENTS = {
    "StockReserved", "StockRefused", "StockReleased", "ReservationMoved", "ReservationExtended",
    "StockAllocated", "StockShipped", "StockBackordered", "BackorderPromised", "BackorderEnded",
    "StockSet", "StockMoved", "SupplyExpected", "SkuSet", "StockLevelChanged",
    "ReplenishmentSuggested",
}  # fmt: skip
SITUATIONS = {
    "kit reserved", "kit refused", "kit_incomplete", "expired", "served", "lot has expired",
    "movement again", "repeated", "promise", "served of lots", "told again", "dropped quota",
    "kit with a threshold",
}  # fmt: skip
NOT_REACHED = {Refusal.QUEUE_FULL}
"""needs a thousand lines; a test of its own"""


def run(examples: int, *phases: Phase) -> None:
    """So many examples, always the same."""
    STEPS.clear()
    SEEN.clear()
    run_state_machine_as_test(
        StockMachine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=STEPS_OF_AN_EXAMPLE,
            deadline=None,
            derandomize=True,
            database=None,
            report_multiple_bugs=False,
            phases=phases,
            suppress_health_check=list(HealthCheck),
        ),
    )


@pytest.mark.timeout(600)
def test_no_interleaving_of_commands_oversells_loses_or_keeps_stock() -> None:
    run(EXAMPLES, Phase.generate, Phase.shrink)
    assert STEPS.total() >= STEPS_AT_LEAST
    assert STEPS.keys() == ACTIONS.keys()
    refusals = {reason.value for reason in Refusal} - NOT_REACHED
    assert SEEN.keys() >= EVENTS | SITUATIONS | refusals


def nothing(*_: Any) -> None:
    """Does nothing."""


FAULTS: dict[str, AbstractContextManager[Any]] = {
    "a kit that is not complete keeps what it has": patch.object(kits, "_give_back", nothing),
    "a kit is forgotten while its components are asked": patch.object(
        kits, "release", lambda account, kit, _: account.forget(kit.order_id, kit.line_id)
    ),
    "who waits is not served": patch.object(queue, "_give", nothing),
    "a closed location serves who waits": patch.object(queue, "_at_open", lambda _, some: some),
    "promises are not told anew": patch.object(queue, "_promise", nothing),
    "any attempt takes a reservation over": patch.object(lines, "_is_for", lambda *_: True),
    "picked pieces stay picked": patch.object(lots, "unpick", nothing),
    "lots are tracked while pieces are there": patch.object(
        handling, "_has_stock", lambda _: False
    ),
    "what has come is still to come": patch.object(supply, "arrived", nothing),
    "thresholds do not count": patch.object(quotas, "threshold", lambda *_: 0),
    "any quota is used": patch.object(
        quotas, "own", lambda known, *_: next((one.quota_id for one in known), "")
    ),
    "safety stock is sold": patch.object(
        holds,
        "serving_positions",
        lambda stock, pieces, _: {
            at.location_id: at
            for at in stock.positions
            if at.on_hand - at.reserved - at.allocated >= pieces
        },
    ),
    "a switch is told of nothing": patch.object(sweep, "begin", nothing),
    "a round ends where another change came": patch.object(
        sweep, "_following", lambda stock, _: stock.earlier if stock.earlier != stock.sku else ""
    ),
    "a quota that comes back has forgotten": patch.object(
        quotas, "said", lambda _, some: ([*some], [])
    ),
    "closed locations sell": patch.object(levels.Sources, "excluded", lambda *_: []),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_found(fault: str) -> None:
    """The property above would hold of a world where nothing happens."""
    with FAULTS[fault], pytest.raises((AssertionError, ValueError)):
        run(EXAMPLES, Phase.generate)
