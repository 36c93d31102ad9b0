"""How far the work of a partition is done, when requests finish in any order."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

from connectors.payment_gateways.gateway import Request


class Window:
    """The requests of one partition, from the lowest unfinished one to the latest.

    Made anew with each assignment, so that what belongs to an earlier one cannot be mistaken.
    """

    __slots__ = ("_finished", "_open", "committed", "held_back", "next_offset")

    def __init__(self) -> None:
        self._open: deque[int] = deque()
        self._finished: set[int] = set()
        self.next_offset = -1
        """behind the last record that was read; -1 before there is one"""
        self.committed = -1
        self.held_back = False

    def __len__(self) -> int:
        """Requests in the window, with those that are finished behind an unfinished one."""
        return len(self._open)

    def begin(self, offset: int) -> None:
        """Count the request at `offset` as work; offsets rise."""
        self._open.append(offset)

    def finish(self, offset: int) -> None:
        """The answers to the request at `offset` are durable."""
        opened, finished = self._open, self._finished
        if opened and opened[0] == offset:
            opened.popleft()
            while finished and opened[0] in finished:
                finished.remove(opened.popleft())
        else:
            finished.add(offset)

    @property
    def position(self) -> int:
        """What may be committed: everything before it is done. -1: nothing was read."""
        return self._open[0] if self._open else self.next_offset


class Work(NamedTuple):
    """A request and where it stands."""

    window: Window
    offset: int
    request: Request
