"""Reads the file that says which shops are polled."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from connectors.polling import seam
from connectors.polling.source import Source
from deploy import outside
from deploy.policy_tables import Table
from deploy.source_kinds import KINDS, LOOPBACK, kind_of

MAXIMUM_BYTES = 256 * 1024
MAXIMUM_SOURCES = 100
"""Each has a thread and a producer of its own."""


class BadSources(ValueError):
    """The file cannot be used; the message has a line for each fault."""


def load(path: Path, environment: Mapping[str, str] = os.environ) -> list[Source]:
    """The sources of a file. Raises BadSources."""

    def read(table: Table, before: list[Source]) -> Source | None:
        return _source(table, {one.name for one in before}, path.parent, environment)

    return outside.each(path, "source", MAXIMUM_SOURCES, MAXIMUM_BYTES, BadSources, read)


def _source(
    table: Table, others: set[str], directory: Path, environment: Mapping[str, str]
) -> Source | None:
    for key, example in (("name", '"shop-de"'), ("channel", '"shopify"'), ("url", '"https://…"')):
        table.needed(key, example)
    name = outside.name(table, "sources", others)
    channel = table.word("channel", tuple(KINDS))
    url = outside.url(table, LOOPBACK.__contains__)
    if not channel:
        return None
    kind = kind_of(channel, table)
    make = kind.read(table, directory)
    begin = _begin(table)
    secrets = outside.secret_lines(table, directory, environment)
    table.end()
    if secrets is None:
        return None
    if len(secrets) not in kind.secrets:
        key = outside.secret_key(table)
        table.wrong(key, f"has {len(secrets)} lines; it needs {kind.what}")
        return None
    source = make(name, url, secrets)
    source.begin = begin
    return source


def _begin(table: Table) -> str:
    """Where a source begins that was never asked; empty for now."""
    text = table.text("begin")
    if not text:
        return ""
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        when = None
    if when is None or when.tzinfo is None or when > datetime.now(UTC):
        table.wrong("begin", 'is no moment of the past; write it as "2026-01-31T00:00:00Z"')
        return ""
    return seam.moment(when)
