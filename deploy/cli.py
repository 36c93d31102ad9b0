"""The `millrace` command."""

from __future__ import annotations

import csv
import json
import os
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from functools import wraps
from pathlib import Path
from typing import Any

import click
from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from schemas import codec
from schemas.channels import PayloadRejected, PayloadReplayed, RawPayload
from schemas.engine import DeadLetter
from schemas.orders import CancelOrder, PlaceOrder
from schemas.records import Record
from schemas.topics import ALL, CHANNELS_RAW, CHANNELS_REJECTED, ORDERS_COMMANDS, Topic

SOME_REJECTED, UNREADABLE, UNAVAILABLE = 1, 2, 69
PATIENCE_SECONDS = 15.0
READ_SECONDS = 0.2
"""how long a read waits to fill; without it every topic costs the whole patience"""
BROKERS, DASHBOARD = "127.0.0.1:9492", "http://127.0.0.1:8470"
errors = Console(stderr=True)
output = Console()


class Unavailable(click.ClickException):
    """Something that the command needs cannot be reached."""

    exit_code = UNAVAILABLE


brokers_option = click.option(
    "--brokers",
    envvar="MILLRACE_BROKERS",
    default=BROKERS,
    show_default=True,
    help="Kafka bootstrap servers.",
)
data_option = click.option(
    "--data",
    envvar="MILLRACE_DATA",
    default="data",
    show_default=True,
    type=click.Path(path_type=Path, file_okay=False),
    help="Where this machine keeps its data.",
)
dashboard_option = click.option(
    "--dashboard",
    envvar="MILLRACE_DASHBOARD_URL",
    default=DASHBOARD,
    show_default=True,
    help="Address of the dashboard.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="JSON for scripts.")
host_option = click.option("--host", default="127.0.0.1", show_default=True)
clickhouse_option = click.option(
    "--clickhouse-url",
    envvar="MILLRACE_CLICKHOUSE_URL",
    default="",
    help="A ClickHouse server; embedded when not given.",
)
Command = Callable[..., Any]


def port_option(default: int) -> Callable[[Command], Command]:
    """--port with a default."""
    return click.option("--port", default=default, show_default=True)


def needs_kafka(command: Command) -> Command:
    """One clear line instead of a traceback when Kafka is away."""

    @wraps(command)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        try:
            return command(*args, **kwargs)
        except KafkaException as error:
            raise Unavailable(f"Kafka does not answer: {error.args[0].str()}") from error

    return wrapped


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="millrace")
def cli() -> None:
    """An order management system as a stream on Kafka."""


# -- processes --------------------------------------------------------------------------------


@cli.command()
@data_option
@host_option
@clickhouse_option
@click.option("--workers", default=min(4, os.cpu_count() or 1), show_default=True)
@click.option("--brokers", envvar="MILLRACE_BROKERS", default="", help="Instead of an own broker.")
@click.option("--broker-port", default=9492, show_default=True)
@click.option("--dashboard-port", default=8470, show_default=True)
@click.option("--intake-port", default=8471, show_default=True)
@click.option("--probe-port", default=8480, show_default=True, help="First port of the workers.")
def up(**options: Any) -> None:
    """Run everything on this machine until Ctrl-C."""
    from deploy import local

    sys.exit(local.up(local.Options(**options)))


@cli.command()
@click.option("--instance", required=True, help="Its name, the same after a restart.")
@brokers_option
@data_option
@host_option
@port_option(8480)
@click.option(
    "--compression",
    envvar="MILLRACE_COMPRESSION",
    default="lz4",
    show_default=True,
    type=click.Choice(("none", "lz4", "zstd", "snappy")),
    help="Of what the rooms write; none suits a broker on this machine.",
)
def worker(instance: str, brokers: str, data: Path, host: str, port: int, compression: str) -> None:
    """Run the rooms."""
    from deploy import processes

    processes.worker(brokers, instance, data, host, port, compression)


