"""`millrace webhooks`: downstream teams are told of events."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from deploy import output
from deploy.options import (
    SOME_REJECTED,
    NotFound,
    Unreadable,
    actor_option,
    existing_file,
    host_option,
    json_option,
    on_kafka,
    own,
    port_option,
)

if TYPE_CHECKING:
    from confluent_kafka import Message

    from connectors.webhooks.subscriptions import Subscription
    from deploy.cluster import Cluster
    from schemas.webhooks import WebhookAttempted

MAXIMUM_SHOWN = 100_000


@click.group()
def webhooks() -> None:
    """Tell downstream teams of events, signed, until they have them.

    A file says who is told of what; deploy/examples/webhooks.toml is one with comments. Each event
    is sent at least once, in the order of its order, under the same webhook-id.
    """


@webhooks.command()
@click.argument("file", type=existing_file)
@json_option
def check(file: Path, as_json: bool) -> None:
    """Say what is wrong in FILE, with the lines; needs no broker, and no receiver."""
    for one in _loaded(file):
        if as_json:
            output.line(
                {
                    "subscription": one.name,
                    "topics": [topic.name for topic in one.topics],
                    "events": sorted(one.events),
                    "from": "beginning" if one.from_beginning else "now",
                }
            )
        else:
            click.echo(f"{one.name}: {len(one.events)} kinds of events")


@webhooks.command()
@json_option
def events(as_json: bool) -> None:
    """Name every event that can be asked for."""
    from connectors.webhooks.subscriptions import events_of
    from schemas.topics import EVENT_TOPICS

    for topic in EVENT_TOPICS:
        for name in events_of(topic):
            if as_json:
                output.line({"topic": topic.name, "event": name})
            else:
                click.echo(f"{topic.name}  {name}")


@webhooks.command()
def secret() -> None:
    """Make a secret for a subscription."""
    from connectors.webhooks.signing import generated

    click.echo(generated())


@webhooks.command()
@click.argument("file", type=existing_file)
@host_option
@port_option(8479)
@on_kafka
def run(cluster: Cluster, file: Path, host: str, port: int) -> None:
    """Deliver events to the subscriptions of FILE until Ctrl-C.

    \b
    Example:
      millrace webhooks run webhooks.toml
    """
    from deploy import processes
    from deploy.cli_processes import running

    subscriptions = _loaded(file)
    running(lambda: processes.webhooks(cluster, subscriptions, host, port))


@webhooks.command()
@click.argument("subscription", required=False, default="")
@own("--failed", is_flag=True, help="Only attempts that failed.")
@own("--last", default=20, type=click.IntRange(1, MAXIMUM_SHOWN), help="How many.")
@json_option
@on_kafka
def attempts(cluster: Cluster, subscription: str, failed: bool, last: int, as_json: bool) -> None:
    """Show the latest attempts, of SUBSCRIPTION or of all."""
    from collections import deque

    from deploy.records import messages_of
    from schemas import codec
    from schemas.topics import WEBHOOKS_ATTEMPTS
    from schemas.webhooks import WebhookAttempted

    kept: deque[WebhookAttempted] = deque(maxlen=last)
    found = []
    for message in messages_of(cluster, WEBHOOKS_ATTEMPTS, subscription or None):
        record = codec.decode(message.value() or b"")
        if isinstance(record, WebhookAttempted) and (record.reason or not failed):
            if subscription:
                kept.append(record)
            else:
                found.append(record)
                if len(found) > 2 * MAXIMUM_SHOWN:
                    found = sorted(found, key=lambda one: one.at_ms)[-last:]
    shown = list(kept) if subscription else sorted(found, key=lambda one: one.at_ms)[-last:]
    _tell_attempts(shown, as_json)


@webhooks.command("list")
@json_option
@on_kafka
def list_switches(cluster: Cluster, as_json: bool) -> None:
    """Show which subscriptions were switched, and why; all others are on."""
    from deploy.records import read
    from schemas.topics import WEBHOOKS_SWITCHES
    from schemas.webhooks import WebhookSwitched

    latest = {
        found.record.subscription: found.record
        for found in read(cluster, [WEBHOOKS_SWITCHES])
        if isinstance(found.record, WebhookSwitched)
    }
    rows = []
    for name, one in sorted(latest.items()):
        if as_json:
            output.line(
                {
                    "subscription": name,
                    "enabled": one.enabled,
                    "reason": one.reason,
                    "actor": one.actor,
                    "at": output.moment(one.at_ms),
                }
            )
        else:
            state = "on" if one.enabled else "off"
            rows.append((name, state, one.reason, one.actor, output.moment(one.at_ms)))
    if rows:
        output.table(("subscription", "is", "reason", "actor", "at"), rows)


@webhooks.command()
@click.argument("subscription")
@own("--reason", default="", help="Why, for people.")
@actor_option
@on_kafka
def enable(cluster: Cluster, subscription: str, reason: str, actor: str) -> None:
    """Switch SUBSCRIPTION on; it goes on with the first event that it has not got."""
    _switch(cluster, subscription, True, reason, actor)


@webhooks.command()
@click.argument("subscription")
@own("--reason", default="", help="Why, for people.")
@actor_option
@on_kafka
def disable(cluster: Cluster, subscription: str, reason: str, actor: str) -> None:
    """Switch SUBSCRIPTION off; its events are kept for it as long as their topics keep them."""
    _switch(cluster, subscription, False, reason, actor)


@webhooks.command()
@click.argument("file", type=existing_file)
@click.argument("subscription")
@click.argument("message_id")
@actor_option
@json_option
@on_kafka
def redeliver(
    cluster: Cluster, file: Path, subscription: str, message_id: str, actor: str, as_json: bool
) -> None:
    """Send one event to SUBSCRIPTION of FILE again, now and once.

    MESSAGE_ID is the webhook-id that `millrace webhooks attempts` shows. The exit status is 1 when
    the receiver does not take it.
    """
    from connectors.webhooks.posting import Poster
    from connectors.webhooks.shops import receiver_of
    from connectors.webhooks.subscriptions import place_in
    from deploy.records import send
    from schemas import codec
    from schemas.messages import Send
    from schemas.topics import WEBHOOKS_ATTEMPTS
    from schemas.webhooks import WebhookAttempted

    receiver = next((one for one in _loaded(file) if one.name == subscription), None)
    if receiver is None:
        raise NotFound(f"{file} has no subscription {subscription}")
    try:
        place = place_in(message_id)
    except ValueError:
        raise click.UsageError(f"{message_id!r} is no message id") from None
    message = _message_at(cluster, place)
    event = codec.decode(message.value() or b"")
    to = receiver_of(receiver) or Poster(receiver)
    answer = to.deliver(message_id, event, message.timestamp()[1])
    to.close()
    tried = WebhookAttempted(
        subscription,
        message_id,
        type(event).__name__,
        1,
        answer.status,
        answer.reason,
        time.time_ns() // 1_000_000,
        0,
        actor,
    )
    send(cluster, [Send(WEBHOOKS_ATTEMPTS, subscription, tried)])
    _tell_attempts([tried], as_json)
    sys.exit(0 if answer.delivered else SOME_REJECTED)


def _message_at(cluster: Cluster, place: tuple[str, int, int]) -> Message:
    """The record at a place. Raises NotFound."""
    from confluent_kafka import TopicPartition

    from deploy.records import messages, place_of

    message = next(messages(cluster, [TopicPartition(*place)]), None)
    if message is None or tuple(place_of(message)) != place:
        raise NotFound("the topic no longer has that event")
    return message


def _switch(cluster: Cluster, subscription: str, enabled: bool, reason: str, actor: str) -> None:
    from deploy.records import send
    from schemas.messages import Send
    from schemas.topics import WEBHOOKS_SWITCHES
    from schemas.webhooks import WebhookSwitched

    now_ms = time.time_ns() // 1_000_000
    record = WebhookSwitched(subscription, enabled, reason, actor, now_ms)
    send(cluster, [Send(WEBHOOKS_SWITCHES, subscription, record)])
    output.told(f"{subscription} is {'on' if enabled else 'off'}")


def _tell_attempts(shown: list[WebhookAttempted], as_json: bool) -> None:
    rows = []
    for one in shown:
        next_at = output.moment(one.next_at_ms) if one.next_at_ms else ""
        if as_json:
            output.line(
                {
                    "subscription": one.subscription,
                    "webhook_id": one.message_id,
                    "event": one.event,
                    "attempt": one.attempt,
                    "status": one.status,
                    "reason": one.reason,
                    "at": output.moment(one.at_ms),
                    "next_at": next_at,
                    "actor": one.actor,
                }
            )
        else:
            rows.append(
                (
                    one.subscription,
                    one.message_id,
                    one.event,
                    one.attempt,
                    one.reason or f"delivered ({one.status})",
                    output.moment(one.at_ms),
                    next_at,
                )
            )
    if rows:
        columns = ("subscription", "webhook-id", "event", "attempt", "outcome", "at", "next at")
        output.table(columns, rows)


def _loaded(file: Path) -> list[Subscription]:
    """The file, checked. Raises Unreadable."""
    from deploy.webhooks import BadWebhooks, load

    try:
        return load(file)
    except BadWebhooks as error:
        raise Unreadable(str(error)) from error
