"""Reads the sizes of cartons and of SKUs from a TOML file."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from connectors.carriers.cartons import Carton, Goods, Proposal, proposed
from deploy.options import Unreadable
from schemas.fulfillment_work import WorkLine

MAXIMUM_MM = 100_000
MAXIMUM_GRAMS = 10_000_000


class Size(NamedTuple):
    """A piece of a SKU."""

    length_mm: int
    width_mm: int
    height_mm: int
    weight_grams: int
    upright: bool


class Sizes(NamedTuple):
    """A whole file."""

    cartons: list[Carton]
    skus: dict[str, Size]


def load(path: Path) -> Sizes:
    """The file's cartons and SKUs. Raises Unreadable, which names the entry at fault."""
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise Unreadable(f"{path}: {error}") from error
    for key in content:
        if key not in ("carton", "sku"):
            raise Unreadable(f"{path}: {key} is neither [[carton]] nor [[sku]]")
    cartons = [
        Carton(
            _text(one, "name", where),
            *_sides(one, where),
            _number(one, "tare_grams", where, 0, MAXIMUM_GRAMS),
            _number(one, "payload_grams", where, 1, MAXIMUM_GRAMS),
        )
        for where, one in _tables(content, "carton", path)
    ]
    skus: dict[str, Size] = {}
    for where, one in _tables(content, "sku", path):
        upright = one.get("upright", False)
        if not isinstance(upright, bool):
            raise Unreadable(f"{where}: upright must be true or false")
        weight = _number(one, "weight_grams", where, 1, MAXIMUM_GRAMS)
        skus[_text(one, "sku", where)] = Size(*_sides(one, where), weight, upright)
    if len({carton.name for carton in cartons}) < len(cartons):
        raise Unreadable(f"{path}: two cartons have the same name")
    return Sizes(cartons, skus)


def goods(sizes: Sizes, lines: Sequence[WorkLine]) -> list[Goods]:
    """The lines with the size of a piece. Raises Unreadable for a SKU that the file lacks."""
    found = []
    for line in lines:
        size = sizes.skus.get(line.sku)
        if size is None:
            raise Unreadable(f"the file has no [[sku]] {line.sku}")
        found.append(Goods(line.line_id, line.quantity, *size))
    return found


def proposer(sizes: Sizes) -> Callable[[Sequence[WorkLine]], Proposal]:
    """What proposes cartons for lines. It raises TooManyPieces, and LookupError for a SKU that the
    file lacks."""

    def propose(lines: Sequence[WorkLine]) -> Proposal:
        try:
            return proposed(goods(sizes, lines), sizes.cartons)
        except Unreadable as error:
            raise LookupError(error.message) from None

    return propose


def _tables(
    content: Mapping[str, object], key: str, path: Path
) -> list[tuple[str, Mapping[str, object]]]:
    entries = content.get(key, [])
    if not isinstance(entries, list) or not all(isinstance(one, dict) for one in entries):
        raise Unreadable(f"{path}: {key} must be written as [[{key}]]")
    return [(f"{path}: {key} {number}", one) for number, one in enumerate(entries, start=1)]


def _sides(one: Mapping[str, object], where: str) -> tuple[int, int, int]:
    length, width, height = (
        _number(one, key, where, 1, MAXIMUM_MM) for key in ("length_mm", "width_mm", "height_mm")
    )
    return length, width, height


def _number(one: Mapping[str, object], key: str, where: str, least: int, most: int) -> int:
    value = one.get(key)
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise Unreadable(f"{where}: {key} must be a whole number from {least} to {most}")
    return value


def _text(one: Mapping[str, object], key: str, where: str) -> str:
    value = one.get(key)
    if not isinstance(value, str) or not value:
        raise Unreadable(f"{where}: {key} must be a text")
    return value
