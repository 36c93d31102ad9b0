"""`millrace fulfillment`: what locations are to send, from its release to the door."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import click

from deploy import output
from deploy.cli_changes import now_ms
from deploy.cli_fulfillment_moves import merge, move, redirect, split
from deploy.cli_fulfillment_order import about, ask, found, order_of
from deploy.cli_packing import cartons, pack
from deploy.options import (
    actor_option,
    identifiers,
    json_option,
    moment_option,
    on_kafka,
    own,
)
from schemas.fulfillment_work import CarrierKind, WorkStatus

if TYPE_CHECKING:
    from deploy.cluster import Cluster

OVER = frozenset(
    {
        WorkStatus.DELIVERED, WorkStatus.REJECTED, WorkStatus.SHORT, WorkStatus.CANCELLED,
        WorkStatus.RETURNED_TO_SENDER, WorkStatus.MOVED, WorkStatus.MERGED,
    }
)  # fmt: skip


@click.group()
def fulfillment() -> None:
    """List what locations are to send, and take it on.

    Everything but `list`, `show` and `unroutable` is asked for and not waited for: `millrace
    fulfillment show` tells what came of it.

    \b
    Examples:
      millrace fulfillment list --location berlin
      millrace fulfillment accept json-1001/1
      millrace fulfillment pick json-1001/1
      millrace fulfillment pack json-1001/1 --parcel 1200@300x200x100
      millrace fulfillment ship json-1001/1 --carrier dhl --tracking T1
      millrace fulfillment reject json-1001/2 --reason "flooded"
      millrace fulfillment move json-1001/1 --to hamburg
      millrace fulfillment unroutable
    """


fulfillment.add_command(pack)
fulfillment.add_command(cartons)
fulfillment.add_command(move)
fulfillment.add_command(split)
fulfillment.add_command(merge)
fulfillment.add_command(redirect)


@fulfillment.command("list")
@own("--location", default="", help="Only of this one.")
@own(
    "--status", "statuses", multiple=True, show_default=False,
    type=click.Choice([status.value for status in WorkStatus]),
    help="Only these; all that are not over when not given.",
)  # fmt: skip
@own("--at-risk", is_flag=True, help="Only what may come too late, or already does.")
@json_option
@on_kafka
def fulfillment_list(
    cluster: Cluster, location: str, statuses: tuple[str, ...], at_risk: bool, as_json: bool
) -> None:
    """List fulfillment orders as they stand, with until when they leave and what is promised.

    \b
    Examples:
      millrace fulfillment list --location berlin --status released --json
      millrace fulfillment list --at-risk
    """
    from deploy import fulfillment as orders

    standing, promises = orders.standing_and_promised(cluster)
    chosen = [
        (state.order_id, one, promises.get(one.fulfillment_order_id))
        for state in standing
        for one in state.orders
        if (one.status in statuses if statuses else one.status not in OVER)
        and location in ("", one.location_id)
        and (not at_risk or orders.at_risk(promises.get(one.fulfillment_order_id)))
    ]
    if as_json:
        for order_id, one, promise in chosen:
            output.line({**orders.as_json(order_id, one), **orders.promise_as_json(promise)})
        return
    output.table(
        ("fulfillment order", "status", "location", "to", "since", "leaves by", "promised", "risk",
         "pieces"),
        [
            (
                one.fulfillment_order_id,
                one.status,
                one.location_id,
                one.destination,
                output.moment(one.changed_at_ms),
                output.moment(promise.ship_by_ms) if promise and promise.ship_by_ms else "",
                promise.promised_day if promise else "",
                ", ".join(orders.at_risk(promise)).replace("_", " "),
                sum(line.quantity for line in one.lines),
            )
            for _, one, promise in chosen
        ],
        right=1,
    )  # fmt: skip


@fulfillment.command("unroutable")
@json_option
@on_kafka
def unroutable(cluster: Cluster, as_json: bool) -> None:
    """List lines that no location is left for, and why.

    `millrace fulfillment route` tries them at a location that you name, `redirect` sends them to
    another address, and `millrace cancel` takes them out of the order.
    """
    from deploy import fulfillment as orders

    chosen = [
        (state, line)
        for state in orders.standing(cluster)
        for line in state.without_place
        if line.reason
    ]
    if as_json:
        for state, line in chosen:
            output.line(
                {
                    "order_id": state.order_id,
                    "line_id": line.line_id,
                    "sku": line.sku,
                    "quantity": line.quantity,
                    "reason": line.reason,
                    "tried": state.rejected,
                }
            )
        return
    output.table(
        ("order", "line", "sku", "pieces", "why", "gave it back"),
        [
            (
                state.order_id,
                line.line_id,
                line.sku,
                line.quantity,
                line.reason.replace("_", " "),
                ", ".join(state.rejected),
            )
            for state, line in chosen
        ],
    )


@fulfillment.command("show")
@click.argument("fulfillment_order_id")
@json_option
@on_kafka
def show(cluster: Cluster, fulfillment_order_id: str, as_json: bool) -> None:
    """Show a fulfillment order: its lines, its parcels, and what happened to it.

    \b
    Example:
      millrace fulfillment show json-1001/1
    """
    from deploy import fulfillment as orders

    one = found(cluster, fulfillment_order_id)
    order_id = orders.order_of(fulfillment_order_id)
    events = orders.history(cluster, fulfillment_order_id)
    if as_json:
        output.line({**orders.as_json(order_id, one), "events": events})
        return
    to = f" to {one.destination}" if one.destination else ""
    way = f", by {one.carrier} {one.service} {one.tracking_number}" if one.carrier else ""
    why = f": {one.reason}" if one.reason else ""
    output.told(f"{one.status} at {one.location_id}{to}{way}{why}")
    output.table(
        ("line", "sku", "pieces"),
        [(line.line_id, line.sku, line.quantity) for line in one.lines],
        right=1,
    )
    if one.parcels:
        output.table(
            ("parcel", "grams", "mm", "lines"),
            [
                (
                    parcel.parcel_id,
                    parcel.weight_grams,
                    f"{parcel.length_mm}x{parcel.width_mm}x{parcel.height_mm}",
                    ", ".join(f"{line.line_id}={line.quantity}" for line in parcel.lines),
                )
                for parcel in one.parcels
            ],
        )
    output.table(
        ("time (UTC)", "event", "by", "what"),
        [
            (
                str(event["at"] or "").replace("T", " ").removesuffix("Z"),
                event["event"],
                event["actor"],
                event["why"],
            )
            for event in events
        ],
    )


@fulfillment.command("accept")
@about
def accept(cluster: Cluster, fulfillment_order_id: str, actor: str, as_json: bool) -> None:
    """The location will do it."""
    from schemas.fulfillment_work import AcceptFulfillmentOrder

    order_id, name = order_of(fulfillment_order_id), fulfillment_order_id
    ask(cluster, order_id, name, AcceptFulfillmentOrder(order_id, name, actor), as_json)


@fulfillment.command("reject")
@own("--reason", required=True, help="Why not.")
@about
def reject(
    cluster: Cluster, fulfillment_order_id: str, reason: str, actor: str, as_json: bool
) -> None:
    """The location will not do it: its lines go elsewhere and never back there.

    \b
    Example:
      millrace fulfillment reject json-1001/1 --reason "flooded"
    """
    from schemas.fulfillment_work import RejectFulfillmentOrder

    order_id, name = order_of(fulfillment_order_id), fulfillment_order_id
    record = RejectFulfillmentOrder(order_id, name, reason, actor)
    ask(cluster, order_id, name, record, as_json)


@fulfillment.command("pick")
@about
def pick(cluster: Cluster, fulfillment_order_id: str, actor: str, as_json: bool) -> None:
    """Somebody fetches the pieces from the shelves."""
    from schemas.fulfillment_work import StartPicking

    order_id, name = order_of(fulfillment_order_id), fulfillment_order_id
    ask(cluster, order_id, name, StartPicking(order_id, name, actor), as_json)


@fulfillment.command("short")
@own("--line", "line_id", required=True, help="The line that is not there.")
@own("--quantity", required=True, type=click.IntRange(min=1), help="Pieces that are missing.")
@about
def short(
    cluster: Cluster, fulfillment_order_id: str, line_id: str, quantity: int, actor: str,
    as_json: bool,
) -> None:  # fmt: skip
    """Pieces of a line are not there: the whole line goes elsewhere."""
    from schemas.fulfillment_work import ReportShort

    order_id, name = order_of(fulfillment_order_id), fulfillment_order_id
    record = ReportShort(order_id, name, line_id, quantity, actor)
    ask(cluster, order_id, name, record, as_json)


@fulfillment.command("ship")
@own("--carrier", default="", help="Who carries it.")
@own("--service", default="", help="Of the carrier, e.g. express.")
@own("--tracking", default="", help="The carrier's tracking number.")
@about
def ship(
    cluster: Cluster, fulfillment_order_id: str, carrier: str, service: str, tracking: str,
    actor: str, as_json: bool,
) -> None:  # fmt: skip
    """It leaves the location: what it costs is taken and invoiced.

    \b
    Example:
      millrace fulfillment ship json-1001/1 --carrier dhl --tracking 00340434161094027318
    """
    from schemas.fulfillment_work import ShipFulfillmentOrder

    order_id, name = order_of(fulfillment_order_id), fulfillment_order_id
    record = ShipFulfillmentOrder(order_id, name, carrier, service, tracking, now_ms(), actor)
    ask(cluster, order_id, name, record, as_json)


@fulfillment.command("deliver")
@moment_option("--at", "When it was; now when not given. E.g.")
@about
def deliver(
    cluster: Cluster, fulfillment_order_id: str, at: int, actor: str, as_json: bool
) -> None:
    """It is where it was to go, or the customer has fetched it."""
    _told(cluster, fulfillment_order_id, CarrierKind.DELIVERED, at, "", "", actor, as_json)


@fulfillment.command("track")
@own(
    "--kind", required=True, type=click.Choice([kind.value for kind in CarrierKind]),
    help="What the carrier tells.",
)  # fmt: skip
@moment_option("--at", "When it was by the carrier's clock; now when not given. E.g.")
@own("--id", "event_id", default="", help="The same id again changes nothing; made when none.")
@own("--words", default="", help="What else the carrier says.")
@about
def track(
    cluster: Cluster, fulfillment_order_id: str, kind: str, at: int, event_id: str, words: str,
    actor: str, as_json: bool,
) -> None:  # fmt: skip
    """Record by hand what a carrier tells of it.

    \b
    Example:
      millrace fulfillment track json-1001/1 --kind exception --words "nobody at home"
    """
    _told(cluster, fulfillment_order_id, kind, at, event_id, words, actor, as_json)


def _told(
    cluster: Cluster, name: str, kind: str, at: int, event_id: str, words: str, actor: str,
    as_json: bool,
) -> None:  # fmt: skip
    from schemas.fulfillment_work import RecordCarrierEvent

    order_id = order_of(name)
    record = RecordCarrierEvent(
        order_id, name, event_id or uuid.uuid4().hex, kind, "", at or now_ms(), words, actor
    )
    ask(cluster, order_id, name, record, as_json)


@fulfillment.command("simulate")
@click.argument("fulfillment_order_id")
@json_option
@on_kafka
def simulate(cluster: Cluster, fulfillment_order_id: str, as_json: bool) -> None:
    """Send what the sandbox carrier tells of a shipment: mixed up and partly twice.

    How it ends stands at the end of the tracking number: -LATE, -LOST, -DAMAGED, -RETURNED, -FOUND,
    -SILENT or -STRAIGHT; otherwise it is delivered. Once more changes nothing.

    \b
    Example:
      millrace fulfillment ship json-1001/1 --carrier sandbox --tracking T1-LATE
      millrace fulfillment simulate json-1001/1
    """
    from connectors.carriers.carrier import Shipment, commands
    from connectors.carriers.sandbox import Sandbox
    from deploy.records import send
    from schemas.messages import Send
    from schemas.topics import FULFILLMENT_COMMANDS

    one = found(cluster, fulfillment_order_id)
    carrier = Sandbox()
    if one.carrier != carrier.name or not one.tracking_number:
        raise click.UsageError(f"{fulfillment_order_id} does not go by {carrier.name}")
    order_id = order_of(fulfillment_order_id)
    shipment = Shipment(order_id, fulfillment_order_id, one.tracking_number, one.changed_at_ms)
    told = commands(carrier, shipment)
    send(cluster, [Send(FULFILLMENT_COMMANDS, order_id, record) for record in told])
    if as_json:
        output.line({"told": len(told), "fulfillment_order_id": fulfillment_order_id})
    else:
        output.told(f"told: {len(told)}; see millrace fulfillment show {fulfillment_order_id}")


@fulfillment.command("hold")
@own("--reason", required=True, help="Why.")
@about
def hold(
    cluster: Cluster, fulfillment_order_id: str, reason: str, actor: str, as_json: bool
) -> None:
    """Keep it from being worked on."""
    from schemas.fulfillment_work import HoldFulfillmentOrder

    order_id, name = order_of(fulfillment_order_id), fulfillment_order_id
    ask(cluster, order_id, name, HoldFulfillmentOrder(order_id, name, reason, actor), as_json)


@fulfillment.command("release")
@about
def release(cluster: Cluster, fulfillment_order_id: str, actor: str, as_json: bool) -> None:
    """End its hold: it is where it was before."""
    from schemas.fulfillment_work import ReleaseFulfillmentOrder

    order_id, name = order_of(fulfillment_order_id), fulfillment_order_id
    ask(cluster, order_id, name, ReleaseFulfillmentOrder(order_id, name, actor), as_json)


@fulfillment.command("route")
@click.argument("order_id")
@own("--location", required=True, help="Where to try them.")
@own("--line", "line_ids", multiple=True, help="Only this line; may be given several times.")
@actor_option
@json_option
@on_kafka
def route(
    cluster: Cluster, order_id: str, location: str, line_ids: tuple[str, ...], actor: str,
    as_json: bool,
) -> None:  # fmt: skip
    """Try lines that no location is left for at one that you name.

    \b
    Example:
      millrace fulfillment route json-1001 --location hamburg
    """
    from deploy.records import send
    from schemas.fulfillment_work import RouteLinesTo
    from schemas.messages import Send
    from schemas.topics import FULFILLMENT_COMMANDS

    identifiers({"ORDER_ID": order_id, "--location": location})
    record = RouteLinesTo(order_id, location, list(line_ids), actor)
    send(cluster, [Send(FULFILLMENT_COMMANDS, order_id, record)])
    if as_json:
        output.line({"asked": "RouteLinesTo", "order_id": order_id})
    else:
        output.told(f"asked: RouteLinesTo; see millrace order {order_id}")
