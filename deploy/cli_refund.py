"""`millrace refund`: money back for what has been shipped."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import click

from deploy.cli_changes import amount as minor_of
from deploy.cli_changes import ask, currency_option, now_ms, reason_option
from deploy.options import actor_option, identifiers, json_option, on_kafka, own

if TYPE_CHECKING:
    from deploy.cluster import Cluster
    from schemas.orders import ShippedLine


@click.command()
@click.argument("order_id")
@own(
    "--line",
    "lines",
    multiple=True,
    metavar="LINE[:PIECES]",
    help="These pieces; all that are shipped and not refunded without a number. Several times.",
)
@own("--shipping", default="", metavar="AMOUNT", help="Of shipping; the lines' share without.")
@own("--amount", default="", help="In all; what lines and shipping come to when not given.")
@currency_option
@own("--id", "refund_id", default="", help="The same id again changes nothing; made when none.")
@reason_option
@actor_option
@json_option
@on_kafka
def refund(
    cluster: Cluster,
    order_id: str,
    lines: tuple[str, ...],
    shipping: str,
    amount: str,
    currency: str,
    refund_id: str,
    reason: str,
    actor: str,
    as_json: bool,
) -> None:
    """Ask to give money back for what has been shipped.

    A line comes to its share of the order's discount, tax and shipping; a bundle to that of its
    parts. The answer is an event of the order: see `millrace order`. A credit note goes with it.

    \b
    Examples:
      millrace refund json-1001 --line 1:2 --reason "came broken"
      millrace refund json-1001 --line 1 --line 2 --shipping 0 --currency EUR --reason "did not fit"
      millrace refund json-1001 --amount 5.00 --currency EUR --reason "came late"
    """
    from schemas.orders import RefundOrder

    refund_id = refund_id or uuid.uuid4().hex
    identifiers({"--id": refund_id})
    pieces = [pieces_of(words) for words in lines]
    of_shipping = minor_of("--shipping", shipping, currency) if shipping else -1
    in_all = minor_of("--amount", amount, currency) if amount else 0
    if not pieces and of_shipping < 1 and in_all < 1:
        raise click.UsageError("say what for: --line, --shipping or --amount")
    if amount and in_all < 1:
        raise click.UsageError("--amount: is not above 0")
    command = RefundOrder(
        order_id, refund_id, pieces, of_shipping, in_all, reason, actor, now_ms(), currency
    )
    ask(cluster, [command], "refund", as_json)


def pieces_of(words: str) -> ShippedLine:
    """LINE or LINE:PIECES. Raises click.UsageError."""
    from schemas.orders import ShippedLine

    line_id, colon, number = words.rpartition(":")
    if not colon:
        line_id, number = words, "0"
    if not line_id or not (number.isascii() and number.isdecimal() and int(number) <= 10**9):
        raise click.UsageError(f"--line is {words!r}, and must be like 1 or 1:2")
    if colon and not int(number):
        raise click.UsageError(f"--line names no pieces of {line_id!r}")
    return ShippedLine(line_id, int(number))
