"""What is to come, and when a waiting line can expect it: a list of pieces, each with its date."""

from __future__ import annotations

from math import inf

from msgspec.structs import replace

from schemas.stock import ExpectSupply, Supply
from tests.properties.stock_model import StockModel


class Promises:
    """What suppliers have promised."""

    def __init__(self) -> None:
        self.supplies: dict[tuple[str, str], Supply] = {}
        """by SKU and id"""

    def expect(self, said: ExpectSupply) -> None:
        """What is to come of a supply from now on."""
        self.supplies.pop((said.sku, said.supply_id), None)
        if said.quantity:
            self.supplies[said.sku, said.supply_id] = Supply(
                said.supply_id, said.location_id, said.quantity, said.expected_at_ms
            )

    def arrive(self, sku: str, supply: str, pieces: int) -> None:
        """So much less is to come."""
        if (known := self.supplies.pop((sku, supply), None)) and known.quantity > pieces:
            self.supplies[sku, supply] = replace(known, quantity=known.quantity - pieces)

    def dates(self, model: StockModel, sku: str) -> list[int]:
        """When each waiting line has its pieces; where quotas are none and locations are open."""
        coming: dict[str, list[int]] = {}
        """for each piece at a location that nobody has, when it is there"""
        dated = [one for (of, _), one in self.supplies.items() if of == sku and one.expected_at_ms]
        for place in {*model.places(sku), *(one.location_id for one in dated)}:
            spare = model.on_hand[sku, place] - model.held(sku, place) - model.safety[sku, place]
            here = sorted(
                one.expected_at_ms
                for one in dated
                for _ in range(one.quantity)
                if one.location_id == place
            )
            coming[place] = [0] * spare + here[max(0, -spare) :]
        dates = []
        for key in model.waiting(sku):
            wish = model.lines[key].wish
            less, pieces = model.thresholds.get((sku, wish.channel), 0), wish.quantity
            date, place = min(
                (
                    (inf, ""),
                    *(
                        (coming[at][less + pieces - 1], at)
                        for at in wish.locations
                        if len(coming.get(at, ())) >= less + pieces
                    ),
                ),
                key=lambda one: one[0],
            )
            if place:
                del coming[place][:pieces]
            dates.append(int(date) if place else 0)
        return dates
