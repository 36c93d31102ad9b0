"""All rooms in one process, in every order in which Kafka may carry their records.

The gateway is a fake that approves, declines, times out, answers twice and answers late; its books
are checked as well. Orders are changed, held, cancelled as a whole and by line, shipped in parts
and refunded at any moment; stock comes while they wait for it, locations are switched off and on,
and routing goes by rules that are made at random, by others later, or by none.
At rest stock and money balance, and the whole log is audited with the rules by which real pipelines
are. Every run is made from one seed, which a failure prints; `SAGA_SEED=<seed>` replays it alone.
"""

from __future__ import annotations

import os
import random
from collections import Counter

import pytest
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from tests.properties.saga_outside import from_outside, stocked
from tests.properties.saga_truths import check_rest
from tests.properties.saga_world import World

REPLAYED = os.environ.get("SAGA_SEED")


def lived(seed: int) -> World:
    """A world of some orders, from its beginning to its rest."""
    chance = random.Random(seed)
    world = stocked(chance)
    world.run(from_outside(chance, chance.randint(1, 8)))
    return world


@given(seed=st.integers(0, 2**32))
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_every_order_comes_to_rest_with_nothing_oversold_lost_or_kept(seed: int) -> None:
    note(f"SAGA_SEED={seed}")
    check_rest(lived(seed))


@pytest.mark.skipif(REPLAYED is None, reason="SAGA_SEED is not set")
def test_the_seed_that_is_replayed() -> None:
    check_rest(lived(int(REPLAYED or 0)))


def test_the_world_reaches_every_outcome() -> None:
    """The property above would hold of a world where nothing happens."""
    seen: Counter[str] = Counter()
    reasons: set[str] = set()
    for seed in range(250):
        world = lived(seed)
        seen.update(type(event).__name__ for event in world.events)
        reasons.update(getattr(event, "reason", "") for event in world.events)
    assert {"OrderReleased", "OrderRefused", "OrderCancelled", "OrderCommandRefused"} <= set(seen)
    assert {"OrderBackordered", "ReservationMoved", "PaymentDeclined", "StockRefused"} <= set(seen)
    assert {"FulfillmentCancelled", "StockReleased", "VoidRequested", "PaymentVoided"} <= set(seen)
    assert {"StockBackordered", "BackorderPromised", "BackorderEnded"} <= set(seen)
    assert {"StockMoved", "SupplyExpected", "StockAllocated", "StockShipped"} <= set(seen)
    assert {"OrderAmended", "AmendmentRefused", "OrderHeld", "HoldEnded", "OrderShipped"} <= (
        set(seen)
    )
    assert {"FulfillmentLinesCancelled", "PaymentCaptured", "PaymentRefunded"} <= set(seen)
    assert {"OrderRefunded", "InvoiceIssued", "CreditNoteIssued", "JournalEntry"} <= set(seen)
    assert {"more_than_shipped", "more_than_left"} <= reasons
    assert {"served", "no_location", "resized", "amended", "hold_expired", "policy"} <= reasons
    assert {"routing", "reserved"} <= reasons
    assert {"gateway_silent", "backorder_expired", "reservation_expired"} <= reasons
    assert {"amount_too_small", "amount_too_large", "payment_declined", "too_late"} <= reasons
