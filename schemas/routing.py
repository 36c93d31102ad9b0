"""Routing rules: from which locations an order may be served, and in which order they are tried.

`deploy/routing.py` reads them from a file. SetRoutingRules goes to every partition of
fulfillment.commands under ROUTING_KEY, and each partition keeps its RoutingState under the same
key. Every partition ends with the same rules, in whatever order two of them came: the greater
(version, text_hash) counts.

Amounts are in minor units of the rules' currency; they compare ways to send goods, and nobody is
charged by them.
"""

from __future__ import annotations

from enum import StrEnum

from schemas.records import Millis, Record

ROUTING_KEY = "@routing"
"""State key of the rules in every partition of the room, and key of SetRoutingRules."""


class Sort(StrEnum):
    """By what the locations of a rule are put in order; the better one first."""

    SAME_COUNTRY = "same_country"
    """those of the country that the goods go to"""
    DISTANCE = "distance"
    """great circle; what is not known is farthest"""
    COST = "cost"
    """of one shipment by the first zone that fits"""
    PROMISE = "promise"
    """the earliest day of delivery"""
    CAPACITY = "capacity"
    """the greatest share of the day's capacity that is left"""
    SEQUENCE = "sequence"
    """as `sequence` of the rules names them; those that it does not name are last"""
    OVERSTOCK = "overstock"
    """the most pieces available. Decided by inventory among the locations that the sorts before it
    put first; so it is the last one"""
    AGE = "age"
    """the pieces that expire first; as overstock"""


class Otherwise(StrEnum):
    """What is done where no location of a rule, or of one before it, has the goods; and with an
    order that is reserved, where its shipments cannot be as the rules want them."""

    NEXT = "next"
    """the next rule that fits is asked; after the last one the order's policy decides"""
    QUEUE = "queue"
    """the order waits for a person, with the reasons"""
    BACKORDER = "backorder"
    """it waits for stock, whatever its policy says"""
    DROP_SHIP = "drop_ship"
    """suppliers are tried, then it waits for a person"""
    CANCEL = "cancel"
    """it is refused"""


class Consolidate(StrEnum):
    """What counts when lines that could go together are put together."""

    COST = "cost"
    """the least cost of all shipments"""
    SHIPMENTS = "shipments"
    """the fewest shipments, then the least cost; nothing moves that saves no shipment"""


class Places(Record, frozen=True):
    """Which locations; what is empty leaves none out."""

    kinds: list[str] = []
    """of schemas.locations.Kind"""
    groups: list[str] = []
    """it stands in one of them"""
    countries: list[str] = []
    """ISO 3166-1 alpha-2"""
    locations: list[str] = []
    """by location_id"""
    same_country: bool = False
    """only those of the country that the goods go to"""
    within_km: int = 0
    """great circle; 0 for any distance. One without coordinates is not within"""
    capacity_left_percent: int = 0
    """at least so much of the day's capacity is left; no bound leaves 100"""
    before_cut_off: bool = False
    """what is ordered now still leaves today"""
    promise_within_days: int = 0
    """it is delivered in so many calendar days from now; 0 for any"""
    cost_at_most_minor: int = 0
    """of one shipment; 0 for any"""


class OrderIs(Record, frozen=True):
    """Which orders; what is empty leaves none out."""

    channels: list[str] = []
    """that the order came by"""
    customer_groups: list[str] = []
    """of the customer"""
    countries: list[str] = []
    """that the goods go to"""
    not_countries: list[str] = []
    """that the goods do not go to"""
    postal_codes: list[str] = []
    """beginnings, in capitals without blanks"""
    goods: list[str] = []
    """a line has goods of this name, see Goods"""
    pieces_at_least: int = 0
    """of all lines that go to the address; 0 for any number"""
    pieces_at_most: int = 0
    """0 for any number"""
    value_at_least_minor: int = 0
    """what the customer pays, in the rules' currency; one in another currency does not fit"""
    value_below_minor: int = 0
    """0 for any value"""


class Goods(Record, frozen=True):
    """Goods that rules speak of, by their SKUs, e.g. hazardous or cold ones."""

    name: str
    line: int
    """of the file"""
    skus: list[str]
    """* stands for any characters"""


