"""Routing files: what is wrong in one is told with its line, and nothing else is."""

from __future__ import annotations

from pathlib import Path

import pytest

from deploy.routing import MAXIMUM_BYTES, BadRouting, check, load
from schemas.locations import LocationsState
from schemas.routing import RoutingRule
from tests.unit.streams.routing_world import EVERY

HEAD = 'currency = "EUR"\n'
RULE = '[[rule]]\nname = "all"\n'
GOODS = '[[goods]]\nname = "cold"\nskus = ["COLD-*"]\n'
ZONE = '[[zone]]\nname = "parcel"\ncost = "4.90"\ntransit_days = 1\n'
CALENDAR = '[[calendar]]\nname = "c"\ntime_zone = "Europe/Berlin"\ncut_off = "14:00"\n'


def problems(text: str, known: LocationsState | None = None) -> list[str]:
    return [one.text("f") for one in check(text, "f", known).problems]


def only_rule(text: str) -> RoutingRule:
    checked = check(HEAD + text, "f")
    assert checked.rules is not None, checked.problems
    return checked.rules.rules[0]


def test_a_rule_says_as_little_as_its_name() -> None:
    made = only_rule(RULE)
    assert made.sort == ["same_country", "distance"]
    assert made.otherwise == "next"


def test_everything_that_a_rule_says_is_read() -> None:
    made = only_rule(
        '[[rule]]\nname = "a"\nwhen = { channels = ["edi"], postal_codes = ["75 0"],'
        ' value_at_least = "20.00" }\nfrom = { kinds = ["store"], within_km = 8,'
        ' cost_at_most = "9.99" }\nsort = ["cost", "distance"]\notherwise = "backorder"\n'
        'split = 2\nminimum = "15.00"\nsurcharge = "0.80"\ncancel_after = "14d"\n'
    )
    assert made.when.postal_codes == ["750"]
    assert made.when.value_at_least_minor == 2_000
    assert (made.places.within_km, made.places.cost_at_most_minor) == (8, 999)
    assert (made.split, made.minimum_minor, made.surcharge_minor) == (2, 1_500, 80)
    assert made.cancel_after_ms == 14 * 86_400_000


