"""Invoices, the journal and settlements by command, against a broker with the room's records."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner, Result
from confluent_kafka import TopicPartition
from pypdf import PdfReader

from connectors.vault.master import MasterKeys
from connectors.vault.sealing import ORDER, Vault
from deploy import records
from deploy.broker import EmbeddedBroker
from deploy.cli import cli
from deploy.cluster import Cluster
from deploy.topics import create
from schemas.accounting import DEFAULT_ENTITY, SetLegalEntity
from schemas.customers import Contact, Personal
from schemas.messages import Send
from schemas.partitions import partition_of
from schemas.payments import PaymentCaptured
from schemas.topics import ACCOUNTING_COMMANDS, ACCOUNTING_STATE, CUSTOMERS_KEYS, PAYMENTS_EVENTS
from streams.accounting.agent import AccountingRoom
from tests.pipeline import VAULT_KEY
from tests.unit.streams.memory import NOW, Desk
from tests.unit.streams.test_accounting import ENTITY, credit, invoice, paid

pytestmark = pytest.mark.integration
EXAMPLE = Path(__file__).parents[2] / "deploy" / "examples" / "legal-entity.toml"


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[EmbeddedBroker]:
    with EmbeddedBroker(tmp_path / "kafka") as started:
        create(started.bootstrap)
        yield started


def run(broker: EmbeddedBroker, *arguments: str) -> Result:
    environment = {"MILLRACE_BROKERS": broker.bootstrap, "MILLRACE_VAULT_KEY": VAULT_KEY}
    return CliRunner().invoke(cli, list(arguments), env=environment)


def write(broker: EmbeddedBroker) -> None:
    """An invoice, its payment and a credit note, as the rooms write them."""
    vault = Vault(MasterKeys([VAULT_KEY]))
    key = vault.new_key("k")
    sealed = key.seal(ORDER, "o-1", msgspec.json.encode(Personal(Contact("Ada Lovelace"))))
    desk = Desk(AccountingRoom())
    commands = [
        ENTITY,
        invoice(key_id="k", personal=sealed),
        paid(4044),
        credit(),
        paid(0, key="x"),
    ]
    sends = [send for command in commands for send in desk.ask(DEFAULT_ENTITY, command)]
    cluster = Cluster(broker.bootstrap)
    number = records.partitions(cluster, ACCOUNTING_STATE)
    place = partition_of(DEFAULT_ENTITY.encode(), number)
    sends += [Send(ACCOUNTING_STATE, key, state, place) for key, state in desk.states.kept.items()]
    sends += [
        Send(CUSTOMERS_KEYS, "k", vault.issued(key, ["c-1"], NOW)),
        Send(
            PAYMENTS_EVENTS,
            "o-1",
            PaymentCaptured("o-1", "1", "s-1", 1, "pi_1", "card", 4044, "EUR", NOW),
        ),
    ]
    records.send(cluster, sends)


def test_accountants_get_documents_journal_and_differences(
    broker: EmbeddedBroker, tmp_path: Path
) -> None:
    write(broker)

    listed = run(broker, "invoice", "list", "--json")
    told = [json.loads(line) for line in listed.output.splitlines()]
    assert [(each["kind"], each["number"]) for each in told] == [
        ("invoice", "INV-000001"), ("credit note", "CN-000001"),
    ]  # fmt: skip
    assert "invalid payment" in run(broker, "invoice", "list", "--refused").output
    shown = run(broker, "invoice", "show", "INV-000001")
    assert "credited by CN-000001: 11.90 EUR" in shown.output
    assert run(broker, "invoice", "show", "INV-9").exit_code == 1
    assert "Mill Ltd" in run(broker, "entity", "show").output

    file = tmp_path / "invoice.pdf"
    drawn = run(broker, "invoice", "pdf", "INV-000001", "-o", str(file))
    assert drawn.exit_code == 0, drawn.output
    read = PdfReader(io.BytesIO(file.read_bytes())).pages[0].extract_text()
    assert "Ada Lovelace" in read
    assert "40.44 EUR" in read

    exported = run(broker, "journal", "export", "--from", "2023-11-14", "--to", "2023-11-14")
    rows = list(csv.DictReader(io.StringIO(exported.stdout)))
    assert {row["account"]: row["balance"] for row in rows}["1200"] == "-11.90"
    assert len(run(broker, "journal", "export", "--per", "entry").stdout.splitlines()) == 12

    payout = tmp_path / "payout.csv"
    header = "reporting_category,gross,fee,currency,payment_intent_id,created_utc\n"
    payout.write_text(header + "charge,40.44,1.00,eur,pi_1,2023-11-15 00:00:00\n")
    agreed = run(broker, "reconcile", str(payout), "--from", "2023-11-14")
    assert (agreed.exit_code, "1 matched; fees 1.00 EUR" in agreed.output) == (0, True)
    payout.write_text(header + "charge,40.43,1.00,eur,pi_1,2023-11-15 00:00:00\n")
    differs = CliRunner().invoke(
        cli,
        ["reconcile", str(payout), "--json"],
        env={"MILLRACE_BROKERS": broker.bootstrap},
        standalone_mode=False,
    )
    assert differs.return_value == 1
    assert json.loads(differs.output.splitlines()[0])["status"] == "amount_differs"


def test_a_legal_entity_is_set_from_a_file(broker: EmbeddedBroker) -> None:
    assert run(broker, "entity", "set", str(EXAMPLE), "--entity", "de").exit_code == 0
    cluster = Cluster(broker.bootstrap)
    places = [
        TopicPartition(ACCOUNTING_COMMANDS.name, number, 0)
        for number in range(records.partitions(cluster, ACCOUNTING_COMMANDS))
    ]
    [asked] = [found.record for found in records.read_from(cluster, places)]
    assert isinstance(asked, SetLegalEntity)
    assert (asked.legal_entity, asked.name) == ("de", "Mühle & Söhne GmbH")
