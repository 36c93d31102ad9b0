"""What was ordered of suppliers and came, as the auditor checks it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

Broken = Callable[[str, str, str], None]


@dataclass(slots=True)
class Purchase:
    """One purchase order, as its events tell it."""

    ordered: Counter[str] = field(default_factory=Counter)
    received: Counter[str] = field(default_factory=Counter)
    ended: str = ""


class Purchases:
    """Every purchase order."""

    def __init__(self, broken: Broken) -> None:
        """`broken` notes a violation: rule, subject, detail."""
        self._broken = broken
        self._known: dict[str, Purchase] = defaultdict(Purchase)

    def feed(self, name: str, told: Mapping[str, Any], where: str) -> None:
        """Take an event of purchasing; `where` it stands."""
        purchase_order_id = told.get("purchase_order_id")
        if not purchase_order_id or name == "PurchaseRefused":
            return
        purchase = self._known[purchase_order_id]
        if name == "PurchaseOrderProposed":
            purchase.ordered.update({one["line_id"]: one["quantity"] for one in told["lines"]})
        elif not purchase.ordered:
            self._broken("proposed_first", where, f"{name} of {purchase_order_id}")
        if purchase.ended:
            detail = f"{purchase_order_id}: {name} after {purchase.ended}"
            self._broken("purchase_ends_once", where, detail)
        if name in ("PurchaseOrderClosed", "PurchaseOrderCancelled"):
            purchase.ended = name
        elif name == "DeliveryRecorded":
            self._received(purchase_order_id, purchase, told, where)

    def _received(
        self, purchase_order_id: str, purchase: Purchase, told: Mapping[str, Any], where: str
    ) -> None:
        for one in told["lines"]:
            purchase.received[one["line_id"]] += one["quantity"]
        detail = f"{purchase_order_id}: {purchase.received} of {purchase.ordered}"
        if not purchase.received <= purchase.ordered:
            self._broken("received_as_ordered", where, detail)
        if told["complete"] != (purchase.received >= purchase.ordered):
            self._broken("complete_when_all_came", where, detail)
