"""What the fakes of services that list orders have in common: orders, and when they changed."""

from __future__ import annotations

import base64
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NamedTuple

from tests.fakes.loopback import Loopback

CLIENT, SECRET, REFRESH = "client-1", "client-secret-1", "refresh-secret-0"
BASIC = f"Basic {base64.b64encode(f'{CLIENT}:{SECRET}'.encode()).decode()}"
LIFE_SECONDS = 900.0


class Order(NamedTuple):
    """One order as it is now."""

    number: int
    at: float
    """when it changed, in seconds since 1970"""


@dataclass
class Service(Loopback):
    """Orders, a clock, and access tokens that end."""

    clock: Callable[[], float] = time.time
    orders: dict[int, Order] = field(default_factory=dict)
    on_page: Callable[[], None] = lambda: None
    """what happens behind each page"""
    shown: Callable[[Order], dict[str, Any]] | None = None
    """an order as the service shows it, in place of the smallest that there is"""
    tokens: dict[str, float] = field(default_factory=dict)
    """until when each is good"""

    def put(self, number: int, at: float) -> None:
        """An order is new, or changed."""
        self.orders[number] = Order(number, at)

    def ascending(self, since: float) -> list[Order]:
        """What changed at that moment or later, oldest first."""
        found = [one for one in self.orders.values() if int(one.at) >= int(since)]
        return sorted(found, key=lambda one: (int(one.at), one.number))

    def show(self, order: Order, smallest: dict[str, Any]) -> dict[str, Any]:
        """An order, with the fields of `smallest`."""
        return {**(self.shown(order) if self.shown is not None else {}), **smallest}

    def grant(self) -> str:
        """A new access token."""
        token = f"access-secret-{len(self.tokens)}"
        self.tokens[token] = self.clock() + LIFE_SECONDS
        return token

    def knows(self, token: str | None) -> bool:
        """The token is one of ours, and good."""
        return self.clock() < self.tokens.get((token or "").removeprefix("Bearer "), 0.0)


def written(at: float, form: str = "%Y-%m-%dT%H:%M:%SZ") -> str:
    """A moment in UTC."""
    return datetime.fromtimestamp(at, UTC).strftime(form)


def seconds(text: str) -> float:
    """Of a moment; without a zone it is UTC."""
    when = datetime.fromisoformat(text)
    return (when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp()
