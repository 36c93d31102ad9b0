"""Cartons are proposed for what fits, and what does not fit is refused."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.carriers.cartons import (
    MAXIMUM_PIECES,
    Carton,
    Goods,
    TooManyPieces,
    proposed,
)
from schemas.fulfillment_work import PackedLine

SMALL = Carton("S", 200, 200, 130, 50, 5_000)
LARGE = Carton("L", 400, 300, 250, 200, 20_000)


def mugs(quantity: int, grams: int = 400) -> Goods:
    return Goods("1", quantity, 100, 100, 120, grams, False)


def test_a_little_goes_into_the_small_carton_and_its_weight_counts() -> None:
    proposal = proposed([mugs(2)], [SMALL, LARGE])
    [parcel] = proposal.parcels
    assert (proposal.cartons, proposal.left) == (["S"], [])
    assert parcel.lines == [PackedLine("1", 2)]
    assert parcel.weight_grams == 850
    assert (parcel.length_mm, parcel.width_mm, parcel.height_mm) == (200, 200, 130)


def test_more_than_one_carton_holds_goes_into_several() -> None:
    proposal = proposed([mugs(9)], [SMALL])
    assert proposal.cartons == ["S", "S", "S"]
    assert sum(line.quantity for one in proposal.parcels for line in one.lines) == 9


def test_what_is_longer_than_every_carton_is_refused_and_the_rest_is_packed() -> None:
    pole = Goods("2", 1, 2_000, 20, 20, 300, False)
    proposal = proposed([mugs(1), pole], [SMALL, LARGE])
    assert [(one.line_id, one.quantity) for one in proposal.left] == [("2", 1)]
    assert proposal.left[0].reason
    assert [line.line_id for one in proposal.parcels for line in one.lines] == ["1"]


def test_what_is_too_heavy_for_every_carton_is_refused() -> None:
    assert [one.line_id for one in proposed([mugs(1, 30_000)], [SMALL, LARGE]).left] == ["1"]


def test_what_must_stand_is_not_laid_on_its_side() -> None:
    tall = Goods("1", 1, 50, 50, 190, 100, True)
    assert proposed([tall], [SMALL]).left
    assert not proposed([tall._replace(upright=False)], [SMALL]).left


def test_without_cartons_nothing_fits_and_without_pieces_nothing_is_needed() -> None:
    assert [one.quantity for one in proposed([mugs(3)], []).left] == [3]
    assert proposed([], [SMALL]) == ([], [], [])


def test_a_proposal_has_a_bound() -> None:
    with pytest.raises(TooManyPieces):
        proposed([mugs(MAXIMUM_PIECES + 1)], [LARGE])


PIECES = st.builds(
    Goods,
    st.sampled_from(["1", "2", "3"]),
    st.integers(1, 4),
    st.integers(10, 300),
    st.integers(10, 300),
    st.integers(10, 300),
    st.integers(1, 6_000),
    st.booleans(),
)


@given(st.lists(PIECES, max_size=3, unique_by=lambda one: one.line_id))
@settings(max_examples=25, deadline=None)
def test_every_piece_is_in_one_parcel_or_refused_and_no_carton_is_overfull(
    goods: list[Goods],
) -> None:
    proposal = proposed(goods, [SMALL, LARGE])
    assert proposal == proposed(goods, [SMALL, LARGE])
    known, kinds = {one.line_id: one for one in goods}, {"S": SMALL, "L": LARGE}
    found = dict.fromkeys(known, 0)
    for name, parcel in zip(proposal.cartons, proposal.parcels, strict=True):
        carton, volume = kinds[name], 0
        for line in parcel.lines:
            one = known[line.line_id]
            found[line.line_id] += line.quantity
            volume += line.quantity * one.length_mm * one.width_mm * one.height_mm
        assert volume <= carton.length_mm * carton.width_mm * carton.height_mm
        assert parcel.weight_grams <= carton.tare_grams + carton.payload_grams
    for left in proposal.left:
        found[left.line_id] += left.quantity
    assert found == {name: one.quantity for name, one in known.items()}
