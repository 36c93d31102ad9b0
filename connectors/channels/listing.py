"""What most channels do with a payload: find the orders in it, and read them one by one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import TypeVar

from connectors.channels import mapping
from connectors.channels.mapping import Fields, Mapped, Rejected
from schemas.customers import Contact
from schemas.orders import CancelOrder, PlaceOrder

T = TypeVar("T")


def results(
    find: Callable[[], Sequence[object]],
    read: Callable[[object], PlaceOrder | CancelOrder],
    named: Callable[[object], object],
) -> list[Mapped]:
    """One result per order; one Rejected for a payload that fails as a whole.

    `find` gives the orders, a Rejected in the place of one that cannot be read, and raises it for
    all of them; `named` gives what an order is known by where it is rejected, or None.
    """
    try:
        found = find()
    except Rejected as error:
        return [error]
    return each(found, read, named)


def each(
    found: Sequence[T | Rejected],
    read: Callable[[T], PlaceOrder | CancelOrder],
    named: Callable[[T], object],
) -> list[Mapped]:
    """The same of orders that were found already."""
    return [
        value
        if isinstance(value, Rejected)
        else mapping.one(
            partial(read, value), named(value), f"number {number}" if len(found) > 1 else ""
        )
        for number, value in enumerate(found, 1)
    ]


def loaded(payload: bytes, load: Callable[[bytes], object]) -> tuple[object, list[object] | None]:
    """The value of a payload and None; of JSON Lines None, and what stands on each line, a Rejected
    for one that is not JSON. Raises Rejected."""
    try:
        return load(payload), None
    except Rejected as error:
        lines = mapping.json_lines(payload, load) if error.reason == "unreadable" else None
        if lines is None:
            raise
        return None, lines


def contacts(
    find: Callable[[], Sequence[object]], of: Callable[[object], Contact]
) -> list[Contact]:
    """Whom the orders name, one by one; empty for what cannot be read."""
    try:
        return [of(value) for value in find() if not isinstance(value, Rejected)]
    except Rejected:
        return []


def check_speaks(order: Fields, names: Iterable[str], whose: str) -> None:
    """Raise Rejected, unreadable, for an object that has no field of an order of somebody's."""
    if not any(order.names(name) for name in names):
        detail = f"the payload is no order of {whose}: it has none of an order's fields"
        raise Rejected("unreadable", "", detail)


def field(name: str) -> Callable[[object], object]:
    """What an order is known by, where that is a field of it."""

    def named(value: object) -> object:
        return value.get(name) if isinstance(value, dict) else None

    return named