def test_a_calendar_says_until_when_it_leaves_and_how_early_that_is_a_risk() -> None:
    bare = check(HEAD + RULE + CALENDAR, "f").rules
    more = check(
        HEAD + RULE + CALENDAR + 'leaves_until = "18:30"\nwarn_before = "90m"\n', "f"
    ).rules
    assert bare is not None
    assert more is not None
    assert (bare.calendars[0].leave_minute, bare.calendars[0].warn_before_ms) == (0, 0)
    assert (more.calendars[0].leave_minute, more.calendars[0].warn_before_ms) == (1_110, 5_400_000)


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("rule = [", 1, "is not TOML"),
        (RULE, 1, "currency is missing"),
        ('currency = "XXZ"\n' + RULE, 1, "is not one of"),
        (HEAD, 1, "has no [[rule]]"),
        (HEAD + RULE + 'sort = ["distance", "cheap"]\n', 4, "'cheap' is not known"),
        (HEAD + RULE + 'otherwise = "wait"\n', 4, "'wait' is not one of"),
        (HEAD + RULE + "split = 0\n", 4, "0 is not within 1 and 100"),
        (HEAD + RULE + 'minimum = "1.999"\n', 4, "minimum"),
        (HEAD + RULE + "minimum = 1.5\n", 4, 'write it as "4.90"'),
        (HEAD + RULE + 'surcharge = "-1"\n', 4, "is below 0"),
        (HEAD + RULE + "sprlit = 2\n", 4, "did you mean split?"),
        (HEAD + RULE + 'from = { kind = ["store"] }\n', 4, "did you mean kinds?"),
        (HEAD + RULE + 'from = { kinds = ["shop"] }\n', 4, "'shop' is not known"),
        (HEAD + RULE + 'from = { countries = ["Germany"] }\n', 4, "is no country"),
        (HEAD + RULE + "from = { within_km = -1 }\n", 4, "-1 is not within"),
        (HEAD + RULE + 'when = { goods = ["cold"] }\n', 4, "no [[goods]] say which SKUs"),
        (HEAD + GOODS + RULE + 'when = { goods = ["clod"] }\n', 7, "did you mean cold?"),
        (HEAD + RULE + 'when = { channels = "edi" }\n', 4, "is no list"),
        (HEAD + RULE + "when = { pieces_at_least = 3, pieces_at_most = 2 }\n", 4, "is below"),
        (
            HEAD + RULE + 'when = { value_at_least = "5", value_below = "5" }\n',
            4,
            "no order fits",
        ),
        (
            HEAD + RULE + 'when = { countries = ["DE"], not_countries = ["DE"] }\n',
            4,
            "stands in countries as well",
        ),
        (HEAD + RULE + RULE, 5, "is the name of another one, on line 3"),
        (HEAD + RULE + '[[rule]]\nname = "No Name"\n', 5, "is no name"),
        (HEAD + RULE + 'sort = ["sequence"]\n', 4, "there is no such list at the top"),
        (HEAD + RULE + 'otherwise = "cancel"\ncancel_after = "1d"\n', 5, "does not"),
        (HEAD + RULE + '[[zone]]\nname = "z"\n', 4, "cost is missing"),
        (HEAD + RULE + ZONE + 'to = ["de"]\n', 8, "is no country"),
        (
            HEAD + GOODS + RULE + ZONE + 'goods = ["cold"]\nnot_goods = ["cold"]\n',
            12,
            "stands in goods as well",
        ),
        (HEAD + RULE + ZONE + "from = { before_cut_off = true }\n", 8, "only by a [[rule]]"),
        (HEAD + RULE + CALENDAR.replace("Berlin", "Berlni"), 6, "did you mean Europe/Berlin?"),
        (HEAD + RULE + CALENDAR + 'leaves_until = "00:30"\n', 8, "is before the cut-off"),
        (HEAD + RULE + CALENDAR + 'warn_before = "soon"\n', 8, "is no duration"),
        (HEAD + RULE + CALENDAR + 'days = ["monday"]\n', 8, "'monday' is not known"),
        (HEAD + RULE + CALENDAR + 'holidays = ["2026-01-01"]\n', 8, "is no day"),
        (HEAD + RULE + '[[exclude]]\nname = "x"\n', 4, "from is missing"),
        (HEAD + RULE + '[[exclude]]\nname = "x"\nfrom = {}\n', 4, "leaves out every location"),
        (HEAD + "rule = 3\n", 2, "write [[rule]]"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(text: str, line: int, message: str) -> None:
    told = problems(text)
    assert any(one.startswith(f"f:{line}: ") and message in one for one in told), told
    assert check(text, "f").rules is None


def test_a_sort_by_stock_goes_last_for_inventory_decides_by_it() -> None:
    told = problems(HEAD + RULE + 'sort = ["overstock", "distance"]\n')
    assert len(told) == 1
    assert "overstock goes last" in told[0]
    assert problems(HEAD + RULE + 'sort = ["distance", "age"]\n') == []


def test_everything_that_is_wrong_is_told_at_once() -> None:
    told = problems(RULE + "split = 0\nsprlit = 1\n")
    assert len(told) == 3


def test_a_rule_behind_one_that_ends_every_search_is_warned_of() -> None:
    text = HEAD + '[[rule]]\nname = "end"\notherwise = "queue"\n' + RULE
    assert problems(text) == ["f:5: warning: rule[2]: is never asked: 'end' ends the search for"
                              " every order"]  # fmt: skip
    assert check(text, "f").rules is not None


def test_orders_that_no_rule_speaks_of_are_warned_of() -> None:
    told = problems(HEAD + RULE + 'when = { countries = ["DE"] }\n')
    assert told == [
        "f:2: warning: rule[1]: is the last rule, and none is without `when`: an order that no rule"
        " speaks of waits for a person"
    ]


def test_what_one_shipment_never_needs_is_warned_of() -> None:
    told = problems(HEAD + RULE + 'split = 1\nminimum = "15.00"\nkits_together = true\n')
    assert [one.partition(" warning: ")[2] for one in told] == [
        "rule[1].minimum: counts for nothing: split = 1 allows one shipment only",
        "rule[1].kits_together: counts for nothing: split = 1 allows one shipment only",
    ]
    assert problems(HEAD + RULE + "split = 2\nkits_together = true\n") == []


def test_places_that_are_not_known_are_warned_of() -> None:
    text = HEAD + RULE + 'from = { groups = ["store"], locations = ["berlim"] }\n'
    told = problems(text, LocationsState(list(EVERY)))
    assert "did you mean stores?" in told[0]
    assert "did you mean berlin?" in told[1]
    assert problems(text) == []


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    large, latin = tmp_path / "large.toml", tmp_path / "latin.toml"
    large.write_bytes(b"#" * (MAXIMUM_BYTES + 1))
    latin.write_bytes(b"# a\n# \xe9\n")
    for path, message in (
        (large, "is larger than"),
        (latin, "latin.toml:2: is not UTF-8"),
        (tmp_path / "none.toml", "No such file"),
    ):
        with pytest.raises(BadRouting, match=message):
            load(path)
