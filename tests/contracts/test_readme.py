"""The page about the rooms says what the contract and the tables say."""

from __future__ import annotations

import pytest

from tests.contracts.drawing import README, drawn


def test_the_pictures_and_the_table_are_current() -> None:
    text = README.read_text(encoding="utf-8")
    assert text == drawn(text), "run: python -m tests.contracts.drawing"


def test_a_page_without_a_place_for_a_picture_is_noticed() -> None:
    with pytest.raises(ValueError, match="0 places for topology"):
        drawn("")
