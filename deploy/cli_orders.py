"""Commands about orders: sent in, looked at, cancelled, and a demonstration of many."""

from __future__ import annotations

import sys
import time
import urllib.parse
from pathlib import Path
from typing import TYPE_CHECKING

import click

from deploy import output
from deploy.options import (
    INTERRUPTED,
    NotFound,
    Unavailable,
    dashboard_option,
    data_option,
    existing_file,
    json_option,
    on_kafka,
    own,
    vault_key_option,
    with_vault,
)

if TYPE_CHECKING:
    from connectors.vault.sealing import Vault
    from deploy.cluster import Cluster


@click.command()
@json_option
def channels(as_json: bool) -> None:
    """Name the channels that orders can come from."""
    from connectors.channels.registry import CHANNELS

    for name in sorted(CHANNELS):
        if as_json:
            output.line({"channel": name})
        else:
            click.echo(name)


@click.command()
@click.argument("files", metavar="FILE...", nargs=-1, required=True, type=existing_file)
@own("--channel", required=True, help="Whose format FILE has; see `millrace channels`.")
@own("--dry-run", is_flag=True, help="Only say what would be understood; needs no broker.")
@own(
    "--policy",
    "policy_file",
    type=existing_file,
    help="With --dry-run: what this policy would hold or refuse.",
)
@vault_key_option
@data_option
@json_option
@on_kafka
def submit(
    cluster: Cluster,
    files: tuple[Path, ...],
    channel: str,
    dry_run: bool,
    policy_file: Path | None,
    vault_key_file: Path | None,
    data: Path,
    as_json: bool,
) -> None:
    """Send the orders of FILE into the pipeline.

    Prints a line for each order. What is not understood is kept as well, for `millrace rejected`,
    and the exit status is 1; it is 2 when nothing in FILE could be read as this format. A FILE that
    is too large is not sent. Where a channel tells an order in several calls, such as an order, its
    address and its items, give all their answers at once.

    \b
    Examples:
      millrace submit order.json --channel shopify
      millrace submit order.json items.json --channel amazon
      millrace submit orders.csv --channel csv --dry-run --json
    """
    from connectors.channels.mapping import MAXIMUM_PAYLOAD_BYTES
    from connectors.channels.registry import CHANNELS
    from deploy import submission
    from deploy.cli_policy import sound

    mapping = CHANNELS.get(channel)
    if mapping is None:
        known = ", ".join(sorted(CHANNELS))
        raise click.UsageError(f"there is no channel {channel!r}; there are {known}")
    if policy_file is not None and not dry_run:
        raise click.UsageError("--policy goes with --dry-run; the pipeline has its own")
    policy = sound(policy_file, as_json)[1] if policy_file is not None else None
    contents = []
    for file in files:
        with file.open("rb") as source:
            contents.append(source.read(MAXIMUM_PAYLOAD_BYTES + 1))
    payloads = submission.payloads(channel, contents)
    if not dry_run:
        taken = [payload for payload in payloads if len(payload) <= MAXIMUM_PAYLOAD_BYTES]
        _send(cluster, channel, taken, vault_key_file, data)
    now_ms = time.time_ns() // 1_000_000
    mapped = [order for payload in payloads for order in mapping.orders(payload, "", "", now_ms)]
    said = [submission.described(channel, order, policy, now_ms) for order in mapped]
    for order in said:
        if as_json:
            output.line(order)
        elif order["outcome"] == "accepted":
            what = f" ({order['reason']})" if order["reason"] else ""
            click.echo(output.printable(f"{order['order_id']}: accepted{what}"))
        elif order["outcome"] == "held":
            told = f"{order['order_id']}: held: {order['reason']}"
            click.echo(output.printable(told))
        else:
            click.echo(output.printable(f"rejected: {order['reason']}"))
    sys.exit(submission.status(mapped, said))


def _send(
    cluster: Cluster, channel: str, payloads: list[bytes], vault_key_file: Path | None, data: Path
) -> None:
    """Have Kafka take the payloads. Raises Unavailable."""
    from connectors.channels.publisher import RawPublisher, Undelivered, new_raw_id
    from deploy.vault import opened
    from schemas.channels import RawPayload

    if not payloads:
        return
    now_ms = time.time_ns() // 1_000_000
    publisher = RawPublisher(cluster.brokers, cluster.kafka, opened(vault_key_file, data))
    try:
        publisher.publish_all(
            [RawPayload(new_raw_id(), channel, "file", "", now_ms, payload) for payload in payloads]
        )
    except Undelivered as error:
        raise Unavailable(f"Kafka at {cluster.brokers} did not take it: {error}") from error
    finally:
        publisher.close()


@click.command()
@click.argument("order_id")
@dashboard_option
@json_option
def order(order_id: str, dashboard: str, as_json: bool) -> None:
    """Show what happened to an order: every event, when, where and why.

    The id is the channel and what names the order there, as `millrace submit` prints it.

    \b
    Example:
      millrace order shopify-450789469
    """
    from deploy.dashboard import ask

    told = ask(dashboard, f"/api/orders/{urllib.parse.quote(order_id, safe='')}")
    if told is None:
        raise NotFound(f"no order {order_id}")
    if as_json:
        output.line(told)
        return
    from deploy.timeline import why
    from deploy.timeline_promises import days as promised_days

    events = told["events"]
    promised = promised_days((event["event"], event["detail"]) for event in events)
    for day, line_ids in promised.items():
        output.told(f"promised for {day}: line {', '.join(line_ids)}")
    days = {str(event["at"])[:10] for event in events}
    # The day once, in the head, where it is the same for all.
    head, start = (f"{min(days)} (UTC)", 11) if len(days) == 1 else ("time (UTC)", 0)
    output.table(
        (head, "room", "event", "why"),
        [
            (
                str(event["at"])[start:].replace("T", " ").removesuffix("Z"),
                event["room"],
                event["event"],
                why(event["event"], event["detail"], event["why"]),
            )
            for event in events
        ],
    )


@click.command()
@own(
    "--rate",
    default=200.0,
    type=click.FloatRange(min=0, min_open=True),
    help="Orders a second.",
)
@own("--seconds", default=60, type=click.IntRange(min=1), help="For how long.")
@own("--seed", default=1, help="The same seed makes the same orders, but for numbers and times.")
@json_option
@with_vault
@on_kafka
def demo(
    cluster: Cluster, vault: Vault, rate: float, seconds: int, seed: int, as_json: bool
) -> None:
    """Send believable orders over several channels, so that there is something to look at.

    Sets the stock of 200 SKUs called DEMO-… at five locations first. Ctrl-C ends it early.

    \b
    Example:
      millrace demo --rate 200 --seconds 60
    """
    from deploy.demo import Traffic, stock
    from deploy.records import partitions, send
    from schemas.topics import FULFILLMENT_COMMANDS

    send(cluster, stock(partitions(cluster, FULFILLMENT_COMMANDS)))
    traffic = Traffic(cluster, vault, rate, int(rate * seconds), seed)
    with output.progress("orders", traffic.total) as advance:
        traffic.run(advance)
    if as_json:
        output.line({"sent": traffic.sent, "failed": traffic.failed, "total": traffic.total})
    else:
        click.echo(f"{traffic.sent} orders sent{', then stopped' if traffic.stopped else ''}")
    if traffic.failed:
        raise Unavailable(
            f"Kafka at {cluster.brokers} did not take {traffic.failed} orders: {traffic.failure}"
        )
    if traffic.stopped:
        sys.exit(INTERRUPTED)
