"""Routing rules: the file that people write, checked, as what the fulfillment room decides by.

The format is shown rule by rule in `deploy/examples/routing.toml`. What is wrong is told all at
once, each with its line. An error keeps the file from being used; a warning does not.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from deploy.policy_lines import KeyPath
from deploy.policy_tables import File, Problem, Table, checked_texts, display, unknown
from deploy.toml_file import NotToml, opened, text_of, time_zones
from schemas.locations import Kind, LocationsState
from schemas.money import EXPONENTS, InvalidMoney, minor
from schemas.routing import (
    Calendar,
    Consolidate,
    Exclusion,
    Goods,
    OrderIs,
    Otherwise,
    Places,
    RoutingRule,
    RoutingRules,
    Sort,
    Zone,
)
from streams.content import hash_of
from streams.fulfillment.promise import DAY_MINUTES, WEEKDAYS
from streams.fulfillment.routing_ranking import BY_STOCK

MAXIMUM_BYTES = 128 * 1024
MAXIMUM_RULES = 500
"""rules, exclusions, zones, calendars and goods together"""
MAXIMUM_MINOR = 10**9
MAXIMUM_KM = 20_100
"""half the way around the earth"""
MAXIMUM_DAYS = 365
MAXIMUM_PIECES = 10**6
MAXIMUM_SHIPMENTS = 100
WORKDAYS = ("mon", "tue", "wed", "thu", "fri")
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
_COUNTRY = re.compile(r"[A-Z]{2}")
_PLACES = ("within_km", "capacity_left_percent", "before_cut_off", "promise_within_days",
           "cost_at_most")  # fmt: skip
"""what may change from one order to the next, which only a rule can ask for"""


class Checked(NamedTuple):
    """What became of a file."""

    file: str
    rules: RoutingRules | None
    """None where there are errors"""
    problems: list[Problem]
    """by line"""

    @property
    def errors(self) -> list[Problem]:
        """Those that keep it from being used."""
        return [problem for problem in self.problems if problem.is_error]


class BadRouting(ValueError):
    """The file cannot be read at all; the message is one line that names it."""


def load(path: Path, known: LocationsState | None = None) -> Checked:
    """Check a file; of locations and groups that are not known is warned. Raises BadRouting."""
    checked = check(text_of(path, MAXIMUM_BYTES, BadRouting), path.name, known)
    return checked._replace(file=str(path))


def check(text: str, name: str, known: LocationsState | None = None) -> Checked:
    """Check a text that is called `name`."""
    try:
        content, file = opened(text)
    except NotToml as error:
        return Checked(name, None, [error.problem])
    rules = _Reading(file, content, known).rules(text, name)
    problems = sorted(file.problems, key=lambda problem: (problem.line, problem.path))
    sound = not any(problem.is_error for problem in problems)
    return Checked(name, rules if sound else None, problems)


class _Reading:
    """Reads the tables in the order of the file's parts."""

    def __init__(self, file: File, content: dict[str, Any], known: LocationsState | None) -> None:
        self._file = file
        self._top = Table(file, (), content)
        self._names: dict[str, KeyPath] = {}
        self._goods: list[str] = []
        self._currency = "EUR"
        locations = known.locations if known is not None else []
        self._locations = frozenset(one.location_id for one in locations)
        self._groups = frozenset(group for one in locations for group in one.groups)

    def rules(self, text: str, name: str) -> RoutingRules:
        """The whole of it."""
        top = self._top
        top.needed("currency", '"EUR"')
        self._currency = top.word("currency", sorted(EXPONENTS), "EUR")
        consolidate = top.word("consolidate", [str(one) for one in Consolidate], Consolidate.COST)
        sequence = top.texts("sequence")
        self._known((*top.path, "sequence"), sequence, self._locations, "location")
        goods = [self._goods_of(table) for table in top.tables("goods")]
        self._goods = [one.name for one in goods]
        calendars = [self._calendar(table) for table in top.tables("calendar")]
        zones = [self._zone(table) for table in top.tables("zone")]
        exclusions = [self._exclusion(table) for table in top.tables("exclude")]
        rules = [self._rule(table) for table in top.tables("rule")]
        top.end()
        if not rules:
            self._file.wrong((), "has no [[rule]]: no location would be tried for any order")
        number = len(goods) + len(calendars) + len(zones) + len(exclusions) + len(rules)
        if number > MAXIMUM_RULES:
            self._file.wrong((), f"has more than {MAXIMUM_RULES} rules")
        self._unreachable(rules)
        self._sequence(rules, sequence)
        return RoutingRules(
            0, hash_of(text), name, text, self._currency, rules, exclusions, goods, calendars,
            zones, sequence, consolidate,
        )  # fmt: skip

    def _name(self, table: Table) -> str:
        table.needed("name", '"warehouses-first"')
        name = table.text("name")
        path = (*table.path, "name")
        if name and not _NAME.fullmatch(name):
            self._file.wrong(
                path, f"{display(name)} is no name: small letters, digits and hyphens, at most 64"
            )
        elif name in self._names:
            line = self._file.line(self._names[name])
            self._file.wrong(path, f"{name!r} is the name of another one, on line {line}")
        elif name:
            self._names[name] = path
        return name

    def _goods_of(self, table: Table) -> Goods:
        name = self._name(table)
        table.needed("skus", '["BATTERY-*"]')
        found = Goods(name, table.line, table.texts("skus"))
        table.end()
        return found

    def _calendar(self, table: Table) -> Calendar:
        name = self._name(table)
        places = self._places(table, "for", ())
        for key, example in (("time_zone", '"Europe/Berlin"'), ("cut_off", '"14:00"')):
            table.needed(key, example)
        zone = table.text("time_zone", "UTC")
        if zone and zone not in time_zones():
            named = [one for one in time_zones() if "/" in one]
            table.wrong("time_zone", unknown(zone, named, "an IANA time zone"))
        cut_off, until = table.minute("cut_off", DAY_MINUTES), table.minute("leaves_until", 0)
        if "leaves_until" in table and until < cut_off:
            table.wrong("leaves_until", "is before the cut-off")
        found = Calendar(
            name, table.line, places, zone, table.texts("days", WEEKDAYS) or list(WORKDAYS),
            table.dates("holidays"), cut_off, table.whole("handling_days", 0, MAXIMUM_DAYS),
            until, table.duration("warn_before"),
        )  # fmt: skip
        table.end()
        return found

    def _zone(self, table: Table) -> Zone:
        name = self._name(table)
        places = self._places(table, "from", ("within_km",))
        for key, example in (("cost", '"4.90"'), ("transit_days", "1")):
            table.needed(key, example)
        found = Zone(
            name, table.line, places, self._countries(table, "to"), self._amount(table, "cost"),
            self._amount(table, "per_100_km"), self._amount(table, "per_piece"),
            table.whole("transit_days", 0, MAXIMUM_DAYS),
            table.texts("delivery_days", WEEKDAYS) or list(WORKDAYS),
            table.dates("delivery_holidays"),
            self._named_goods(table, "goods"), self._named_goods(table, "not_goods"),
        )  # fmt: skip
        both = sorted({*found.goods} & {*found.not_goods})
        if both:
            table.wrong("not_goods", f"{both[0]!r} stands in goods as well")
        table.end()
        return found

    def _exclusion(self, table: Table) -> Exclusion:
        name = self._name(table)
        table.needed("from", '{ kinds = ["store"] }')
        found = Exclusion(name, table.line, self._when(table), self._places(table, "from", ()))
        if not found.when.channels and found.when == OrderIs() and found.places == Places():
            self._file.wrong(table.path, "leaves out every location for every order")
        table.end()
        return found

    def _rule(self, table: Table) -> RoutingRule:
        name = self._name(table)
        words = [str(word) for word in Sort]
        found = RoutingRule(
            name, table.line, self._when(table), self._places(table, "from", _PLACES),
            table.texts("sort", words) or [Sort.SAME_COUNTRY.value, Sort.DISTANCE.value],
            table.word("otherwise", [str(word) for word in Otherwise], Otherwise.NEXT),
            table.whole("split", 1, MAXIMUM_SHIPMENTS), self._amount(table, "minimum"),
            self._amount(table, "surcharge"), table.duration("cancel_after"),
            table.flag("kits_together"),
        )  # fmt: skip
        if found.cancel_after_ms and found.otherwise == Otherwise.CANCEL:
            table.wrong("cancel_after", 'goes with what waits, and otherwise = "cancel" does not')
        self._by_stock(table, found.sort)
        for key in ("minimum", "kits_together"):
            if found.split == 1 and key in table:
                path = (*table.path, key)
                self._file.warn(path, "counts for nothing: split = 1 allows one shipment only")
        table.end()
        return found

    def _by_stock(self, table: Table, sort: Sequence[str]) -> None:
        for number, one in enumerate(sort[:-1]):
            if one in BY_STOCK:
                path = (*table.path, "sort", number)
                self._file.wrong(
                    path, f"{one} goes last: inventory decides by it among the locations that the"
                    " sorts before it put first",
                )  # fmt: skip

    def _when(self, table: Table) -> OrderIs:
        """Which orders; all where it is left out."""
        when = table.table("when")
        if when is None:
            return OrderIs()
        postal = [one.upper().replace(" ", "") for one in when.texts("postal_codes")]
        found = OrderIs(
            when.texts("channels"), when.texts("customer_groups"),
            self._countries(when, "countries"), self._countries(when, "not_countries"), postal,
            self._named_goods(when, "goods"), when.whole("pieces_at_least", 0, MAXIMUM_PIECES),
            when.whole("pieces_at_most", 1, MAXIMUM_PIECES), self._amount(when, "value_at_least"),
            self._amount(when, "value_below"),
        )  # fmt: skip
        if found.pieces_at_most and found.pieces_at_least > found.pieces_at_most:
            when.wrong("pieces_at_most", f"is below pieces_at_least, {found.pieces_at_least}")
        if found.value_below_minor and found.value_at_least_minor >= found.value_below_minor:
            when.wrong("value_below", "is not over value_at_least: no order fits")
        both = sorted({*found.countries} & {*found.not_countries})
        if both:
            when.wrong("not_countries", f"{both[0]!r} stands in countries as well")
        when.end()
        return found

    def _places(self, table: Table, key: str, more: Collection[str]) -> Places:
        """Which locations; all where it is left out. `more` are further keys that it may have."""
        places = table.table(key)
        if places is None:
            return Places()
        for one in _PLACES:
            if one in places and one not in more:
                places.wrong(one, "is asked for only by a [[rule]]")
        found = Places(
            places.texts("kinds", [str(kind) for kind in Kind]), places.texts("groups"),
            self._countries(places, "countries"), places.texts("locations"),
            places.flag("same_country"), places.whole("within_km", 1, MAXIMUM_KM),
            places.whole("capacity_left_percent", 1, 100), places.flag("before_cut_off"),
            places.whole("promise_within_days", 1, MAXIMUM_DAYS),
            self._amount(places, "cost_at_most"),
        )  # fmt: skip
        self._known((*places.path, "groups"), found.groups, self._groups, "group")
        self._known((*places.path, "locations"), found.locations, self._locations, "location")
        places.end()
        return found

    def _known(
        self, path: KeyPath, names: Sequence[str], known: Collection[str], what: str
    ) -> None:
        for number, name in enumerate(names):
            if known and name not in known:
                self._file.warn((*path, number), unknown(name, known, f"a known {what}"))

    def _countries(self, table: Table, key: str) -> list[str]:
        found = table.texts(key)
        for number, code in enumerate(found):
            if not _COUNTRY.fullmatch(code):
                self._file.wrong(
                    (*table.path, key, number),
                    f"{display(code)} is no country; write it in two capitals as ISO 3166-1 does",
                )
        return found

    def _named_goods(self, table: Table, key: str) -> list[str]:
        value = table.value(key)
        if value is None:
            return []
        path = (*table.path, key)
        if not self._goods:
            self._file.wrong(path, "no [[goods]] say which SKUs they are")
            return []
        return checked_texts(self._file, path, value, self._goods, "named by a [[goods]]")

    def _amount(self, table: Table, key: str) -> int:
        """An amount in the file's currency, 0 or more; 0 where there is none."""
        value = table.value(key)
        if value is None:
            return 0
        try:
            found = minor(value, self._currency, key)
        except InvalidMoney as error:
            table.wrong(key, f'{str(error).partition(": ")[2]}; write it as "4.90"')
            return 0
        if not 0 <= found <= MAXIMUM_MINOR:
            table.wrong(key, f"{display(value)} is below 0 or too large")
            return 0
        return found

    def _unreachable(self, rules: Iterable[RoutingRule]) -> None:
        """Warn of rules behind one that ends every search, and of orders that none speaks of."""
        rules = list(rules)
        if rules and all(rule.when != OrderIs() for rule in rules):
            self._file.warn(
                ("rule", len(rules) - 1),
                "is the last rule, and none is without `when`: an order that no rule speaks of"
                " waits for a person",
            )
        last = ""
        for number, rule in enumerate(rules):
            if last:
                self._file.warn(
                    ("rule", number), f"is never asked: {last!r} ends the search for every order"
                )
            elif rule.when == OrderIs() and rule.otherwise != Otherwise.NEXT:
                last = rule.name

    def _sequence(self, rules: Sequence[RoutingRule], sequence: Sequence[str]) -> None:
        asked = next((n for n, rule in enumerate(rules) if Sort.SEQUENCE in rule.sort), None)
        if asked is not None and not sequence:
            self._file.wrong(("rule", asked, "sort"), "sequence: there is no such list at the top")
        if sequence and asked is None:
            self._file.warn(("sequence",), "no rule sorts by it")