@cli.command()
@brokers_option
@host_option
@port_option(8478)
def gateway(brokers: str, host: str, port: int) -> None:
    """Run the sandbox payment gateway."""
    from deploy import processes

    processes.gateway(brokers, host, port)


@cli.command()
@brokers_option
@data_option
@clickhouse_option
@host_option
@port_option(8470)
def analytics(brokers: str, data: Path, clickhouse_url: str, host: str, port: int) -> None:
    """Run the ClickHouse sink and the dashboard."""
    from deploy import processes

    processes.analytics(brokers, data, clickhouse_url, host, port)


@cli.command()
@brokers_option
@host_option
@port_option(8471)
def intake(brokers: str, host: str, port: int) -> None:
    """Run the door for webhooks."""
    from deploy import processes

    token = secret("MILLRACE_INTAKE_TOKEN")
    secrets = {"shopify": secret("MILLRACE_SHOPIFY_SECRET"), "json": token, "csv": token}
    processes.intake(brokers, secrets, host, port)


@cli.command()
@brokers_option
@needs_kafka
def topics(brokers: str) -> None:
    """Create every topic that is missing."""
    from deploy.topics import create

    click.echo(f"{create(brokers)} topics created, {len(ALL)} in all")


def secret(name: str) -> str:
    """A secret from the environment or from the file that NAME_FILE names; "" if there is none."""
    path = os.environ.get(f"{name}_FILE")
    if path:
        try:
            return Path(path).read_text(encoding="utf-8").strip()
        except OSError as error:
            raise click.UsageError(f"{name}_FILE: {error.strerror}: {path}") from error
    return os.environ.get(name, "")


# -- orders -----------------------------------------------------------------------------------


@cli.command()
@json_option
def channels(as_json: bool) -> None:
    """Name the channels that orders can come from."""
    from connectors.channels.registry import CHANNELS

    names = sorted(CHANNELS)
    click.echo(json.dumps(names) if as_json else "\n".join(names))


@cli.command()
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--channel", required=True, help="See `millrace channels`.")
@click.option("--dry-run", is_flag=True, help="Only say what would be understood; no broker.")
@brokers_option
@json_option
@needs_kafka
def submit(file: Path, channel: str, dry_run: bool, brokers: str, as_json: bool) -> None:
    """Send the orders of FILE into the pipeline."""
    from connectors.channels.publisher import RawPublisher, Undelivered, new_raw_id
    from connectors.channels.registry import CHANNELS

    mapping = CHANNELS.get(channel)
    if mapping is None:
        raise click.UsageError(f"there is no channel {channel!r}: {', '.join(sorted(CHANNELS))}")
    payload, now_ms = file.read_bytes(), time.time_ns() // 1_000_000
    raw = RawPayload(new_raw_id(), channel, "file", "", now_ms, payload)
    found = [described(order) for order in mapping.orders(payload, "", raw.raw_id, now_ms)]
    if not dry_run:
        publisher = RawPublisher(brokers)
        try:
            publisher.publish_all([raw])
        except Undelivered as error:
            raise Unavailable(f"Kafka did not take it: {error}") from error
        finally:
            publisher.close()
    for order in found:
        if as_json:
            click.echo(json.dumps(order))
        elif order["outcome"] == "accepted":
            click.echo(f"{channel}-{order['external_id']}: {order['outcome']}")
        else:
            click.echo(f"{order['outcome']}: {order['reason']}")
    if any(str(order["reason"]).startswith("unreadable") for order in found):
        sys.exit(UNREADABLE)
    if any(order["outcome"] != "accepted" for order in found):
        sys.exit(SOME_REJECTED)


