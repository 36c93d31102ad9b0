"""What comes from outside: orders, changes, holds and cancellations, in any order, and stock."""

from __future__ import annotations

import random

from msgspec.structs import replace

from schemas.locations import RegisterLocation, SwitchLocation
from schemas.orders import (
    AmendOrder,
    CancelOrder,
    HoldOrder,
    LineKind,
    LineQuantity,
    OrderLine,
    PlaceOrder,
    ReleaseHold,
    Tender,
)
from schemas.policies import (
    POLICY_KEY,
    Condition,
    Field,
    HoldRule,
    HoldTerms,
    IntakeRule,
    Measure,
    Number,
    Operator,
    Policy,
    SetPolicy,
)
from schemas.records import Record
from schemas.stock import Component, ExpectSupply, ReceiveStock, SetSku, SetStock
from schemas.topics import INVENTORY_COMMANDS, ORDERS_COMMANDS
from schemas.totals import recomputed_total
from tests.properties.saga_rules import rules_set
from tests.properties.saga_world import PARTITIONS, Outside, World
from tests.unit.streams.memory import NOW, place

SKUS = ("MUG", "TEE", "CAP")
KIT, PARTS = "SET", (Component("MUG", 1), Component("CAP", 2))
LOCATIONS = (("BER", "DE", 52.5, 13.4), ("HAM", "DE", 53.6, 10.0), ("POZ", "PL", 52.4, 16.9))


def from_outside(chance: random.Random, orders: int) -> list[Outside]:
    """Orders of scarce stock, some twice, some changed, some cancelled, and stock, in any order."""
    commands: list[Outside] = []

    def at_any_time(topic: str, key: str, record: Record, earliest: int = 0) -> None:
        commands.insert(chance.randint(earliest, len(commands)), (topic, key, record))

    for number in range(orders):
        order_id = f"shop-{number}"
        order = any_order(chance, order_id)
        placed: Outside = (ORDERS_COMMANDS.name, order_id, order)
        commands.extend([placed] * chance.choice([1, 1, 2]))
        for command in wishes(chance, order):
            # Mostly behind the order, as it should be.
            earliest = len(commands) if chance.random() < 0.8 else 0
            at_any_time(ORDERS_COMMANDS.name, order_id, command, earliest)
    for command in arrivals(chance):
        at_any_time(INVENTORY_COMMANDS.name, command.sku, command)
    if chance.random() < 0.3:
        at = 0
        for switch in switches(chance):
            at = min(len(commands), at + chance.randint(0, 2))
            commands.insert(at, switch)
    if chance.random() < 0.2:
        for one in rules_set(chance, 2):
            commands.insert(chance.randint(0, len(commands)), one)
    return commands


def any_order(chance: random.Random, order_id: str) -> PlaceOrder:
    """An order of some lines, most of them goods, paid in one way or two."""
    lines = [
        OrderLine(str(index), chance.choice([*SKUS, *SKUS, KIT]), chance.randint(1, 2), 700)
        for index in range(chance.randint(1, 3))
    ]
    if chance.random() < 0.1:
        lines[0] = replace(lines[0], pickup_location_id=chance.choice(LOCATIONS)[0])
    if chance.random() < 0.1:
        lines[0] = OrderLine("0", "", 1, 701, kind=LineKind.GIFT_CARD)
    elif chance.random() < 0.1:
        lines = [
            OrderLine("b", "", 1, 999, kind=LineKind.BUNDLE),
            *(replace(line, unit_price_minor=0, parent_line_id="b") for line in lines),
        ]
    method = chance.choice(["card", "card", "channel"])
    order = place(
        order_id,
        method=method,
        backorder=chance.random() < 0.5,
        priority=chance.choice([0, 0, 0, 5]),
    )
    order = replace(
        order,
        lines=lines,
        shipping_minor=chance.choice([0, 499]),
        discount_minor=chance.choice([0, 100, 333]),
        customer_id=chance.choice(["", "", "c-1", "c-2"]),
    )
    total = max(0, recomputed_total(order) + chance.choice([0, 0, 0, 1]))
    paid = total - chance.choice([0, 0, 1]) if method == "channel" else 0
    tenders = []
    if method == "card" and chance.random() < 0.3:
        tenders = [Tender("g", "gift_card", 0, "gift"), Tender("1", "card", 0, "tok")]
    elif chance.random() < 0.1:
        tenders = [Tender("1", "invoice", 0, terms_days=14)]
    return replace(order, total_minor=total, paid_minor=paid, tenders=tenders)


def wishes(chance: random.Random, order: PlaceOrder) -> list[Record]:
    """What people and the channel want of the order, in any order; some of it cannot be."""
    order_id = order.order_id
    commands: list[Record] = [
        CancelOrder(order_id, chance.choice(["", "no"]), NOW)
        for _ in range(chance.choice([0] * 8 + [1, 2]))
    ]
    for number in range(chance.choice([0, 0, 1, 2, 3])):
        amendment = _amendment(chance, order, f"a-{number}")
        commands += [amendment] * chance.choice([1, 1, 2])
    if chance.random() < 0.2:
        line_ids = [chance.choice(order.lines).line_id]
        commands.append(CancelOrder(order_id, "one less", NOW, line_ids, "jo"))
    if chance.random() < 0.3:
        commands.append(_newer(chance, order))
    for number in range(chance.choice([0, 0, 0, 1, 2])):
        until_ms = NOW + chance.choice([0, 1_000, 7_200_000]) if chance.random() < 0.5 else 0
        then = chance.choice(["release", "cancel"])
        hold_id = f"h-{number}"
        commands.append(HoldOrder(order_id, hold_id, "manual", "odd", until_ms, then, "jo", NOW))
        if chance.random() < 0.5:
            commands.append(ReleaseHold(order_id, hold_id, "is fine", "jo", NOW))
    if chance.random() < 0.2:
        again = chance.random() < 0.5
        commands.append(ReleaseHold(order_id, "", "try again", "jo", NOW, again))
    return commands


