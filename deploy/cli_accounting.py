"""`millrace entity`, `millrace invoice` and `millrace journal`: what accountants need."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from deploy import output
from deploy.options import (
    NotFound,
    Unreadable,
    actor_option,
    existing_file,
    identifiers,
    json_option,
    on_kafka,
    own,
    with_vault,
)

if TYPE_CHECKING:
    from connectors.vault.sealing import Vault
    from deploy.cluster import Cluster
    from deploy.invoices import Document
    from schemas.accounting import JournalEntry

DAY = click.DateTime(formats=["%Y-%m-%d"])

entity_option = own(
    "--entity", default="", help="Only this legal entity; all of them when not given."
)


@click.group()
def entity() -> None:
    """Say who sells: name, address, tax number, numbers of documents, accounts.

    \b
    Examples:
      millrace entity set deploy/examples/legal-entity.toml
      millrace entity show
    """


@entity.command("set")
@click.argument("file", type=existing_file)
@own("--entity", "legal_entity", default="default", help="The legal entity's key.")
@actor_option
@json_option
@on_kafka
def entity_set(cluster: Cluster, file: Path, legal_entity: str, actor: str, as_json: bool) -> None:
    """Set a legal entity from a TOML file. It holds from the next document on."""
    from deploy import invoices

    identifiers({"--entity": legal_entity})
    try:
        command = invoices.load(file, legal_entity, actor)
    except invoices.BadEntity as error:
        raise Unreadable(str(error)) from error
    invoices.set_entity(cluster, command)
    if as_json:
        output.line({"asked": "SetLegalEntity", "legal_entity": legal_entity})
    else:
        output.told("asked: SetLegalEntity; see millrace entity show")


@entity.command("show")
@json_option
@on_kafka
def entity_show(cluster: Cluster, as_json: bool) -> None:
    """Show every legal entity, with its latest numbers, and what was refused since it was set."""
    import msgspec

    from deploy import invoices
    from schemas.accounting import DocumentRefused, LegalEntitySet
    from schemas.topics import ACCOUNTING_EVENTS

    known = invoices.entities(cluster)
    refused: dict[str, str] = {}
    for each in invoices.of_topic(cluster, ACCOUNTING_EVENTS, ""):
        if isinstance(each, LegalEntitySet):
            refused.pop(each.legal_entity, None)
        elif isinstance(each, DocumentRefused) and each.command == "SetLegalEntity":
            refused[each.legal_entity] = each.detail
    if as_json:
        for one in known:
            output.line(msgspec.to_builtins(one))
        return
    output.table(
        ("entity", "name", "tax number", "latest numbers", "journal entries"),
        [
            (
                one.legal_entity,
                one.name,
                one.tax_id,
                ", ".join(f"{each.prefix}{each.last:0{one.digits}d}" for each in one.series),
                one.entries,
            )
            for one in known
        ],
        right=1,
    )
    for legal_entity, detail in sorted(refused.items()):
        click.echo(f"refused of {legal_entity}: {detail}", err=True)


@click.group()
def invoice() -> None:
    """List, show and draw invoices and credit notes.

    \b
    Examples:
      millrace invoice list --order shop-1001
      millrace invoice pdf INV-000001 -o invoice.pdf
    """


@invoice.command("list")
@own("--order", "order_id", default="", help="Only those of this order.")
@own("--refused", is_flag=True, help="What was refused, and why, instead.")
@entity_option
@json_option
@on_kafka
def invoice_list(
    cluster: Cluster, order_id: str, refused: bool, entity: str, as_json: bool
) -> None:
    """List documents in the order in which they got their numbers."""
    from deploy import invoices
    from schemas.money import text as money

    if refused:
        _refused(cluster, order_id, entity, as_json)
        return
    found = [
        each for each in invoices.documents(cluster, entity) if order_id in ("", each.order_id)
    ]
    if as_json:
        for each in found:
            output.line(invoices.as_json(each))
        return
    output.table(
        ("number", "what", "date", "order", "total"),
        [
            (
                each.number,
                invoices.kind(each),
                each.date,
                each.order_id,
                money(each.total_minor, each.currency),
            )
            for each in found
        ],
        right=1,
    )


def _refused(cluster: Cluster, order_id: str, legal_entity: str, as_json: bool) -> None:
    import msgspec

    from deploy import invoices
    from schemas.accounting import DocumentRefused
    from schemas.topics import ACCOUNTING_EVENTS

    found = [
        each
        for each in invoices.of_topic(cluster, ACCOUNTING_EVENTS, legal_entity)
        if isinstance(each, DocumentRefused) and order_id in ("", each.order_id)
    ]
    if as_json:
        for each in found:
            output.line(msgspec.to_builtins(each))
        return
    output.table(
        ("time (UTC)", "command", "key", "why", "detail"),
        [
            (
                output.moment(each.at_ms),
                each.command,
                each.document_key,
                each.reason.replace("_", " "),
                each.detail,
            )
            for each in found
        ],
    )


def _the_one(cluster: Cluster, number: str, legal_entity: str) -> Document:
    """Raises NotFound and click.UsageError."""
    from deploy import invoices

    found = invoices.found(cluster, number, legal_entity)
    if not found:
        raise NotFound(f"no invoice or credit note {number}")
    if len(found) > 1:
        entities = ", ".join(sorted(each.legal_entity for each in found))
        raise click.UsageError(f"{number} is of several legal entities; give --entity: {entities}")
    return found[0]


@invoice.command("show")
@click.argument("number")
@entity_option
@json_option
@on_kafka
def invoice_show(cluster: Cluster, number: str, entity: str, as_json: bool) -> None:
    """Show a document's lines and, of an invoice, its credit notes."""
    from deploy import invoices
    from schemas.accounting import InvoiceIssued, percent
    from schemas.money import text as money

    document = _the_one(cluster, number, entity)
    notes = invoices.credited(cluster, document) if isinstance(document, InvoiceIssued) else []
    if as_json:
        output.line(invoices.as_json(document) | {"credit_notes": [each.number for each in notes]})
        return
    code = document.currency
    output.told(
        f"{invoices.kind(document)} {document.number} of {document.date}, order"
        f" {document.order_id}, {money(document.total_minor, code)}"
    )
    output.table(
        ("line", "what", "pieces", "net", "tax rate", "tax"),
        [
            (
                line.line_id,
                line.title or line.sku,
                line.quantity,
                money(line.net_minor, code),
                f"{percent(line.tax_rate_ppm)} %",
                money(line.tax_minor, code),
            )
            for line in document.lines
        ],
        right=4,
    )
    for each in notes:
        output.told(f"credited by {each.number}: {money(each.total_minor, code)}")


