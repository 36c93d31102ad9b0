"""`millrace stock`: what is there, and what people do with it."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import click

from deploy import output
from deploy.cli_imports import import_locations, import_skus, load_counts, rooms
from deploy.options import (
    NotFound,
    actor_option,
    identifiers,
    json_option,
    levels_option,
    moment_option,
    on_kafka,
    own,
)

if TYPE_CHECKING:
    from deploy.cluster import Cluster
    from schemas.records import Record


@click.group()
def stock() -> None:
    """Load, show and move stock.

    What moves stock is asked for and not waited for: the answer is a record on inventory.events,
    and `millrace stock show` tells what came of it. Asked again with the same --id, it changes
    nothing.

    \b
    Examples:
      millrace stock load deploy/examples/stock.csv
      millrace stock show TEA-GREEN-100
      millrace stock adjust TEA-GREEN-100 --location berlin --quantity -3 --reason "broken"
    """


@stock.group("import")
def imports() -> None:
    """Load CSV files of counts, SKUs and locations.

    \b
    Examples:
      millrace stock import skus deploy/examples/skus.csv
      millrace stock import locations deploy/examples/locations.csv
    """


stock.add_command(load_counts)
imports.add_command(load_counts, "counts")
imports.add_command(import_skus)
imports.add_command(import_locations)


@stock.command("show")
@click.argument("sku")
@own("--explain", is_flag=True, help="Show every step of the sum.")
@own("--channel", default="", help="What this channel may sell, by its thresholds and quotas.")
@moment_option("--at", "With supply that is expected until then.")
@levels_option
@json_option
@on_kafka
def stock_show(
    cluster: Cluster, sku: str, explain: bool, channel: str, at: int, levels: str, as_json: bool
) -> None:
    """Show where a SKU is and how much of it can be promised.

    Available is what is on hand, less what is reserved, allocated and the safety stock; less the
    channel's threshold at each location, and less what quotas keep for others over all of them.
    Asks `millrace levels`; where none answers, reads Kafka.

    \b
    Examples:
      millrace stock show TEA-GREEN-100
      millrace stock show TEA-GREEN-100 --channel web --at 2025-03-01 --explain
    """
    from deploy.levels import Away, UnknownSku, ask, scan

    explained = bool(explain or channel or at)
    told: dict[str, Any] | None = None
    try:
        if not (_is_default("levels") and not _is_default("brokers")):
            try:
                told = ask(levels, sku, explained, channel, at)
            except Away as error:
                if not _is_default("levels"):
                    output.say(f"millrace levels at {levels} {error}; reading Kafka")
        if told is None:
            told = scan(cluster, sku, explained, channel, at)
    except UnknownSku:
        raise NotFound(f"no stock of {sku}") from None
    if as_json:
        output.line(told)
    else:
        _show(told, explain)


def _is_default(option: str) -> bool:
    """Nobody has said it. The look-up on this machine is not of a cluster that was named."""
    source = click.get_current_context().get_parameter_source(option)
    return source is click.core.ParameterSource.DEFAULT


POSITION = (
    "location_id", "on_hand", "reserved", "allocated", "safety_stock",
    "in_transit", "expected", "quarantined", "available",
)  # fmt: skip


def _show(told: Mapping[str, Any], explain: bool) -> None:
    """For people: positions, or every step; then what may be sold."""
    if explain:
        rows = [
            (one["location_id"], step["label"], step["pieces"])
            for one in told["explained"]["locations"]
            for step in one["steps"]
        ]
        rows += [
            (f"{part['sku']}, {part['quantity']} each", "available to promise", part["available"])
            for part in told["explained"].get("components", ())
        ]
        rows += [("over all", step["label"], step["pieces"]) for step in told["explained"]["steps"]]
        output.table(("where", "step", "pieces"), rows, right=1)
    elif told["components"]:
        parts = [(one["sku"], one["quantity"]) for one in told["components"]]
        output.table(("component", "pieces"), parts, right=1)
    else:
        positions = [[one[name] for name in POSITION] for one in told["positions"]]
        output.table(("location", *POSITION[1:]), positions, right=len(POSITION) - 1)
    for line in _lines(told):
        output.told(line)


def _lines(told: Mapping[str, Any]) -> Iterator[str]:
    level = f" ({told['level']})" if told["level"] else ""
    yield f"available: {told['available']}{level}"
    for one in told["channels"]:
        yield f"available on {one['channel']}: {one['available']}"
    explained = told.get("explained")
    if explained is not None and (explained["channel"] or explained["until"]):
        channel = f" on {explained['channel']}" if explained["channel"] else ""
        until = f" until {explained['until']}" if explained["until"] else ""
        yield f"can be promised{channel}{until}: {explained['available']}"
    closed = [one["location_id"] for one in told["positions"] if not one["selling"]]
    if closed:
        yield f"channels do not sell from: {', '.join(closed)}"
    if told["backordered"]:
        yield f"waited for: {told['backordered']}"
    if told["next_supply_at"]:
        yield f"next supply: {told['next_supply_at']}"


def _movement(command: Callable[..., Any]) -> Callable[..., Any]:
    """SKU, --id, --actor, --json and Kafka, which everything that moves stock has."""
    movement = own(
        "--id",
        "movement_id",
        default="",
        show_default=False,
        help="The movement's own id, of your choice; one is made and told when not given.",
    )
    sku = click.argument("sku")
    return sku(movement(actor_option(json_option(on_kafka(command)))))


location_option = own("--location", required=True, help="Where.")
lot_option = own("--lot", default="", help="The lot or serial number, where those are tracked.")
reason_option = own("--reason", required=True, help="Why, in words that the ledger keeps.")


def _quantity(help_text: str, least: int | None = 1) -> Callable[[Callable[..., Any]], Any]:
    return own("--quantity", required=True, type=click.IntRange(min=least), help=help_text)


def _ask(cluster: Cluster, record: Record, as_json: bool, **named: str) -> None:
    """Send a movement and say where its answer will be."""
    from deploy.records import send
    from schemas.messages import Send
    from schemas.topics import INVENTORY_COMMANDS

    identifiers(named)
    send(cluster, [Send(INVENTORY_COMMANDS, named["sku"], record)])
    asked = type(record).__name__
    if as_json:
        output.line({"asked": asked, **named})
    else:
        output.told(
            f"asked: {asked} {named['movement_id']}; see millrace stock show {named['sku']}"
        )


def _id(given: str) -> str:
    return given or str(uuid.uuid4())


@stock.command("adjust")
@location_option
@_quantity("Pieces more, or with a minus fewer.", None)
@reason_option
@lot_option
@_movement
def adjust(
    cluster: Cluster, sku: str, location: str, quantity: int, reason: str, lot: str,
    movement_id: str, actor: str, as_json: bool,
) -> None:  # fmt: skip
    """Correct what is on hand of SKU by a difference."""
    from schemas.stock import AdjustStock

    made = _id(movement_id)
    record = AdjustStock(made, sku, location, quantity, reason, actor, lot)
    _ask(cluster, record, as_json, sku=sku, location=location, movement_id=made)


@stock.command("count")
@location_option
@_quantity("Sellable pieces that were found.", 0)
@reason_option
@lot_option
@_movement
def count(
    cluster: Cluster, sku: str, location: str, quantity: int, reason: str, lot: str,
    movement_id: str, actor: str, as_json: bool,
) -> None:  # fmt: skip
    """Set what is on hand of SKU to what was counted."""
    from schemas.stock import CountStock

    made = _id(movement_id)
    record = CountStock(made, sku, location, quantity, reason, actor, lot)
    _ask(cluster, record, as_json, sku=sku, location=location, movement_id=made)


DISPOSITIONS = click.Choice(("sellable", "refurbish", "damaged", "scrap"))


@stock.command("receive")
@location_option
@_quantity("How many, in --unit.")
@own("--unit", default="", help="A unit of the SKU, such as CS; pieces when not given.")
@own("--supply", default="", help="The expected supply that this is of.")
@own("--disposition", default="sellable", type=DISPOSITIONS)
@own("--return", "is_return", is_flag=True, help="A customer has sent it back.")
@own("--reference", default="", help="Purchase order, return or delivery note.")
@own("--reason", default="", help="Why, in words that the ledger keeps.")
@lot_option
@moment_option("--expires", "When the lot expires.")
@own("--serial", "serials", multiple=True, help="A serial number; once for each piece.")
@_movement
def receive(
    cluster: Cluster, sku: str, location: str, quantity: int, unit: str, supply: str,
    disposition: str, is_return: bool, reference: str, reason: str, lot: str, expires: int,
    serials: tuple[str, ...], movement_id: str, actor: str, as_json: bool,
) -> None:  # fmt: skip
    """Take in goods of SKU that have arrived: from a supplier, or back from a customer."""
    from schemas.stock import ReceiveStock

    if serials and unit == "" and len(serials) != quantity:
        raise click.UsageError(f"{len(serials)} serial numbers for {quantity} pieces")
    made = _id(movement_id)
    record = ReceiveStock(
        made, sku, location, quantity, unit, supply, disposition, is_return, reference, reason,
        actor, lot, expires, list(serials),
    )  # fmt: skip
    _ask(cluster, record, as_json, sku=sku, location=location, movement_id=made)


@stock.command("dispose")
@location_option
@_quantity("Pieces.")
@own("--from", "before", default="sellable", type=click.Choice(DISPOSITIONS.choices[:3]))
@own("--to", "after", required=True, type=DISPOSITIONS)
@reason_option
@lot_option
@_movement
def dispose(
    cluster: Cluster, sku: str, location: str, quantity: int, before: str, after: str,
    reason: str, lot: str, movement_id: str, actor: str, as_json: bool,
) -> None:  # fmt: skip
    """Take pieces of SKU out of sale, put them back, or scrap them."""
    from schemas.stock import ChangeDisposition

    made = _id(movement_id)
    record = ChangeDisposition(made, sku, location, quantity, before, after, reason, actor, lot)
    _ask(cluster, record, as_json, sku=sku, location=location, movement_id=made)


@stock.command("transfer")
@own("--from", "source", required=True, help="The location that it leaves.")
@own("--to", "target", required=True, help="The location that it goes to.")
@_quantity("Pieces.")
@moment_option("--expected", "When it should arrive.")
@own("--reason", default="", help="Why, in words that the ledger keeps.")
@lot_option
@_movement
def transfer(
    cluster: Cluster, sku: str, source: str, target: str, quantity: int, expected: int,
    reason: str, lot: str, movement_id: str, actor: str, as_json: bool,
) -> None:  # fmt: skip
    """Send pieces of SKU to another location. The id is the transfer's."""
    from schemas.stock import ShipTransfer

    if source == target:
        raise click.UsageError("--from and --to are the same location")
    made = _id(movement_id)
    record = ShipTransfer(made, sku, source, target, quantity, expected, reason, actor, lot)
    _ask(cluster, record, as_json, sku=sku, source=source, location=target, movement_id=made)


