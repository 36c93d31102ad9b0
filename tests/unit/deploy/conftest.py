"""Commands are tested as on a machine where nothing is configured."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def nothing_configured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in [name for name in os.environ if name.startswith("MILLRACE_")]:
        monkeypatch.delenv(variable)
    monkeypatch.chdir(tmp_path)