@invoice.command("pdf")
@click.argument("number")
@own(
    "-o", "--output", "file", required=True, type=click.Path(path_type=Path, dir_okay=False),
    help="Where to write it.",
)  # fmt: skip
@entity_option
@with_vault
@on_kafka
def invoice_pdf(cluster: Cluster, vault: Vault, number: str, file: Path, entity: str) -> None:
    """Draw a document. Who buys is named as long as their key is not erased."""
    from deploy import invoices
    from deploy.customers import KeyBook

    document = _the_one(cluster, number, entity)
    sellers = {one.legal_entity: one for one in invoices.entities(cluster)}
    personal_of = invoices.personal_with(KeyBook(cluster, vault))
    try:
        drawn = invoices.drawn(document, sellers.get(document.legal_entity), personal_of)
    except invoices.UnknownSeller as error:
        raise NotFound(str(error)) from error
    try:
        file.write_bytes(drawn)
    except OSError as error:
        raise Unreadable(f"{file}: {error.strerror}") from error
    output.told(f"{file}: {invoices.kind(document)} {number}")


@click.group()
def journal() -> None:
    """Export the accounting journal.

    \b
    Example:
      millrace journal export --from 2026-11-01 --to 2026-11-30 > november.csv
    """


@journal.command("export")
@own("--from", "since", type=DAY, help="The first day; from the beginning when not given.")
@own("--to", "until", type=DAY, help="The last day; to the end when not given.")
@own(
    "--per", default="day", type=click.Choice(["day", "entry"]),
    help="A row for each day and account, or for each posting of each entry.",
)  # fmt: skip
@own("--format", "form", default="csv", type=click.Choice(["csv"]), help="Kind of file.")
@entity_option
@on_kafka
def journal_export(
    cluster: Cluster, since: datetime | None, until: datetime | None, per: str, form: str,
    entity: str,
) -> None:  # fmt: skip
    """Write the journal to standard output, balanced and without a gap, or not at all."""
    from deploy import journal

    try:
        everything = journal.complete(_entries(cluster, entity))
        within = list(journal.within(everything, day(since), day(until)))
        days = journal.per_day(within)
    except journal.Unbalanced as error:
        raise NotFound(f"nothing was exported: {error}") from error
    if per == "day":
        journal.write_per_day(days, sys.stdout)
    else:
        journal.write_entries(within, sys.stdout)


def _entries(cluster: Cluster, legal_entity: str) -> Iterable[JournalEntry]:
    from deploy import invoices
    from schemas.accounting import JournalEntry

    return (
        each for each in invoices.entries(cluster, legal_entity) if isinstance(each, JournalEntry)
    )


def day(moment: datetime | None) -> str:
    """ISO 8601; empty for none."""
    return moment.replace(tzinfo=UTC).date().isoformat() if moment is not None else ""
