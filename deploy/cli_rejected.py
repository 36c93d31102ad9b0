"""`millrace rejected`: what could not be understood or decided, with the reason; sent again."""

from __future__ import annotations

import base64
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from deploy import output
from deploy.options import (
    SOME_REJECTED,
    Unreadable,
    existing_file,
    json_option,
    on_kafka,
    own,
    with_vault,
)

if TYPE_CHECKING:
    from connectors.vault.sealing import Vault
    from deploy.cluster import Cluster
    from deploy.rejected import Rejection, Replay


@click.group()
def rejected() -> None:
    """What could not be understood or decided, with the reason; mended and sent again.

    \b
    Examples:
      millrace rejected list
      millrace rejected show ID > order.json
      millrace rejected replay ID --file order.json
    """


@rejected.command("list")
@json_option
@on_kafka
def rejected_list(cluster: Cluster, as_json: bool) -> None:
    """List what is not settled, oldest first.

    A payload of several orders has a line for each order that was rejected, under one id. A dead
    letter is a record that a room failed over; its id is its place on the dead-letter topic.
    """
    from deploy.rejected import unsettled

    found = unsettled(cluster)
    if as_json:
        for one in found:
            output.line(_described(one))
        return
    if not found:
        output.say("nothing is waiting")
        return
    output.table(
        ("time (UTC)", "id", "from", "why"),
        [
            (output.moment(one.at_ms), one.id, one.source, f"{one.reason}: {_sentence(one)}")
            for one in found
        ],
    )


@rejected.command("show")
@click.argument("rejected_id", metavar="ID")
@json_option
@with_vault
@on_kafka
def rejected_show(cluster: Cluster, vault: Vault, rejected_id: str, as_json: bool) -> None:
    """Print the payload as it came, to be mended.

    With --json, one object that also has the reason; the payload is in `payload` as text, or in
    `payload_base64` when it is not UTF-8.
    """
    from deploy.rejected import content, find

    found = find(cluster, rejected_id)
    payload = content(cluster, found, vault)
    if as_json:
        output.line(_described(found) | _as_text(payload))
    elif sys.stdout.isatty():
        output.say(f"{found.source}: {found.reason}: {_sentence(found)}")
        for line in payload.decode("utf-8", "replace").splitlines():
            click.echo(output.printable(line))
    else:
        click.get_binary_stream("stdout").write(payload)


@rejected.command("replay")
@click.argument("rejected_id", metavar="[ID]", required=False)
@own("--file", type=existing_file, help="The mended payload.", show_default=False)
@own(
    "--all",
    "everything",
    envvar="MILLRACE_REJECTED_REPLAY_ALL",
    is_flag=True,
    help="Everything that `rejected list` names.",
)
@json_option
@with_vault
@on_kafka
def rejected_replay(
    cluster: Cluster,
    vault: Vault,
    rejected_id: str | None,
    file: Path | None,
    everything: bool,
    as_json: bool,
) -> None:
    """Send it again, as it was or mended, and say what became of it.

    Settled, it leaves the list. Rejected again, it stands there under a new id instead, which is
    named with the new reason, and the exit status is 1. While the workers are away it is kept, and
    decided when they are back.
    """
    from connectors.channels.mapping import MAXIMUM_PAYLOAD_BYTES
    from deploy.rejected import Outcome, find, replay, unsettled

    if everything == bool(rejected_id):
        raise click.UsageError("name one ID, or --all")
    if everything and file is not None:
        raise click.UsageError("--file mends one payload, so it does not go with --all")
    if file is not None and file.stat().st_size > MAXIMUM_PAYLOAD_BYTES:
        raise Unreadable(f"{file}: larger than {MAXIMUM_PAYLOAD_BYTES} bytes")
    chosen = unsettled(cluster) if everything else [find(cluster, rejected_id or "")]
    if file is not None and chosen[0].is_dead_letter:
        raise click.UsageError("a dead letter is sent again as it was; --file mends payloads")
    bad = False
    for one in {one.id: one for one in chosen}.values():
        if everything and one.reason == "timer":
            output.say(f"{one.id}: was a timer; nothing to send")
            continue
        told = replay(cluster, one, file.read_bytes() if file is not None else None, vault)
        _tell(one, told, as_json)
        bad = bad or told.outcome is Outcome.REJECTED
    if bad:
        sys.exit(SOME_REJECTED)


def _tell(one: Rejection, told: Replay, as_json: bool) -> None:
    if as_json:
        output.line(
            {
                "id": one.id,
                "sent_as": told.sent_as,
                "outcome": str(told.outcome),
                "rejected": [_described(again) for again in told.again],
            }
        )
        return
    click.echo(f"{one.id}: sent again as {told.sent_as}: {told.outcome}")
    for again in told.again:
        click.echo(output.printable(f"  {again.id}: {again.reason}: {_sentence(again)}"))


def _sentence(one: Rejection) -> str:
    return one.detail if one.field in one.detail else f"{one.field}: {one.detail}"


def _described(one: Rejection) -> dict[str, object]:
    return {
        "id": one.id,
        "kind": "dead letter" if one.is_dead_letter else "payload",
        "from": one.source,
        "reason": one.reason,
        "field": one.field,
        "detail": one.detail,
        "at_ms": one.at_ms,
    }


def _as_text(payload: bytes) -> dict[str, object]:
    try:
        return {"payload": payload.decode()}
    except UnicodeDecodeError:
        return {"payload_base64": base64.b64encode(payload).decode()}
