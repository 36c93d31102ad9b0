"""`millrace fulfillment pack` and `cartons`: parcels, and what fits into which."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from deploy import output
from deploy.cli_fulfillment_order import about, ask, found, order_of
from deploy.options import SOME_REJECTED, existing_file, json_option, on_kafka, own
from schemas.fulfillment_work import PackedLine, PackedParcel

if TYPE_CHECKING:
    from deploy.cluster import Cluster


@click.command("pack")
@own(
    "--parcel", "parcels", multiple=True, required=True,
    metavar="GRAMS[@LxWxH][:LINE=PIECES,…]",
    help="Weight, dimensions in mm, and what is in it: all of it where one parcel says nothing.",
)  # fmt: skip
@about
def pack(
    cluster: Cluster, fulfillment_order_id: str, parcels: tuple[str, ...], actor: str,
    as_json: bool,
) -> None:  # fmt: skip
    """All of it is in parcels.

    \b
    Examples:
      millrace fulfillment pack json-1001/1 --parcel 1200@300x200x100
      millrace fulfillment pack json-1001/1 --parcel 900:1=2 --parcel 400:1=1,2=1
    """
    from schemas.fulfillment_work import RecordPacked

    order_id, name = order_of(fulfillment_order_id), fulfillment_order_id
    packed = [parcel_of(words, number) for number, words in enumerate(parcels, start=1)]
    if len(packed) == 1 and not packed[0].lines:
        lines = [PackedLine(one.line_id, one.quantity) for one in found(cluster, name).lines]
        [one] = packed
        packed = [
            PackedParcel(
                one.parcel_id, one.weight_grams, one.length_mm, one.width_mm, one.height_mm, lines
            )
        ]
    for words, parcel in zip(parcels, packed, strict=True):
        if not parcel.lines:
            raise click.UsageError(f"--parcel is {words!r}, and must say what is in it")
    ask(cluster, order_id, name, RecordPacked(order_id, name, packed, actor), as_json)


@click.command("cartons")
@click.argument("fulfillment_order_id")
@own(
    "--sizes", "sizes", required=True, type=existing_file,
    help="TOML with [[carton]] and [[sku]]; deploy/examples/cartons.toml is one.",
)  # fmt: skip
@json_option
@on_kafka
def cartons(cluster: Cluster, fulfillment_order_id: str, sizes: Path, as_json: bool) -> None:
    """Propose cartons for a fulfillment order; exit status 1 where something fits into none.

    \b
    Example:
      millrace fulfillment cartons json-1001/1 --sizes deploy/examples/cartons.toml
    """
    from connectors.carriers.cartons import TooManyPieces, proposed
    from deploy import cartons as files

    known = files.load(sizes)
    one = found(cluster, fulfillment_order_id)
    try:
        proposal = proposed(files.goods(known, one.lines), known.cartons)
    except TooManyPieces as error:
        raise click.UsageError(str(error)) from error
    rows = [
        (carton, parcel, [f"{line.line_id}={line.quantity}" for line in parcel.lines])
        for carton, parcel in zip(proposal.cartons, proposal.parcels, strict=True)
    ]
    if as_json:
        for carton, parcel, _ in rows:
            inside = {line.line_id: line.quantity for line in parcel.lines}
            told = {"carton": carton, "weight_grams": parcel.weight_grams, "lines": inside}
            output.line(told)
        for left in proposal.left:
            output.line({"does_not_fit": left.line_id, **left._asdict()})
    else:
        output.table(
            ("carton", "grams", "pack with --parcel"),
            [
                (
                    carton,
                    parcel.weight_grams,
                    f"{parcel.weight_grams}@{parcel.length_mm}x{parcel.width_mm}"
                    f"x{parcel.height_mm}:{','.join(inside)}",
                )
                for carton, parcel, inside in rows
            ],
        )
        for left in proposal.left:
            why = left.reason.replace("_", " ")
            output.told(f"does not fit: {left.quantity} of line {left.line_id}: {why}")
    if proposal.left:
        raise click.exceptions.Exit(SOME_REJECTED)


def parcel_of(words: str, number: int) -> PackedParcel:
    """GRAMS[@LxWxH][:LINE=PIECES,…]. Raises click.UsageError."""
    measures, _, inside = words.partition(":")
    weight, at, size = measures.partition("@")
    sides = size.split("x") if at else ["0", "0", "0"]
    pieces = [one.rpartition("=") for one in inside.split(",")] if inside else []
    whole = [weight, *sides, *(quantity for _, _, quantity in pieces)]
    sound = len(sides) == 3 and all(one.isascii() and one.isdecimal() for one in whole)
    if not sound or max(map(len, whole)) > 9 or not all(line_id for line_id, _, _ in pieces):
        like = "1200@300x200x100:1=2,2=1"
        raise click.UsageError(f"--parcel is {words!r}, and must be like {like}")
    length, width, height = map(int, sides)
    lines = [PackedLine(line_id, int(quantity)) for line_id, _, quantity in pieces]
    return PackedParcel(f"p{number}", int(weight), length, width, height, lines)
