"""`millrace fulfillment move | split | merge | redirect`: what people change before it leaves."""

from __future__ import annotations

import sys
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

import click

from deploy import output
from deploy.cli_changes import now_ms
from deploy.cli_fulfillment_order import about, ask, order_of
from deploy.options import (
    actor_option,
    data_option,
    identifiers,
    json_option,
    on_kafka,
    own,
    vault_key_option,
)

if TYPE_CHECKING:
    from connectors.vault.sealing import Vault
    from deploy.cluster import Cluster
    from schemas.fulfillment_moves import RedirectShipment

ADDRESS_BYTES_MAXIMUM = 65_536
"""of a file with one address"""


@click.command("move")
@own("--to", "location", required=True, help="The location that is to send it.")
@own("--line", "line_ids", multiple=True, help="Only this line; may be given several times.")
@own("--reason", default="", help="Why.")
@about
def move(
    cluster: Cluster, fulfillment_order_id: str, location: str, line_ids: tuple[str, ...],
    reason: str, actor: str, as_json: bool,
) -> None:  # fmt: skip
    """Have another location send it, or some of its lines, before it is packed.

    Its stock moves with it; lines that the other location does not have stay.

    \b
    Examples:
      millrace fulfillment move json-1001/1 --to hamburg
      millrace fulfillment move json-1001/1 --to hamburg --line 2 --reason "nearer"
    """
    from schemas.fulfillment_moves import MoveFulfillmentOrder

    order_id, name = order_of(fulfillment_order_id), fulfillment_order_id
    identifiers({"--to": location})
    record = MoveFulfillmentOrder(order_id, name, location, list(line_ids), reason, actor)
    ask(cluster, order_id, name, record, as_json)


@click.command("split")
@own(
    "--line", "line_ids", multiple=True, required=True,
    help="A whole line that leaves by itself; may be given several times.",
)  # fmt: skip
@about
def split(
    cluster: Cluster, fulfillment_order_id: str, line_ids: tuple[str, ...], actor: str,
    as_json: bool,
) -> None:  # fmt: skip
    """Have some lines leave by themselves, from the same location, before they are packed.

    \b
    Example:
      millrace fulfillment split json-1001/1 --line 2
    """
    from schemas.fulfillment_moves import SplitFulfillmentOrder

    order_id, name = order_of(fulfillment_order_id), fulfillment_order_id
    record = SplitFulfillmentOrder(order_id, name, list(line_ids), actor)
    ask(cluster, order_id, name, record, as_json)


@click.command("merge")
@about
@click.argument("merged_id")
def merge(
    cluster: Cluster, fulfillment_order_id: str, merged_id: str, actor: str, as_json: bool
) -> None:
    """Have two of one order leave together: the lines of the second come to the first.

    Both are at one location, equally far, not packed, and go to one address.

    \b
    Example:
      millrace fulfillment merge json-1001/1 json-1001/3
    """
    from schemas.fulfillment_moves import MergeFulfillmentOrders

    order_id, name = order_of(fulfillment_order_id), fulfillment_order_id
    if order_of(merged_id) != order_id:
        raise click.UsageError(f"{merged_id} is not of order {order_id}")
    record = MergeFulfillmentOrders(order_id, name, merged_id, actor)
    ask(cluster, order_id, name, record, as_json)


@click.command("redirect")
@click.argument("name")
@own(
    "--address", default=None, type=click.IntRange(min=0),
    help="Number of an address that the order has; 0 for its own.",
)  # fmt: skip
@own(
    "--to", "file", default=None, type=click.Path(path_type=Path, allow_dash=True),
    help="JSON file with a new address, - for standard input: name, line1, line2, city, region, "
    "postal_code, country, latitude, longitude.",
)  # fmt: skip
@own(
    "--ship-instead", is_flag=True,
    help="The customer was to fetch it, and has agreed that it is sent; --reason says how.",
)  # fmt: skip
@own("--reason", required=True, help="Why, and what was agreed with whom.")
@own("--id", "redirect_id", default="", help="The same id again changes nothing; made when none.")
@actor_option
@json_option
@vault_key_option
@data_option
@on_kafka
def redirect(
    cluster: Cluster, vault_key_file: Path | None, data: Path, name: str,
    address: int | None, file: Path | None,
    ship_instead: bool, reason: str, redirect_id: str, actor: str, as_json: bool,
) -> None:  # fmt: skip
    """Send goods that have not left to another address.

    NAME is a fulfillment order, or an order of which lines wait for a location. A new address is
    read from a file, so that it stands in no list of processes, and is kept encrypted. What the
    customer was to fetch is sent only with --ship-instead.

    \b
    Examples:
      millrace fulfillment redirect json-1001/1 --address 1 --reason "moved house"
      millrace fulfillment redirect json-1001/1 --to new.json --reason "moved house"
      millrace fulfillment redirect json-1001 --address 0 --ship-instead --reason "by phone"
    """
    from deploy import fulfillment as orders
    from deploy.vault import opened
    from schemas.fulfillment_moves import RedirectShipment

    if (address is None) == (file is None):
        raise click.UsageError("say where to: --address or --to, and not both")
    order_id = orders.order_of(name) or name
    identifiers({"NAME": name})
    command = RedirectShipment(
        order_id, redirect_id or uuid.uuid4().hex, "" if order_id == name else name,
        address or 0, [], "", b"", 0, ship_instead, reason, actor, now_ms(),
    )  # fmt: skip
    if file is not None:
        # Only what is new has to be encrypted: a number needs no vault.
        command = _with_new_address(cluster, opened(vault_key_file, data), command, file)
    _send(cluster, command, name, as_json)


def _with_new_address(
    cluster: Cluster, vault: Vault, command: RedirectShipment, file: Path
) -> RedirectShipment:
    """The command with the address of the file; its key is written before. Raises UsageError."""
    from deploy import redirections
    from deploy.records import send
    from schemas.messages import Send
    from schemas.topics import CUSTOMERS_KEYS

    try:
        address = redirections.written(_read(file))
        made = redirections.with_address(cluster, vault, command, address)
    except redirections.NotPossible as error:
        raise click.UsageError(str(error)) from error
    if made.issued is not None:
        send(cluster, [Send(CUSTOMERS_KEYS, made.issued.key_id, made.issued)])
    return made.command


def _read(file: Path) -> bytes:
    try:
        if str(file) == "-":
            return sys.stdin.buffer.read(ADDRESS_BYTES_MAXIMUM)
        with file.open("rb") as opened:
            return opened.read(ADDRESS_BYTES_MAXIMUM)
    except OSError as error:
        raise click.UsageError(f"--to {file}: {error.strerror}") from error


def _send(cluster: Cluster, command: RedirectShipment, name: str, as_json: bool) -> None:
    from deploy.records import send
    from schemas.messages import Send
    from schemas.topics import ORDERS_COMMANDS

    send(cluster, [Send(ORDERS_COMMANDS, command.order_id, command)])
    if as_json:
        output.line({"asked": "RedirectShipment", "id": command.redirect_id, "name": name})
    else:
        output.told(f"asked: RedirectShipment; see millrace order {command.order_id}")
