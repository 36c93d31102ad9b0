"""Commands that change an order by hand: amended, cancelled, held and released again."""

from __future__ import annotations

import time
import uuid
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from deploy import output
from deploy.options import (
    actor_option,
    identifiers,
    json_option,
    moment_option,
    on_kafka,
    own,
)
from schemas.policies import HoldKind, Then

if TYPE_CHECKING:
    from deploy.cluster import Cluster
    from schemas.orders import AmendOrder, LineQuantity, OrderLine
    from schemas.records import Record

REASON = "Why, in words that the order's timeline shows."


reason_option = own("--reason", required=True, help=REASON)
currency_option = own(
    "--currency",
    default="",
    help="ISO 4217 code; that of the order. Needed where there are amounts.",
)


def ask(cluster: Cluster, commands: Sequence[Record], word: str, as_json: bool) -> None:
    """Send commands to orders, and say of each that it was asked for."""
    from deploy.records import send
    from schemas.messages import Send
    from schemas.topics import ORDERS_COMMANDS

    ids: list[str] = [command.order_id for command in commands]  # type: ignore[attr-defined]
    for order_id in ids:
        identifiers({"ORDER_ID": order_id})
    send(
        cluster,
        [
            Send(ORDERS_COMMANDS, order_id, command)
            for order_id, command in zip(ids, commands, strict=True)
        ],
    )
    for order_id in ids:
        if as_json:
            output.line({"order_id": order_id, "asked": word})
        else:
            click.echo(output.printable(f"asked to {word} {order_id}"))


def now_ms() -> int:
    return time.time_ns() // 1_000_000


@click.command()
@click.argument("order_id")
@reason_option
@own("--line", "line_ids", multiple=True, help="Only this line; may be given several times.")
@actor_option
@json_option
@on_kafka
def cancel(
    cluster: Cluster,
    order_id: str,
    reason: str,
    line_ids: tuple[str, ...],
    actor: str,
    as_json: bool,
) -> None:
    """Ask to cancel an order, or some lines of it, at any point before shipment.

    The answer is an event of the order: see `millrace order`. With a line goes its share of the
    order's discount, tax and shipping.

    \b
    Examples:
      millrace cancel shopify-450789469 --reason "changed my mind"
      millrace cancel shopify-450789469 --line 2 --reason "has one already"
    """
    from schemas.orders import CancelOrder

    command = CancelOrder(order_id, reason, now_ms(), list(line_ids), actor)
    ask(cluster, [command], "cancel", as_json)


@click.command()
@click.argument("order_id")
@reason_option
@own(
    "--add",
    "added",
    multiple=True,
    metavar="SKU=PIECES@PRICE",
    help="A further line, e.g. MUG=2@9.90, in the order's currency; may be given several times.",
)
@own("--remove", "removed", multiple=True, metavar="LINE", help="Take a line out.")
@own(
    "--quantity",
    "quantities",
    multiple=True,
    metavar="LINE=PIECES",
    help="Another quantity of a line; may be given several times.",
)
@own("--shipping-method", default="", help="Another way to ship it.")
@own("--shipping", default="", metavar="AMOUNT", help="What shipping costs from now on.")
@currency_option
@own(
    "--revision",
    default=-1,
    show_default=False,
    type=click.IntRange(min=-1),
    help="Only if this is still the order's revision.",
)
@own("--id", "amendment_id", default="", help="The same id again changes nothing; made when none.")
@actor_option
@json_option
@on_kafka
def amend(
    cluster: Cluster,
    order_id: str,
    reason: str,
    added: tuple[str, ...],
    removed: tuple[str, ...],
    quantities: tuple[str, ...],
    shipping_method: str,
    shipping: str,
    currency: str,
    revision: int,
    amendment_id: str,
    actor: str,
    as_json: bool,
) -> None:
    """Ask to change an order before its release: all of what is asked here, or none of it.

    Stock and money move by the difference. The answer is an event of the order: see
    `millrace order`.

    \b
    Examples:
      millrace amend json-1001 --quantity 1=3 --reason "one more for a friend"
      millrace amend json-1001 --add MUG=2@9.90 --currency EUR --remove 2 --reason "exchanged"
    """
    from schemas.orders import AmendOrder

    amendment_id = amendment_id or uuid.uuid4().hex
    command = AmendOrder(
        order_id=order_id,
        amendment_id=amendment_id,
        base_revision=revision,
        add=[
            _line(words, f"{amendment_id[:8]}-{number}", currency)
            for number, words in enumerate(added, start=1)
        ],
        remove=list(removed),
        quantities=[_quantity(words) for words in quantities],
        ship_to=[],
        shipping_method=shipping_method,
        shipping_minor=amount("--shipping", shipping, currency) if shipping else -1,
        tenders=[],
        reason=reason,
        actor=actor,
        requested_at_ms=now_ms(),
        currency=currency,
    )
    if not _says_something(command):
        raise click.UsageError("say what is to be changed: --add, --remove, --quantity, …")
    ask(cluster, [command], "amend", as_json)


