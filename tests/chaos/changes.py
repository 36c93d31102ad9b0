"""What customers, staff and locations do to orders while these are on their way.

`plan` gives, for one order, what is asked of it and how many seconds after it was sent. Much of it
comes too early, too late or for something that is not there any more, and is then refused.
"""

from __future__ import annotations

import random
from typing import Any

from schemas.fulfillment_moves import (
    MergeFulfillmentOrders,
    MoveFulfillmentOrder,
    RedirectShipment,
    SplitFulfillmentOrder,
)
from schemas.fulfillment_work import (
    AcceptFulfillmentOrder,
    CarrierKind,
    PackedLine,
    PackedParcel,
    RecordCarrierEvent,
    RecordPacked,
    RejectFulfillmentOrder,
    ReportShort,
    ShipFulfillmentOrder,
    StartPicking,
)
from schemas.orders import (
    Address,
    AmendOrder,
    CancelOrder,
    HoldOrder,
    LineQuantity,
    OrderLine,
    RecordShipment,
    RefundOrder,
    ReleaseHold,
    ShippedLine,
)
from schemas.payments import RefundPayment
from tests.load import CHANNEL, CITIES, LOCATIONS, OrderCommand, WorkCommand

AMEND_SHARE = 0.06
CANCEL_LINE_SHARE = 0.03
HOLD_SHARE = 0.04
SHIP_SHARE = 0.25
WORK_SHARE = 0.20
"""orders that a location works on, step by step"""
REJECT_SHARE = 0.3
SHORT_SHARE = 0.25
REARRANGE_SHARE = 0.4
"""of those"""
REFUND_SHARE = 0.05
"""as much by hand as by line"""
TWICE_SHARE = 0.1
"""of all commands"""
BY_HAND = "by-hand"
"""refunds with such an id are nobody's but ours"""
STAFF = "staff-7"
NEW_LINE_MINOR = 1_999

Asked = tuple[float, OrderCommand | WorkCommand]


def plan(chance: random.Random, document: dict[str, Any], now_ms: int) -> list[Asked]:
    """Commands to the order that `document` makes, by when they are due."""
    order_id = f"{CHANNEL}-{document['external_id']}"
    asked: list[Asked] = []
    if chance.random() < AMEND_SHARE:
        asked.append((chance.uniform(0, 4), _amendment(chance, order_id, document, now_ms)))
    if len(document["lines"]) > 1 and chance.random() < CANCEL_LINE_SHARE:
        line_id = chance.choice(document["lines"])["line_id"]
        one = CancelOrder(order_id, "one thing less", now_ms, [line_id], STAFF)
        asked.append((chance.uniform(0, 8), one))
    if chance.random() < HOLD_SHARE:
        asked += _hold(chance, order_id, now_ms)
    draw = chance.random()
    if draw < SHIP_SHARE:
        asked += _shipments(chance, order_id, document, now_ms)
    elif draw < SHIP_SHARE + WORK_SHARE:
        asked += _work(chance, order_id, document, now_ms)
    asked += [
        (at + chance.uniform(0, 3), one) for at, one in asked if chance.random() < TWICE_SHARE
    ]
    return asked


def _amendment(
    chance: random.Random, order_id: str, document: dict[str, Any], now_ms: int
) -> AmendOrder:
    add: list[OrderLine] = []
    remove: list[str] = []
    quantities: list[LineQuantity] = []
    line_id = chance.choice(document["lines"])["line_id"]
    match chance.randrange(3):
        case 0:
            sku = f"SKU-{chance.randrange(1_000):04d}"
            add = [OrderLine("new", sku, chance.randint(1, 3), NEW_LINE_MINOR)]
        case 1:
            remove = [line_id]
        case _:
            quantities = [LineQuantity(line_id, chance.randint(1, 5))]
    return AmendOrder(
        order_id, "a-1", -1, add, remove, quantities, [], "", -1, [], "on second thoughts", STAFF,
        now_ms,
    )  # fmt: skip


def _hold(chance: random.Random, order_id: str, now_ms: int) -> list[Asked]:
    at = chance.uniform(0, 1)
    until = now_ms + chance.randint(3_000, 12_000) if chance.random() < 0.5 else 0
    then = chance.choice(("release", "cancel"))
    hold = HoldOrder(order_id, "h-1", "manual", "looks odd", until, then, STAFF, now_ms)
    release = ReleaseHold(order_id, "h-1", "it is not", STAFF, now_ms)
    # Twice, because the first may come before the order and its hold.
    return [(at, hold), (at + chance.uniform(2, 6), release), (30.0, release)]


def _shipments(
    chance: random.Random, order_id: str, document: dict[str, Any], now_ms: int
) -> list[Asked]:
    lines = document["lines"]
    cut = chance.randrange(len(lines)) if len(lines) > 1 else 0
    parcels = [part for part in (lines[:cut], lines[cut:]) if part]
    began = chance.uniform(5, 9)
    asked: list[Asked] = []
    for number, parcel in enumerate(parcels, start=1):
        shipped = [ShippedLine(line["line_id"], line["quantity"]) for line in parcel]
        one = RecordShipment(order_id, f"s-{number}", shipped, now_ms, "", "post", f"T{number}")
        asked.append((began + number * chance.uniform(0, 2), one))
    if chance.random() < REFUND_SHARE / SHIP_SHARE:
        refund = RefundPayment(order_id, f"{BY_HAND}-1", chance.randint(1, 500), "goodwill")
        asked.append((began + chance.uniform(4, 8), refund))
    elif chance.random() < REFUND_SHARE / SHIP_SHARE:
        asked += _refund(chance, order_id, lines, began, now_ms)
    return asked