def _amendment(chance: random.Random, order: PlaceOrder, amendment_id: str) -> AmendOrder:
    line_id = chance.choice(order.lines).line_id
    amendment = AmendOrder(
        order.order_id, amendment_id, -1, [], [], [], [], "", -1, [], "asked", "jo", NOW
    )
    match chance.randrange(6):
        case 0:
            line = OrderLine(amendment_id, chance.choice([*SKUS, KIT]), 1, 500)
            return replace(amendment, add=[line])
        case 1:
            return replace(amendment, remove=[line_id])
        case 2:
            return replace(amendment, shipping_minor=chance.choice([0, 250]), shipping_method="x")
        case 3:
            gift = Tender("more", "gift_card", 0, "gift-2")
            return replace(amendment, tenders=[gift])
        case _:
            return replace(amendment, quantities=[LineQuantity(line_id, chance.randint(1, 4))])


def _newer(chance: random.Random, order: PlaceOrder) -> PlaceOrder:
    """The order as the channel has it later."""
    lines = [replace(line, quantity=chance.randint(1, 3)) for line in order.lines]
    if chance.random() < 0.5:
        lines.append(OrderLine("new", chance.choice(SKUS), 1, 650))
    newer = replace(order, version=2, lines=lines)
    total = max(0, recomputed_total(newer))
    paid = total if order.paid_minor else 0
    return replace(newer, total_minor=total, paid_minor=paid)


def any_policy(chance: random.Random) -> list[Outside]:
    """A policy that holds some orders and refuses some, at every partition."""
    hours = chance.choice([0, 3_600_000, 400_000_000])
    big = [Condition(Operator.OVER, Field.TOTAL, [], [Number(2_000, "EUR")])]
    huge = [Condition(Operator.OVER, Field.TOTAL, [], [Number(5_000, "EUR")])]
    terms = HoldTerms("fraud", hours, chance.choice(["release", "cancel"]))
    policy = Policy(
        1, 1, "p", "", "UTC",
        intake=[IntakeRule("huge", 1, huge)],
        holds=[HoldRule("big", 1, big, terms)],
        duplicates=[Measure(1, chance.choice(["hold", "trust", "refuse"]), terms)],
    )  # fmt: skip
    command = SetPolicy(policy, "jo", NOW)
    return [(ORDERS_COMMANDS.name, POLICY_KEY, command, seat) for seat in range(PARTITIONS)]


def arrivals(chance: random.Random) -> list[SetStock | ReceiveStock | ExpectSupply]:
    """Stock that is promised and comes, or just comes, or is counted anew."""
    commands: list[SetStock | ReceiveStock | ExpectSupply] = []
    for number in range(chance.randint(0, 10)):
        sku, (location_id, *_) = chance.choice(SKUS), chance.choice(LOCATIONS)
        quantity, supply_id = chance.randint(1, 3), f"po-{number}/1"
        if chance.random() < 0.5:
            due = NOW + chance.choice([0, 3_600_000, 5 * 86_400_000])
            commands.append(ExpectSupply(supply_id, sku, location_id, quantity, due, ""))
        if chance.random() < 0.3:
            count = chance.randint(0, 6)
            commands.append(SetStock(sku, location_id, count, chance.randint(0, 1), "count"))
        receipt = ReceiveStock(
            f"m-{number}", sku, location_id, quantity, "", supply_id, "sellable", False, "", "", ""
        )
        commands.extend([receipt] * chance.choice([0, 1, 1, 2]))
    return commands


def switches(chance: random.Random) -> list[tuple[str, str, Record, int]]:
    """Locations that are switched off for a while, at every partition at another moment."""
    several = chance.choice([LOCATIONS, [chance.choice(LOCATIONS)]])
    return [
        (room, location_id, SwitchLocation(location_id, on, on, "", ""), partition)
        for on in (False, True)
        for location_id, *_ in several
        for room in ("fulfillment.commands", "inventory.commands")
        for partition in range(PARTITIONS)
    ]


def stocked(chance: random.Random) -> World:
    """A world that knows its locations, has little stock and perhaps a policy."""
    world = World(chance)
    kit = SetSku(KIT, [], [], [], list(PARTS), "", 0, [], "")
    world.write(INVENTORY_COMMANDS.name, KIT, kit)
    most = chance.choice([2, 2, 5, 9])
    for location_id, country, latitude, longitude in LOCATIONS:
        location = RegisterLocation(location_id, "", country, latitude, longitude, True)
        for partition in range(PARTITIONS):
            world.write("fulfillment.commands", location_id, location, partition)
            world.write("inventory.commands", location_id, location, partition)
        for sku in SKUS:
            count = SetStock(
                sku, location_id, chance.randint(0, most), chance.randint(0, 1), "count"
            )
            world.write("inventory.commands", sku, count)
    if chance.random() < 0.3:
        for one in any_policy(chance):
            world.write(*one)
    if chance.random() < 0.4:
        for one in rules_set(chance, 1):
            world.write(*one)
    while world.step():
        pass
    return world
