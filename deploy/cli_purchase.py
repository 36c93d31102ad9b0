"""`millrace purchase`: purchase orders, from the proposal to the last delivery."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from deploy import output
from deploy.cli_imports import import_offers
from deploy.cli_stock import DISPOSITIONS
from deploy.options import (
    NotFound,
    actor_option,
    identifiers,
    json_option,
    moment_option,
    on_kafka,
    own,
)

if TYPE_CHECKING:
    from deploy.cluster import Cluster
    from schemas.purchasing import PurchaseLine
    from schemas.records import Record

STATUSES = (
    "proposed", "approved", "sent", "partly_received", "received", "closed", "cancelled",
)  # fmt: skip


@click.group()
def purchase() -> None:
    """List purchase orders and take them on.

    Everything but `list` and `show` is asked for and not waited for: `millrace purchase show` tells
    what came of it.

    \b
    Examples:
      millrace purchase create --supplier acme --location berlin --line TEA-GREEN-100=40
      millrace purchase list --status proposed
      millrace purchase approve po-TEA-GREEN-100-1
      millrace purchase deliver po-TEA-GREEN-100-1 --delivery D-77 --line 1=40
    """


@purchase.group("import")
def imports() -> None:
    """Load CSV files of suppliers' offers.

    \b
    Example:
      millrace purchase import offers deploy/examples/offers.csv
    """


imports.add_command(import_offers)


@purchase.command("list")
@own(
    "--status", "statuses", multiple=True, type=click.Choice(STATUSES), show_default=False,
    help="Only these; all that are not over when not given.",
)  # fmt: skip
@json_option
@on_kafka
def purchase_list(cluster: Cluster, statuses: tuple[str, ...], as_json: bool) -> None:
    """List purchase orders as they stand."""
    from deploy import purchases

    found = [
        one
        for one in purchases.standing(cluster)
        if (one.status in statuses if statuses else one.status not in purchases.OVER)
    ]
    if as_json:
        for one in found:
            output.line(purchases.as_json(one))
        return
    output.table(
        ("purchase order", "status", "supplier", "location", "expected", "total", "open pieces"),
        [
            (
                one.purchase_order_id,
                one.status,
                one.supplier_id,
                one.location_id or one.order_id,
                output.moment(one.expected_at_ms) if one.expected_at_ms else "",
                purchases.total(one),
                sum(purchases.open_pieces(one).values()),
            )
            for one in found
        ],
        right=2,
    )


@purchase.command("show")
@click.argument("purchase_order_id")
@json_option
@on_kafka
def purchase_show(cluster: Cluster, purchase_order_id: str, as_json: bool) -> None:
    """Show a purchase order: its lines, and what happened to it."""
    from deploy import purchases

    one = purchases.state(cluster, purchase_order_id)
    events = purchases.history(cluster, purchase_order_id)
    if one is None and not events:
        raise NotFound(f"no purchase order {purchase_order_id}")
    if as_json:
        told = purchases.as_json(one) if one else {"purchase_order_id": purchase_order_id}
        output.line({**told, "events": events})
        return
    if one is not None:
        due = output.moment(one.expected_at_ms) if one.expected_at_ms else "no date"
        where = one.location_id or f"the customer of {one.order_id}"
        output.told(f"{one.status}, from {one.supplier_id} to {where}, {due}")
        output.table(
            ("line", "sku", "ordered", "received", "sellable"),
            [
                (line.line_id, line.sku, line.quantity, line.received, line.sellable)
                for line in one.lines
            ],
            right=3,
        )
    output.table(
        ("time (UTC)", "event", "by", "why"),
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


def _about(command: Callable[..., Any]) -> Callable[..., Any]:
    """PURCHASE_ORDER_ID, --actor, --json and Kafka."""
    named = click.argument("purchase_order_id")
    return named(actor_option(json_option(on_kafka(command))))


def _ask(cluster: Cluster, purchase_order_id: str, record: Record, as_json: bool) -> None:
    from deploy.records import send
    from schemas.messages import Send
    from schemas.topics import PURCHASING_COMMANDS

    identifiers({"PURCHASE_ORDER_ID": purchase_order_id})
    send(cluster, [Send(PURCHASING_COMMANDS, purchase_order_id, record)])
    asked = type(record).__name__
    if as_json:
        output.line({"asked": asked, "purchase_order_id": purchase_order_id})
    else:
        output.told(f"asked: {asked}; see millrace purchase show {purchase_order_id}")


@purchase.command("create")
@own("--supplier", required=True, help="Whom it is ordered from.")
@own("--location", required=True, help="Where the goods go.")
@own(
    "--line", "lines", multiple=True, required=True, metavar="SKU=PIECES[@PRICE]",
    help="How many of a SKU, and the price of a piece; once for each.",
)  # fmt: skip
@own("--currency", default="", help="Of the prices, ISO 4217.")
@moment_option("--expected", "When the goods should come.")
@own("--reason", default="", help="Why it is ordered.")
@own(
    "--id", "purchase_order_id", default="", show_default=False,
    help="Its id, of your choice; one is made and told when not given.",
)  # fmt: skip
@actor_option
@json_option
@on_kafka
def create(
    cluster: Cluster, supplier: str, location: str, lines: tuple[str, ...], currency: str,
    expected: int, reason: str, purchase_order_id: str, actor: str, as_json: bool,
) -> None:  # fmt: skip
    """Propose a purchase order by hand. It waits for its approval as one from a suggestion does.

    \b
    Example:
      millrace purchase create --supplier acme --location berlin --currency EUR
        --line TEA-GREEN-100=40@3.20 --line TEAPOT-CAST-IRON=5@18 --expected 2025-03-01
    """
    from schemas.purchasing import CreatePurchaseOrder

    identifiers({"--supplier": supplier, "--location": location})
    made = purchase_order_id or f"po-{uuid.uuid4()}"
    code = currency.strip().upper()
    wanted = _wanted(lines, code)
    record = CreatePurchaseOrder(
        made, supplier, location, wanted, code, expected, "", reason, actor
    )
    _ask(cluster, made, record, as_json)


def _wanted(lines: tuple[str, ...], currency: str) -> list[PurchaseLine]:
    """Numbered lines. Raises click.BadParameter."""
    from deploy.csvfile import BadField, identifier, pieces
    from schemas.money import InvalidMoney, minor
    from schemas.money import currency as checked
    from schemas.purchasing import PurchaseLine

    found = []
    for number, line in enumerate(lines, start=1):
        sku, equals, rest = line.rpartition("=")
        quantity, at, price = rest.partition("@")
        try:
            if not equals:
                raise BadField("--line", f"{line[:60]!r} is not written as SKU=PIECES[@PRICE]")
            if bool(at) != bool(currency):
                raise BadField("--line", "has a price where --currency is given, and only there")
            amount = minor(price.strip(), checked(currency), "--line") if at else 0
            if amount < 0 or pieces(quantity, "--line") < 1:
                raise BadField("--line", f"{line[:60]!r} has no piece, or a price below 0")
            found.append(
                PurchaseLine(
                    str(number), identifier(sku, "--line"), pieces(quantity, "--line"), amount
                )
            )
        except InvalidMoney as error:
            raise click.BadParameter(str(error).partition(": ")[2], param_hint="--line") from error
        except BadField as error:
            raise click.BadParameter(error.why, param_hint="--line") from error
    return found


@purchase.command("approve")
@_about
def approve(cluster: Cluster, purchase_order_id: str, actor: str, as_json: bool) -> None:
    """Let a proposed purchase order be sent."""
    from schemas.purchasing import ApprovePurchaseOrder

    _ask(cluster, purchase_order_id, ApprovePurchaseOrder(purchase_order_id, actor), as_json)


@purchase.command("send")
@_about
def send_order(cluster: Cluster, purchase_order_id: str, actor: str, as_json: bool) -> None:
    """Say that the supplier has an approved purchase order: its goods are expected from now on."""
    from schemas.purchasing import SendPurchaseOrder

    _ask(cluster, purchase_order_id, SendPurchaseOrder(purchase_order_id, actor), as_json)


@purchase.command("confirm")
@moment_option("--expected", "When the goods come.", required=True)
@own("--reason", default="", help="Why, for instance why they come later.")
@_about
def confirm(
    cluster: Cluster, purchase_order_id: str, expected: int, reason: str, actor: str, as_json: bool
) -> None:
    """Say when the goods come, as the supplier has said; also that they slip."""
    from schemas.purchasing import ConfirmPurchaseOrder

    record = ConfirmPurchaseOrder(purchase_order_id, expected, reason, actor)
    _ask(cluster, purchase_order_id, record, as_json)


@purchase.command("deliver")
@own("--delivery", required=True, help="The delivery's id, as on its note; the same again is one.")
@own(
    "--line", "lines", multiple=True, metavar="LINE=PIECES",
    help="What came of a line; all that is open when none is given.",
)  # fmt: skip
@own("--disposition", default="sellable", type=DISPOSITIONS)
@own("--lot", default="", help="The lot of all that came, where lots are tracked.")
@moment_option("--expires", "When the lot expires.")
@own("--serial", "serials", multiple=True, help="A serial number; once for each piece of one line.")
@_about
def deliver(
    cluster: Cluster, purchase_order_id: str, delivery: str, lines: tuple[str, ...],
    disposition: str, lot: str, expires: int, serials: tuple[str, ...], actor: str, as_json: bool,
) -> None:  # fmt: skip
    """Record goods of a purchase order that have come.

    Goods of several lots or dispositions are several deliveries. They count as received when
    inventory has taken them in; `millrace purchase show` tells of a line that it has refused, and
    why. Such a line is still open: send it again, corrected, as a delivery of its own; under the
    same id where the whole delivery was refused.
    """
    from deploy import purchases
    from schemas.purchasing import DeliveredLine, RecordDelivery

    identifiers({"--delivery": delivery})
    came = _came(lines)
    if not came:
        one = purchases.state(cluster, purchase_order_id)
        if one is None:
            raise NotFound(f"no purchase order {purchase_order_id}")
        came = purchases.open_pieces(one)
        if not came:
            raise NotFound(f"nothing of {purchase_order_id} is open")
    if serials and (len(came) != 1 or [len(serials)] != list(came.values())):
        raise click.UsageError(f"{len(serials)} serial numbers for {sum(came.values())} pieces")
    record = RecordDelivery(
        purchase_order_id,
        delivery,
        [
            DeliveredLine(line_id, quantity, disposition, lot, expires, list(serials))
            for line_id, quantity in came.items()
        ],
        actor,
    )
    _ask(cluster, purchase_order_id, record, as_json)


def _came(lines: tuple[str, ...]) -> dict[str, int]:
    """Pieces by line. Raises click.BadParameter."""
    from deploy.csvfile import BadField, pairs

    found: dict[str, int] = {}
    for line in lines:
        try:
            [(line_id, quantity)] = pairs(line, "--line", 1)
        except (BadField, ValueError) as error:
            why = error.why if isinstance(error, BadField) else "is not written as LINE=PIECES"
            raise click.BadParameter(why, param_hint="--line") from error
        if line_id in found:
            raise click.BadParameter(f"{line_id!r} is given twice", param_hint="--line")
        found[line_id] = quantity
    return found


@purchase.command("close")
@own("--reason", required=True, help="Why nothing more is expected.")
@_about
def close(cluster: Cluster, purchase_order_id: str, reason: str, actor: str, as_json: bool) -> None:
    """Expect nothing more of a purchase order, whatever is open."""
    from schemas.purchasing import ClosePurchaseOrder

    record = ClosePurchaseOrder(purchase_order_id, reason, actor)
    _ask(cluster, purchase_order_id, record, as_json)


@purchase.command("cancel")
@own("--reason", required=True, help="Why it is withdrawn.")
@_about
def cancel(
    cluster: Cluster, purchase_order_id: str, reason: str, actor: str, as_json: bool
) -> None:
    """Withdraw a purchase order of which nothing has come."""
    from schemas.purchasing import CancelPurchaseOrder

    record = CancelPurchaseOrder(purchase_order_id, reason, actor)
    _ask(cluster, purchase_order_id, record, as_json)
