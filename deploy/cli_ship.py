"""`millrace ship`: goods of an order have left."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import click

from deploy.cli_changes import ask, now_ms
from deploy.cli_refund import pieces_of
from deploy.options import actor_option, identifiers, json_option, on_kafka, own

if TYPE_CHECKING:
    from deploy.cluster import Cluster


@click.command()
@click.argument("order_id")
@own(
    "--line",
    "lines",
    multiple=True,
    metavar="LINE:PIECES",
    help="These pieces; all that have not left yet when none is given. Several times.",
)
@own("--location", default="", help="Where from.")
@own("--carrier", default="", help="Who carries it.")
@own("--tracking", default="", help="The carrier's tracking number.")
@own("--id", "shipment_id", default="", help="The same id again changes nothing; made when none.")
@actor_option
@json_option
@on_kafka
def ship(
    cluster: Cluster,
    order_id: str,
    lines: tuple[str, ...],
    location: str,
    carrier: str,
    tracking: str,
    shipment_id: str,
    actor: str,
    as_json: bool,
) -> None:
    """Say that goods of an order have left.

    What they cost is taken and invoiced, and with the last piece of a line it leaves the stock.
    The answer is an event of the order: see `millrace order`.

    \b
    Examples:
      millrace ship json-1001 --carrier dhl --tracking 00340434161094027318
      millrace ship json-1001 --line 1:2 --carrier dhl --tracking 00340434161094027318
    """
    from schemas.orders import RecordShipment

    shipment_id = shipment_id or uuid.uuid4().hex
    identifiers({"--id": shipment_id})
    pieces = [pieces_of(words) for words in lines]
    for words, one in zip(lines, pieces, strict=True):
        if not one.quantity:
            raise click.UsageError(f"--line is {words!r}, and must be like 1:2")
    command = RecordShipment(
        order_id, shipment_id, pieces, now_ms(), location, carrier, tracking, actor
    )
    ask(cluster, [command], "ship", as_json)
