"""Tells the levels of SKUs anew that a change of locations or sourcing is about, bit by bit.

A partition knows its SKUs as a chain: each names the one that came before it. After a change, a
round goes once along the chain, a bounded piece each time it is woken, and writes the levels of
those SKUs that stand at a changed location; after a change of sourcing, of all. A further change
meanwhile makes the round go on until it has come to where it was, so none begins from the start
again and again. A SKU that a command changes meanwhile is told with its batch as ever.
"""

from __future__ import annotations

from collections.abc import Collection

from msgspec.structs import replace

from schemas.inventory import StockState
from schemas.locations import LOCATIONS_KEY, LocationsState
from schemas.messages import Send, States
from schemas.stock import SkusState
from streams.inventory import levels

KEY = "@skus"
"""state key of the chain and the round, in every partition"""
SKUS_A_WAKE = 2_000
"""SKUs that are looked at, at most, before others have their turn"""
WORK_A_WAKE = 10_000
"""what telling may cost: a SKU counts as ten, and each of its positions as one"""
PAUSE_MS = 50


def enlist(changed: Collection[str], states: States) -> None:
    """Put SKUs that are new at the end of the chain; once a batch."""
    newest = ""
    for sku in changed:
        if "|" in sku or sku[:1] == "@":
            continue
        stock = states.get(sku)
        if isinstance(stock, StockState) and not stock.earlier:
            states.put(sku, replace(stock, earlier=newest or _known(states).newest or sku))
            newest = sku
    if newest:
        states.put(KEY, replace(_known(states), newest=newest))


def begin(states: States, location_id: str, now_ms: int) -> None:
    """Have every SKU looked at once from now on; `location_id` "": and told."""
    known = _known(states)
    if not known.newest:
        return
    locations = {*known.locations, location_id} - {""}
    states.put(
        KEY,
        replace(
            known,
            # Before its first look the round has no place to come back to: SKUs that are newer
            # than where it would have begun would be left out.
            next=known.next if known.done else known.newest,
            last=known.done,
            locations=sorted(locations),
            everything=known.everything or not location_id,
            wake_at_ms=known.wake_at_ms or now_ms,
        ),
    )


def wake(states: States, now_ms: int) -> list[Send]:
    """Go on with the round: the next SKUs, as many as one turn may have."""
    known = _known(states)
    changed = frozenset(known.locations)
    located = states.get(LOCATIONS_KEY)
    assert located is None or isinstance(located, LocationsState)
    sources = levels.Sources(located)
    sends: list[Send] = []
    sku, done, work = known.next, known.done, 0
    for _ in range(SKUS_A_WAKE):
        if not sku or work >= WORK_A_WAKE:
            break
        stock = states.get(sku)
        assert isinstance(stock, StockState), f"{sku} is in the chain and not known"
        if known.everything or _stands_at(stock, changed):
            told = levels.tell(stock, sources, states, now_ms)
            # A level that has crossed is a change, and the batch tells of what it has changed.
            sends += told[1:] or told
            work += 10 + len(stock.positions)
        done = sku
        sku = _following(stock, known)
    if sku:
        on = replace(known, next=sku, done=done, wake_at_ms=now_ms + PAUSE_MS)
    else:
        on = SkusState(known.newest)
    states.put(KEY, on)
    return sends


def _following(stock: StockState, known: SkusState) -> str:
    """The SKU to look at after this one; empty where the round ends with it."""
    if stock.sku == known.last:
        return ""
    if stock.earlier != stock.sku:
        return stock.earlier
    return known.newest if known.last else ""


def _stands_at(stock: StockState, locations: Collection[str]) -> bool:
    return any(one.location_id in locations for one in stock.positions) or any(
        one.location_id in locations for one in stock.supplies
    )


def _known(states: States) -> SkusState:
    known = states.get(KEY)
    assert known is None or isinstance(known, SkusState)
    return known if known is not None else SkusState("")
