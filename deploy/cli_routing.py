"""`millrace routing`: the rules by which orders get their locations, as a file."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

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
    from deploy.routing import Checked
    from deploy.routing_snapshot import Outcome, Placed, Snapshot
    from schemas.locations import LocationsState
    from schemas.routing import RoutingRules
    from streams.fulfillment.routing import Router

locations_option = own(
    "--locations", "locations_file", required=True, type=existing_file, metavar="FILE",
    help="Locations, as `millrace stock import locations` takes them.",
)  # fmt: skip
orders_option = own(
    "--orders", "order_files", required=True, multiple=True, type=existing_file, metavar="FILE",
    help="Orders, as `millrace submit` takes them; several times for several files.",
)  # fmt: skip
channel_option = own("--channel", default="json", help="Whose format the orders have.")
stock_option = own(
    "--stock", "stock_file", type=existing_file, metavar="FILE",
    help="Counts, as `millrace stock load` takes them; without, every location has everything.",
)  # fmt: skip


@click.group()
def routing() -> None:
    """Check, try out and set the rules by which orders get their locations.

    The rules are a TOML file: which locations may serve an order, in which order they are tried,
    into how many shipments it may be split, and what is done where nobody has the goods.

    \b
    Examples:
      millrace routing check deploy/examples/routing.toml
      millrace routing explain shop-1001
      millrace routing simulate now.toml next.toml --locations l.csv --orders o.json
      millrace routing set routing.toml
    """


@routing.command("check")
@click.argument("file", type=existing_file)
@own(
    "--locations", "locations_file", type=existing_file, metavar="FILE",
    help="Warn of locations and groups that are none of these.",
)  # fmt: skip
@own("--strict", is_flag=True, help="Warnings are errors.")
@json_option
def check(file: Path, locations_file: Path | None, strict: bool, as_json: bool) -> None:
    """Say what is wrong in FILE, with the lines; needs no broker.

    A warning is about what cannot be meant: a rule that no order reaches, a location that is not
    known. The exit status is 1 when there is an error, and 2 when FILE cannot be read.

    \b
    Example:
      millrace routing check deploy/examples/routing.toml
    """
    known = _locations(locations_file) if locations_file is not None else None
    checked = _loaded(file, known)
    warnings = len(checked.problems) - len(checked.errors)
    _tell(checked, as_json)
    rules = _rules(checked.rules)
    if as_json:
        output.line(
            {
                "file": checked.file,
                "rules": rules,
                "errors": len(checked.errors),
                "warnings": warnings,
            }
        )
    elif checked.rules is None:
        output.told(f"{checked.file}: {_count(len(checked.errors), 'error')}")
    else:
        told = f", {_count(warnings, 'warning')}" if warnings else ""
        output.told(f"{checked.file}: {_count(rules, 'rule')}, no error{told}")
    sys.exit(SOME_REJECTED if checked.errors or (strict and warnings) else 0)


@routing.command("set")
@click.argument("file", type=existing_file)
@own(
    "--try-again", "again", is_flag=True,
    help="Have the orders tried again at once that wait for a person because of the rules.",
)  # fmt: skip
@actor_option
@json_option
@on_kafka
def set_rules(cluster: Cluster, file: Path, again: bool, actor: str, as_json: bool) -> None:
    """Route by FILE from now on.

    Checks FILE, sends it to every partition of the fulfillment room, and waits until each decides
    by it. Locations that are asked for already stay so. Orders that wait are tried again by the new
    rules at their next attempt. To go back, set the former file: it is what `millrace routing show`
    had printed.

    \b
    Examples:
      millrace routing set deploy/examples/routing.toml --actor anna
      millrace routing set next.toml --try-again
    """
    from deploy.routing_rollout import looking, put_in_force, try_again

    wanted = _sound(file, None, as_json)
    with looking(cluster) as look:
        done = put_in_force(cluster, wanted, actor, _now_ms(), look)
    tried = try_again(cluster, actor, _now_ms()) if again else 0
    if as_json:
        output.line(
            {
                "file": wanted.name,
                "rules": _rules(wanted),
                "changed": done is not None,
                "version": done.version if done is not None else None,
                "tried_again": tried,
            }
        )
        return
    if done is None:
        output.told(f"{wanted.name} is in force already")
    else:
        output.told(f"{wanted.name} is in force: {_count(_rules(wanted), 'rule')}")
    if again:
        output.told(f"{_count(tried, 'order')} tried again")


@routing.command("show")
@json_option
@on_kafka
def show(cluster: Cluster, as_json: bool) -> None:
    """Print the file that orders are routed by, as it was set.

    With --json, one object that also tells when it was set and by whom.

    \b
    Example:
      millrace routing show > routing.toml
    """
    from deploy.routing_rollout import looking

    with looking(cluster) as look:
        found = look()
    latest = found.latest
    if latest is None:
        raise NotFound("no rules are set: the country counts, then the distance")
    rules, behind = latest.rules, found.behind(latest.rules)
    if as_json:
        output.line(
            {
                "file": rules.name,
                "version": rules.version,
                "set_at_ms": latest.at_ms,
                "actor": latest.actor,
                "partitions": found.partitions,
                "behind": behind,
                "rules": _rules(rules),
                "text": rules.text,
            }
        )
        return
    by = f" by {latest.actor}" if latest.actor else ""
    since = output.moment(latest.at_ms)
    output.say(f"{rules.name}: {_count(_rules(rules), 'rule')}, set {since}{by}")
    for line in rules.text.splitlines():
        output.told(line.expandtabs())
    if behind:
        names = ", ".join(map(str, behind))
        output.say(f"partition {names} of the fulfillment room has not taken it yet")


@routing.command("explain")
@click.argument("order_id", metavar="ORDER", required=False, default="")
@own(
    "--file", "rules_file", type=existing_file, metavar="FILE",
    help="Rules to explain by; those that are set when not given.",
)  # fmt: skip
@own(
    "--locations", "locations_file", type=existing_file, metavar="FILE",
    help="Locations, as `millrace stock import locations` takes them.",
)  # fmt: skip
@own(
    "--orders", "order_files", multiple=True, type=existing_file, metavar="FILE",
    help="Orders, as `millrace submit` takes them; several times for several files.",
)  # fmt: skip
@channel_option
@stock_option
@json_option
@on_kafka
def explain(
    cluster: Cluster,
    order_id: str,
    rules_file: Path | None,
    locations_file: Path | None,
    order_files: tuple[Path, ...],
    channel: str,
    stock_file: Path | None,
    as_json: bool,
) -> None:
    """Show every location considered for ORDER and why it won or lost.

    Reads ORDER, its rules, locations, stock and today's capacity from Kafka, and explains it as of
    now: what the order has reserved counts as stock that it can have.

    With --orders it needs no broker: --file, --locations and --stock then say what it goes by,
    ORDER may be left out where the files have one order, and it is decided as of the moment it was
    placed, on a day of which nothing is used up.

    With --json, a line for each location and one for what becomes of the order.

    \b
    Examples:
      millrace routing explain shop-1001
      millrace routing explain shop-1001 --file next.toml
      millrace routing explain --file deploy/examples/routing.toml \\
        --locations deploy/examples/routing-locations.csv --orders deploy/examples/order.json
    """
    if not order_files:
        if locations_file is not None or stock_file is not None:
            raise click.UsageError("--locations and --stock go with --orders")
        _explain_standing(cluster, order_id, rules_file, as_json)
        return
    if rules_file is None or locations_file is None:
        raise click.UsageError("--orders needs --file and --locations")
    from deploy.routing_snapshot import whole
    from streams.fulfillment.routing import Router

    snapshot = _snapshot(locations_file, order_files, channel, stock_file)
    rules = _sound(rules_file, snapshot.known, as_json)
    router = Router(rules, snapshot.known, whole)
    for placed in _of(snapshot, order_id):
        _explain(router, placed, snapshot, {}, placed.order.placed_at_ms, as_json)


def _explain_standing(
    cluster: Cluster, order_id: str, rules_file: Path | None, as_json: bool
) -> None:
    """Explain an order as it stands on Kafka. Raises NotFound and click.UsageError."""
    from deploy.routing_standing import standing
    from deploy.routing_told import tell_standing
    from streams.fulfillment.routing import Router

    if not order_id:
        raise click.UsageError("name ORDER, or give --orders")
    now_ms = _now_ms()
    found = standing(cluster, order_id, now_ms)
    if found is None:
        raise NotFound(f"there is no order {order_id!r}")
    if not found.placed:
        raise NotFound(f"nothing of order {order_id!r} is sent")
    known = found.snapshot.known
    rules = _sound(rules_file, known, as_json) if rules_file is not None else found.rules
    if rules_file is None and not found.are_set:
        output.say("no rules are set: the country counts, then the distance")
    router = Router(rules, known)
    for placed in found.placed:
        _explain(router, placed, found.snapshot, found.used, now_ms, as_json)
    tell_standing(found.order, as_json)


def _explain(
    router: Router,
    placed: Placed,
    snapshot: Snapshot,
    used: Mapping[str, int],
    at_ms: int,
    as_json: bool,
) -> None:
    """What of an order goes to one address, decided at that moment."""
    from deploy.routing_told import tell_plan, tell_verdicts
    from streams.fulfillment.routing_planning import grouped, planned

    rules, stock = router.rules, snapshot.stock
    order = placed.as_asked(rules.currency)
    made = planned(
        router, order, lambda sku: None if stock is None else stock.get(sku, {}), used, at_ms
    )
    served = {name: one.location_id for one in made.shipments for name in one.line_ids}
    for group in grouped(router, order, used, at_ms):
        verdicts = router.explained(group.asked, used, at_ms)
        tell_verdicts(placed, group, verdicts, served, snapshot, rules, as_json)
    tell_plan(placed, made, rules, as_json)


@routing.command("simulate")
@click.argument("before", metavar="A", type=existing_file)
@click.argument("after", metavar="B", type=existing_file)
@locations_option
@orders_option
@channel_option
@stock_option
@json_option
def simulate(
    before: Path,
    after: Path,
    locations_file: Path,
    order_files: tuple[Path, ...],
    channel: str,
    stock_file: Path | None,
    as_json: bool,
) -> None:
    """Route the same orders by the rules of A and of B, and compare; needs no broker.

    Each order is routed as of the moment it was placed; what one takes of the stock and of a day's
    capacity, later ones do not have. Costs are as each file has them.

    \b
    Example:
      millrace routing simulate now.toml next.toml --locations l.csv --orders o.json --stock s.csv
    """
    from deploy.routing_snapshot import plans, summed

    snapshot = _snapshot(locations_file, order_files, channel, stock_file)
    found = []
    for file in (before, after):
        rules = _sound(file, snapshot.known, as_json)
        made = list(plans(rules, snapshot.known, snapshot.placed, snapshot.stock))
        found.append((file, rules, made, summed(made)))
    (_, _, first, _), (_, _, second, _) = found
    different = sum(one != other for one, other in zip(first, second, strict=True))
    if snapshot.left_out:
        output.say(f"{_count(snapshot.left_out, 'order')} left out: not understood, or not sent")
    if as_json:
        for file, rules, _, outcome in found:
            output.line({"file": str(file), "currency": rules.currency, **_measures(outcome)})
        output.line({"orders": len(first), "different": different})
        return
    rows = [_shown(outcome, rules.currency) for _, rules, _, outcome in found]
    output.table(
        ("measure", before.name, after.name),
        [(name, rows[0].get(name, "0"), rows[1].get(name, "0")) for name in {**rows[0], **rows[1]}],
        right=2,
    )
    output.told(f"{_count(len(first), 'order')}, {different} routed differently")


def _measures(outcome: Outcome) -> dict[str, object]:
    routed, shipments = max(1, outcome.routed), max(1, outcome.shipments)
    return {
        "orders": outcome.orders,
        "routed": outcome.routed,
        "shipments": outcome.shipments,
        "shipments_per_order": round(outcome.shipments / routed, 3),
        "split_rate": round(outcome.split / routed, 4),
        "km_per_shipment": round(outcome.km / max(1, outcome.located), 1),
        "cost_minor": outcome.cost_minor,
        "cost_per_order_minor": round(outcome.cost_minor / routed),
        "cost_per_shipment_minor": round(outcome.cost_minor / shipments),
        "unroutable": outcome.orders - outcome.routed,
        "outcomes": dict(sorted(outcome.waiting.items())),
        "reasons": dict(sorted(outcome.reasons.items())),
    }


def _shown(outcome: Outcome, currency: str) -> dict[str, str]:
    from schemas.money import text

    measures = _measures(outcome)
    return {
        "orders routed": f"{outcome.routed} of {outcome.orders}",
        "shipments": str(outcome.shipments),
        "shipments per order": f"{measures['shipments_per_order']}",
        "split": f"{outcome.split * 100 / max(1, outcome.routed):.1f} %",
        "km per shipment": f"{measures['km_per_shipment']}",
        "cost": text(outcome.cost_minor, currency),
        "cost per order": text(round(outcome.cost_minor / max(1, outcome.routed)), currency),
        "unroutable": str(outcome.orders - outcome.routed),
        **{f"  {name}": str(number) for name, number in sorted(outcome.waiting.items())},
        **{f"  {why}": str(number) for why, number in sorted(outcome.reasons.items())},
    }


def _of(snapshot: Snapshot, order_id: str) -> list[Placed]:
    """The parts of one order. Raises NotFound and click.UsageError."""
    there = {one.order.order_id for one in snapshot.placed}
    if not order_id and len(there) > 1:
        raise click.UsageError(f"the files have {len(there)} orders; name ORDER")
    wanted = order_id or next(iter(there), "")
    found = [one for one in snapshot.placed if one.order.order_id == wanted]
    if not found:
        raise NotFound(f"the files have no order {wanted!r} of which something is sent")
    return found


def _snapshot(
    locations_file: Path, order_files: tuple[Path, ...], channel: str, stock_file: Path | None
) -> Snapshot:
    """Raises Unreadable and click.UsageError."""
    from connectors.channels.registry import CHANNELS
    from deploy.routing_snapshot import BadSnapshot, read

    if channel not in CHANNELS:
        raise click.UsageError(f"there is no channel {channel!r}; see `millrace channels`")
    try:
        return read(locations_file, order_files, channel, stock_file, _now_ms())
    except BadSnapshot as error:
        raise Unreadable(str(error)) from error


def _locations(file: Path) -> LocationsState:
    """Raises Unreadable."""
    from deploy.routing_snapshot import BadSnapshot, read_locations

    try:
        return read_locations(file)
    except BadSnapshot as error:
        raise Unreadable(str(error)) from error


def _loaded(file: Path, known: LocationsState | None) -> Checked:
    """The file, checked. Raises Unreadable."""
    from deploy.routing import BadRouting, load

    try:
        return load(file, known)
    except BadRouting as error:
        raise Unreadable(str(error)) from error


def _sound(file: Path, known: LocationsState | None, as_json: bool) -> RoutingRules:
    """The rules of a file without error; else they are told, and the command ends."""
    checked = _loaded(file, known)
    if checked.rules is None:
        _tell(checked, as_json)
        sys.exit(SOME_REJECTED)
    return checked.rules


def _tell(checked: Checked, as_json: bool) -> None:
    for problem in checked.problems:
        if as_json:
            output.line(
                {
                    "file": checked.file,
                    "line": problem.line,
                    "path": problem.path,
                    "message": problem.message,
                    "error": problem.is_error,
                }
            )
        else:
            output.told(problem.text(checked.file))


def _rules(rules: RoutingRules | None) -> int:
    return len(rules.rules) + len(rules.exclusions) if rules is not None else 0


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
