"""Random interleavings of every command to the inventory room, as a Hypothesis state machine.

A step is a command from outside, a delivery of what the room's partitions write to each other, or
time that passes. What must hold after each decision stands in `stock_world.py`. Hypothesis says
which steps there are, and takes away those that a failure does not need; what a command says comes
out of one number a step, for drawing each field would take longer than deciding the command does.
"""

from __future__ import annotations

import random
from collections import Counter, deque
from collections.abc import Callable
from itertools import permutations
from typing import Any

from hypothesis import note
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule
from msgspec.structs import replace

from schemas.fulfillment import RecordMove
from schemas.inventory import (
    AllocateStock,
    ExtendReservation,
    KitState,
    MoveReservation,
    RecordComponent,
    ReleaseStock,
    ReserveStock,
    ShipStock,
    StockState,
)
from schemas.locations import RegisterLocation, SetChannelSourcing, SwitchLocation
from schemas.messages import Send
from schemas.orders import RecordReservation
from schemas.stock import (
    AdjustStock,
    ChangeDisposition,
    ChannelThreshold,
    Component,
    CountStock,
    ExpectSupply,
    LotsState,
    Quota,
    ReceiveStock,
    ReceiveTransfer,
    ReorderRule,
    SetSku,
    SetStock,
    ShipTransfer,
    UnitOfMeasure,
)
from tests.properties.stock_model import Key
from tests.properties.stock_movements import Command, Identified
from tests.properties.stock_truths import DAY_MS, HOUR_MS, PARTITIONS, PLACES, partition_of
from tests.properties.stock_world import World

LINES = {"MUG": "1", "TEE": "2", "MILK": "3", "PHONE": "4", "BOX": "5", "SET": "6", "NEW": "7"}
"""the line under which an order asks for each SKU"""
TRACKING = {"MILK": "lot", "PHONE": "serial"}
KITS = {
    "BOX": [Component("MUG", 1), Component("TEE", 2)],
    "SET": [Component("MUG", 2), Component("MILK", 1)],
}
OTHER_KITS = {
    "BOX": [Component("TEE", 1), Component("PHONE", 1), Component("NEW", 1)],
    "SET": [Component("BOX", 1), Component("MUG", 1)],
    "NEW": [Component("TEE", 1)],
}
ABOUT = (
    ["MUG"], ["TEE"], ["MILK"], ["PHONE"], ["NEW"], ["MUG", "TEE", "BOX"], ["SET", "MILK"],
    ["MUG", "MILK", "SET"], ["TEE", "PHONE", "NEW", "BOX"], [*LINES],
)  # fmt: skip
"""the SKUs of an example: few, so that commands meet"""
QUOTAS = ("qa", "qb", "qc", "qd")
UNITS = [UnitOfMeasure("CS", 3)]
ORDERS = [f"o{number}" for number in range(6)]
RANKINGS = [list(some) for count in (0, 1, 2, 3) for some in permutations(PLACES, count)]
DISPOSITIONS = ("sellable", "refurbish", "damaged", "scrap")
TIMES = (0, 1_000, HOUR_MS, DAY_MS, 3 * DAY_MS)
FEW = (1, 1, 1, 2, 2, 3, 0)
MORE = (1, 2, 3, 4, 6, 0, -1)
HISTORY = 40

STEPS: Counter[str] = Counter()
"""rules that were run in this process, by name"""
SEEN: Counter[str] = Counter()
"""events, refusals and further situations that were met in this process"""
numbers = st.integers(0, 2**32 - 1)


ACTIONS = {
    "reserve": 3, "reserve_anywhere": 4, "reserve_again": 3, "release": 2, "move": 1, "extend": 1,
    "allocate": 2, "ship": 1, "set_stock": 1, "adjust": 1, "count": 1, "receive": 3,
    "change_disposition": 1, "ship_transfer": 1, "receive_transfer": 1, "expect_supply": 2,
    "set_sku": 1, "handle_otherwise": 1, "switch": 1, "source": 1, "deliver": 4, "settle": 2,
    "pass_time": 2, "repeat": 1, "repeat_at_once": 2,
}  # fmt: skip
"""what a step may be, and how often"""
actions = st.sampled_from([name for name, often in ACTIONS.items() for _ in range(often)])


