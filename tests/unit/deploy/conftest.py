"""Commands are tested as on a machine where nothing is configured but the vault key."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy import records
from schemas.messages import Send
from tests.pipeline import VAULT_KEY


@pytest.fixture(autouse=True)
def nothing_configured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in [name for name in os.environ if name.startswith("MILLRACE_")]:
        monkeypatch.delenv(variable)
    monkeypatch.setenv("MILLRACE_VAULT_KEY", VAULT_KEY)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[Send]:
    """What commands send, without a broker."""
    kept: list[Send] = []

    def send(_cluster: object, sends: Iterator[Send]) -> int:
        kept.extend(sends)
        return len(kept)

    monkeypatch.setattr(records, "send", send)
    return kept
