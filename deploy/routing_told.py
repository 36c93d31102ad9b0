"""What `millrace routing explain` prints of an order."""

from __future__ import annotations

from connectors.levels.answers import iso
from deploy import output
from deploy.routing_snapshot import Placed, Snapshot
from schemas.money import text
from schemas.orders import OrderState
from schemas.policies import HoldKind
from schemas.routing import RoutingRules
from streams.fulfillment.model import UNKNOWN_DISTANCE_KM
from streams.fulfillment.routing import Verdict
from streams.fulfillment.routing_planning import Group, Planned


def tell_verdicts(
    placed: Placed,
    group: Group,
    verdicts: list[Verdict],
    served: dict[str, str],
    snapshot: Snapshot,
    rules: RoutingRules,
    as_json: bool,
) -> None:
    """Every location, for lines that rules do not tell apart."""
    ids = [line.line_id for line in group.lines]
    best = next((one for one in verdicts if one.location_id in served.values()), None)
    rows = []
    for one in verdicts:
        lines = [line_id for line_id in ids if served.get(line_id) == one.location_id]
        why = _why(one, lines, group, snapshot, best)
        known = one.km < UNKNOWN_DISTANCE_KM
        if as_json:
            output.line(
                {
                    "order_id": placed.order.order_id,
                    "address": placed.address,
                    "lines": ids,
                    "location_id": one.location_id,
                    "position": one.position or None,
                    "rule": one.rule,
                    "why": why,
                    "serves": lines,
                    "km": round(one.km, 1) if known else None,
                    "cost_minor": one.cost_minor,
                    "delivery": one.delivery,
                }
            )
        rows.append(
            (
                one.position or "–",
                one.location_id,
                f"{one.km:.0f} km" if known else "–",
                text(one.cost_minor, rules.currency),
                one.delivery or "–",
                one.rule or "–",
                why,
            )
        )
    if not as_json:
        output.told(f"{placed.order.order_id}, line {', '.join(ids)}")
        output.table(("#", "location", "distance", "shipment", "delivery", "rule", "why"), rows)


def _why(
    one: Verdict, lines: list[str], group: Group, snapshot: Snapshot, best: Verdict | None
) -> str:
    """Why a location has won or lost."""
    if lines:
        return f"serves line {', '.join(lines)}"
    if one.why:
        return one.why
    stock = snapshot.stock
    short = [
        line.line_id
        for line in group.lines
        if stock is not None and stock.get(line.sku, {}).get(one.location_id, 0) < line.pieces
    ]
    if short:
        return f"has too little of line {', '.join(short)}"
    if best is None:
        return "it could serve, but another line has no location"
    if one.cost_minor > best.cost_minor:
        return f"a shipment costs more than from {best.location_id}"
    return f"it comes after {best.location_id}, or lines go together for less"


def tell_plan(placed: Placed, made: Planned, rules: RoutingRules, as_json: bool) -> None:
    """What becomes of the order."""
    if as_json:
        output.line(
            {
                "order_id": made.order_id,
                "address": placed.address,
                "outcome": made.outcome,
                "why": made.why,
                "cancel_at_ms": made.cancel_at_ms or None,
                "shipments": [
                    {
                        "location_id": one.location_id,
                        "lines": one.line_ids,
                        "cost_minor": one.cost_minor,
                        "delivery": one.delivery,
                    }
                    for one in made.shipments
                ],
            }
        )
        return
    for one in made.shipments:
        lines, cost = ", ".join(one.line_ids), text(one.cost_minor, rules.currency)
        by = f", delivered on {one.delivery}" if one.delivery else ""
        output.told(f"{one.location_id} sends line {lines} for {cost}{by}")
    if not made.shipments:
        until = f", until {output.moment(made.cancel_at_ms)}" if made.cancel_at_ms else ""
        output.told(f"{made.order_id} is not routed: {made.outcome}{until}; {made.why}")


def tell_standing(order: OrderState, as_json: bool) -> None:
    """Where the order's lines are reserved, and what routing holds it for."""
    held = [one for one in order.holds if one.kind == HoldKind.ROUTING]
    if as_json:
        output.line(
            {
                "order_id": order.order_id,
                "status": order.status,
                "reserved": {
                    line.line_id: line.location_id for line in order.lines if line.location_id
                },
                "held": [
                    {
                        "hold_id": one.hold_id,
                        "rule": one.rule,
                        "why": one.reason,
                        "since": iso(one.since_ms),
                        "until": iso(one.until_ms) if one.until_ms else None,
                    }
                    for one in held
                ],
            }
        )
        return
    there: dict[str, list[str]] = {}
    for line in order.lines:
        if line.location_id:
            there.setdefault(line.location_id, []).append(line.line_id)
    stands = [f"line {', '.join(ids)} at {name}" for name, ids in there.items()]
    output.told(f"{order.order_id} is {order.status}; reserved: {'; '.join(stands) or 'nothing'}")
    for one in held:
        until = f", until {output.moment(one.until_ms)}" if one.until_ms else ""
        by = f" by rule {one.rule}" if one.rule else ""
        output.told(f"held{by} since {output.moment(one.since_ms)}{until}: {one.reason}")
