"""`millrace reconcile`: a gateway's settlement file against what was captured and refunded."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from deploy import output
from deploy.cli_accounting import DAY, day
from deploy.options import (
    SOME_REJECTED,
    Unreadable,
    existing_file,
    json_option,
    on_kafka,
    own,
)

if TYPE_CHECKING:
    from deploy.cluster import Cluster
    from deploy.reconciliation import Finding


@click.command()
@click.argument("file", type=existing_file)
@own(
    "--format", "form", default="auto", type=click.Choice(["auto", "stripe", "generic"]),
    help="Kind of file; auto tells it by its columns.",
)  # fmt: skip
@own(
    "--column", "columns", multiple=True, metavar="NAME=COLUMN", show_default=False,
    help="What a generic file calls authorization_id, capture_id, refund_id, order_id, kind,"
    " amount, fee, currency or date.",
)  # fmt: skip
@own(
    "--method", "methods", multiple=True, type=click.Choice(["card", "gift_card", "channel"]),
    show_default=False, help="Tenders that the file settles; card when not given.",
)  # fmt: skip
@own("--from", "since", type=DAY, help="First day of what must be settled; the file's first.")
@own("--to", "until", type=DAY, help="Last day of what must be settled; the file's last.")
@json_option
@on_kafka
def reconcile(
    cluster: Cluster, file: Path, form: str, columns: tuple[str, ...], methods: tuple[str, ...],
    since: datetime | None, until: datetime | None, as_json: bool,
) -> int:  # fmt: skip
    """Compare a gateway's settlement file with what was captured and refunded.

    Ends with 1 where they differ.

    \b
    Examples:
      millrace reconcile payout.csv
      millrace reconcile bank.csv --column authorization_id=Reference --column amount=Betrag
    """
    from deploy import reconciliation, settlements
    from deploy.csvfile import BadFile

    try:
        wanted = None if form == "auto" else settlements.Format(form)
        rows = settlements.read(file, wanted, _columns(columns, settlements.GENERIC))
    except BadFile as error:
        raise Unreadable(str(error)) from error
    here = list(reconciliation.facts(cluster, methods or ("card",)))
    found = reconciliation.reconciled(here, rows, day(since), day(until))
    differs = [each for each in found if each.status in reconciliation.DIFFERENCES]
    _tell_findings(found if as_json else differs, as_json)
    _tell_sums(found, as_json)
    return SOME_REJECTED if differs else 0


def _columns(given: tuple[str, ...], names: Iterable[str]) -> dict[str, str]:
    """Raises click.BadParameter."""
    found: dict[str, str] = {}
    for each in given:
        name, equals, column = each.partition("=")
        if not equals or name not in names or not column or name in found:
            raise click.BadParameter(
                f"{each!r} is not NAME=COLUMN, with each NAME once out of {', '.join(names)}",
                param_hint="--column",
            )
        found[name] = column
    return found


def _tell_findings(found: list[Finding], as_json: bool) -> None:
    from schemas.money import text as money

    if as_json:
        for each in found:
            output.line(each._asdict())
        return
    output.table(
        ("what", "kind", "order", "authorization", "lines", "here", "settled"),
        [
            (
                each.status.replace("_", " "),
                each.kind,
                each.order_id,
                each.authorization_id,
                ", ".join(str(line) for line in each.lines),
                money(each.here_minor, each.currency),
                money(each.there_minor, each.there_currency),
            )
            for each in found
        ],
        right=2,
    )


def _tell_sums(found: list[Finding], as_json: bool) -> None:
    from deploy.reconciliation import fees
    from schemas.money import text as money

    counts = Counter(str(each.status) for each in found)
    kept = fees(found)
    if as_json:
        output.line({"summary": dict(counts), "fees_minor": kept})
        return
    words = ", ".join(f"{count} {status.replace('_', ' ')}" for status, count in counts.items())
    fee = ", ".join(money(minor, code) for code, minor in kept.items())
    output.told(f"{words or 'nothing to compare'}" + (f"; fees {fee}" if fee else ""))
