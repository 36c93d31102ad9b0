"""Asks the dashboard's API on behalf of the commands."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import Any

import click

from deploy.options import Unavailable

PATIENCE_SECONDS = 15.0


def ask(address: str, path: str) -> dict[str, Any] | None:
    """The JSON at a path; None for 404. Raises Unavailable."""
    if not address.startswith(("http://", "https://")):
        raise click.UsageError(f"{address!r} is not the address of a dashboard: http://host:port")
    url = address.rstrip("/") + path
    try:
        with urllib.request.urlopen(url, timeout=PATIENCE_SECONDS) as answer:
            told: dict[str, Any] = json.load(answer)
            return told
    except urllib.error.HTTPError as error:
        with error:
            if error.code == 404:
                return None
        raise Unavailable(f"the dashboard at {address} answers {error.code}") from error
    except (OSError, ValueError) as error:
        raise Unavailable(f"the dashboard at {address} does not answer") from error
