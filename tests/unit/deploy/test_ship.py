"""`millrace ship`, where no broker is needed."""

from __future__ import annotations

import json

import pytest

from schemas.messages import Send
from schemas.orders import RecordShipment, ShippedLine
from tests.unit.deploy.test_changes import command, run


def test_a_shipment_says_what_left_and_how_to_follow_it(sent: list[Send]) -> None:
    result = run(
        "ship", "json-1", "--line", "1:2", "--line", "a:b:3", "--carrier", "dhl", "--tracking",
        "T1", "--location", "berlin", "--actor", "jo", "--id", "s-7", "--json",
    )  # fmt: skip
    assert json.loads(result.output) == {"order_id": "json-1", "asked": "ship"}
    asked = command(sent)
    assert isinstance(asked, RecordShipment)
    assert asked.lines == [ShippedLine("1", 2), ShippedLine("a:b", 3)]
    assert (asked.shipment_id, asked.location_id, asked.actor) == ("s-7", "berlin", "jo")
    assert (asked.carrier, asked.tracking_number) == ("dhl", "T1")


def test_without_lines_all_that_is_left_has_left(sent: list[Send]) -> None:
    assert run("ship", "json-1").exit_code == 0
    asked = command(sent)
    assert isinstance(asked, RecordShipment)
    assert asked.lines == []
    assert asked.shipment_id


@pytest.mark.parametrize("words", ["1", "1:0", ":1", "1:x"])
def test_a_line_without_its_pieces_is_not_sent(sent: list[Send], words: str) -> None:
    result = run("ship", "json-1", "--line", words)
    assert result.exit_code == 2
    assert "--line" in result.output
    assert sent == []