def described(order: Any) -> dict[str, object]:
    """What `submit` says of one order."""
    if isinstance(order, PlaceOrder):
        return {
            "external_id": order.external_id,
            "outcome": "accepted",
            "reason": "",
            "currency": order.currency,
            "total_minor": order.total_minor,
            "lines": len(order.lines),
        }
    if isinstance(order, CancelOrder):
        return {
            "external_id": order.order_id.partition("-")[2],
            "outcome": "accepted",
            "reason": "cancellation",
            "currency": "",
            "total_minor": 0,
            "lines": 0,
        }
    return {
        "external_id": getattr(order, "external_id", ""),
        "outcome": "rejected",
        "reason": f"{order.reason}: {order.field}: {order.detail}",
        "currency": "",
        "total_minor": None,
        "lines": 0,
    }


@cli.command()
@click.argument("order_id")
@dashboard_option
@json_option
def order(order_id: str, dashboard: str, as_json: bool) -> None:
    """Show what happened to an order: every event, when, why."""
    told = ask(dashboard, f"/api/orders/{urllib.parse.quote(order_id)}")
    if told is None:
        errors.print(f"no order {order_id}")
        sys.exit(SOME_REJECTED)
    if as_json:
        click.echo(json.dumps(told))
        return
    table = Table("time (UTC)", "room", "event", "why")
    for event in told["events"]:
        table.add_row(*(str(event[name]) for name in ("at", "room", "event", "why")))
    output.print(table)


