"""What people do with stock and purchase orders, as commands of their rooms."""

from __future__ import annotations

import json
import uuid

import pytest
from click.testing import CliRunner, Result

from deploy import purchases, records
from deploy.cli import cli
from schemas.locations import SetChannelSourcing, SwitchLocation
from schemas.messages import Send
from schemas.purchasing import (
    ApprovePurchaseOrder,
    CancelPurchaseOrder,
    ClosePurchaseOrder,
    ConfirmPurchaseOrder,
    CreatePurchaseOrder,
    DeliveredLine,
    PurchaseLine,
    PurchaseLineState,
    PurchaseOrderState,
    RecordDelivery,
    SendPurchaseOrder,
)
from schemas.records import Record
from schemas.stock import (
    AdjustStock,
    ChangeDisposition,
    CountStock,
    ReceiveStock,
    ReceiveTransfer,
    ShipTransfer,
)
from schemas.topics import INVENTORY_COMMANDS, PURCHASING_COMMANDS

DAY_END = 1_740_873_599_999
"""2025-03-01T23:59:59.999Z"""


@pytest.fixture
def sent(sent: list[Send], monkeypatch: pytest.MonkeyPatch) -> list[Send]:
    """What is sent, without a broker."""
    monkeypatch.setattr(records, "partitions", lambda *_: 2)
    return sent


def run(line: str) -> Result:
    return CliRunner().invoke(cli, line.split())


@pytest.mark.parametrize(
    ("line", "record"),
    [
        (
            "adjust T --location b --quantity -3 --reason broken",
            AdjustStock("m", "T", "b", -3, "broken", "ada", ""),
        ),
        (
            "count T --location b --quantity 0 --reason cycle --lot L",
            CountStock("m", "T", "b", 0, "cycle", "ada", "L"),
        ),
        (
            "receive T --location b --quantity 2 --unit CS --reference note-1 --lot L"
            " --expires 2025-03-01",
            ReceiveStock(
                "m", "T", "b", 2, "CS", "", "sellable", False, "note-1", "", "ada", "L", DAY_END
            ),
        ),
        (
            "receive T --location b --quantity 2 --return --disposition damaged --serial 1"
            " --serial 2",
            ReceiveStock(
                "m", "T", "b", 2, "", "", "damaged", True, "", "", "ada", "", 0, ["1", "2"]
            ),
        ),
        (
            "dispose T --location b --quantity 1 --to scrap --reason rain",
            ChangeDisposition("m", "T", "b", 1, "sellable", "scrap", "rain", "ada", ""),
        ),
        (
            "transfer T --from a --to b --quantity 5 --expected 2025-03-01",
            ShipTransfer("m", "T", "a", "b", 5, DAY_END, "", "ada"),
        ),
        (
            "receive-transfer T --transfer t --quantity 4 --lost 1",
            ReceiveTransfer("m", "t", "T", 4, 1, "", "ada"),
        ),
    ],
)
def test_a_movement_is_asked_for_under_its_id(line: str, record: Record, sent: list[Send]) -> None:
    result = run(f"stock {line} --id m --actor ada --json")
    assert result.exit_code == 0, result.output
    assert sent == [Send(INVENTORY_COMMANDS, "T", record)]
    told = json.loads(result.stdout)
    assert (told["asked"], told["movement_id"]) == (type(record).__name__, "m")


def test_an_id_is_made_and_told_when_none_is_given(sent: list[Send]) -> None:
    results = [run("stock adjust T --location b --quantity 1 --reason x --json") for _ in range(2)]
    made = [json.loads(result.stdout)["movement_id"] for result in results]
    assert len({uuid.UUID(one) for one in made}) == 2
    asked = [send.record for send in sent if isinstance(send.record, AdjustStock)]
    assert [one.movement_id for one in asked] == made
    assert all(one.actor for one in asked)
    plain = run("stock adjust T --location b --quantity 1 --reason x --id m")
    assert plain.stdout == "asked: AdjustStock m; see millrace stock show T\n"


@pytest.mark.parametrize(
    "line",
    [
        "adjust T --location b --quantity 1",
        "adjust T --location b --quantity 1.5 --reason x",
        "adjust T|U --location b --quantity 1 --reason x",
        "count T --location b --quantity -1 --reason x",
        "receive T --location b --quantity 0",
        "receive T --location b --quantity 1 --serial 1 --serial 2",
        "receive T --location b --quantity 1 --expires soon",
        "dispose T --location b --quantity 1 --from scrap --to sellable --reason x",
        "transfer T --from a --to a --quantity 1",
        "receive-transfer T --transfer t --quantity 0",
        "switch-location b --selling --reason x",
        "show T --at 2025-13-01",
    ],
)
def test_wrong_usage_is_2_and_sends_nothing(line: str, sent: list[Send]) -> None:
    result = run(f"stock {line}")
    assert (result.exit_code, sent) == (2, []), result.output
    assert "Traceback" not in result.output


