"""Commands that run: everything on one machine, or one process of the pipeline."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from connectors.channels.signatures import SCHEMES
from deploy import configuration, output
from deploy.configuration import Configuration
from deploy.options import (
    UNREADABLE,
    Unavailable,
    brokers_option,
    clickhouse_option,
    data_option,
    existing_file,
    host_option,
    json_option,
    on_kafka,
    own,
    port_number,
    port_option,
    vault_key_option,
    with_vault,
)

if TYPE_CHECKING:
    from connectors.vault.sealing import Vault
    from deploy.cluster import Cluster

MAXIMUM_WORKERS = 64
INSTANCE = "Its name: the same after a restart, and another for each process of its kind."
secret_file = click.Path(path_type=Path, dir_okay=False)


def running(start: Callable[[], None]) -> None:
    """One line instead of a traceback when the process cannot have its port."""
    from deploy.probes import PortTaken

    try:
        start()
    except PortTaken as error:
        raise Unavailable(str(error)) from error


@click.command()
@data_option
@vault_key_option
@host_option
@clickhouse_option
@own("--workers", default=min(4, os.cpu_count() or 1), type=click.IntRange(1, MAXIMUM_WORKERS))
@brokers_option("", "A Kafka cluster, instead of one broker of its own.")
@own("--broker-port", default=9492, type=port_number, help="Of its own broker.")
@own("--dashboard-port", default=8470, type=port_number)
@own("--intake-port", default=8471, type=port_number, help="Where webhooks come in.")
@own("--levels-port", default=8472, type=port_number, help="Where levels of stock are told.")
@own("--locations-port", default=8468, type=port_number, help="Where locations work.")
@own("--sandbox-carrier", is_flag=True, help="Also tells what becomes of what it carries.")
@own("--carriers-port", default=8469, type=port_number, help="Of its probes.")
@own("--api-port", default=8475, type=port_number, help="Of the API and of the desk.")
@own("--products", type=existing_file, help="Names and prices for the desk; see `millrace api`.")
@own("--probe-port", default=8480, type=port_number, help="First of workers + 1 ports.")
@own("--webhooks", type=existing_file, help="Who is told of events; see `millrace webhooks`.")
@own("--webhooks-port", default=8479, type=port_number, help="Of its probes.")
@own("--availability", type=existing_file, help="Who is told of stock: `millrace availability`.")
@own("--availability-port", default=8474, type=port_number, help="Of its probes.")
@click.pass_obj
def up(loaded: Configuration, /, **options: Any) -> None:
    """Run everything on this machine until Ctrl-C.

    Starts Kafka, the workers, the payment gateway, the sink with the dashboard, the door for
    webhooks, the look-up of stock levels, the API with the call centre's desk, and the API for
    locations; starts again whatever ends, and says so. A second start finds its data in --data.
    Logs are in DATA/logs, of bounded size. Ctrl-C stops everything, a second one at once.

    \b
    Examples:
      millrace up
      millrace up --data /var/lib/millrace --dashboard-port 9000
      millrace up --brokers kafka-1:9092 --clickhouse-url http://clickhouse:8123
    """
    secured = sorted(
        name for name in loaded.kafka if name.startswith(("security.", "sasl.", "ssl."))
    )
    if secured and not options["brokers"]:
        click.echo(
            f"[kafka] {', '.join(secured)}: is for a cluster that --brokers names; the broker"
            " that `millrace up` starts listens on this machine, without security",
            err=True,
        )
        sys.exit(UNREADABLE)
    from deploy import local

    named = str(loaded.file.resolve()) if loaded.file is not None else ""
    sys.exit(local.up(local.Options(**options, config=named, kafka=loaded.kafka)))


@click.command()
@own("--instance", required=True, help=INSTANCE)
@data_option
@host_option
@port_option(8480)
@own(
    "--compression",
    envvar="MILLRACE_COMPRESSION",
    default="lz4",
    type=click.Choice(("none", "lz4", "zstd", "snappy")),
    help="Of what the rooms write; none where Kafka is on this machine.",
)
@vault_key_option
@on_kafka
def worker(
    cluster: Cluster,
    instance: str,
    data: Path,
    vault_key_file: Path | None,
    host: str,
    port: int,
    compression: str,
) -> None:
    """Run one worker: all rooms, on its share of the partitions.

    \b
    Example:
      millrace worker --instance worker-0 --brokers kafka-1:9092 --data /var/lib/millrace
    """
    from deploy import processes
    from deploy.vault import opened

    vault = opened(vault_key_file, data)
    running(lambda: processes.worker(cluster, vault, instance, data, host, port, compression))


@click.command()
@own(
    "--instance", default="", help=f"{INSTANCE} Without one, a restart waits for a session to end."
)
@own(
    "--kind",
    default="sandbox",
    type=click.Choice(("sandbox", "stripe")),
    help="Which gateway; the sandbox charges nobody.",
)
@own("--live", is_flag=True, help="Real money is moved; a live key is refused without it.")
@own(
    "--stripe-secret-key-file",
    envvar="MILLRACE_STRIPE_SECRET_KEY_FILE",
    type=secret_file,
    show_default=False,
    help="Stripe's secret or restricted key.",
)
@own(
    "--stripe-webhook-secret-file",
    envvar="MILLRACE_STRIPE_WEBHOOK_SECRET_FILE",
    type=secret_file,
    show_default=False,
    help="Secrets that sign Stripe's webhooks, one a line: all of them are good.",
)
@own("--stripe-url", default="https://api.stripe.com", help="Address of Stripe's API.")
@own("--webhook-port", default=8473, type=port_number, help="Where the gateway's webhooks come in.")
@host_option
@port_option(8478)
@on_kafka
def gateway(
    cluster: Cluster,
    instance: str,
    kind: str,
    live: bool,
    stripe_secret_key_file: Path | None,
    stripe_webhook_secret_file: Path | None,
    stripe_url: str,
    webhook_port: int,
    host: str,
    port: int,
) -> None:
    """Run the payment gateway: the sandbox, or Stripe.

    Secrets come from files, or from MILLRACE_STRIPE_SECRET_KEY and MILLRACE_STRIPE_WEBHOOK_SECRET,
    never from flags. Without a webhook secret no webhooks are taken.
    """
    from deploy import gateways, processes

    choice = gateways.sandbox()
    if kind == "stripe":
        choice = gateways.stripe(
            live=live,
            url=stripe_url,
            secret_key_file=stripe_secret_key_file,
            webhook_secret_file=stripe_webhook_secret_file,
            webhook_port=webhook_port,
        )
    running(lambda: processes.gateway(cluster, choice, instance, host, port))


@click.command()
@own("--instance", default="analytics", help=INSTANCE)
@data_option
@clickhouse_option
@host_option
@port_option(8470)
@on_kafka
def analytics(
    cluster: Cluster, instance: str, data: Path, clickhouse_url: str, host: str, port: int
) -> None:
    """Run the ClickHouse sink and the dashboard."""
    from deploy import processes

    running(lambda: processes.analytics(cluster, instance, data, clickhouse_url, host, port))


def signing_options(command: Callable[..., None]) -> Callable[..., None]:
    """For each channel that signs its webhooks a file with secrets; for some their URL too."""
    for channel, scheme in sorted(SCHEMES.items(), reverse=True):
        if scheme.with_url:
            command = own(
                f"--{channel}-url",
                default="",
                show_default=False,
                help=f"Where {channel} sends its webhooks, as it is set there; it is signed too.",
            )(command)
        command = own(
            f"--{channel}-secret-file",
            envvar=f"MILLRACE_{channel.upper()}_SECRET_FILE",
            type=secret_file,
            show_default=False,
            help=f"Secrets that sign {channel}'s webhooks, one a line: all of them are good.",
        )(command)
    return command


@click.command()
@signing_options
@own(
    "--token-file",
    envvar="MILLRACE_INTAKE_TOKEN_FILE",
    type=secret_file,
    show_default=False,
    help="Bearer tokens of all channels that do not sign, one a line.",
)
@host_option
@port_option(8471)
@with_vault
@on_kafka
def intake(
    cluster: Cluster,
    vault: Vault,
    token_file: Path | None,
    host: str,
    port: int,
    **signing: Any,
) -> None:
    """Run the door for webhooks.

    Secrets come from files, or from the environment, MILLRACE_SHOPIFY_SECRET, its like of the other
    channels that sign, and MILLRACE_INTAKE_TOKEN; never from flags. A channel without a secret
    takes nothing.
    """
    from connectors.channels.registry import CHANNELS
    from deploy import processes

    tokens = configuration.secrets("MILLRACE_INTAKE_TOKEN", token_file)
    secrets = dict.fromkeys(CHANNELS, tokens) | {
        channel: configuration.secrets(
            f"MILLRACE_{channel.upper()}_SECRET", signing[f"{channel}_secret_file"]
        )
        for channel in SCHEMES
    }
    urls = {channel: signing.get(f"{channel}_url", "") for channel in SCHEMES}
    running(lambda: processes.intake(cluster, vault, secrets, urls, host, port))


@click.command()
@host_option
@port_option(8472)
@on_kafka
def levels(cluster: Cluster, host: str, port: int) -> None:
    """Run the look-up of stock levels over HTTP.

    Keeps the latest of inventory.levels in memory. GET /stock/SKU?channel=&at= tells one SKU, GET
    /stock?after=&limit= all of them. Any number of these can run; none needs anything on disk.
    """
    from deploy import processes

    running(lambda: processes.levels(cluster, host, port))


@click.command()
@json_option
@on_kafka
def topics(cluster: Cluster, as_json: bool) -> None:
    """Create every topic that is missing.

    Replication is the cluster's default; partitions and retention are the contract's.
    """
    from deploy.cluster import PATIENCE_SECONDS
    from deploy.topics import create
    from schemas.topics import ALL

    made = create(cluster.brokers, cluster.kafka, PATIENCE_SECONDS)
    if as_json:
        output.line({"created": made, "topics": len(ALL)})
    else:
        click.echo(f"{made} topics created, {len(ALL)} in all")