@stock.command("receive-transfer")
@own("--transfer", "transfer_id", required=True, help="The transfer's id.")
@_quantity("Pieces that have arrived.", 0)
@own("--lost", default=0, type=click.IntRange(min=0), help="Pieces that will not come any more.")
@own("--reason", default="", help="Why, in words that the ledger keeps.")
@_movement
def receive_transfer(
    cluster: Cluster, sku: str, transfer_id: str, quantity: int, lost: int, reason: str,
    movement_id: str, actor: str, as_json: bool,
) -> None:  # fmt: skip
    """Take in what has arrived of a transfer of SKU."""
    from schemas.stock import ReceiveTransfer

    if quantity + lost == 0:
        raise click.UsageError("--quantity and --lost are both 0")
    made = _id(movement_id)
    record = ReceiveTransfer(made, transfer_id, sku, quantity, lost, reason, actor)
    _ask(cluster, record, as_json, sku=sku, transfer_id=transfer_id, movement_id=made)


def _tell_rooms(cluster: Cluster, key: str, record: Record, as_json: bool, **named: str) -> None:
    """Send to every partition of the rooms that know locations.

    Sourcing goes by it at once; levels are written anew bit by bit, a million in under a minute.
    """
    from deploy.records import send
    from deploy.stock import everywhere

    identifiers(named)
    send(cluster, everywhere(key, record, rooms(cluster)))
    asked = type(record).__name__
    if as_json:
        output.line({"asked": asked, **named})
    else:
        output.told(f"asked: {asked} {key}; levels tell it of one SKU after the other from now on")


