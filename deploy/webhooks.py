"""Reads the file that says which downstream teams are told of what."""

from __future__ import annotations

import ipaddress
import os
import re
import tomllib
import urllib.parse
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from connectors.webhooks.shops import EVENTS
from connectors.webhooks.signing import BadSecret, secret
from connectors.webhooks.subscriptions import (
    MAXIMUM_SUBSCRIPTIONS,
    Subscription,
    events_of,
    topic_names,
)
from deploy.policy_lines import lines
from deploy.policy_tables import File, Problem, Table, suggestion
from schemas.topics import EVENT_TOPICS

MAXIMUM_BYTES = 256 * 1024
MAXIMUM_SECRETS = 5
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_EVENTS = frozenset(name for topic in EVENT_TOPICS for name in events_of(topic))
BEGINNINGS = ("now", "beginning")
KINDS = ("webhook", "shopify", "woocommerce")
SECRET_LINES = {"shopify": 1, "woocommerce": 2}
"""Of a shop: the access token; the consumer key and the consumer secret."""


class BadWebhooks(ValueError):
    """The file cannot be used; the message has a line for each fault."""


class Checked(NamedTuple):
    """What a file says, and what is wrong in it."""

    subscriptions: list[Subscription]
    problems: list[Problem]


def load(path: Path, environment: Mapping[str, str] = os.environ) -> list[Subscription]:
    """The subscriptions of a file. Raises BadWebhooks."""
    try:
        with path.open("rb") as source:
            content = source.read(MAXIMUM_BYTES + 1)
        text = content.decode()
    except OSError as error:
        raise BadWebhooks(f"{path}: {error.strerror}") from error
    except UnicodeDecodeError:
        raise BadWebhooks(f"{path}: is not UTF-8") from None
    if len(content) > MAXIMUM_BYTES:
        raise BadWebhooks(f"{path}: is larger than {MAXIMUM_BYTES // 1024} KiB")
    checked = check(text, path.parent, environment)
    if checked.problems:
        raise BadWebhooks("\n".join(problem.text(str(path)) for problem in checked.problems))
    return checked.subscriptions


def check(text: str, directory: Path, environment: Mapping[str, str]) -> Checked:
    """Read a text; files of secrets are named from `directory`."""
    try:
        content = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        return Checked([], [Problem(1, "", f"is not TOML: {error}", True)])
    file = File(lines(text), ())
    top = Table(file, (), content)
    tables = top.tables("subscription")
    top.end()
    if not tables and not file.problems:
        file.wrong((), "has no [[subscription]]")
    if len(tables) > MAXIMUM_SUBSCRIPTIONS:
        file.wrong((), f"has more than {MAXIMUM_SUBSCRIPTIONS} subscriptions")
    found: list[Subscription] = []
    for table in tables[:MAXIMUM_SUBSCRIPTIONS]:
        found.append(_subscription(table, {one.name for one in found}, directory, environment))
    return Checked(found, sorted(file.problems, key=lambda problem: problem.line))


def _subscription(
    table: Table, others: set[str], directory: Path, environment: Mapping[str, str]
) -> Subscription:
    kind = table.word("kind", KINDS, KINDS[0])
    name, url = _name(table, others), _url(table)
    text = _secret_text(table, directory, environment)
    keys: tuple[bytes, ...] = ()
    if kind == "webhook":
        keys, events = _keys(table, text), _events(table)
        channel = table.text("channel")
    else:
        # A shop is told what it can take, of its own orders.
        events, channel = EVENTS, kind
        _check_lines(table, text, SECRET_LINES[kind])
    beginning = table.word("from", BEGINNINGS, BEGINNINGS[0]) == "beginning"
    table.end()
    return Subscription(name, url, keys, events, beginning, channel, kind, "" if keys else text)


def _name(table: Table, others: set[str]) -> str:
    table.needed("name", '"erp"')
    name = table.text("name")
    if name and not _NAME.fullmatch(name):
        table.wrong("name", "is no name: small letters, digits and hyphens, at most 64")
    elif name in others:
        table.wrong("name", f"there are two subscriptions called {name}")
    return name


def _url(table: Table) -> str:
    """https, or http to this machine, where nobody listens in between."""
    table.needed("url", '"https://erp.example/hooks"')
    url = table.text("url")
    if not url:
        return url
    try:
        parts = urllib.parse.urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        table.wrong("url", "is no URL")
        return url
    if parts.scheme not in ("https", "http") or not host:
        table.wrong("url", "is no URL that begins with https://")
    elif parts.scheme == "http" and not _is_here(host):
        table.wrong("url", "is not encrypted; write https://")
    elif parts.username or parts.password:
        table.wrong("url", "has a password in it, which would stand in logs")
    return url


def _is_here(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _secret_text(table: Table, directory: Path, environment: Mapping[str, str]) -> str:
    """What stands in the file or the variable; empty, and told, where there is neither."""
    file, variable = table.text("secret_file"), table.text("secret_variable")
    if bool(file) == bool(variable):
        table.file.wrong(table.path, "needs either secret_file or secret_variable")
        return ""
    key = _secret_key(table)
    if variable and not _VARIABLE.fullmatch(variable):
        table.wrong(key, "is not the name of a variable")
        return ""
    try:
        return (directory / file).read_text() if file else environment.get(variable, "")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "is not text"
        table.wrong(key, f"cannot be read: {why}")
        return ""


def _secret_key(table: Table) -> str:
    return "secret_file" if "secret_file" in table else "secret_variable"


def _check_lines(table: Table, text: str, wanted: int) -> None:
    """An error where a shop's secret has another number of lines."""
    found = sum(bool(line.strip()) for line in text.splitlines())
    if found != wanted:
        table.wrong(_secret_key(table), f"has {found} lines; it needs {wanted}")


def _keys(table: Table, text: str) -> tuple[bytes, ...]:
    """Every secret that is good now, one a line."""
    key = _secret_key(table)
    secrets = [line for line in text.splitlines() if line.strip()]
    if not 0 < len(secrets) <= MAXIMUM_SECRETS:
        table.wrong(key, f"has {len(secrets)} secrets; it needs 1 to {MAXIMUM_SECRETS}, one a line")
        return ()
    try:
        return tuple(secret(line) for line in secrets)
    except BadSecret as error:
        table.wrong(key, f"{error}; `millrace webhooks secret` makes one")
        return ()


def _events(table: Table) -> frozenset[str]:
    """Types of events; a topic stands for all of its own."""
    table.needed("events", '["OrderReleased", "payments.events"]')
    topics = topic_names()
    wanted: set[str] = set()
    for name in table.texts("events"):
        if name in topics:
            wanted.update(events_of(topics[name]))
        elif name in _EVENTS:
            wanted.add(name)
        else:
            known = [*topics, *_EVENTS]
            table.wrong("events", f"there is no event {name!r}; {_meant(name, known)}")
    if "events" in table and not table.texts("events"):
        table.wrong("events", "is empty")
    return frozenset(wanted)


def _meant(name: str, known: list[str]) -> str:
    told = suggestion(name, known)
    return told if told.startswith("did you mean") else "`millrace webhooks events` lists them"
