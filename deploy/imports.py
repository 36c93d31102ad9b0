"""What can be loaded from CSV files: the columns of each kind, and what is sent of a row.

    counts      a position a row                                    SetStock
    skus        how a SKU is handled; further rows of it have       SetSku
                further reorder rules
    locations   a location a row                                    RegisterLocation
    offers      what a supplier asks for a SKU                      SetOffer

A row of `skus` says everything about its SKU: what it leaves empty is so no longer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

from deploy import stock
from deploy.csvfile import (
    BadField,
    choice,
    coordinates,
    country,
    identifier,
    name,
    pairs,
    parts,
    pieces,
    share,
    yes,
)
from deploy.stock import MAXIMUM_LOCATIONS, BadFile, Rooms, everywhere
from schemas.locations import Kind, RegisterLocation
from schemas.messages import Send
from schemas.money import InvalidMoney, currency, minor
from schemas.purchasing import SetOffer
from schemas.stock import (
    ChannelThreshold,
    Component,
    Quota,
    ReorderRule,
    SetSku,
    UnitOfMeasure,
)
from schemas.topics import INVENTORY_COMMANDS, PURCHASING_COMMANDS

Fields = dict[str, str]
"""The cells of a row, by column."""
Thing = TypeVar("Thing")
TRACKINGS = ("", "lot", "serial")
CHANNEL, GROUP = "channel", "group"
MAXIMUM_DAYS = 3_650
REORDER = ("lead_time_days", "service_level", "reorder_point", "review_days", "minimum", "multiple")
SERVICE_LEVEL = "0.95"


@dataclass(frozen=True)
class Format(Generic[Thing]):
    """One kind of file."""

    things: str
    """what its rows are, for people"""
    required: tuple[str, ...]
    optional: tuple[str, ...]
    read: Callable[[list[Fields]], Thing]
    """the rows that are one thing, in the order of the file; raises BadField"""
    send: Callable[[Iterable[Thing]], Iterator[Send]]
    """raises BadFile"""
    one: str = ""
    """neighbours with the same value of this column are one thing; else each row is"""


def counts(cause: str, partitions: Callable[[], int]) -> Format[stock.Position]:
    """Counted positions, and what the rows say of their locations."""
    return Format(
        "positions",
        stock.REQUIRED,
        stock.OPTIONAL,
        lambda rows: stock.parsed(rows[0]),
        lambda found: stock.commands(found, cause, partitions()),
    )


def skus(actor: str) -> Format[SetSku]:
    """How SKUs are handled."""
    return Format(
        "SKUs",
        ("sku",),
        ("tracking", "low_at", "units", "thresholds", "quotas", "components", "reorder_location",
         *REORDER),
        lambda rows: _sku(rows, actor),
        lambda found: (Send(INVENTORY_COMMANDS, one.sku, one) for one in found),
        one="sku",
    )  # fmt: skip


def locations(rooms: Callable[[], Rooms]) -> Format[RegisterLocation]:
    """Locations."""
    return Format(
        "locations",
        ("location",),
        ("name", "country", "latitude", "longitude", "kind", "groups", "daily_capacity"),
        lambda rows: _location(rows[0]),
        lambda found: _registered(found, rooms()),
    )


def offers(actor: str) -> Format[SetOffer]:
    """What suppliers ask."""
    return Format(
        "offers",
        ("sku", "supplier", "price", "currency", "lead_time_days"),
        ("supplier_sku", "minimum", "multiple", "active"),
        lambda rows: _offer(rows[0], actor),
        lambda found: (Send(PURCHASING_COMMANDS, one.sku, one) for one in found),
    )


def _sku(rows: list[Fields], actor: str) -> SetSku:
    first = rows[0]
    sku = identifier(first.get("sku"), "sku")
    tracking = (first.get("tracking") or "").strip().lower()
    if tracking not in TRACKINGS:
        raise BadField("tracking", f"{tracking[:40]!r} is neither empty nor lot nor serial")
    made = pairs(first.get("components"), "components", 1)
    if made and tracking:
        raise BadField("tracking", "is of a kit, which has no stock of its own")
    if sku in dict(made):
        raise BadField("components", "the kit is its own component")
    quotas = _quotas(first.get("quotas"))
    if made and quotas:
        raise BadField("quotas", "are of a kit; pieces are kept of its components")
    return SetSku(
        sku=sku,
        thresholds=[
            ChannelThreshold(channel, number)
            for channel, number in pairs(first.get("thresholds"), "thresholds", 0)
        ],
        quotas=quotas,
        units=[UnitOfMeasure(*unit) for unit in pairs(first.get("units"), "units", 1)],
        components=[Component(*part) for part in made],
        tracking=tracking,
        low_at=pieces(first.get("low_at") or "0", "low_at"),
        reorder=_reorder(rows),
        actor=actor,
    )


def _quotas(text: str | None) -> list[Quota]:
    """`vip:group=gold:100;web-only:channel=web:50`."""
    found: dict[str, Quota] = {}
    for part in parts(text):
        quota_id, _, rest = part.partition(":")
        whose, _, number = rest.rpartition(":")
        kind, equals, value = whose.partition("=")
        if not equals or kind.strip() not in (CHANNEL, GROUP):
            raise BadField(
                "quotas",
                f"{part[:40]!r} is not written as ID:channel=NAME:PIECES or ID:group=NAME:PIECES",
            )
        key, owner = identifier(quota_id, "quotas"), identifier(value, "quotas")
        if key in found:
            raise BadField("quotas", f"{key!r} stands there twice")
        of_channel = kind.strip() == CHANNEL
        found[key] = Quota(
            quota_id=key,
            channel=owner if of_channel else "",
            customer_group="" if of_channel else owner,
            quantity=pieces(number, "quotas"),
            consumed=0,
        )
    return list(found.values())


def _reorder(rows: list[Fields]) -> list[ReorderRule]:
    """One rule a row; a row after the first has nothing else to say."""
    found: dict[str, ReorderRule] = {}
    for number, row in enumerate(rows):
        try:
            rule = _rule(row)
        except BadField as error:
            raise BadField(error.field, error.why, number) from error
        if rule is None:
            if number:
                raise BadField("reorder_location", "is empty in a further row of the SKU", number)
            continue
        if rule.location_id in found:
            raise BadField("reorder_location", "has a rule of this SKU already", number)
        found[rule.location_id] = rule
        beyond = {"sku", "reorder_location", *REORDER}
        for column, value in row.items() if number else ():
            if column not in beyond and value.strip() not in ("", rows[0].get(column, "").strip()):
                raise BadField(column, "is not what the first row of the SKU says", number)
    return list(found.values())


def _rule(row: Fields) -> ReorderRule | None:
    """None where the row has none."""
    if not (row.get("reorder_location") or "").strip():
        for column in REORDER:
            if (row.get(column) or "").strip():
                raise BadField("reorder_location", f"is empty, but {column} is not")
        return None
    return ReorderRule(
        location_id=identifier(row.get("reorder_location"), "reorder_location"),
        lead_time_days=_days(row.get("lead_time_days"), "lead_time_days"),
        service_level=share(row.get("service_level") or SERVICE_LEVEL, "service_level"),
        reorder_point=pieces(row.get("reorder_point") or "0", "reorder_point"),
        review_days=_days(row.get("review_days") or "0", "review_days"),
        minimum=pieces(row.get("minimum") or "0", "minimum"),
        multiple=pieces(row.get("multiple") or "0", "multiple"),
    )


def _days(text: str | None, field: str) -> int:
    days = pieces(text, field)
    if days > MAXIMUM_DAYS:
        raise BadField(field, f"is more than {MAXIMUM_DAYS} days")
    return days


def _location(row: Fields) -> RegisterLocation:
    latitude, longitude = coordinates(row)
    return RegisterLocation(
        location_id=identifier(row.get("location"), "location"),
        name=name(row.get("name"), "name"),
        country=country(row.get("country")),
        latitude=latitude,
        longitude=longitude,
        active=True,
        kind=choice(row.get("kind"), "kind", Kind),
        groups=[identifier(group, "groups") for group in parts(row.get("groups"))],
        daily_capacity=pieces(row.get("daily_capacity") or "0", "daily_capacity"),
    )


def _registered(found: Iterable[RegisterLocation], rooms: Rooms) -> Iterator[Send]:
    told: set[str] = set()
    for one in found:
        told.add(one.location_id)
        if len(told) > MAXIMUM_LOCATIONS:
            raise BadFile(f"more than {MAXIMUM_LOCATIONS} locations")
        yield from everywhere(one.location_id, one, rooms)


def _offer(row: Fields, actor: str) -> SetOffer:
    try:
        code = currency((row.get("currency") or "").strip().upper())
        price = minor((row.get("price") or "").strip(), code, "price")
    except InvalidMoney as error:
        field, _, why = str(error).partition(": ")
        raise BadField(field, why) from error
    if price < 0:
        raise BadField("price", "is below 0")
    return SetOffer(
        sku=identifier(row.get("sku"), "sku"),
        supplier_id=identifier(row.get("supplier"), "supplier"),
        supplier_sku=name(row.get("supplier_sku"), "supplier_sku"),
        price_minor=price,
        currency=code,
        lead_time_days=_days(row.get("lead_time_days"), "lead_time_days"),
        minimum=pieces(row.get("minimum") or "0", "minimum"),
        multiple=pieces(row.get("multiple") or "0", "multiple"),
        active=yes(row.get("active"), "active"),
        actor=actor,
    )
