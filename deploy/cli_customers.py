"""`millrace customer`: who customers are, what is kept of them, and how it is forgotten."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from deploy import output
from deploy.options import (
    Unreadable,
    actor_option,
    existing_file,
    json_option,
    on_kafka,
    own,
    with_vault,
)

if TYPE_CHECKING:
    from connectors.vault.sealing import Vault
    from deploy.cluster import Cluster
    from deploy.customers import Customer
    from schemas.customers import Preference, SegmentRule
    from schemas.records import Record

CUSTOMER = "CUSTOMER"


@click.group()
def customer() -> None:
    """Show, merge, export and erase customers.

    CUSTOMER is a customer id, an e-mail address, or a phone with its country (+49 30 …). What is
    personal is kept encrypted, and shown in clear to whoever has the vault key.

    \b
    Examples:
      millrace customer show ada@example.com
      millrace customer export ada@example.com > ada.json
      millrace customer erase ada@example.com
    """


@customer.command("show")
@click.argument("named", metavar=CUSTOMER)
@json_option
@with_vault
@on_kafka
def customer_show(cluster: Cluster, vault: Vault, named: str, as_json: bool) -> None:
    """Show profile, preferences, segment and lifetime figures."""
    from deploy import customers

    keys = customers.KeyBook(cluster, vault)
    for one in customers.found(cluster, keys, named):
        described = _described(one, keys)
        if as_json:
            output.line(described)
        else:
            output.table(
                ("what", "is"), [(name, _cell(value)) for name, value in described.items()]
            )


@customer.command("history")
@click.argument("named", metavar=CUSTOMER)
@json_option
@with_vault
@on_kafka
def customer_history(cluster: Cluster, vault: Vault, named: str, as_json: bool) -> None:
    """List every order, the earliest first, with what it counts for now."""
    from deploy import customers
    from schemas.money import text as money

    rows = [
        order
        for one in customers.found(cluster, customers.KeyBook(cluster, vault), named)
        for order in customers.orders(cluster, one)
    ]
    if as_json:
        for order in rows:
            output.line(
                {
                    "order_id": order.order_id,
                    "placed_at_ms": order.placed_at_ms,
                    "outcome": order.outcome,
                    "currency": order.currency,
                    "total_minor": order.total_minor,
                    "refunded_minor": order.refunded_minor,
                    "duplicate_of": order.duplicate_of,
                }
            )
        return
    output.table(
        ("placed (UTC)", "order", "outcome", "duplicate of", "counts for"),
        [
            (
                output.moment(order.placed_at_ms),
                order.order_id,
                order.outcome or "undecided",
                order.duplicate_of or "–",
                money(order.counted_minor, order.currency),
            )
            for order in rows
        ],
        right=1,
    )


@customer.command("set")
@click.argument("named", metavar=CUSTOMER)
@own("--name", default="", help="For people.")
@own("--email", default="", help="E-mail address.")
@own("--phone", default="", help="With its country, e.g. +49 30 123456.")
@own("--verified", is_flag=True, help="They have shown that address and phone are theirs.")
@own("--preference", "preferences", multiple=True, metavar="NAME=VALUE", show_default=False,
     help="E.g. language=de; NAME= takes it out.")  # fmt: skip
@actor_option
@json_option
@with_vault
@on_kafka
def customer_set(
    cluster: Cluster,
    vault: Vault,
    named: str,
    name: str,
    email: str,
    phone: str,
    verified: bool,
    preferences: tuple[str, ...],
    actor: str,
    as_json: bool,
) -> None:
    """Set a profile and preferences.

    A verified address or phone merges the customer with whoever is known by it.
    """
    from deploy import profiles
    from schemas.customers import Contact

    contact = Contact(name, "", email, verified and bool(email), phone, verified and bool(phone))
    customer_id = profiles.meant(vault, named)
    profiles.set_profile(cluster, vault, customer_id, contact, _preferences(preferences), actor)
    if as_json:
        output.line({"customer_id": customer_id, "asked": "set"})
    else:
        click.echo(f"asked to set {customer_id}")


@customer.command("segment")
@click.argument("file", type=existing_file, required=False)
@actor_option
@json_option
@on_kafka
def customer_segment(cluster: Cluster, file: Path | None, actor: str, as_json: bool) -> None:
    """List the rules for segments, or set those of FILE.

    FILE is TOML: a [[segment]] for each rule, of which the first that fits counts. It has a name
    and, where they matter, recency_days, frequency (orders), value and its currency. The rules hold
    for a customer from the next order on.

    \b
    Example of a rule:
      [[segment]]
      name = "vip"
      recency_days = 365
      frequency = 10
      value = "1000.00"
      currency = "EUR"
    """
    from deploy import customers, profiles

    if file is not None:
        rules = segment_rules(file)
        profiles.set_rules(cluster, rules, actor)
        output.say(f"asked to set {len(rules)} rules")
        return
    rules_in_force = customers.segment_rules(cluster)
    if rules_in_force is None:
        from streams.customers.model import USUAL_RULES

        rules_in_force = USUAL_RULES
    _tell_rules(rules_in_force, as_json)


@customer.command("merge")
@click.argument("named", metavar=CUSTOMER)
@click.argument("other", metavar="OTHER")
@actor_option
@json_option
@with_vault
@on_kafka
def customer_merge(
    cluster: Cluster, vault: Vault, named: str, other: str, actor: str, as_json: bool
) -> None:
    """Say that two ids are one customer.

    Orders, figures and preferences of both count together from then on; both ids lead there.
    """
    from deploy import profiles

    first, second = profiles.meant(vault, named), profiles.meant(vault, other)
    if first == second:
        raise click.UsageError("both are the same id")
    profiles.merge(cluster, first, second, actor)
    if as_json:
        output.line({"customer_id": first, "into": second, "asked": "merge"})
    else:
        click.echo(f"asked to merge {first} and {second}")


@customer.command("export")
@click.argument("named", metavar=CUSTOMER)
@with_vault
@on_kafka
def customer_export(cluster: Cluster, vault: Vault, named: str) -> None:
    """Print all that is kept of the customer, in clear, as one JSON object.

    Of a file that came in with orders of others too, only the customer's own orders.
    """
    from deploy import customers

    keys = customers.KeyBook(cluster, vault)
    told = [customers.exported(cluster, one, keys) for one in customers.found(cluster, keys, named)]
    output.line(told[0] if len(told) == 1 else {"customers": told})


@customer.command("erase")
@click.argument("named", metavar=CUSTOMER)
@own("--yes", is_flag=True, help="Do not ask.")
@actor_option
@json_option
@with_vault
@on_kafka
def customer_erase(
    cluster: Cluster, vault: Vault, named: str, yes: bool, actor: str, as_json: bool
) -> None:
    """Erase what is personal of the customer, for good.

    Deletes every key of theirs: payloads, orders and profile cannot be read any more, by nobody. A
    payload that named nobody but holds their address or phone goes too, and so does a file with
    orders of several customers as it came; the others' orders stay. The figures stay.
    """
    from deploy import customers

    keys = customers.KeyBook(cluster, vault)
    found = customers.found(cluster, keys, named)
    for one in found:
        output.say(f"{one.state.customer_id}, {len(one.ids)} ids")
    if not yes:
        click.confirm("Erase for good?", abort=True, err=True)
    done = customers.erase(cluster, keys, found, named, actor)
    if as_json:
        output.line(
            {"customer_ids": done.customer_ids, "keys": done.keys, "payloads": done.payloads}
        )
        return
    click.echo(f"erased {', '.join(done.customer_ids)}: {done.keys} keys")
    if done.payloads:
        click.echo(f"and {done.payloads} payloads that held an address or phone of theirs")
    click.echo("the keys leave the brokers' disks when Kafka next compacts customers.keys")


def segment_rules(file: Path) -> list[SegmentRule]:
    """The rules in a file. Raises Unreadable, which names the rule and the field."""
    from schemas.customers import SegmentRule
    from schemas.money import InvalidMoney, minor

    try:
        content = tomllib.loads(file.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Unreadable(f"{file}: {error}") from error
    rules = []
    for number, rule in enumerate(content.get("segment", []), 1):
        where = f"{file}: segment {number}"
        unknown = rule.keys() - {"name", "recency_days", "frequency", "value", "currency"}
        if unknown:
            raise Unreadable(f"{where}: there is no {sorted(unknown)[0]}")
        currency = str(rule.get("currency", ""))
        if "value" in rule and not currency:
            raise Unreadable(f"{where}: value needs a currency")
        try:
            value = minor(str(rule["value"]), currency, "value") if "value" in rule else 0
        except InvalidMoney as error:
            raise Unreadable(f"{where}: {error}") from error
        name = rule.get("name")
        if not isinstance(name, str) or not name:
            raise Unreadable(f"{where}: name is missing")
        days, orders = (_whole(rule, field, where) for field in ("recency_days", "frequency"))
        rules.append(SegmentRule(name, days, orders, value, currency))
    if not rules:
        raise Unreadable(f"{file}: there is no [[segment]]")
    return rules


def _whole(rule: dict[str, Any], field: str, where: str) -> int:
    value = rule.get(field, 0)
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise Unreadable(f"{where}: {field} is not a whole number, 0 or more")
    return value


def _preferences(given: tuple[str, ...]) -> list[Preference]:
    from schemas.customers import Preference

    found = []
    for one in given:
        name, sign, value = one.partition("=")
        if not sign or not name.strip():
            raise click.UsageError(f"--preference {one!r}: is not NAME=VALUE")
        found.append(Preference(name.strip(), value.strip()))
    return found


def _described(one: Customer, keys: Any) -> dict[str, Any]:
    import msgspec

    from deploy.customers import profile
    from streams.customers.model import figures_of

    known = profile(one.state, keys)
    return {
        "customer_id": one.state.customer_id,
        "ids": sorted(one.ids),
        "segment": one.state.segment,
        "figures": [msgspec.to_builtins(figure) for figure in figures_of(one.state)],
        "preferences": {each.name: each.value for each in one.state.preferences},
        "profile": msgspec.to_builtins(known.contact) if known is not None else None,
        "erased_at_ms": one.state.erased_at_ms,
    }


def _cell(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(map(_cell, value)) or "–"
    if isinstance(value, dict):
        return ", ".join(f"{name} {each}" for name, each in value.items()) or "–"
    return str(value) if value else "–"


def _tell_rules(rules: Sequence[Record], as_json: bool) -> None:
    import msgspec

    described = [msgspec.to_builtins(rule) for rule in rules]
    if as_json:
        for rule in described:
            output.line(rule)
        return
    columns = ("segment", "currency", "recency_days", "frequency", "value_minor")
    output.table(columns, [tuple(rule[name] or "–" for name in columns) for rule in described], 3)