@cli.command()
@click.argument("order_id")
@click.option("--reason", required=True)
@brokers_option
@needs_kafka
def cancel(order_id: str, reason: str, brokers: str) -> None:
    """Cancel an order, at any point before shipment."""
    command = CancelOrder(order_id, reason, time.time_ns() // 1_000_000)
    send(brokers, [(ORDERS_COMMANDS, order_id, command, -1)])
    click.echo(f"asked to cancel {order_id}")


# -- stock ------------------------------------------------------------------------------------


@cli.group()
def stock() -> None:
    """Load and show stock."""


@stock.command("load")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@brokers_option
@needs_kafka
def stock_load(file: Path, brokers: str) -> None:
    """Load counts from a CSV FILE: sku,location,on_hand[,safety_stock,country,latitude,…]."""
    from deploy import stock as loading

    try:
        rows, columns = loading.read(file)
    except loading.BadFile as error:
        errors.print(str(error), style="red")
        sys.exit(UNREADABLE)
    good, bad = [], []
    for number, row in rows:
        try:
            good.append(loading.parsed(row))
        except ValueError as error:
            bad.append(row)
            errors.print(f"{file.name}, line {number}: {error}", highlight=False)
    with Progress(console=errors, transient=True) as progress:
        task = progress.add_task("stock", total=len(good))
        send(
            brokers, loading.commands(good, f"load of {file.name}"), lambda: progress.advance(task)
        )
    click.echo(f"{len(good)} positions loaded, {len(bad)} rows set aside")
    if bad:
        aside = file.with_suffix(".rejected.csv")
        with aside.open("w", newline="", encoding="utf-8") as target:
            writer = csv.DictWriter(target, columns, extrasaction="ignore")
            writer.writeheader()
            writer.writerows(bad)
        errors.print(f"rows set aside are in {aside}", highlight=False)
        sys.exit(SOME_REJECTED)


@stock.command("show")
@click.argument("sku")
@dashboard_option
@json_option
def stock_show(sku: str, dashboard: str, as_json: bool) -> None:
    """Show where a SKU is and how much of it can be promised."""
    told = ask(dashboard, f"/api/stock/{urllib.parse.quote(sku)}")
    if told is None:
        errors.print(f"no stock of {sku}")
        sys.exit(SOME_REJECTED)
    if as_json:
        click.echo(json.dumps(told))
        return
    names = ("location_id", "on_hand", "reserved", "safety_stock", "available")
    table = Table(*names)
    for position in told["positions"]:
        table.add_row(*(str(position.get(name, "")) for name in names))
    output.print(table)


# -- rejected ---------------------------------------------------------------------------------


@cli.group()
def rejected() -> None:
    """What could not be understood or decided, with the reason."""


@rejected.command("list")
@brokers_option
@json_option
@needs_kafka
def rejected_list(brokers: str, as_json: bool) -> None:
    """List what is not settled."""
    rows = [
        {"id": name, "from": source, "reason": reason, "detail": detail}
        for name, source, reason, detail, _ in unsettled(brokers)
    ]
    if as_json:
        for row in rows:
            click.echo(json.dumps(row))
        return
    table = Table("id", "from", "reason", "detail")
    for row in rows:
        table.add_row(*row.values())
    output.print(table)


@rejected.command("show")
@click.argument("rejected_id")
@brokers_option
@needs_kafka
def rejected_show(rejected_id: str, brokers: str) -> None:
    """Print the payload as it came."""
    sys.stdout.buffer.write(original(brokers, find(brokers, rejected_id)))


@rejected.command("replay")
@click.argument("rejected_id")
@click.option("--file", type=click.Path(path_type=Path, exists=True), help="The mended payload.")
@brokers_option
@needs_kafka
def rejected_replay(rejected_id: str, file: Path | None, brokers: str) -> None:
    """Send it again, as it was or mended."""
    from connectors.channels.publisher import RawPublisher, new_raw_id

    found = find(brokers, rejected_id)
    if isinstance(found, DeadLetter):
        producer = Producer({"bootstrap.servers": brokers, "acks": "all"})
        producer.produce(found.topic, found.value, found.key, found.partition)
        if producer.flush(PATIENCE_SECONDS):
            raise Unavailable("Kafka did not take it")
        click.echo(f"sent again to {found.topic}")
        return
    payload = file.read_bytes() if file else original(brokers, found)
    raw = RawPayload(
        new_raw_id(),
        found.channel,
        "replay",
        "",
        time.time_ns() // 1_000_000,
        payload,
        found.raw_id,
    )
    publisher = RawPublisher(brokers)
    publisher.publish_all([raw])
    publisher.close()
    click.echo(f"sent again as {raw.raw_id}")


Unsettled = tuple[str, str, str, str, PayloadRejected | DeadLetter]


def unsettled(brokers: str) -> list[Unsettled]:
    """Everything that is rejected or dead and has not been replayed."""
    rejections: dict[str, Unsettled] = {}
    settled: set[str] = set()
    for record in read_all(brokers, CHANNELS_REJECTED):
        if isinstance(record, PayloadRejected):
            rejections[record.raw_id] = (
                record.raw_id,
                record.channel,
                record.reason,
                f"{record.field}: {record.detail}" if record.field else record.detail,
                record,
            )
        elif isinstance(record, PayloadReplayed):
            settled.add(record.raw_id)
    found = [row for name, row in rejections.items() if name not in settled]
    for topic in ALL:
        if topic.name.endswith(".dead-letter"):
            for letter in read_all(brokers, topic):
                assert isinstance(letter, DeadLetter)
                name = f"{letter.topic}/{letter.partition}/{letter.offset}"
                found.append((name, letter.topic, "undecidable", letter.cause, letter))
    return found


def find(brokers: str, rejected_id: str) -> PayloadRejected | DeadLetter:
    """The rejection of that id."""
    for name, _, _, _, record in unsettled(brokers):
        if name == rejected_id:
            return record
    errors.print(f"nothing unsettled is called {rejected_id}")
    sys.exit(SOME_REJECTED)


def original(brokers: str, record: PayloadRejected | DeadLetter) -> bytes:
    """The bytes that were rejected."""
    if isinstance(record, DeadLetter):
        return record.value
    place = TopicPartition(CHANNELS_RAW.name, record.raw_partition, record.raw_offset)
    for _, raw in read_from(brokers, [place]):
        assert isinstance(raw, RawPayload)
        return raw.payload
    raise click.ClickException("the payload is no longer kept")


# -- the outside ------------------------------------------------------------------------------


def ask(dashboard: str, path: str) -> dict[str, Any] | None:
    """JSON of the dashboard; None for 404."""
    try:
        with urllib.request.urlopen(dashboard + path, timeout=PATIENCE_SECONDS) as answer:
            told: dict[str, Any] = json.load(answer)
            return told
    except urllib.error.HTTPError as error:
        if error.code == 404:
            return None
        raise Unavailable(f"the dashboard answers {error.code}") from error
    except (urllib.error.URLError, OSError, ValueError) as error:
        raise Unavailable(f"the dashboard at {dashboard} does not answer") from error


def send(brokers: str, records: Any, sent: Callable[[], object] = lambda: None) -> None:
    """Write records to their topics, durably. Raises Unavailable."""
    failures: list[str] = []
    producer = Producer(
        {
            "bootstrap.servers": brokers,
            "enable.idempotence": True,
            "acks": "all",
            "partitioner": "murmur2_random",
            "linger.ms": 5,
            "compression.type": "lz4",
            "delivery.timeout.ms": int(PATIENCE_SECONDS * 1000),
        }
    )

    def delivered(error: object, _message: object) -> None:
        if error is not None:
            failures.append(str(error))
        sent()

    for topic, key, record, partition in records:
        value = codec.encode(record)
        while True:
            try:
                producer.produce(topic.name, value, key.encode(), partition, on_delivery=delivered)
                break
            except BufferError:
                producer.poll(0.1)
        producer.poll(0)
    if producer.flush(PATIENCE_SECONDS + 1) or failures:
        raise Unavailable(f"Kafka did not take everything: {failures[:1] or 'time out'}")


def read_all(brokers: str, topic: Topic) -> Iterator[Record]:
    """Every record that is committed on a topic now."""
    places = [TopicPartition(topic.name, number, 0) for number in range(topic.partitions)]
    for _, record in read_from(brokers, places):
        yield record


def read_from(brokers: str, places: list[TopicPartition]) -> Iterator[tuple[int, Record]]:
    """Offset and record from the places on, up to the end of each partition."""
    consumer = Consumer(
        {
            "bootstrap.servers": brokers,
            "group.id": "millrace-command",
            "isolation.level": "read_committed",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "auto.offset.reset": "earliest",
        }
    )
    consumer.list_topics(places[0].topic, timeout=PATIENCE_SECONDS)
    consumer.assign(places)
    deadline = time.monotonic() + PATIENCE_SECONDS
    open_partitions = {place.partition for place in places}
    try:
        while open_partitions:
            messages = consumer.consume(1000, READ_SECONDS)
            if messages:
                deadline = time.monotonic() + PATIENCE_SECONDS
            elif time.monotonic() > deadline:
                raise Unavailable("Kafka does not answer")
            for message in messages:
                if message.error() is not None:
                    open_partitions.discard(message.partition() or 0)
                elif message.value() is not None:
                    yield message.offset() or 0, codec.decode(message.value() or b"")
    finally:
        consumer.close()


@cli.command()
@click.option("--rate", default=200.0, show_default=True, help="Orders a second.")
@click.option("--seconds", default=60, show_default=True)
@click.option("--seed", default=1, show_default=True)
@brokers_option
@needs_kafka
def demo(rate: float, seconds: int, seed: int, brokers: str) -> None:
    """Send believable orders over several channels."""
    from connectors.channels.publisher import RawPublisher
    from deploy import demo as traffic

    send(brokers, traffic.stock())
    publisher = RawPublisher(brokers)
    total = int(rate * seconds)
    began = time.monotonic()
    with Progress(console=errors, transient=True) as progress:
        task = progress.add_task("orders", total=total)
        for number, raw in enumerate(traffic.payloads(total, seed)):
            publisher.publish_all([raw]) if number == 0 else publisher.publish(raw, lambda _: None)
            progress.advance(task)
            ahead = number / rate - (time.monotonic() - began)
            if ahead > 0:
                time.sleep(ahead)
    publisher.close()
    click.echo(f"{total} orders sent")


def main() -> None:
    """Entry point."""
    cli(prog_name="millrace")


if __name__ == "__main__":
    main()
