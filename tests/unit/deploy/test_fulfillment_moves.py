"""`millrace fulfillment move`, `split`, `merge` and `redirect`, where no broker is needed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner, Result
from msgspec.structs import replace

from connectors.vault.sealing import ORDER, DataKey
from deploy import redirections
from deploy.cli import cli
from deploy.timeline import words
from schemas import codec
from schemas.customers import KeyIssued, Personal
from schemas.fulfillment_moves import (
    FulfillmentMoveEnded,
    FulfillmentOrderMoving,
    FulfillmentOrderRedirected,
    FulfillmentOrdersMerged,
    FulfillmentOrderSplit,
    MergeFulfillmentOrders,
    MoveFulfillmentOrder,
    RedirectShipment,
    SplitFulfillmentOrder,
)
from schemas.messages import Send
from schemas.orders import Address, PlaceOrder
from schemas.records import Record
from schemas.topics import CUSTOMERS_KEYS, FULFILLMENT_COMMANDS, ORDERS_COMMANDS
from tests.unit.connectors.vault import vault
from tests.unit.streams.memory import NOW, place

NEW = {"name": "Ada Winter", "line1": "Rue Z 7", "city": "Lyon", "postal_code": "69001",
       "country": "FR"}  # fmt: skip
HOME = Address("Ada Winter", "Street 1", "", "Berlin", "BE", "10115", "DE", 52.5, 13.4)
COMMAND = RedirectShipment(
    "shop-1", "r-1", "shop-1/1", 0, [], "", b"", 0, False, "moved house", "jo", NOW
)


def run(*arguments: str, given: str | None = None) -> Result:
    whole = ["fulfillment", *arguments, "--actor", "jo"]
    return CliRunner().invoke(cli, whole, input=given, catch_exceptions=False)


@pytest.mark.parametrize(
    ("arguments", "record"),
    [
        (
            ["move", "json-1/2", "--to", "hamburg", "--line", "2", "--reason", "nearer"],
            MoveFulfillmentOrder("json-1", "json-1/2", "hamburg", ["2"], "nearer", "jo"),
        ),
        (
            ["move", "json-1/2", "--to", "hamburg"],
            MoveFulfillmentOrder("json-1", "json-1/2", "hamburg", [], "", "jo"),
        ),
        (
            ["split", "json-1/2", "--line", "1", "--line", "3"],
            SplitFulfillmentOrder("json-1", "json-1/2", ["1", "3"], "jo"),
        ),
        (
            ["merge", "json-1/2", "json-1/3"],
            MergeFulfillmentOrders("json-1", "json-1/2", "json-1/3", "jo"),
        ),
    ],
)
def test_what_is_to_be_changed_is_asked_of_fulfillment(
    sent: list[Send], arguments: list[str], record: Record
) -> None:
    result = run(*arguments, "--json")
    assert result.exit_code == 0, result.output
    [send] = sent
    assert (send.topic, send.key, send.record) == (FULFILLMENT_COMMANDS, "json-1", record)
    assert json.loads(result.output)["fulfillment_order_id"] == "json-1/2"


@pytest.mark.parametrize(
    ("name", "fulfillment_order_id"), [("json-1/2", "json-1/2"), ("json-1", "")]
)
def test_a_redirection_is_asked_of_orders_and_needs_no_vault(
    sent: list[Send], name: str, fulfillment_order_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MILLRACE_VAULT_KEY")
    result = run("redirect", name, "--address", "0", "--ship-instead", "--reason", "by phone")
    assert result.exit_code == 0, result.output
    [send] = sent
    asked = send.record
    assert isinstance(asked, RedirectShipment)
    assert (send.topic, send.key) == (ORDERS_COMMANDS, "json-1")
    assert (asked.fulfillment_order_id, asked.address) == (fulfillment_order_id, 0)
    assert (asked.ship_instead, asked.reason, asked.actor) == (True, "by phone", "jo")


@pytest.mark.parametrize(
    "arguments",
    [
        ["move", "json-1/2"],
        ["move", "json-1", "--to", "hamburg"],
        ["split", "json-1/2"],
        ["merge", "json-1/2", "json-2/1"],
        ["merge", "json-1/2", "json-1"],
        ["redirect", "json-1/2", "--reason", "x"],
        ["redirect", "json-1/2", "--address", "0"],
        ["redirect", "json-1/2", "--address", "-1", "--reason", "x"],
        ["redirect", "json-1/2", "--address", "0", "--to", "-", "--reason", "x"],
        ["redirect", "json-1/2", "--to", "nowhere.json", "--reason", "x"],
    ],
)
def test_what_says_too_little_is_refused_before_anything_is_sent(
    sent: list[Send], arguments: list[str]
) -> None:
    assert run(*arguments).exit_code == 2
    assert sent == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"country": "Secretland"}, "two capital letters"),
        ({"country": 7}, "$.country"),
        ({"line1": " "}, "no line1"),
        ({"secret": "Secretland"}, "secret"),
        ({"latitude": 91}, "place on earth"),
    ],
)
def test_a_bad_address_is_refused_by_its_field_and_never_quoted(
    sent: list[Send], change: dict[str, Any], words: str
) -> None:
    given = json.dumps({**NEW, **change})
    result = run("redirect", "json-1/2", "--to", "-", "--reason", "x", given=given)
    assert result.exit_code == 2
    assert words in result.output
    assert "Secretland" not in result.output
    assert "Rue Z" not in result.output
    assert sent == []
    with pytest.raises(redirections.NotPossible):
        redirections.written(b"\xff{")


class Keys:
    """deploy.customers.KeyBook without a broker."""

    held: DataKey | None = None

    def __init__(self, *_given: object) -> None:
        pass

    def key(self, key_id: str) -> DataKey | None:
        return self.held if self.held is not None and self.held.key_id == key_id else None


@pytest.fixture
def order(monkeypatch: pytest.MonkeyPatch) -> PlaceOrder:
    """An order whose address is encrypted, as orders keeps it."""
    key = vault().new_key("k-1")
    text = msgspec.json.encode(Personal(addresses=[HOME], note="ring twice"))
    made = replace(
        place("shop-1"), customer_id="c-1", key_id="k-1", personal=key.seal(ORDER, "shop-1", text)
    )
    monkeypatch.setattr(Keys, "held", key)
    monkeypatch.setattr(redirections, "KeyBook", Keys)
    monkeypatch.setattr(redirections, "_order", lambda *_given: made)
    return made


def test_a_new_address_is_encrypted_behind_the_others_with_the_key_of_the_order(
    order: PlaceOrder,
) -> None:
    address = redirections.written(json.dumps(NEW).encode())
    made = redirections.with_address(None, vault(), COMMAND, address)  # type: ignore[arg-type]
    assert made.issued is None
    assert (made.command.address, made.command.key_id) == (1, "k-1")
    plain = codec.encode(made.command)
    for word in (b"Ada", b"Winter", b"Rue Z", b"Lyon", b"ring twice"):
        assert word not in plain
    assert Keys.held is not None
    clear = msgspec.json.decode(
        Keys.held.open(ORDER, "shop-1", made.command.personal), type=Personal
    )
    assert clear.addresses == [HOME, address]
    assert clear.note == "ring twice"
    [shown] = made.command.new_address
    assert (shown.country, shown.city, shown.name) == ("FR", "", "")


def test_an_order_without_a_key_gets_one_for_its_address(
    order: PlaceOrder, monkeypatch: pytest.MonkeyPatch, sent: list[Send], tmp_path: Path
) -> None:
    bare = replace(order, key_id="", personal=b"")
    monkeypatch.setattr(redirections, "_order", lambda *_given: bare)
    file = tmp_path / "new.json"
    file.write_text(json.dumps(NEW))
    result = run("redirect", "shop-1/1", "--to", str(file), "--reason", "moved house")
    assert result.exit_code == 0, result.output
    first, second = sent
    assert isinstance(first.record, KeyIssued)
    assert isinstance(second.record, RedirectShipment)
    assert (first.topic, first.record.subjects) == (CUSTOMERS_KEYS, ["c-1"])
    assert second.record.key_id == first.key == first.record.key_id


def test_an_order_that_was_erased_gets_no_address(
    order: PlaceOrder, monkeypatch: pytest.MonkeyPatch, sent: list[Send]
) -> None:
    monkeypatch.setattr(Keys, "held", None)
    result = run("redirect", "shop-1/1", "--to", "-", "--reason", "moved", given=json.dumps(NEW))
    assert result.exit_code == 2
    assert "erased" in result.output
    assert sent == []


@pytest.mark.parametrize(
    ("event", "said"),
    [
        (
            FulfillmentOrderMoving("o", "o/1", "BER", "HAM", ["1"], "nearer", "jo", NOW),
            "o/1: line 1 is to go to HAM by jo: nearer",
        ),
        (
            FulfillmentMoveEnded(
                "o", "o/1", "BER", "HAM", ["1"], ["2"], "out_of_stock", "accepted", NOW
            ),
            "o/1: line 1 went to HAM; line 2 stays: out of stock; accepted now",
        ),
        (
            FulfillmentOrderSplit("o", "o/2", "o/1", "BER", ["1"], "", "accepted", "jo", NOW),
            "o/2: line 1 split off o/1 by jo",
        ),
        (
            FulfillmentOrdersMerged("o", "o/1", "o/2", "BER", ["1"], "accepted", "jo", NOW),
            "o/1: line 1 of o/2 goes with it by jo",
        ),
        (
            FulfillmentOrderRedirected("o", "", ["1"], "", "pickup", "by phone", "jo", NOW),
            "line 1 goes to address 0 instead of being fetched by jo: by phone",
        ),
    ],
)
def test_what_was_changed_is_told_in_words(event: Record, said: str) -> None:
    assert words(event) == said
