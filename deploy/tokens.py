"""Bearer tokens of the API, the desk and locations: from a file, the environment, or --data."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Sequence
from pathlib import Path

import click

from connectors.http_api import Tokens
from connectors.locations.callers import tokens as tokens_of_locations
from deploy.configuration import secrets as secret_lines

API_VARIABLE, DESK_VARIABLE = "MILLRACE_API_TOKEN", "MILLRACE_DESK_TOKEN"
LOCATIONS_VARIABLE = "MILLRACE_LOCATIONS_TOKEN"
API_FILE, DESK_FILE, LOCATIONS_FILE = "api.token", "desk.token", "locations.token"
"""In --data, where neither a file nor the environment says anything."""
TOKEN_BYTES = 24


def opened(variable: str, file: Path | None, usual: Path) -> Tokens:
    """The tokens; none where there are none anywhere. Raises click.UsageError."""
    return _read(variable, file, usual, Tokens)


def of_locations(file: Path | None, usual: Path) -> Tokens:
    """Those of locations and carriers. Raises click.UsageError."""
    return _read(LOCATIONS_VARIABLE, file, usual, tokens_of_locations)


def _read(
    variable: str, file: Path | None, usual: Path, made: Callable[[Sequence[str]], Tokens]
) -> Tokens:
    if file is None and not os.environ.get(variable, "").strip() and usual.exists():
        file = usual
    try:
        return made(secret_lines(variable, file))
    except ValueError as error:
        raise click.UsageError(f"{file or variable}: {error}") from error


def provide(file: Path, name: str) -> None:
    """Make a file with one token for whoever starts on this machine; one that is there stays.

    `name` may be empty. Raises OSError.
    """
    try:
        opened_file = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return
    with os.fdopen(opened_file, "w", encoding="utf-8") as made:
        token = secrets.token_urlsafe(TOKEN_BYTES)
        made.write(f"{name}:{token}\n" if name else f"{token}\n")
