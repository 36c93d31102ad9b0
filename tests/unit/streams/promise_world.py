"""A fulfillment room with calendars and zones, and one order in it, for the tests of promises."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from datetime import datetime, timedelta

from msgspec.structs import replace

from schemas.fulfillment import Allocation, Destination, RecordMove, RouteOrder
from schemas.fulfillment_moves import AskWhereTo, RecordWhereTo
from schemas.fulfillment_work import (
    AcceptFulfillmentOrder,
    HoldFulfillmentOrder,
    PackedLine,
    PackedParcel,
    RecordCarrierEvent,
    RecordPacked,
    RecordShipmentAnswer,
    RejectFulfillmentOrder,
    ReleaseFulfillmentOrder,
    ShipFulfillmentOrder,
    StartPicking,
)
from schemas.inventory import MoveReservation
from schemas.locations import RegisterLocation
from schemas.messages import Send
from schemas.promises import (
    FulfillmentOrderAtRisk,
    Promise,
    PromiseChanged,
    PromiseMissed,
    PromiseState,
)
from schemas.records import Record
from schemas.routing import ROUTING_KEY, Places, RoutingRules, SetRoutingRules
from streams.fulfillment.agent import FulfillmentRoom
from tests.unit.streams.memory import Desk
from tests.unit.streams.routing_world import EVERY, MONDAY, calendar, ms, rule, rules, zone

HOUR_MS = 3_600_000
KEY = "o|promise"
FRANCE = Places(countries=["FR"])
SLOW = zone("slow", transit=3, places=FRANCE)
RULES = rules(rule(), calendars=(calendar(16 * 60),), zones=(SLOW, zone()))
"""every location until 16:00 in Berlin on working days; a day on the way, three from France"""
HOME = Destination(0, "DE", "10115", 52.5, 13.3)
MUG = Allocation("1", "MUG", 2, "berlin", ["lyon", "hamburg"])
TEE = Allocation("2", "TEE", 1, "berlin", ["lyon", "hamburg"])


def at(day: int, hour: int, minute: int = 0) -> int:
    """A moment of January 2026 in Berlin; the 5th is a Monday."""
    return ms(datetime(2026, 1, day, tzinfo=MONDAY.tzinfo) + timedelta(hours=hour - 1)) + (
        minute * 60_000
    )


class Dock(Desk):
    """The room, and short words for what is said of the order's fulfillment orders."""

    def __init__(self, made: RoutingRules | None = RULES) -> None:
        super().__init__(FulfillmentRoom())
        self.now = at(5, 10)
        for one in EVERY:
            self.ask(
                one.location_id,
                RegisterLocation(
                    one.location_id, one.name, one.country, one.latitude, one.longitude, True,
                    one.kind, one.groups,
                ),
            )  # fmt: skip
        if made is not None:
            self.ask(ROUTING_KEY, SetRoutingRules(replace(made, version=1), "anna", self.now))

    def route(self, *allocations: Allocation, dispatch_by_ms: int = 0) -> list[Send]:
        """Release the order's lines."""
        command = RouteOrder(
            "o", list(allocations or (MUG,)), "shop", destinations=[HOME],
            dispatch_by_ms=dispatch_by_ms,
        )  # fmt: skip
        return self.ask("o", command)

    def say(self, what: str, name: str = "o/1") -> list[Send]:
        """One thing that is said of a fulfillment order."""
        parcel = PackedParcel("p", 1, 0, 0, 0, [PackedLine("1", 2)])
        words: dict[str, Record] = {
            "accept": AcceptFulfillmentOrder("o", name, "jo"),
            "pick": StartPicking("o", name, "jo"),
            "pack": RecordPacked("o", name, [parcel], "jo"),
            "ship": ShipFulfillmentOrder("o", name, "dhl", "", "T1", self.now, "jo"),
            "ship bare": ShipFulfillmentOrder("o", name, "", "", "", self.now, "jo"),
            "let go": RecordShipmentAnswer("o", name, True, ""),
            "hold": HoldFulfillmentOrder("o", name, "wait", "jo"),
            "free": ReleaseFulfillmentOrder("o", name, "jo"),
            "reject": RejectFulfillmentOrder("o", name, "full", "jo"),
        }
        return self.ask("o", words[what])

    def send_off(self, name: str = "o/1") -> list[Send]:
        """All that it takes until it has left."""
        steps = ("accept", "pick", "pack", "ship", "let go")
        return [send for what in steps for send in self.say(what, name)]

    def tells(self, kind: str, occurred_at_ms: int = 0, name: str = "o/1") -> list[Send]:
        """What the carrier tells; at its own moment if one is given."""
        when = occurred_at_ms or self.now
        return self.ask(
            "o", RecordCarrierEvent("o", name, f"{kind} {when}", kind, "", when, "", "")
        )

    def given_back(self, name: str = "o/1", **there: bool) -> list[Send]:
        """The location rejects it; orders and inventory answer."""
        return self.answered(self.say("reject", name), **there)

    def answered(self, sends: list[Send], **there: bool) -> list[Send]:
        """The same with what orders and inventory answer. `there` are locations that have stock;
        every one has where none is named."""
        asked, sends = deque(sends), list[Send]()
        while asked:
            sends.append(one := asked.popleft())
            match one.record:
                case AskWhereTo():
                    asked += self.ask("o", RecordWhereTo("o", "shop", "", [HOME], "EUR", 0))
                case MoveReservation() as move:
                    has = there.get(move.location_id, not there)
                    at_last = move.location_id if has else "berlin"
                    asked += self.ask("o", RecordMove("o", move.line_id, has, at_last))
        return sends

    def until(self, moment: int) -> list[Send]:
        """What timers write until then."""
        sends: list[Send] = []
        while 0 < (due := self.due()) <= moment:
            self.now = max(self.now, due)
            sends += self.wake(KEY)
        self.now = max(self.now, moment)
        return sends

    def due(self) -> int:
        """The moment of the order's timer; 0 for none."""
        state = self.states.get(KEY)
        return state.wake_at_ms if isinstance(state, PromiseState) else 0

    def promises(self) -> list[Promise]:
        """What stands."""
        return self.state(KEY, PromiseState).promises


def told(sends: list[Send]) -> list[tuple[str, ...]]:
    """What was told of promises, in few words."""
    return in_words(send.record for send in sends)


def in_words(events: Iterable[Record]) -> list[tuple[str, ...]]:
    """The same of events."""
    found: list[tuple[str, ...]] = []
    for event in events:
        match event:
            case PromiseChanged() as one:
                found.append(("changed", one.fulfillment_order_id, one.promised_day, one.reason))
            case FulfillmentOrderAtRisk() as one:
                found.append(("risk", one.fulfillment_order_id, one.reason))
            case PromiseMissed() as one:
                found.append(("missed", one.fulfillment_order_id, one.status))
    return found
