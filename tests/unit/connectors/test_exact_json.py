"""JSON whose numbers are amounts is read digit by digit, and what is no number is refused."""

from __future__ import annotations

import codecs
from decimal import Decimal

import pytest

from connectors.channels import mapping
from connectors.channels.mapping import Fields, Rejected, Repeated


def test_numbers_with_decimals_are_read_as_they_are_written() -> None:
    value = mapping.load_exact_json(b'{"a": 0.1, "b": 12.50, "c": 7, "d": "1.0", "e": 1e2}')
    assert value == {"a": Decimal("0.1"), "b": Decimal("12.50"), "c": 7, "d": "1.0", "e": 100}


@pytest.mark.parametrize(
    "payload",
    [
        b"NaN",
        b'{"a": Infinity}',
        b'{"a": -Infinity}',
        b'{"a": 1e999999}',
        b'{"a": -1E-999999999999999999999}',
        b'{"a": ' + b"9" * 5000 + b"}",
        b"[" * 100_000,
        b'{"a": 1.5',
        b"",
        b"  ",
        codecs.BOM_UTF8,
        b"\xff\xfe{",
        b'{"a": "\xff"}',
    ],
)
def test_what_is_no_json_is_unreadable(payload: bytes) -> None:
    with pytest.raises(Rejected) as error:
        mapping.load_exact_json(payload)
    assert error.value.reason == "unreadable"


def test_marks_utf_16_and_keys_given_twice_are_read_as_elsewhere() -> None:
    text = '{"a": 1.10}'
    for payload in (codecs.BOM_UTF8 + text.encode(), text.encode("utf-16")):
        assert mapping.load_exact_json(payload) == {"a": Decimal("1.10")}
    assert isinstance(mapping.load_exact_json(b'{"a": 1, "a": 2}'), Repeated)


@pytest.mark.parametrize(
    ("number", "minor"), [("12.5", 1250), ("12.500", 1250), ("-3.1", -310), ("1e2", 10_000)]
)
def test_a_decimal_is_an_amount(number: str, minor: int) -> None:
    assert Fields({"a": Decimal(number)}).balance("a", "EUR") == minor


@pytest.mark.parametrize("number", ["12.505", "1e400", "1e-400", "NaN", "Infinity", "1e99999999"])
def test_a_decimal_that_is_no_amount_is_refused(number: str) -> None:
    with pytest.raises(Rejected) as error:
        Fields({"a": Decimal(number)}).amount("a", "EUR")
    assert error.value.reason == "invalid_amount"


@pytest.mark.parametrize("number", ["1.5", "-1", "0.0", "1e300", "1e99999999", "NaN", "Infinity"])
def test_a_decimal_is_a_quantity_only_where_it_is_whole(number: str) -> None:
    assert Fields({"a": Decimal("2.0000")}).quantity("a") == 2
    with pytest.raises(Rejected) as error:
        Fields({"a": Decimal(number)}).quantity("a")
    assert error.value.reason == "invalid_quantity"
