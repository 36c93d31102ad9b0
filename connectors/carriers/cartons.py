"""Which cartons the pieces of a fulfillment order go into, and what fits into none.

Pure: the same pieces and cartons give the same answer, for the search is bounded by counted work.
The geometry is packvium's (MIT, whole numbers, no floats), behind this one function.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import packvium

from schemas.fulfillment_work import PackedLine, PackedParcel

MAXIMUM_PIECES = 500
"""of one proposal"""
EFFORT_CANDIDATES = 50_000
"""positions that are looked at before the best one so far is taken"""
FUSE_MS = 30_000
"""far more than that takes"""


class Carton(NamedTuple):
    """A carton that the location has, by its inner dimensions."""

    name: str
    length_mm: int
    width_mm: int
    height_mm: int
    tare_grams: int
    payload_grams: int
    """the most that it takes"""


class Goods(NamedTuple):
    """Pieces of a line, all of the same size."""

    line_id: str
    quantity: int
    length_mm: int
    width_mm: int
    height_mm: int
    weight_grams: int
    """of a piece"""
    upright: bool
    """it may be turned, but not laid on its side"""


class NotFitting(NamedTuple):
    """Pieces that no carton takes."""

    line_id: str
    quantity: int
    reason: str


class Proposal(NamedTuple):
    """Parcels, and what is in none of them."""

    parcels: list[PackedParcel]
    cartons: list[str]
    """the carton of each parcel"""
    left: list[NotFitting]


class TooManyPieces(ValueError):
    """A proposal has MAXIMUM_PIECES at the most."""


def proposed(goods: Sequence[Goods], cartons: Sequence[Carton]) -> Proposal:
    """Parcels for the goods; as many cartons of each kind as are needed. Raises TooManyPieces."""
    pieces = sum(one.quantity for one in goods)
    if pieces > MAXIMUM_PIECES:
        raise TooManyPieces(f"{pieces} pieces, and a proposal has at most {MAXIMUM_PIECES}")
    if not pieces or not cartons:
        return Proposal([], [], [_none(one) for one in goods if one.quantity])
    configuration = packvium.PackingConfig.balanced(
        time_limit_ms=FUSE_MS,
        # Its dataclass decorator is one of its own, which mypy cannot read.
        effort_budget=packvium.EffortBudget(
            max_candidates_evaluated=EFFORT_CANDIDATES  # type: ignore[call-arg]
        ),
    )
    result = packvium.Packer(configuration).pack(
        items=[_item(one) for one in goods if one.quantity],
        containers=[_container(one) for one in cartons],
    )
    weights = {one.line_id: one.weight_grams for one in goods}
    by_name = {one.name: one for one in cartons}
    parcels, chosen = [], []
    for number, packed in enumerate(result.containers, start=1):
        carton = by_name[packed.container.id]
        inside = Counter(placed.instance.item.id for placed in packed.placements)
        parcels.append(_parcel(f"p{number}", carton, inside, weights))
        chosen.append(carton.name)
    left = Counter((one.instance.item.id, one.reason) for one in result.unpacked)
    return Proposal(
        parcels,
        chosen,
        [NotFitting(line_id, count, reason) for (line_id, reason), count in left.items()],
    )


def _none(one: Goods) -> NotFitting:
    return NotFitting(one.line_id, one.quantity, "no_carton")


def _item(one: Goods) -> packvium.Item:
    size = packvium.Dimensions.mm(str(one.length_mm), str(one.width_mm), str(one.height_mm))
    return packvium.Item.create(
        one.line_id,
        size,
        f"{one.weight_grams} g",
        quantity=one.quantity,
        keep_upright=one.upright,
    )


def _container(one: Carton) -> packvium.Container:
    size = packvium.Dimensions.mm(str(one.length_mm), str(one.width_mm), str(one.height_mm))
    return packvium.Container.create(
        one.name, size, f"{one.tare_grams} g", f"{one.payload_grams} g"
    )


def _parcel(
    name: str, carton: Carton, inside: Counter[str], weights: dict[str, int]
) -> PackedParcel:
    grams = carton.tare_grams + sum(weights[line_id] * pieces for line_id, pieces in inside.items())
    return PackedParcel(
        name, max(1, grams), carton.length_mm, carton.width_mm, carton.height_mm,
        [PackedLine(line_id, pieces) for line_id, pieces in sorted(inside.items())],
    )  # fmt: skip
