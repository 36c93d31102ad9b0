"""Routing rules of a chaos run, with days that end while it lasts.

Two time zones are made for the run: midnight comes in one soon after the first order, and in the
other soon after the last one. So what is promised for that day is at risk and missed before the run
is over, whatever the time of the day.
"""

from __future__ import annotations

import os
import random
import struct
import time
import zoneinfo
from pathlib import Path

from deploy.cluster import Cluster
from deploy.routing_rollout import looking, put_in_force
from schemas.routing import (
    Calendar,
    Goods,
    OrderIs,
    Otherwise,
    Places,
    RoutingRule,
    RoutingRules,
    Sort,
    Zone,
)

WITHOUT_EVERY = 3
"""one in so many seeds runs without rules"""
PATIENCE_SECONDS = 60.0
DAY_SECONDS = 86_400
MINUTE_SECONDS = 60
MIDNIGHT = 1_440
WEEK = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
EARLY, LATE = "Chaos/Early", "Chaos/Late"
WAITS_MS = (0, 4_000, 9_000)
"""after which an order that waits for a person is cancelled; 0 for never"""


def wanted(seed: int) -> bool:
    """Whether a run with this seed has rules."""
    return seed % WITHOUT_EVERY != 0


class Clocks:
    """Time zones with a midnight of their own, as files that every process finds which is started
    after this one has opened them."""

    def __init__(self, folder: Path) -> None:
        """`folder` is made, and searched for time zones beside the usual places."""
        self._folder = folder
        self._before = os.environ.get("PYTHONTZPATH")
        for name in (EARLY, LATE):
            self.midnight(name, 0.0)
        usual = os.pathsep.join(zoneinfo.TZPATH)
        os.environ["PYTHONTZPATH"] = os.pathsep.join((str(folder), usual))

    def midnight(self, name: str, at: float) -> None:
        """Have the day of a zone end at the first full minute after that time, in seconds since
        1970: no zone of today is off by seconds, and calendars count in minutes."""
        ends = (int(at) // MINUTE_SECONDS + 1) * MINUTE_SECONDS
        offset = -ends % DAY_SECONDS
        if offset > DAY_SECONDS // 2:
            offset -= DAY_SECONDS
        path = self._folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(_zone_file(offset))

    def close(self) -> None:
        """Forget the folder."""
        if self._before is None:
            os.environ.pop("PYTHONTZPATH", None)
        else:
            os.environ["PYTHONTZPATH"] = self._before


def _zone_file(offset: int) -> bytes:
    """RFC 8536, version 1: one offset from UTC, in seconds, for ever."""
    counts = struct.pack(">6l", 0, 0, 0, 0, 1, 4)
    return b"TZif" + bytes(16) + counts + struct.pack(">lbB", offset, 0, 0) + b"RUN\0"


def rules_of(seed: int) -> RoutingRules:
    """Rules by which some orders wait, some end, and some are promised for a day of the run."""
    chance = random.Random(seed)
    waits = chance.choice(WAITS_MS)
    every = Places()
    goods = [
        Goods("looked-at", 1, ["SKU-*00", "SKU-*10", "SKU-*20"]),
        Goods("waited-for", 2, ["SKU-*30", "SKU-*40"]),
        Goods("given-up", 3, ["SKU-*50"]),
    ]
    rules = [
        RoutingRule("looked-at", 4, OrderIs(goods=["looked-at"]), every, [Sort.COST],
                    Otherwise.QUEUE, cancel_after_ms=waits),
        RoutingRule("waited-for", 5, OrderIs(goods=["waited-for"]), every, [Sort.PROMISE],
                    Otherwise.BACKORDER),
        RoutingRule("given-up", 6, OrderIs(goods=["given-up"]), every, [Sort.DISTANCE],
                    Otherwise.CANCEL),
        RoutingRule("large", 7, OrderIs(pieces_at_least=5), every, [Sort.COST], Otherwise.QUEUE,
                    chance.choice((1, 2)), 2_000, cancel_after_ms=chance.choice(WAITS_MS),
                    kits_together=True),
        RoutingRule("all", 8, OrderIs(), every, [chance.choice((Sort.COST, Sort.PROMISE))]),
    ]  # fmt: skip
    calendars = [
        _calendar("early", EARLY, ["berlin", "lyon"]),
        _calendar("late", LATE, ["rotterdam", "vienna"]),
    ]
    home = Places(same_country=True)
    zones = [
        Zone("courier", 11, home, [], 390, 10, 15, chance.choice((0, 1)), WEEK, []),
        Zone("parcel", 12, every, [], 890, 40, 15, 0, WEEK, []),
    ]
    return RoutingRules(
        1, seed + 1, f"chaos-{seed}", "", "EUR", rules, [], goods, calendars, zones,
        consolidate=chance.choice(("cost", "shipments")),
    )  # fmt: skip


def _calendar(name: str, zone: str, locations: list[str]) -> Calendar:
    """Until midnight everything leaves on the same day."""
    places = Places(locations=locations)
    return Calendar(name, 9, places, zone, WEEK, [], MIDNIGHT, 0, MIDNIGHT)


def set_rules(bootstrap: str, seed: int) -> None:
    """Have every partition route by the rules of a seed. Raises Unavailable."""
    cluster = Cluster(bootstrap)
    with looking(cluster) as look:
        now_ms = int(time.time() * 1000)
        put_in_force(cluster, rules_of(seed), "chaos", now_ms, look, PATIENCE_SECONDS)
