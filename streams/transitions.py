"""How a transition table is read: status and step to the next status. The tables are the rooms'."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from schemas.records import Record

Step = type[Record]
Status = TypeVar("Status", bound=str)


class IllegalTransition(RuntimeError):
    """A rule wanted a step that the table does not have; nothing has changed."""


def following(table: Mapping[str, Mapping[Step, Status]], status: str, step: Step) -> Status:
    """The status that `step` leads to from `status`. Raises IllegalTransition."""
    found = table[status].get(step)
    if found is None:
        raise IllegalTransition(f"{step.__name__} in status {status or 'unknown'}")
    return found