class Calendar(Record, frozen=True):
    """When locations work. The first one that fits a location counts."""

    name: str
    line: int
    """of the file"""
    places: Places
    """which locations it speaks of"""
    time_zone: str
    """IANA name"""
    weekdays: list[str]
    """mon to sun"""
    holidays: list[str]
    """days as ISO 8601 has them"""
    cut_off_minute: int
    """local minute of the day until which an order counts as of that day"""
    handling_days: int
    """working days from that day until it leaves"""
    leave_minute: int = 0
    """local minute of that day until which it leaves; 0 for the cut-off"""
    warn_before_ms: Millis = 0
    """how long before it is to leave is told of what is not accepted; 0 for four hours"""


class Zone(Record, frozen=True):
    """What carriers ask and how long they take. The first one that fits counts; where none does,
    no carrier goes from that location to that address."""

    name: str
    line: int
    """of the file"""
    places: Places
    """from where; same_country and within_km count as well"""
    countries: list[str]
    """to where; empty for all"""
    cost_minor: int
    """of one shipment"""
    per_100_km_minor: int
    """added for the distance, rounded to whole minor units"""
    per_piece_minor: int
    """added for each piece"""
    transit_days: int
    """days on which the carrier delivers, from the day on which goods leave; 0 for the same day"""
    delivery_weekdays: list[str]
    """on which the carrier delivers: mon to sun"""
    delivery_holidays: list[str]
    """on which it does not, as ISO 8601 has them"""
    goods: list[str] = []
    """the only goods that it takes; empty for all"""
    not_goods: list[str] = []
    """goods that it does not take"""


class Exclusion(Record, frozen=True):
    """Locations that never serve such an order, whatever a rule says."""

    name: str
    line: int
    """of the file"""
    when: OrderIs
    """which orders it speaks of"""
    places: Places
    """which locations it speaks of"""


class RoutingRule(Record, frozen=True):
    """Locations that are tried for such an order, after those of the rules before it."""

    name: str
    line: int
    """of the file"""
    when: OrderIs
    """which orders it speaks of"""
    places: Places
    """which locations it speaks of"""
    sort: list[str]
    """of Sort, the weightiest first"""
    otherwise: str = "next"
    """one of Otherwise"""
    split: int = 0
    """at most so many shipments; 0 for any number"""
    minimum_minor: int = 0
    """value of the lines of each shipment where there are several; 0 for any, and where it is not
    known"""
    surcharge_minor: int = 0
    """added to the cost of each shipment from these locations"""
    cancel_after_ms: Millis = 0
    """what waits longer is cancelled; 0 for never"""
    kits_together: bool = False
    """the parts of a bundle leave one location together"""


class RecordUnrouted(Record, frozen=True):
    """Reply of fulfillment to RouteOrder: the rules of routing do not allow its shipments, or more
    has to be known of its lines."""

    order_id: str
    terms_wanted: bool
    """RouteOrder is to come again with the terms of its lines, and nothing else is said"""
    otherwise: str = ""
    """queue or cancel"""
    rule: str = ""
    """of routing, that is broken; empty where no carrier goes"""
    detail: str = ""
    """what is not allowed"""
    cancel_after_ms: Millis = 0
    """what waits longer is cancelled; 0 for never"""


class RoutingRules(Record, frozen=True):
    """A whole file of rules."""

    version: int
    """grows with each that is set: when that was, in milliseconds since 1970"""
    text_hash: int
    """63 bits of the hash of `text`"""
    name: str
    """of the file"""
    text: str
    """the file as it was written"""
    currency: str
    """ISO 4217"""
    rules: list[RoutingRule]
    """in the order of the file"""
    exclusions: list[Exclusion] = []
    """in the order of the file"""
    goods: list[Goods] = []
    """in the order of the file"""
    calendars: list[Calendar] = []
    """in the order of the file"""
    zones: list[Zone] = []
    """in the order of the file"""
    sequence: list[str] = []
    """location_ids, the first to be tried first"""
    consolidate: str = "cost"
    """one of Consolidate"""


class SetRoutingRules(Record, frozen=True):
    """Rank and consolidate by these rules from now on, on each partition. An older one changes
    nothing, and neither does the same again."""

    rules: RoutingRules
    """all of them"""
    actor: str
    at_ms: Millis


class RoutingRulesSet(Record, frozen=True):
    """Other rules hold. Written by partition 0 alone. Key: @routing."""

    version: int
    """of the rules"""
    previous_version: int
    """of those before; 0 for none"""
    text_hash: int
    """63 bits of the hash of the file"""
    name: str
    """of the file"""
    rules: int
    """how many it has"""
    actor: str
    at_ms: Millis


class RoutingState(Record, frozen=True):
    """The rules that hold on one partition (fulfillment.state, key: @routing)."""

    rules: RoutingRules
    """all of them"""
    actor: str
    at_ms: Millis