def _work(
    chance: random.Random, order_id: str, document: dict[str, Any], now_ms: int
) -> list[Asked]:
    """A location works on the order, or gives it back, and the next one works on it; staff may move
    it before, have a line leave by itself, or have it go elsewhere.

    How the order is divided is not known here: what does not fit its fulfillment orders is refused.
    """
    began = chance.uniform(4, 8)
    asked: list[Asked] = []
    number, lines = 1, list(document["lines"])
    if chance.random() < REJECT_SHARE:
        name = f"{order_id}/{number}"
        asked.append((began, RejectFulfillmentOrder(order_id, name, "no time", "store-3")))
        number, began = number + 1, began + chance.uniform(1, 4)
    if chance.random() < REARRANGE_SHARE:
        changed = _rearranged(chance, order_id, f"{order_id}/{number}", document, now_ms)
        asked += [(began + chance.uniform(0, 1), one) for one in changed]
        match changed[0]:
            case MoveFulfillmentOrder():
                number, began = number + 1, began + chance.uniform(1, 4)
            case SplitFulfillmentOrder(line_ids=[line_id]) if len(changed) == 1:
                part = [line for line in lines if line["line_id"] == line_id]
                lines = [line for line in lines if line["line_id"] != line_id]
                asked += _sent(order_id, f"{order_id}/{number + 1}", part, began + 2, now_ms)
    name = f"{order_id}/{number}"
    if chance.random() < SHORT_SHARE and lines:
        missing = chance.choice(lines)
        short = ReportShort(order_id, name, missing["line_id"], 1, "store-4")
        asked.append((began + chance.uniform(0.5, 2), short))
        lines.remove(missing)
    asked += _sent(order_id, name, lines, began + chance.uniform(0, 1), now_ms)
    return asked + _carriage(chance, order_id, name, began + 5, now_ms)


def _sent(
    order_id: str, name: str, lines: list[dict[str, Any]], began: float, now_ms: int
) -> list[Asked]:
    """A location accepts, picks, packs and ships these lines, a second after each other."""
    pieces = [PackedLine(line["line_id"], line["quantity"]) for line in lines]
    parcel = PackedParcel("p-1", 1_200, 300, 200, 100, pieces)
    return [
        (began, AcceptFulfillmentOrder(order_id, name, "store-4")),
        (began + 1, StartPicking(order_id, name, "store-4")),
        (began + 3, RecordPacked(order_id, name, [parcel], "store-4")),
        (began + 4, ShipFulfillmentOrder(order_id, name, "post", "", f"T{name}", now_ms,
                                         "store-4")),
    ]  # fmt: skip


def _rearranged(
    chance: random.Random, order_id: str, name: str, document: dict[str, Any], now_ms: int
) -> list[OrderCommand | WorkCommand]:
    """Staff moves, splits, merges or redirects a fulfillment order. Whichever one then has a line,
    the others are refused it."""
    line_id = chance.choice(document["lines"])["line_id"]
    part = f"{order_id}/{int(name.rpartition('/')[2]) + 1}"
    split = SplitFulfillmentOrder(order_id, name, [line_id], STAFF)
    match chance.randrange(4):
        case 0:
            to, *_ = chance.choice(LOCATIONS)
            lines = [line_id] if chance.random() < 0.3 else []
            return [MoveFulfillmentOrder(order_id, name, to, lines, "nearer", STAFF)]
        case 1:
            return [split]
        case 2:
            return [split, MergeFulfillmentOrders(order_id, name, part, STAFF)]
    city, country, postal_code, latitude, longitude = chance.choice(CITIES)
    there = Address("", "", "", city, "", postal_code, country, latitude, longitude)
    return [
        RedirectShipment(
            order_id, "r-1", name, 1, [there], "", b"", 0, False, "moved house", STAFF, now_ms
        )
    ]


def _carriage(
    chance: random.Random, order_id: str, name: str, began: float, now_ms: int
) -> list[Asked]:
    """What a carrier tells: late, in disorder, and some of it of parcels that never left."""
    end = chance.choices(
        (CarrierKind.DELIVERED, CarrierKind.LOST, CarrierKind.RETURNED_TO_SENDER), (8, 1, 1)
    )[0]
    told = [CarrierKind.IN_TRANSIT, CarrierKind.EXCEPTION, CarrierKind.IN_TRANSIT, end]
    asked: list[Asked] = []
    for number, kind in enumerate(told, start=1):
        event = RecordCarrierEvent(
            order_id, name, f"e-{number}", kind, "", now_ms + number * 1_000, "", "post"
        )
        asked.append((began + chance.uniform(0, 6), event))
    return asked


def _refund(
    chance: random.Random, order_id: str, lines: list[dict[str, Any]], began: float, now_ms: int
) -> list[Asked]:
    """Some pieces come back, or a sum is given back; twice, for the money may not be there yet."""
    line = chance.choice(lines)
    pieces = [ShippedLine(line["line_id"], chance.randint(1, line["quantity"]))]
    shipping, amount = chance.choice(((-1, 0), (0, 0), (-1, 100)))
    if chance.random() < 0.2:
        pieces, amount = [], 100
    refund = RefundOrder(order_id, "back-1", pieces, shipping, amount, "came back", STAFF, now_ms)
    return [(began + chance.uniform(4, 8), refund), (began + chance.uniform(12, 20), refund)]
