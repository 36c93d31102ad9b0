"""Legal entities, invoices, credit notes and what was refused. Reads Kafka."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from connectors.documents import paper
from connectors.vault.master import Unreadable as UnreadableSeal
from connectors.vault.sealing import ORDER
from deploy import records
from deploy.cluster import Cluster
from deploy.customers import KeyBook
from schemas import codec
from schemas.accounting import (
    CreditNoteIssued,
    InvoiceIssued,
    LegalEntityState,
    SetLegalEntity,
)
from schemas.customers import Personal
from schemas.messages import Send
from schemas.records import Record
from schemas.topics import (
    ACCOUNTING_COMMANDS,
    ACCOUNTING_EVENTS,
    ACCOUNTING_JOURNAL,
    ACCOUNTING_STATE,
    Topic,
)

Document = InvoiceIssued | CreditNoteIssued
PersonalOf = Callable[[Document], Personal | None]
MAXIMUM_BYTES = 1024 * 1024


class BadEntity(ValueError):
    """The file says no legal entity; the message is one line that names it."""


class UnknownSeller(ValueError):
    """Nobody has said who sells, so that there is nothing to draw; the message says what to do."""


def of_topic(cluster: Cluster, topic: Topic, legal_entity: str) -> Iterator[Record]:
    """The records of one legal entity, in their order; those of all where it is empty."""
    for message in records.messages_of(cluster, topic, legal_entity or None):
        try:
            yield codec.decode(message.value() or b"")
        except codec.UnreadableRecord:
            continue


def documents(cluster: Cluster, legal_entity: str = "") -> Iterator[Document]:
    """Every document that was issued."""
    for record in of_topic(cluster, ACCOUNTING_EVENTS, legal_entity):
        if isinstance(record, Document):
            yield record


def found(cluster: Cluster, number: str, legal_entity: str = "") -> list[Document]:
    """The documents with a number: one, unless several legal entities have used it."""
    return [each for each in documents(cluster, legal_entity) if each.number == number]


def credited(cluster: Cluster, invoice: InvoiceIssued) -> list[CreditNoteIssued]:
    """The credit notes of an invoice, in their order."""
    return [
        each
        for each in documents(cluster, invoice.legal_entity)
        if isinstance(each, CreditNoteIssued) and each.invoice_key == invoice.document_key
    ]


def entities(cluster: Cluster) -> list[LegalEntityState]:
    """Every legal entity as it stands, by name of its key."""
    known: dict[str, LegalEntityState] = {}
    for record in of_topic(cluster, ACCOUNTING_STATE, ""):
        if isinstance(record, LegalEntityState):
            known[record.legal_entity] = record
    return [known[key] for key in sorted(known)]


def personal_with(keys: KeyBook) -> PersonalOf:
    """Reads buyers with the keys that are not erased."""

    def personal_of(document: Document) -> Personal | None:
        key = keys.key(document.key_id) if document.personal else None
        if key is None:
            return None
        try:
            clear = key.open(ORDER, document.order_id, document.personal)
            return msgspec.json.decode(clear, type=Personal)
        except (UnreadableSeal, msgspec.MsgspecError):
            return None

    return personal_of


def drawn(document: Document, entity: LegalEntityState | None, personal_of: PersonalOf) -> bytes:
    """The document as a PDF. Raises UnknownSeller.

    One that was issued before anybody had said who sells has the seller of today.
    """
    if not document.seller_name:
        if entity is None or not entity.name:
            raise UnknownSeller(
                f"nobody has said who {document.legal_entity} is; see millrace entity set --help"
            )
        document = msgspec.structs.replace(
            document,
            seller_name=entity.name,
            seller_address=entity.address,
            seller_tax_id=entity.tax_id,
            notes=entity.notes,
        )
    return paper.drawn(document, personal_of(document))


def as_json(document: Document) -> dict[str, Any]:
    """A document for scripts; nothing personal, not even encrypted."""
    told: dict[str, Any] = msgspec.to_builtins(document)
    told.pop("personal")
    return {"kind": kind(document)} | told


def kind(document: Document) -> str:
    """What it is, in words."""
    return "invoice" if isinstance(document, InvoiceIssued) else "credit note"


def load(path: Path, legal_entity: str, actor: str) -> SetLegalEntity:
    """What a TOML file says of a legal entity. Raises BadEntity."""
    try:
        with path.open("rb") as source:
            content = source.read(MAXIMUM_BYTES)
        table = tomllib.loads(content.decode("utf-8"))
    except OSError as error:
        raise BadEntity(f"{path}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadEntity(f"{path}: is not TOML: {error}") from error
    known = set(SetLegalEntity.__struct_fields__) - {"legal_entity", "actor"}
    unknown = sorted(table.keys() - known)
    if unknown:
        raise BadEntity(f"{path}: {unknown[0]}: there is no such key")
    try:
        return msgspec.convert(
            table | {"legal_entity": legal_entity, "actor": actor}, SetLegalEntity
        )
    except msgspec.ValidationError as error:
        raise BadEntity(f"{path}: {str(error)[:1].lower()}{str(error)[1:]}") from error


def set_entity(cluster: Cluster, command: SetLegalEntity) -> None:
    """Ask for it. Raises Unavailable."""
    records.send(cluster, [Send(ACCOUNTING_COMMANDS, command.legal_entity, command)])


def entries(cluster: Cluster, legal_entity: str) -> Iterator[Record]:
    """The journal of a legal entity, in its order; all journals where it is empty."""
    return of_topic(cluster, ACCOUNTING_JOURNAL, legal_entity)
