"""Reads the file that says which shops are polled."""

from __future__ import annotations

import os
import re
import tomllib
import urllib.parse
from collections.abc import Callable, Mapping
from pathlib import Path

from connectors.polling.source import Source
from connectors.polling.stores import ShopifyOrders, WooCommerceOrders
from deploy.policy_lines import lines
from deploy.policy_tables import File, Problem, Table

MAXIMUM_BYTES = 256 * 1024
MAXIMUM_SOURCES = 100
"""Each has a thread and a producer of its own."""
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


class BadSources(ValueError):
    """The file cannot be used; the message has a line for each fault."""


def _shopify(name: str, url: str, secrets: list[str]) -> Source:
    return ShopifyOrders(name, url, secrets[0])


def _woocommerce(name: str, url: str, secrets: list[str]) -> Source:
    return WooCommerceOrders(name, url, secrets[0], secrets[1])


_KINDS: dict[str, tuple[Callable[[str, str, list[str]], Source], int, str]] = {
    "shopify": (_shopify, 1, "the access token"),
    "woocommerce": (_woocommerce, 2, "the consumer key and the consumer secret, one a line"),
}
"""By channel: what makes the source, of how many secrets, and which these are."""


def load(path: Path, environment: Mapping[str, str] = os.environ) -> list[Source]:
    """The sources of a file. Raises BadSources."""
    try:
        with path.open("rb") as opened:
            text = opened.read(MAXIMUM_BYTES).decode()
        content = tomllib.loads(text)
    except OSError as error:
        raise BadSources(f"{path}: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise BadSources(f"{path}: is not TOML: {error}") from None
    file = File(lines(text), ())
    top = Table(file, (), content)
    tables = top.tables("source")
    top.end()
    if not 0 < len(tables) <= MAXIMUM_SOURCES:
        file.wrong((), f"has {len(tables)} [[source]]; it needs 1 to {MAXIMUM_SOURCES}")
    found: list[Source] = []
    for table in tables[:MAXIMUM_SOURCES]:
        source = _source(table, {one.name for one in found}, path.parent, environment)
        if source is not None:
            found.append(source)
    if file.problems:
        raise BadSources("\n".join(problem.text(str(path)) for problem in _sorted(file.problems)))
    return found


def _sorted(problems: list[Problem]) -> list[Problem]:
    return sorted(problems, key=lambda problem: problem.line)


def _source(
    table: Table, others: set[str], directory: Path, environment: Mapping[str, str]
) -> Source | None:
    for key, example in (("name", '"shop-de"'), ("channel", '"shopify"'), ("url", '"https://…"')):
        table.needed(key, example)
    name, channel = table.text("name"), table.word("channel", tuple(_KINDS))
    if name and not _NAME.fullmatch(name):
        table.wrong("name", "is no name: small letters, digits and hyphens, at most 64")
    elif name in others:
        table.wrong("name", f"there are two sources called {name}")
    url = _url(table)
    if not channel:
        return None
    make, number, what = _KINDS[channel]
    secrets = _secrets(table, directory, environment, number, what)
    table.end()
    return make(name, url, secrets) if secrets else None


def _url(table: Table) -> str:
    """https, or http to this machine."""
    url = table.text("url")
    try:
        parts = urllib.parse.urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        parts, host = urllib.parse.urlsplit(""), ""
    if url and (not host or parts.scheme not in ("http", "https")):
        table.wrong("url", "is no URL that begins with https://")
    elif parts.scheme == "http" and host not in _LOOPBACK:
        table.wrong("url", "is not encrypted; write https://")
    elif parts.username or parts.password:
        table.wrong("url", "has a password in it, which would stand in logs")
    return url


def _secrets(
    table: Table, directory: Path, environment: Mapping[str, str], number: int, what: str
) -> list[str]:
    """The lines of a file or a variable."""
    file, variable = table.text("secret_file"), table.text("secret_variable")
    if bool(file) == bool(variable):
        table.file.wrong(table.path, "needs either secret_file or secret_variable")
        return []
    key = "secret_file" if file else "secret_variable"
    try:
        text = (directory / file).read_text() if file else environment.get(variable, "")
    except (OSError, ValueError):
        table.wrong(key, "cannot be read")
        return []
    found = [line.strip() for line in text.splitlines() if line.strip()]
    if len(found) != number:
        table.wrong(key, f"has {len(found)} lines; it needs {what}")
        return []
    return found
