"""`millrace policy`: the rules that orders and payments are decided by, as a file."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from deploy import output
from deploy.options import (
    SOME_REJECTED,
    NotFound,
    Unreadable,
    actor_option,
    existing_file,
    json_option,
    on_kafka,
    own,
)

if TYPE_CHECKING:
    from deploy.cluster import Cluster
    from deploy.policies import Checked
    from deploy.policy_replay import Difference, Replay, Summary
    from deploy.policy_rollout import Standing
    from schemas.payments import PaymentRulesState
    from schemas.policies import Policy

NO_POLICY = "no policy is set: orders are taken as their channels say"
KINDS = {
    "refused": "refused, and was taken",
    "taken": "taken, and was refused",
    "refused_otherwise": "refused by another rule",
    "held": "held, and was not",
    "not_held": "not held, and was",
    "held_otherwise": "held by other rules, or otherwise",
    "waits": "waits for stock, and did not",
    "does_not_wait": "does not wait for stock, and did",
    "priority": "another priority",
    "dispatch": "dispatched at another time",
}
"""What may be different, the weightiest first, for people."""


@click.group()
def policy() -> None:
    """Check, try out and set the rules that orders and payments are decided by.

    A policy is a TOML file: which orders are refused or held, whether they wait for stock, who is
    served first, which discounts are believed, until when an order leaves on the same day, and
    which payments are declined before anybody is charged.

    \b
    Examples:
      millrace policy check deploy/examples/policy.toml
      millrace policy simulate deploy/examples/policy.toml --since 24h
      millrace policy set deploy/examples/policy.toml
      millrace policy show
    """


@policy.command("check")
@click.argument("file", type=existing_file)
@own("--strict", is_flag=True, help="Warnings are errors.")
@json_option
def check(file: Path, strict: bool, as_json: bool) -> None:
    """Say what is wrong in FILE, with the lines; needs no broker.

    A warning is about what cannot be meant: a rule that no order reaches, a channel that is not
    known. The exit status is 1 when there is an error, and 2 when FILE cannot be read.

    \b
    Example:
      millrace policy check deploy/examples/policy.toml
    """
    checked = _loaded(file)
    warnings = len(checked.problems) - len(checked.errors)
    _tell(checked, as_json)
    if as_json:
        output.line(
            {
                "file": checked.file,
                "rules": _rules(checked),
                "errors": len(checked.errors),
                "warnings": warnings,
            }
        )
    elif checked.policy is None:
        output.told(f"{checked.file}: {_count(len(checked.errors), 'error')}")
    else:
        told = f", {_count(warnings, 'warning')}" if warnings else ""
        output.told(f"{checked.file}: {_count(_rules(checked), 'rule')}, no error{told}")
    sys.exit(SOME_REJECTED if checked.errors or (strict and warnings) else 0)


@policy.command("set")
@click.argument("file", type=existing_file)
@actor_option
@json_option
@on_kafka
def set_policy(cluster: Cluster, file: Path, actor: str, as_json: bool) -> None:
    """Decide about orders and payments by FILE from now on.

    Checks FILE, sends it to every partition of the orders room, and its rules for payments to every
    one of the payments room, and waits until each decides by it. Where FILE has no rules for
    payments, those that were there end. Orders that are there already stay as they were decided.
    To go back, set the former file: it is what `millrace policy show` had printed.

    \b
    Example:
      millrace policy set deploy/examples/policy.toml --actor anna
    """
    from deploy import payment_rollout
    from deploy.policy_rollout import put_in_force, standing

    checked, wanted = sound(file, as_json)
    done = put_in_force(cluster, wanted, actor, _now_ms(), standing)
    with payment_rollout.looking(cluster) as look:
        others = payment_rollout.put_in_force(cluster, checked.payments, actor, look)
    if as_json:
        output.line(
            {
                "file": wanted.name,
                "rules": _rules(checked),
                "changed": done is not None or others,
                "version": done.version if done is not None else None,
                "payment_rules_changed": others,
            }
        )
    elif done is None and not others:
        output.told(f"{wanted.name} is in force already")
    else:
        output.told(f"{wanted.name} is in force: {_count(_rules(checked), 'rule')}")


@policy.command("show")
@json_option
@on_kafka
def show(cluster: Cluster, as_json: bool) -> None:
    """Print the file that orders are decided by, as it was set.

    With --json, one object that also has its rules, when it was set and by whom.

    \b
    Example:
      millrace policy show > policy.toml
    """
    from deploy import payment_rollout
    from deploy.policies import check
    from deploy.policy_rollout import standing

    found = standing(cluster)
    latest = found.latest
    if latest is None:
        raise NotFound(NO_POLICY)
    payments = check(latest.policy.text, latest.policy.name).payments
    with payment_rollout.looking(cluster) as look:
        others = look().others(payments)
    if as_json:
        output.line(_described(found, payments, others))
        return
    by = f" by {latest.actor}" if latest.actor else ""
    since = output.moment(latest.at_ms)
    rules = _count(_number(latest.policy, payments), "rule")
    output.say(f"{latest.policy.name}: {rules}, set {since}{by}")
    for line in latest.policy.text.splitlines():
        output.told(line.expandtabs())
    _say_behind(found)
    if others:
        names = ", ".join(map(str, others))
        output.say(f"partition {names} of the payments room has other rules for payments")


@policy.command("simulate")
@click.argument("file", type=existing_file)
@own(
    "--since", default="24h", metavar="TIME",
    help="From when on: 24h, 3d, or 2025-03-01T12:00:00Z. Orders are kept for 7 days.",
)  # fmt: skip
@json_option
@on_kafka
def simulate(cluster: Cluster, file: Path, since: str, as_json: bool) -> None:
    """Decide about recent orders by FILE, and say what would have been different.

    Each order is decided as it came in, by the policy that holds now and by FILE; nothing is sent.
    Rules for payments are left out: no payment is decided again.
    With --json, a line for each order about which something is different, and one for all.

    \b
    Examples:
      millrace policy simulate policy.toml --since 3d
      millrace policy simulate policy.toml --json | jq -r '.order_id // empty'
    """
    from deploy.policy_replay import Recent, Replay, since_ms
    from deploy.policy_rollout import standing

    try:
        start = since_ms(since, _now_ms())
    except (ValueError, OverflowError):
        raise click.BadParameter(
            f"{since!r} is neither 24h, 3d nor a time", param_hint="--since"
        ) from None
    checked, wanted = sound(file, as_json)
    found = standing(cluster)
    before = found.latest.policy if found.latest is not None else None
    _say_behind(found)
    if checked.payments.rules:
        output.say(f"{wanted.name} has rules for payments, which are not simulated")
    recent = Recent(cluster, start)
    replay = Replay(before, wanted)
    with output.progress("orders.commands", recent.total) as advance:
        for difference in replay.run(recent.read(advance)):
            if as_json:
                output.line(_difference(difference))
    _report(replay, before, wanted, as_json)


def _report(replay: Replay, before: Policy | None, after: Policy, as_json: bool) -> None:
    summary = replay.summary
    if as_json:
        output.line(
            {
                "orders": summary.orders,
                "different": summary.different,
                "unassessed": summary.unassessed,
                "changes": [
                    {"change": kind, "rule": rule, "orders": number}
                    for (kind, rule), number in _sorted(summary)
                ],
            }
        )
        return
    now = before.name if before is not None else "no policy"
    output.told(
        f"{_count(summary.orders, 'order')}, {summary.different} decided differently by"
        f" {after.name} than by {now}"
    )
    if summary.different:
        output.table(
            ("what", "rule", "orders"),
            [(KINDS[kind], rule, number) for (kind, rule), number in _sorted(summary)],
            right=1,
        )
        output.table(
            ("for example", "what", "now", "then"),
            [
                (one.order.order_id, KINDS[kind], change.before, change.after)
                for kind in KINDS
                for one in summary.examples.get(kind, ())
                for change in one.changes
                if change.kind == kind
            ],
        )
    if summary.unassessed:
        output.say(
            f"{_count(summary.unassessed, 'order')} of known customers had not been assessed: rules"
            " about customers took them for unknown"
        )


def _sorted(summary: Summary) -> list[tuple[tuple[str, str], int]]:
    """The weightiest kind first; in it, what is about most orders."""
    weights = list(KINDS)
    return sorted(
        summary.changes.items(), key=lambda one: (weights.index(one[0][0]), -one[1], one[0][1])
    )


def _difference(difference: Difference) -> dict[str, object]:
    order = difference.order
    return {
        "order_id": order.order_id,
        "channel": order.channel,
        "currency": order.currency,
        "total_minor": order.total_minor,
        "changes": [
            {"change": one.kind, "rule": one.rule, "now": one.before, "then": one.after}
            for one in difference.changes
        ],
    }


def _loaded(file: Path) -> Checked:
    """The file, checked. Raises Unreadable."""
    from connectors.channels.registry import CHANNELS
    from deploy.policies import BadPolicy, load

    try:
        return load(file, CHANNELS)
    except BadPolicy as error:
        raise Unreadable(str(error)) from error


def sound(file: Path, as_json: bool) -> tuple[Checked, Policy]:
    """The file and its policy; what is wrong in it is told, and ends the command."""
    checked = _loaded(file)
    if checked.policy is None:
        _tell(checked, as_json)
        sys.exit(SOME_REJECTED)
    for problem in checked.problems:
        output.say(problem.text(checked.file))
    return checked, checked.policy


def _tell(checked: Checked, as_json: bool) -> None:
    for problem in checked.problems:
        if as_json:
            output.line(
                {
                    "severity": "error" if problem.is_error else "warning",
                    "line": problem.line,
                    "path": problem.path,
                    "message": problem.message,
                }
            )
        else:
            output.told(problem.text(checked.file))


def _described(
    found: Standing, payments: PaymentRulesState, payments_behind: list[int]
) -> dict[str, Any]:
    from deploy.policy_payments import rules_in

    latest = found.latest
    assert latest is not None
    one = latest.policy
    return {
        "file": one.name,
        "version": one.version,
        "set_at_ms": latest.at_ms,
        "actor": latest.actor,
        "partitions": found.partitions,
        "behind": found.behind,
        "payments_behind": payments_behind,
        "rules": _number(one, payments),
        "names": [
            *(
                rule.name
                for rules in (
                    one.intake,
                    one.holds,
                    one.priorities,
                    one.discounts,
                    one.risks,
                    one.cut_offs,
                )
                for rule in rules
            ),
            *rules_in(payments),
        ],
        "text": one.text,
    }


def _say_behind(found: Standing) -> None:
    if found.behind:
        names = ", ".join(map(str, found.behind))
        output.say(f"partition {names} of the orders room has not taken it yet")


def _rules(checked: Checked) -> int:
    return _number(checked.policy, checked.payments) if checked.policy is not None else 0


def _number(policy: Policy, payments: PaymentRulesState) -> int:
    """How many rules there are, for orders and for payments."""
    from deploy.policy_payments import rules_in
    from streams.orders.policy import rules_of

    return rules_of(policy) + len(rules_in(payments))


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
