"""Whose token it is, and what that lets them see and do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from connectors.http_api import ANYONE, Problem, Tokens
from connectors.locations.store import Found

CARRIER = "carrier@"
"""in front of a carrier's name; every other name is a location's"""


class Caller(NamedTuple):
    """Who asks."""

    name: str
    """of the token"""

    @property
    def may_do_all(self) -> bool:
        """The token has no name."""
        return self.name == ANYONE

    @property
    def carrier(self) -> str:
        """The carrier that asks; empty for others."""
        return self.name.removeprefix(CARRIER) if self.name.startswith(CARRIER) else ""

    def location(self, wanted: str = "") -> str:
        """The location that it may see; empty for all. Raises Problem: 403."""
        if self.carrier:
            raise Problem(403, "the token is a carrier's")
        if self.may_do_all:
            return wanted
        if wanted not in ("", self.name):
            raise Problem(403, f"the token is of the location {self.name}")
        return self.name

    def sees(self, found: Found | None) -> Found:
        """A fulfillment order that it may see. Raises Problem: 404, of others as of none."""
        location = self.location()
        if found is None or location not in ("", found.one.location_id):
            raise Problem(404, "no such fulfillment order is known")
        return found

    def tells_of(self, carrier: str) -> str:
        """The carrier that it speaks for. Raises Problem: 403."""
        if self.may_do_all:
            return carrier
        if not self.carrier or carrier not in ("", self.carrier):
            raise Problem(403, "the token is not this carrier's")
        return self.carrier


def tokens(lines: Sequence[str]) -> Tokens:
    """The tokens of a file: LOCATION:TOKEN, carrier@CARRIER:TOKEN, or TOKEN for one that may do
    all. Raises ValueError, with no token in it."""
    made = Tokens(lines)
    if any(line.strip().startswith(f"{ANYONE}:") for line in lines):
        raise ValueError(
            f"{ANYONE} is no location's name: it is what a token without one is called"
        )
    return made
