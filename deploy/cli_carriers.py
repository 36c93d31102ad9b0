"""`millrace carriers`: what carriers tell of shipments is sent on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from connectors.carriers.sandbox import MAXIMUM_SPEED
from deploy.options import host_option, on_kafka, own, port_option

if TYPE_CHECKING:
    from deploy.cluster import Cluster

PORT = 8469


@click.group()
def carriers() -> None:
    """Ask carriers about what has left, until it is delivered."""


@carriers.command()
@own(
    "--speed", default=1, type=click.IntRange(1, MAXIMUM_SPEED),
    help="How much faster than a real one the sandbox carrier is.",
)  # fmt: skip
@host_option
@port_option(PORT)
@on_kafka
def run(cluster: Cluster, speed: int, host: str, port: int) -> None:
    """Follow shipments that go by the carrier `sandbox`, until Ctrl-C.

    It moves nothing and tells what real ones tell: late, twice and in any order; how a shipment
    ends stands at the end of its tracking number, see `millrace fulfillment simulate`. How far
    each shipment has been told stands on Kafka, in one transaction with what is told: a crash
    neither skips nor repeats. One process runs at a time; a second one takes over.

    \b
    Example:
      millrace carriers run --speed 3600
    """
    from connectors.carriers.sandbox import Sandbox
    from deploy import processes
    from deploy.cli_processes import running

    running(lambda: processes.carriers(cluster, [Sandbox(speed)], host, port))
