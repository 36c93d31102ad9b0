"""Reads the file that says which downstream teams are told of what."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from connectors.webhooks.shops import SHOPS
from connectors.webhooks.signing import BadSecret, secret
from connectors.webhooks.subscriptions import (
    MAXIMUM_SUBSCRIPTIONS,
    Subscription,
    events_of,
    topic_names,
)
from deploy import outside
from deploy.policy_tables import Problem, Table, suggestion
from deploy.toml_file import NotToml, opened, text_of
from schemas.orders import OrderRefused
from schemas.topics import EVENT_TOPICS

MAXIMUM_BYTES = 256 * 1024
MAXIMUM_SECRETS = 5
_EVENTS = frozenset(name for topic in EVENT_TOPICS for name in events_of(topic))
BEGINNINGS = ("now", "beginning")
KINDS = ("webhook", *SHOPS)


class BadWebhooks(ValueError):
    """The file cannot be used; the message has a line for each fault."""


class Checked(NamedTuple):
    """What a file says, and what is wrong in it."""

    subscriptions: list[Subscription]
    problems: list[Problem]


def load(path: Path, environment: Mapping[str, str] = os.environ) -> list[Subscription]:
    """The subscriptions of a file. Raises BadWebhooks."""
    checked = check(text_of(path, MAXIMUM_BYTES, BadWebhooks), path.parent, environment)
    if checked.problems:
        raise BadWebhooks("\n".join(problem.text(str(path)) for problem in checked.problems))
    return checked.subscriptions


def check(text: str, directory: Path, environment: Mapping[str, str]) -> Checked:
    """Read a text; files of secrets are named from `directory`."""
    try:
        content, file = opened(text)
    except NotToml as error:
        return Checked([], [error.problem])
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
    table.needed("name", '"erp"')
    table.needed("url", '"https://erp.example/hooks"')
    name, url = outside.name(table, "subscriptions", others), outside.url(table, _is_here)
    secrets = outside.secret_lines(table, directory, environment)
    keys: tuple[bytes, ...] = ()
    account = token_url = ""
    if kind == "webhook":
        keys, events = _keys(table, secrets), _events(table)
        channel, secret_of_shop = table.text("channel"), ""
    else:
        # A shop is told what it can take, of its own orders.
        events, channel, secret_of_shop = SHOPS[kind].events, kind, "\n".join(secrets or ())
        account, token_url = _account(table, kind)
        if table.flag("cancel_refused"):
            events |= {OrderRefused.__name__}
        if secrets is not None and len(secrets) != SHOPS[kind].secret_lines:
            found = f"has {len(secrets)} lines; it needs {SHOPS[kind].secret_lines}:"
            table.wrong(outside.secret_key(table), f"{found} {SHOPS[kind].secret}")
    beginning = table.word("from", BEGINNINGS, BEGINNINGS[0]) == "beginning"
    table.end()
    return Subscription(
        name, url, keys, events, beginning, channel, kind, secret_of_shop, account, token_url
    )


def _account(table: Table, kind: str) -> tuple[str, str]:
    """What else names an account, and where its access tokens are fetched."""
    shop = SHOPS[kind]
    if not shop.account:
        return "", ""
    account = table.text("account")
    if not account:
        table.file.wrong(table.path, f"account is missing: {shop.account}")
    elif shop.two_parts and not all(account.partition("/")):
        table.wrong("account", f"is not {shop.account}")
    if shop.needs_token_url:
        table.needed("token_url", '"https://auth.…/oauth/token"')
    return account, outside.url(table, _is_here, "token_url")


def _is_here(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _keys(table: Table, secrets: list[str] | None) -> tuple[bytes, ...]:
    """Every secret that is good now, one a line."""
    if secrets is None:
        return ()
    key = outside.secret_key(table)
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
    names = table.texts("events")
    for name in names:
        if name in topics:
            wanted.update(events_of(topics[name]))
        elif name in _EVENTS:
            wanted.add(name)
        else:
            known = [*topics, *_EVENTS]
            table.wrong("events", f"there is no event {name!r}; {_meant(name, known)}")
    if "events" in table and not names:
        table.wrong("events", "is empty")
    return frozenset(wanted)


def _meant(name: str, known: list[str]) -> str:
    told = suggestion(name, known)
    return told if told.startswith("did you mean") else "`millrace webhooks events` lists them"
