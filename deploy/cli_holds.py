"""`millrace holds`: the queue of orders that are held, and resolving many at once."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import click

from deploy import output
from deploy.cli_changes import ask, now_ms, reason_option
from deploy.options import SOME_REJECTED, actor_option, json_option, on_kafka, own
from schemas.policies import HoldKind

if TYPE_CHECKING:
    from deploy.cluster import Cluster
    from schemas.records import Record


@click.group()
def holds() -> None:
    """Look through the orders that are held, and resolve them.

    Those of kind routing are the orders that the rules of routing cannot serve. To release one has
    it tried again where stock or a location is missing, and lets it go as it is where the rules do
    not allow its shipments; `millrace routing explain` tells more about it.

    \b
    Examples:
      millrace holds list --kind fraud
      millrace holds list --kind routing
      millrace holds release --rule big_orders --reason "checked"
    """


def _which(command: Callable[..., Any]) -> Callable[..., Any]:
    """Which of the holds are meant."""
    kind = click.Choice([kind.value for kind in HoldKind])
    for option in (
        own("--kind", default=None, type=kind, help="Only holds of this kind."),
        own("--rule", default="", help="Only holds by this rule of the policy."),
        own("--channel", default="", help="Only orders of this channel."),
        own("--limit", default=100, type=click.IntRange(1, 10_000), help="So many, oldest first."),
    ):
        command = option(command)
    return command


@holds.command("list")
@_which
@json_option
@on_kafka
def holds_list(
    cluster: Cluster, kind: str | None, rule: str, channel: str, limit: int, as_json: bool
) -> None:
    """Show the holds that stand, oldest first."""
    from deploy import holds as standing

    found = standing.standing(cluster, kind or "", rule, channel)[:limit]
    if as_json:
        for one in found:
            output.line(standing.as_json(one))
        return
    output.table(
        ("order", "hold", "kind", "since", "until", "then", "total", "why"),
        [standing.row(one) for one in found],
    )


@holds.command("release")
@click.argument("order_ids", nargs=-1, metavar="[ORDER_ID]...")
@_which
@reason_option
@actor_option
@json_option
@on_kafka
def holds_release(
    cluster: Cluster,
    order_ids: tuple[str, ...],
    kind: str | None,
    rule: str,
    channel: str,
    limit: int,
    reason: str,
    actor: str,
    as_json: bool,
) -> None:
    """End the holds of these orders that are meant, or of all orders where none is named."""
    from deploy import holds as standing
    from schemas.orders import ReleaseHold

    found = _of(standing.standing(cluster, kind or "", rule, channel), order_ids)[:limit]
    at_ms = now_ms()
    commands = [ReleaseHold(one.order_id, one.hold.hold_id, reason, actor, at_ms) for one in found]
    ask(cluster, commands, "release", as_json)
    _none_found(commands)


@holds.command("cancel")
@click.argument("order_ids", nargs=-1, metavar="[ORDER_ID]...")
@_which
@reason_option
@actor_option
@json_option
@on_kafka
def holds_cancel(
    cluster: Cluster,
    order_ids: tuple[str, ...],
    kind: str | None,
    rule: str,
    channel: str,
    limit: int,
    reason: str,
    actor: str,
    as_json: bool,
) -> None:
    """Cancel these orders as far as they are held so, or all that are where none is named."""
    from deploy import holds as standing
    from schemas.orders import CancelOrder

    found = _of(standing.standing(cluster, kind or "", rule, channel), order_ids)[:limit]
    at_ms = now_ms()
    ids = dict.fromkeys(one.order_id for one in found)
    commands = [CancelOrder(order_id, reason, at_ms, [], actor) for order_id in ids]
    ask(cluster, commands, "cancel", as_json)
    _none_found(commands)


def _of(found: Sequence[Any], order_ids: tuple[str, ...]) -> list[Any]:
    return [one for one in found if not order_ids or one.order_id in order_ids]


def _none_found(commands: Sequence[Record]) -> None:
    """Say that nothing was meant, which a script may want to know."""
    if not commands:
        output.told("no order is held so")
        sys.exit(SOME_REJECTED)
