"""What `millrace submit` sends, and what it says of each order."""

from __future__ import annotations

from collections.abc import Sequence

from connectors.channels.edi.order import NAME as EDI_X12
from connectors.channels.edi.order import buyers_number
from connectors.channels.edifact.order import NAME as EDIFACT
from connectors.channels.mapping import Mapped, Rejected, without_bom
from connectors.channels.registry import JOINED
from deploy.options import SOME_REJECTED, UNREADABLE
from deploy.policy_replay import settled
from schemas.money import EXPONENTS
from schemas.orders import CancelOrder, PlaceOrder
from schemas.policies import Policy, PolicyState
from schemas.totals import recomputed_total
from streams.orders.policy import intake

Outcome = dict[str, object]


def payloads(channel: str, contents: Sequence[bytes]) -> list[bytes]:
    """The payloads that some files make.

    Where the source tells an order in several calls, all files are one payload, `{"documents":
    [...]}`; elsewhere each file is its own.
    """
    if channel not in JOINED or len(contents) == 1:
        return list(contents)
    joined = b",".join(without_bom(content).strip() for content in contents)
    return [b'{"documents":[' + joined + b"]}"]


def described(channel: str, order: Mapped, policy: Policy | None, now_ms: int) -> Outcome:
    """What is said of one order of a channel, as an object for --json.

    Without a policy, as in a pipeline that has been told none, nothing is held, and a total that
    differs from what the lines come to is the channel's to know.
    """
    if isinstance(order, PlaceOrder):
        outcome, reason = _decided(order, policy, now_ms)
        said = _said(order.external_id, outcome, reason, order.order_id)
        amounts: Outcome = {"currency": order.currency, "total_minor": order.total_minor}
        return {**said, **amounts, "lines": len(order.lines)}
    if isinstance(order, CancelOrder):
        known = order.order_id.removeprefix(f"{channel}-")
        # Of a purchase order both the placing and the cancelling are known by the buyer's number.
        external_id = buyers_number(known) if channel in (EDI_X12, EDIFACT) else known
        return _said(external_id, "accepted", "cancellation", order.order_id)
    where = "" if not order.field or order.field in order.detail else f"{order.field}: "
    return _said(order.external_id, "rejected", f"{order.reason}: {where}{order.detail}")


def status(orders: Sequence[Mapped], said: Sequence[Outcome]) -> int:
    """Nothing of the file could be read, some was held or rejected, or all is well."""
    unreadable = [
        order for order in orders if isinstance(order, Rejected) and order.reason == "unreadable"
    ]
    if orders and len(unreadable) == len(orders):
        return UNREADABLE
    return SOME_REJECTED if any(one["outcome"] != "accepted" for one in said) else 0


def _decided(order: PlaceOrder, policy: Policy | None, now_ms: int) -> tuple[str, str]:
    """Outcome and reason by the rules that need nothing but the order."""
    rules = PolicyState(policy, "", 0) if policy is not None else None
    decided = settled(intake(rules, order, None, now_ms), order)
    if decided.refused_by:
        return "rejected", f"policy: {decided.refused_by}"
    if decided.holds:
        return "held", ", ".join(f"{hold.kind}: {hold.rule}" for hold in decided.holds)
    return "accepted", _difference(order)


def _difference(order: PlaceOrder) -> str:
    recomputed = recomputed_total(order)
    if recomputed == order.total_minor:
        return ""
    exponent = EXPONENTS[order.currency]
    told, found = (_written(minor, exponent) for minor in (order.total_minor, recomputed))
    return f"the channel's total {told} differs from {found}, to which its amounts come"


def _written(minor: int, exponent: int) -> str:
    digits = f"{abs(minor):0{exponent + 1}d}"
    whole, part = digits[: len(digits) - exponent], digits[len(digits) - exponent :]
    return ("-" if minor < 0 else "") + (f"{whole}.{part}" if part else whole)


def _said(external_id: str, outcome: str, reason: str, order_id: str = "") -> Outcome:
    return {
        "external_id": external_id,
        "outcome": outcome,
        "reason": reason,
        "currency": "",
        "total_minor": None,
        "lines": 0,
        "order_id": order_id,
    }