def test_what_is_said_of_a_location_goes_everywhere(sent: list[Send]) -> None:
    said = "--not-selling --fulfilling --reason stocktaking --actor ada"
    assert run(f"stock switch-location b {said}").exit_code == 0
    record = SwitchLocation("b", False, True, "stocktaking", "ada")
    assert [(send.topic.name, send.partition) for send in sent] == [
        ("fulfillment.commands", 0), ("fulfillment.commands", 1),
        ("inventory.commands", 0), ("inventory.commands", 1),
    ]  # fmt: skip
    assert {send.key for send in sent} == {"b"}
    assert all(send.record == record for send in sent)


def test_what_is_said_of_a_channel_goes_everywhere(sent: list[Send]) -> None:
    assert run("stock set-sourcing web --group a --group b --actor ada").exit_code == 0
    assert len(sent) == 4
    assert all(send.record == SetChannelSourcing("web", ["a", "b"], "ada") for send in sent)


@pytest.mark.parametrize(
    ("line", "record"),
    [
        ("approve po-1", ApprovePurchaseOrder("po-1", "ada")),
        ("send po-1", SendPurchaseOrder("po-1", "ada")),
        (
            "confirm po-1 --expected 2025-03-01 --reason storm",
            ConfirmPurchaseOrder("po-1", DAY_END, "storm", "ada"),
        ),
        (
            "deliver po-1 --delivery d --line 1=4 --line 2=1 --disposition damaged",
            RecordDelivery(
                "po-1", "d",
                [DeliveredLine(line, pieces, "damaged", "", 0, []) for line, pieces in
                 (("1", 4), ("2", 1))],
                "ada",
            ),
        ),
        ("close po-1 --reason rest", ClosePurchaseOrder("po-1", "rest", "ada")),
        ("cancel po-1 --reason late", CancelPurchaseOrder("po-1", "late", "ada")),
    ],
)  # fmt: skip
def test_a_purchase_order_is_taken_on(line: str, record: Record, sent: list[Send]) -> None:
    result = run(f"purchase {line} --actor ada --json")
    assert result.exit_code == 0, result.output
    assert sent == [Send(PURCHASING_COMMANDS, "po-1", record)]
    assert json.loads(result.stdout) == {
        "asked": type(record).__name__,
        "purchase_order_id": "po-1",
    }


def test_a_purchase_order_is_proposed_by_hand(sent: list[Send]) -> None:
    said = "--supplier acme --location b --expected 2025-03-01 --reason fair --actor ada --json"
    result = run(
        f"purchase create --id po-1 --currency eur --line T=40@3.20 --line A=B=5@18 {said}"
    )
    assert result.exit_code == 0, result.output
    lines = [PurchaseLine("1", "T", 40, 320), PurchaseLine("2", "A=B", 5, 1800)]
    record = CreatePurchaseOrder("po-1", "acme", "b", lines, "EUR", DAY_END, "", "fair", "ada")
    assert sent == [Send(PURCHASING_COMMANDS, "po-1", record)]
    unpriced = run(f"purchase create --line T=40 {said}")
    made = json.loads(unpriced.stdout)["purchase_order_id"]
    assert uuid.UUID(made.removeprefix("po-"))
    asked = sent[1].record
    assert isinstance(asked, CreatePurchaseOrder)
    assert (asked.purchase_order_id, asked.currency, asked.lines) == (
        made, "", [PurchaseLine("1", "T", 40, 0)],
    )  # fmt: skip


def state(status: str = "sent") -> PurchaseOrderState:
    lines = [
        PurchaseLineState("1", "TEA", 40, 320, 40, 38, 1),
        PurchaseLineState("2", "POT", 5, 1800, 2, 2, 1),
    ]
    return PurchaseOrderState("po-1", status, 1, "acme", "b", lines, "EUR", 1, 1, "", 1, [])


def test_a_delivery_without_lines_is_of_all_that_is_open(
    sent: list[Send], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(purchases, "state", lambda *_: state())
    assert run("purchase deliver po-1 --delivery d").exit_code == 0
    record = sent[0].record
    assert isinstance(record, RecordDelivery)
    assert [(line.line_id, line.quantity) for line in record.lines] == [("2", 3)]
    monkeypatch.setattr(purchases, "state", lambda *_: state("closed"))
    assert run("purchase deliver po-1 --delivery d").exit_code == 1
    monkeypatch.setattr(purchases, "state", lambda *_: None)
    assert run("purchase deliver po-9 --delivery d").exit_code == 1


@pytest.mark.parametrize(
    "line",
    [
        "create --supplier a --location b",
        "create --supplier a --location b --line T",
        "create --supplier a --location b --line T=0",
        "create --supplier a --location b --line T=1@2",
        "create --supplier a --location b --currency EUR --line T=1",
        "create --supplier a --location b --currency EUR --line T=1@2.001",
        "create --supplier a --location b --currency EURO --line T=1@2",
        "create --supplier a|b --location b --line T=1",
        "deliver po-1 --delivery d --line 1",
        "deliver po-1 --delivery d --line 1=0",
        "deliver po-1 --delivery d --line 1=1 --line 1=2",
        "deliver po-1 --delivery d --line 1=2 --serial x",
        "confirm po-1",
        "close po-1",
        "list --status lost",
    ],
)
def test_a_wrong_word_about_a_purchase_order_is_2(line: str, sent: list[Send]) -> None:
    result = run(f"purchase {line}")
    assert (result.exit_code, sent) == (2, []), result.output
