"""`millrace poll`: orders are fetched from shops and marketplaces."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from deploy.options import (
    Unreadable,
    data_option,
    existing_file,
    host_option,
    on_kafka,
    own,
    port_option,
    vault_key_option,
)

if TYPE_CHECKING:
    from deploy.cluster import Cluster


@click.command()
@click.argument("file", type=existing_file)
@own("--seconds", default=30.0, type=click.FloatRange(1.0, 86_400.0), help="Between two rounds.")
@vault_key_option
@data_option
@host_option
@port_option(8477)
@on_kafka
def poll(
    cluster: Cluster,
    file: Path,
    seconds: float,
    vault_key_file: Path | None,
    data: Path,
    host: str,
    port: int,
) -> None:
    """Fetch orders from the shops and marketplaces of FILE until Ctrl-C.

    How far each has been read stands on Kafka, in one transaction with its orders: a crash neither
    skips nor repeats. Each keeps to its own rate limits; one that fails is tried again by itself,
    ever more slowly, and holds up no other. /health says how each does.
    deploy/examples/sources.toml is a FILE with comments.

    \b
    Example:
      millrace poll deploy/examples/sources.toml
    """
    from deploy import processes
    from deploy.cli_processes import running
    from deploy.sources import BadSources, load
    from deploy.vault import opened

    try:
        sources = load(file)
    except BadSources as error:
        raise Unreadable(str(error)) from error
    vault = opened(vault_key_file, data)
    running(lambda: processes.pollers(cluster, vault, sources, seconds, host, port))