class StockMachine(RuleBasedStateMachine):
    """The inventory room with little stock and few orders, so that they meet."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World()
        self.history: deque[Command] = deque(maxlen=HISTORY)
        self.last: tuple[Command, list[Send]] | None = None
        """the command of the latest step, and what followed; None where it had none"""
        self.previous: tuple[Command, list[Send]] | None = None
        self.named = 0
        self.about = [*LINES]
        self._stock_up()

    def _stock_up(self) -> None:
        """Something of everything, and rules for some."""
        tell = self.world.tell
        for place, groups in zip(PLACES, (["shops"], ["shops", "north"], ["south"]), strict=True):
            self.world.everywhere(
                RegisterLocation(place, place, "DE", 50.0, 10.0, True, groups=groups)
            )
        self.world.settle()
        for sku, tracking in TRACKING.items():
            tell(self._sku(sku, tracking=tracking))
        for sku, parts in KITS.items():
            tell(self._sku(sku, components=parts))
        quotas = [Quota("qa", "web", "", 2, 0), Quota("qb", "", "vip", 1, 0)]
        tell(self._sku("TEE", thresholds=[ChannelThreshold("pos", 1)], quotas=quotas))
        for pieces, place in enumerate(PLACES, start=2):
            tell(SetStock("MUG", place, pieces, 1, "count"))
            tell(SetStock("TEE", place, pieces, 0, "count"))
            expires_at_ms = self.world.now + (pieces - 2) * HOUR_MS if pieces > 2 else 0
            lot_id, serials = f"L{pieces}", [f"S{2 * pieces}", f"S{2 * pieces + 1}"]
            tell(self._receipt("MILK", place, pieces, lot_id=lot_id, expires_at_ms=expires_at_ms))
            tell(self._receipt("PHONE", place, 2, serials=serials))

    @initialize(about=st.sampled_from(ABOUT))
    def begin(self, about: list[str]) -> None:
        """What the example is about."""
        self.about = about

    @rule(action=actions, number=numbers)
    def act(self, action: str, number: int) -> None:
        """One step."""
        STEPS[action] += 1
        self.previous, self.last = self.last, None
        body: Callable[[random.Random], None] = getattr(self, action)
        body(random.Random(number))

    def teardown(self) -> None:
        """What is under way arrives."""
        self.world.rest()
        SEEN.update(self.world.seen)

    # Lines of orders

    def reserve(self, chance: random.Random) -> None:
        """An order wants a line."""
        one = chance.choice
        sku, until_ms = one(self.about), self.world.now + one(TIMES)
        self._tell(
            ReserveStock(
                one(ORDERS), LINES[sku], sku, one(MORE), one((1, 2)), one(RANKINGS), until_ms,
                one(("", "web", "pos")), one(("", "", "vip")), one((True, False)), one((0, 1)),
                one((True, False, False)),
            )
        )  # fmt: skip

    def reserve_anywhere(self, chance: random.Random) -> None:
        """An order wants a line, from wherever it is."""
        one = chance.choice
        sku, until_ms = one(self.about), self.world.now + one(TIMES)
        self._tell(
            ReserveStock(
                one(ORDERS), LINES[sku], sku, one((1, 2)), 1, one(RANKINGS[-6:]), until_ms,
                backorder=one((True, False)), expires=one((True, False, False)),
            )
        )  # fmt: skip

    def reserve_again(self, chance: random.Random) -> None:
        """An order asks again for what it holds or waits for, often by a later attempt."""
        one = chance.choice
        key = self._line(chance)
        sku, order, line_id = key
        kit, line = self._kit(key), self.world.model.lines.get(key)
        quantity = line.wish.quantity if line else kit.quantity if kit else 1
        attempt = line.attempt if line else kit.attempt if kit else 1
        self._tell(
            ReserveStock(
                order, line_id, sku, quantity + one((0, 0, 0, 0, 1)),
                attempt + one((0, 1, 1, 2, -1)), one(RANKINGS), self.world.now + one(TIMES),
                one(("", "web")), backorder=one((True, True, False)), priority=one((0, 1)),
                expires=one((True, False)),
            )
        )  # fmt: skip

    def release(self, chance: random.Random) -> None:
        """An order gives back what it has."""
        sku, order, line_id = self._line(chance)
        self._tell(ReleaseStock(order, line_id, sku, "cancelled"))

    def move(self, chance: random.Random) -> None:
        """Routing saves a shipment."""
        sku, order, line_id = self._line(chance)
        self._tell(MoveReservation(order, line_id, sku, chance.choice(PLACES)))

    def extend(self, chance: random.Random) -> None:
        """A basket is kept longer, or not so long."""
        sku, order, line_id = self._line(chance)
        until_ms = self.world.now + chance.choice(TIMES)
        self._tell(ExtendReservation(order, line_id, sku, until_ms))

    def allocate(self, chance: random.Random) -> None:
        """Work begins."""
        sku, order, line_id = self._line(chance)
        self._tell(AllocateStock(order, line_id, sku))

    def ship(self, chance: random.Random) -> None:
        """Pieces leave."""
        sku, order, line_id = self._line(chance)
        self._tell(ShipStock(order, line_id, sku, "packer"))

    # What is there and on its way

    def set_stock(self, chance: random.Random) -> None:
        """A file of stock comes in."""
        one = chance.choice
        self._tell(SetStock(one(self.about), one(PLACES), one(MORE), one((0, 0, 1, 2, -1)), ""))

    def adjust(self, chance: random.Random) -> None:
        """Pieces were broken or found; sometimes under an id that was used before."""
        one = chance.choice
        sku, place = one(self.about), one(PLACES)
        lot_id = self._lot(sku, place, chance)
        movement_id = f"m{self.named}" if one((False, False, False, True)) else self._id()
        quantity = one((-2, -1, 1, 2, 3, 0))
        self._tell(AdjustStock(movement_id, sku, place, quantity, "found", "clerk", lot_id))

    def count(self, chance: random.Random) -> None:
        """A cycle count."""
        one = chance.choice
        sku, place = one(self.about), one(PLACES)
        lot_id = self._lot(sku, place, chance)
        self._tell(CountStock(self._id(), sku, place, one(MORE), "cycle", "clerk", lot_id))

    def receive(self, chance: random.Random) -> None:
        """Goods come in."""
        one = chance.choice
        sku, quantity, expires = one(self.about), one(FEW), one((*TIMES, 0))
        tracking, first = self._stock(sku).tracking, chance.randrange(10)
        command = self._receipt(
            sku,
            one(PLACES),
            quantity,
            lot_id=one(("L1", "L2", "L3", "L4", "")) if tracking == "lot" else "",
            serials=[f"S{first + number}" for number in range(quantity)],
            expires_at_ms=self.world.now + expires - one((0, HOUR_MS)) if expires else 0,
            disposition=one(("sellable", "sellable", "sellable", *DISPOSITIONS)),
        )
        unit = one(("", "", "", "CS", "PF")) if tracking != "serial" else ""
        self._tell(replace(command, unit=unit, supply_id=one(("", "s1", "s2"))))

    def change_disposition(self, chance: random.Random) -> None:
        """Pieces are taken out of sale, put back or scrapped."""
        one = chance.choice
        sku, place = one(self.about), one(PLACES)
        lot_id, source, after = self._lot(sku, place, chance), *chance.choices(DISPOSITIONS, k=2)
        self._tell(
            ChangeDisposition(
                self._id(), sku, place, one(FEW), source, after, "check", "clerk", lot_id
            )
        )

    def ship_transfer(self, chance: random.Random) -> None:
        """Pieces go from one location to another."""
        one = chance.choice
        sku, place, due = one(self.about), one(PLACES), self.world.now + DAY_MS
        lot_id, to = self._lot(sku, place, chance), one(PLACES)
        quantity = one((*FEW, self.world.model.on_hand[sku, place]))
        movement_id = self._id("t")
        self._tell(ShipTransfer(movement_id, sku, place, to, quantity, due, "", "clerk", lot_id))

    def receive_transfer(self, chance: random.Random) -> None:
        """A transfer arrives, or a part of it."""
        one = chance.choice
        sku, transfer_id = one([*self.world.transfers] or [(self.about[0], "none")])
        quantity, lost = one((1, 1, 2, 3, 0)), one((0, 0, 0, 1))
        self._tell(ReceiveTransfer(self._id(), transfer_id, sku, quantity, lost, "", "clerk"))

    def expect_supply(self, chance: random.Random) -> None:
        """A supplier promises, changes its mind, or takes it back."""
        one = chance.choice
        supply_id, due = one(("s1", "s2", "s3", "s4", "")), one(TIMES)
        due_ms = self.world.now + due if due else 0
        self._tell(ExpectSupply(supply_id, one(self.about), one(PLACES), one(MORE), due_ms, ""))

    # How things are handled

    def set_sku(self, chance: random.Random) -> None:
        """Other thresholds, quotas and reorder rules; quotas go on, or come back."""
        one = chance.choice
        sku = one(self.about)
        stock = self._stock(sku)
        channel, group, pieces = one(("", "web", "pos")), one(("", "vip")), one((0, 1, 2, 4))
        known = [
            replace(quota, quantity=one((0, 1, 3)), consumed=0, held=0) for quota in stock.quotas
        ][: one((0, 1, 2))]
        ids = [name for name in QUOTAS if name not in {quota.quota_id for quota in known}]
        new = [Quota(one(ids), channel, "" if channel else group, pieces, 0)]
        if stock.components and one((True, True, False)):
            known = new = []
        rules = [ReorderRule(PLACES[0], 2, 0.95, pieces, 7, 0, 2)]
        self._tell(
            self._sku(
                sku,
                thresholds=[ChannelThreshold(channel, pieces)] if channel else [],
                quotas=known + (new if channel or group else []),
                components=stock.components,
                tracking=stock.tracking,
                low_at=one((0, 2)),
                reorder=rules if one((True, False)) else [],
            )
        )

    def handle_otherwise(self, chance: random.Random) -> None:
        """A SKU is tracked otherwise, becomes a kit, is no longer one, or another one."""
        one = chance.choice
        sku = one(self.about)
        if sku != "NEW" and one((True, True, False)):
            return
        parts = one((KITS, OTHER_KITS, {})).get(sku, [])
        self._tell(
            self._sku(sku, components=parts, tracking="" if parts else one(("", "lot", "serial")))
        )

    def switch(self, chance: random.Random) -> None:
        """A location closes or opens, for some purpose."""
        place = chance.choice(PLACES)
        said = chance.choice(("open", "open", "open", "stop", "only", "gone", "back", "back"))
        record: RegisterLocation | SwitchLocation
        if said in ("gone", "back"):
            record = RegisterLocation(place, place, "DE", 50.0, 10.0, said == "back")
        else:
            record = SwitchLocation(place, said == "open", said in ("open", "only"), "", "")
        self.world.everywhere(record)

    def source(self, chance: random.Random) -> None:
        """A channel sells from other groups of locations."""
        some = chance.choice(([], ["north"], ["shops"]))
        self.world.everywhere(SetChannelSourcing(chance.choice(("web", "pos")), some, ""))

    # What happens by itself

    def deliver(self, chance: random.Random) -> None:
        """Some of what one partition has written to others arrives."""
        seat = chance.randrange(PARTITIONS)
        for _ in range(chance.choice((1, 1, 2, 4))):
            self.world.deliver(seat)

    def settle(self, _: random.Random) -> None:
        """Everything arrives."""
        self.world.settle()

    def pass_time(self, chance: random.Random) -> None:
        """Time passes; some of who is due is woken, or nobody yet."""
        self.world.now += chance.choice((1_000, HOUR_MS, 2 * HOUR_MS, DAY_MS, 31 * DAY_MS))
        for seat in range(PARTITIONS):
            if chance.choice((True, True, False)):
                self.world.wake(seat)

    def repeat(self, chance: random.Random) -> None:
        """A command comes again, much later, whatever has happened meanwhile."""
        known = [
            command
            for command in self.history
            if not isinstance(command, Identified)
            or (command.sku, command.movement_id) in self.world.accepted
        ]
        if known:
            self._tell(chance.choice(known))

    def repeat_at_once(self, _: random.Random) -> None:
        """The last command comes again: it changes nothing, and the answer is the same."""
        if self.previous is None:
            return
        command, before = self.previous
        seat = partition_of(command.sku)
        kept, asked = dict(self.world.states[seat].kept), dict(self.world.kits_asked)
        note(f"again {command}")
        again = self.world.tell(command)
        assert self.world.states[seat].kept == kept, f"{command} again has changed something"
        assert self.world.kits_asked == asked
        assert _replies(again) == _replies(before), "the answer is another one"
        self.world.seen["repeated"] += 1

    # Short ways

    def _tell(self, command: Command) -> None:
        note(str(command))
        self.last = command, self.world.tell(command)
        self.history.append(command)

    def _id(self, kind: str = "m") -> str:
        self.named += 1
        return f"{kind}{self.named}"

    def _line(self, chance: random.Random) -> Key:
        """One of the lines of orders that hold something or wait; rarely one that there is not."""
        lines = [key for key in self.world.model.lines if "/" not in key[2]]
        for states in self.world.states:
            for state in states.kept.values():
                if isinstance(state, KitState):
                    lines.append((state.sku, state.order_id, state.line_id))
        sku = self.about[0]
        return chance.choice([*lines, *lines, *lines, (sku, "nobody", LINES[sku])])

    def _kit(self, key: Key) -> KitState | None:
        state = self.world.states[partition_of(key[0])].kept.get("|".join(key))
        return state if isinstance(state, KitState) else None

    def _stock(self, sku: str) -> StockState:
        state = self.world.states[partition_of(sku)].kept.get(sku)
        return state if isinstance(state, StockState) else StockState(sku, [])

    def _lot(self, sku: str, place: str, chance: random.Random) -> str:
        """A lot to name: mostly one of the place, where lots are tracked."""
        if not self._stock(sku).tracking:
            return chance.choice(("", "", "", "", "", "L1"))
        state = self.world.states[partition_of(sku)].kept.get(f"{sku}|@lots|{place}")
        known = [lot.lot_id for lot in state.lots] if isinstance(state, LotsState) else []
        return chance.choice([*known, *known, "L1", ""])

    def _receipt(
        self,
        sku: str,
        place: str,
        quantity: int,
        *,
        lot_id: str = "",
        serials: list[str] | None = None,
        expires_at_ms: int = 0,
        disposition: str = "sellable",
    ) -> ReceiveStock:
        one_a_piece = serials if serials and self._stock(sku).tracking == "serial" else []
        return ReceiveStock(
            self._id(), sku, place, quantity, "", "", disposition, False, "note", "", "clerk",
            lot_id, expires_at_ms, one_a_piece,
        )  # fmt: skip

    def _sku(
        self,
        sku: str,
        *,
        thresholds: list[ChannelThreshold] | None = None,
        quotas: list[Quota] | None = None,
        components: list[Component] | None = None,
        tracking: str = "",
        low_at: int = 0,
        reorder: list[ReorderRule] | None = None,
    ) -> SetSku:
        return SetSku(
            sku, thresholds or [], quotas or [], UNITS, components or [], tracking, low_at,
            reorder or [], "clerk",
        )  # fmt: skip


def _replies(sends: list[Send]) -> list[Any]:
    kinds = RecordReservation | RecordMove | RecordComponent
    return [send.record for send in sends if isinstance(send.record, kinds)]
