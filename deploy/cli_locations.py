"""`millrace locations`: what locations work with, over HTTP."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from deploy.options import (
    data_option,
    existing_file,
    host_option,
    on_kafka,
    own,
    port_option,
)

if TYPE_CHECKING:
    from deploy.cluster import Cluster

PORT = 8468


@click.command()
@own(
    "--token-file",
    envvar="MILLRACE_LOCATIONS_TOKEN_FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    show_default=False,
    help="LOCATION:TOKEN, carrier@NAME:TOKEN or TOKEN, one a line; locations.token in --data.",
)
@own(
    "--sizes", type=existing_file,
    help="TOML with [[carton]] and [[sku]], to propose cartons; deploy/examples/cartons.toml.",
)  # fmt: skip
@data_option
@host_option
@port_option(PORT)
@on_kafka
def locations(
    cluster: Cluster, token_file: Path | None, sizes: Path | None, data: Path, host: str,
    port: int,
) -> None:  # fmt: skip
    """Run the API that locations work with, and that carriers tell of shipments.

    GET /v1/fulfillment-orders lists what is to be sent, POST /v1/fulfillment-orders/ID/accept and
    reject, pick, short, pack, ship, hold, release take it on, POST /v1/carrier-events tells of a
    shipment. GET /openapi.json describes all of it. Tokens come from a file, or from
    MILLRACE_LOCATIONS_TOKEN, never from flags; without any, nobody gets in. Any number of these
    can run.

    \b
    Example:
      millrace locations --token-file tokens --sizes deploy/examples/cartons.toml
    """
    from deploy import cartons, processes, tokens
    from deploy.cli_processes import running

    known = tokens.of_locations(token_file, data / tokens.LOCATIONS_FILE)
    proposes = cartons.proposer(cartons.load(sizes)) if sizes is not None else None
    running(lambda: processes.locations(cluster, known, proposes, host, port))
