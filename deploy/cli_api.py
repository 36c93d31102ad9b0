"""`millrace api`: orders and stock as JSON over HTTP, and the desk of the call centre."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from deploy.options import (
    Unreadable,
    dashboard_option,
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

PORT = 8475
secret_file = click.Path(path_type=Path, dir_okay=False)


@click.command()
@own(
    "--token-file",
    envvar="MILLRACE_API_TOKEN_FILE",
    type=secret_file,
    show_default=False,
    help="Bearer tokens of callers, NAME:TOKEN or TOKEN, one a line; api.token in --data if none.",
)
@own(
    "--desk-token-file",
    envvar="MILLRACE_DESK_TOKEN_FILE",
    type=secret_file,
    show_default=False,
    help="The same of agents, whose names orders carry; desk.token in --data if none.",
)
@own(
    "--products",
    type=existing_file,
    help="CSV with sku, name and, if you like, unit_price and currency; for the desk.",
)
@own(
    "--public-url",
    default="",
    help="Where customers reach the desk, for payment links; this host and port if none.",
)
@own(
    "--links",
    default="sandbox",
    show_default=True,
    type=click.Choice(("sandbox", "stripe")),
    help="Who takes payments over links; the sandbox charges nobody.",
)
@own("--live", is_flag=True, help="Real money is moved; a live key is refused without it.")
@own(
    "--stripe-secret-key-file",
    envvar="MILLRACE_STRIPE_SECRET_KEY_FILE",
    type=secret_file,
    show_default=False,
    help="Stripe's secret or restricted key, which may write Checkout Sessions.",
)
@own("--stripe-url", default="https://api.stripe.com", help="Address of Stripe's API.")
@own(
    "--rate",
    default=200,
    type=click.IntRange(1, 100_000),
    help="Requests a second that each caller may make, and twice as many at once.",
)
@dashboard_option
@data_option
@vault_key_option
@host_option
@port_option(PORT)
@on_kafka
def api(
    cluster: Cluster,
    token_file: Path | None,
    desk_token_file: Path | None,
    products: Path | None,
    public_url: str,
    links: str,
    live: bool,
    stripe_secret_key_file: Path | None,
    stripe_url: str,
    rate: int,
    dashboard: str,
    data: Path,
    vault_key_file: Path | None,
    host: str,
    port: int,
) -> None:
    """Run the API for apps and shops, and the call centre's page.

    POST /v1/orders places an order, GET /v1/orders/ID tells how it stands, /openapi.json describes
    all of it; /desk/ is the page. Tokens come from files, or from MILLRACE_API_TOKEN and
    MILLRACE_DESK_TOKEN, never from flags; without any, nobody gets in. Drafts of the desk are kept
    in --data, so that one process serves the desk; of the API any number can run.

    \b
    Examples:
      millrace api
      millrace api --token-file tokens --desk-token-file agents --products products.csv
    """
    from connectors.call_centre import products as product_files
    from deploy import gateways, processes, tokens
    from deploy.cli_processes import running
    from deploy.vault import opened

    address = public_url or f"http://{'127.0.0.1' if host == '0.0.0.0' else host}:{port}"
    try:
        known = product_files.load(products) if products is not None else {}
    except product_files.BadProducts as error:
        raise Unreadable(str(error)) from error
    served = processes.Served(
        data=data,
        api_tokens=tokens.opened(tokens.API_VARIABLE, token_file, data / tokens.API_FILE),
        desk_tokens=tokens.opened(tokens.DESK_VARIABLE, desk_token_file, data / tokens.DESK_FILE),
        products=known,
        links=gateways.links(links, live, stripe_url, stripe_secret_key_file, address),
        address=address,
        analytics=dashboard,
        rate=rate,
    )
    vault = opened(vault_key_file, data)
    running(lambda: processes.api(cluster, vault, served, host, port))