@stock.command("switch-location")
@click.argument("location")
@own("--selling/--not-selling", required=True, help="Whether channels sell from here.")
@own("--fulfilling/--not-fulfilling", required=True, help="Whether orders are fulfilled here.")
@reason_option
@actor_option
@json_option
@on_kafka
def switch_location(
    cluster: Cluster, location: str, selling: bool, fulfilling: bool, reason: str, actor: str,
    as_json: bool,
) -> None:  # fmt: skip
    """Stop or start selling from, or fulfilling at, LOCATION.

    \b
    Example:
      millrace stock switch-location berlin --not-selling --fulfilling --reason "stocktaking"
    """
    from schemas.locations import SwitchLocation

    record = SwitchLocation(location, selling, fulfilling, reason, actor)
    _tell_rooms(cluster, location, record, as_json, location=location)


@stock.command("set-sourcing")
@click.argument("channel")
@own("--group", "groups", multiple=True, help="A group of locations; none means all locations.")
@actor_option
@json_option
@on_kafka
def set_sourcing(
    cluster: Cluster, channel: str, groups: tuple[str, ...], actor: str, as_json: bool
) -> None:
    """Say which groups of locations CHANNEL sells from.

    \b
    Example:
      millrace stock set-sourcing web --group warehouses --group stores-de
    """
    from schemas.locations import SetChannelSourcing

    record = SetChannelSourcing(channel, list(groups), actor)
    _tell_rooms(cluster, channel, record, as_json, channel=channel)
