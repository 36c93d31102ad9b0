"""What every command about one fulfillment order does: find it, name it, ask for something."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from deploy import output
from deploy.options import NotFound, actor_option, identifiers, json_option, on_kafka

if TYPE_CHECKING:
    from deploy.cluster import Cluster
    from schemas.fulfillment_work import FulfillmentOrder
    from schemas.records import Record


def found(cluster: Cluster, fulfillment_order_id: str) -> FulfillmentOrder:
    """Raises NotFound."""
    from deploy import fulfillment as orders

    order_id = order_of(fulfillment_order_id)
    for state in orders.standing(cluster, order_id):
        one = orders.one_of(state, fulfillment_order_id)
        if one is not None:
            return one
    raise NotFound(f"no fulfillment order {fulfillment_order_id}")


def order_of(fulfillment_order_id: str) -> str:
    """Raises click.UsageError."""
    from deploy import fulfillment as orders

    order_id = orders.order_of(fulfillment_order_id)
    if not order_id:
        words = f"FULFILLMENT_ORDER_ID is {fulfillment_order_id!r}, and must be like json-1001/1"
        raise click.UsageError(words)
    identifiers({"FULFILLMENT_ORDER_ID": fulfillment_order_id})
    return order_id


def ask(cluster: Cluster, order_id: str, name: str, record: Record, as_json: bool) -> None:
    from deploy.records import send
    from schemas.messages import Send
    from schemas.topics import FULFILLMENT_COMMANDS

    send(cluster, [Send(FULFILLMENT_COMMANDS, order_id, record)])
    asked = type(record).__name__
    if as_json:
        output.line({"asked": asked, "fulfillment_order_id": name})
    else:
        output.told(f"asked: {asked}; see millrace fulfillment show {name}")


def about(command: Callable[..., Any]) -> Callable[..., Any]:
    """FULFILLMENT_ORDER_ID, --actor, --json and Kafka."""
    named = click.argument("fulfillment_order_id")
    return named(actor_option(json_option(on_kafka(command))))
