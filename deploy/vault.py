"""Where the master keys come from, for every process and command that reads or writes payloads."""

from __future__ import annotations

import os
from pathlib import Path

import click

from connectors.vault.master import BadMasterKey, MasterKeys
from connectors.vault.sealing import Vault
from deploy.configuration import secrets

VARIABLE = "MILLRACE_VAULT_KEY"
FILE_VARIABLE = f"{VARIABLE}_FILE"
FILE_NAME = "vault.key"
ADVICE = (
    "`millrace up` makes one in its --data; everywhere else name a copy of that file with"
    f" --vault-key-file, or give what it holds in {VARIABLE}"
)


def key_file(named: Path | None, data: Path) -> Path | None:
    """The file with the master keys; None where the environment holds them themselves."""
    if named is not None:
        return named
    return None if os.environ.get(VARIABLE, "").strip() else data / FILE_NAME


def opened(named: Path | None, data: Path) -> Vault:
    """The vault. Raises click.UsageError, which says what to do."""
    file = key_file(named, data)
    if file is not None and not file.exists():
        raise click.UsageError(f"there is no vault key {file}; {ADVICE}")
    try:
        return Vault(MasterKeys(secrets(VARIABLE, file)))
    except BadMasterKey as error:
        raise click.UsageError(f"{file or VARIABLE}: {error}") from error
