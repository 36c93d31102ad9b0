"""Reads the file that says which shops are polled."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path

from connectors.polling.source import Source
from connectors.polling.stores import ShopifyOrders, WooCommerceOrders
from deploy import outside
from deploy.policy_tables import Problem, Table
from deploy.toml_file import NotToml, opened, text_of

MAXIMUM_BYTES = 256 * 1024
MAXIMUM_SOURCES = 100
"""Each has a thread and a producer of its own."""
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
    text = text_of(path, MAXIMUM_BYTES, BadSources)
    try:
        content, file = opened(text)
    except NotToml as error:
        raise BadSources(error.problem.text(str(path))) from error
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
    name = outside.name(table, "sources", others)
    channel = table.word("channel", tuple(_KINDS))
    url = outside.url(table, _LOOPBACK.__contains__)
    if not channel:
        return None
    make, number, what = _KINDS[channel]
    secrets = outside.secret_lines(table, directory, environment)
    table.end()
    if secrets is None:
        return None
    if len(secrets) != number:
        table.wrong(outside.secret_key(table), f"has {len(secrets)} lines; it needs {what}")
        return None
    return make(name, url, secrets)