def _says_something(command: AmendOrder) -> bool:
    return bool(
        command.add
        or command.remove
        or command.quantities
        or command.shipping_method
        or command.shipping_minor >= 0
    )


def _line(words: str, line_id: str, currency: str) -> OrderLine:
    """SKU=PIECES@PRICE. Raises click.UsageError."""
    from schemas.orders import OrderLine

    what, at, price = words.rpartition("@")
    sku, _, pieces = what.rpartition("=")
    if not at or not sku:
        raise click.UsageError(f"--add is {words!r}, and must be like MUG=2@9.90")
    minor = amount("--add", price, currency)
    return OrderLine(line_id, sku, _pieces("--add", pieces), minor)


def _quantity(words: str) -> LineQuantity:
    """LINE=PIECES. Raises click.UsageError."""
    from schemas.orders import LineQuantity

    line_id, _, pieces = words.rpartition("=")
    if not line_id:
        raise click.UsageError(f"--quantity is {words!r}, and must be like 1=3")
    return LineQuantity(line_id, _pieces("--quantity", pieces))


def _pieces(flag: str, words: str) -> int:
    if not (words.isascii() and words.isdecimal() and 1 <= int(words) <= 10**9):
        raise click.UsageError(f"{flag} names {words!r} pieces, and must name 1 or more")
    return int(words)


def amount(flag: str, words: str, currency: str) -> int:
    """An amount of 0 or more. Raises click.UsageError."""
    from schemas import money

    if not currency:
        raise click.UsageError(f"{flag} needs --currency: the amount is in the order's")
    try:
        minor = money.minor(words, money.currency(currency, "--currency"), flag)
    except money.InvalidMoney as error:
        raise click.UsageError(str(error)) from error
    if minor < 0:
        raise click.UsageError(f"{flag}: is below 0")
    return minor


@click.command()
@click.argument("order_id")
@own(
    "--kind",
    default=HoldKind.MANUAL.value,
    type=click.Choice([kind.value for kind in HoldKind]),
    help="What for.",
)
@reason_option
@moment_option("--until", "When it ends by itself; never when not given. E.g.")
@own(
    "--then",
    default=Then.RELEASE.value,
    type=click.Choice([then.value for then in Then]),
    help="What becomes of the order at that time.",
)
@own("--id", "hold_id", default="", help="The same id again changes nothing; made when none.")
@actor_option
@json_option
@on_kafka
def hold(
    cluster: Cluster,
    order_id: str,
    kind: str,
    reason: str,
    until: int,
    then: str,
    hold_id: str,
    actor: str,
    as_json: bool,
) -> None:
    """Ask to keep an order from being released.

    It gets its stock and its money meanwhile. `millrace holds list` shows who waits.

    \b
    Examples:
      millrace hold json-1001 --kind address --reason "no such street"
      millrace hold json-1001 --until 2030-01-31 --then cancel --reason "awaits a call"
    """
    from schemas.orders import HoldOrder

    name = hold_id or uuid.uuid4().hex
    command = HoldOrder(order_id, name, kind, reason, until or 0, then, actor, now_ms())
    ask(cluster, [command], "hold", as_json)


@click.command()
@click.argument("order_id")
@own("--hold", "hold_id", default="", help="Only this one; all of the order's when not given.")
@reason_option
@actor_option
@json_option
@on_kafka
def release(
    cluster: Cluster, order_id: str, hold_id: str, reason: str, actor: str, as_json: bool
) -> None:
    """Ask to end an order's holds; with the last one it goes on.

    \b
    Example:
      millrace release json-1001 --reason "the customer confirmed the address"
    """
    from schemas.orders import ReleaseHold

    command = ReleaseHold(order_id, hold_id, reason, actor, now_ms())
    ask(cluster, [command], "release", as_json)
