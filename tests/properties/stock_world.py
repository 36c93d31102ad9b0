"""The inventory room on several partitions, and what must be true of it after every command.

What the room's partitions write to each other stands in one queue a partition and is delivered
when somebody says so. Events go to the auditor's ledger, which shares nothing with the room; the
answers, the positions, the queues and the levels are held against the model.
"""

from __future__ import annotations

from unittest.mock import patch

import msgspec

from schemas.fulfillment import RecordMove
from schemas.inventory import (
    AllocateStock,
    BackorderEnded,
    ExtendReservation,
    KitState,
    MoveReservation,
    RecordComponent,
    ReleaseStock,
    ReservationState,
    ReserveStock,
    ShipStock,
    StockReleased,
    StockState,
)
from schemas.locations import RegisterLocation, SetChannelSourcing, SwitchLocation
from schemas.messages import Inbound, Send
from schemas.orders import RecordReservation
from schemas.purchasing import ProposePurchase
from schemas.records import Record
from schemas.stock import (
    LotsState,
    SkusState,
    StockLevelChanged,
    StockLevels,
    StockMoved,
)
from schemas.topics import INVENTORY_COMMANDS, INVENTORY_EVENTS, ORDERS_COMMANDS
from streams.inventory import sweep
from streams.inventory.agent import InventoryRoom
from streams.orders.model import LINE_REFUSALS
from tests.chaos.ledger import Event
from tests.properties.stock_model import Key
from tests.properties.stock_movements import Command, Movements, Of, refusal_of
from tests.properties.stock_truths import DAY_MS, PARTITIONS, partition_of


class World(Movements):
    """The room, and what its partitions write to each other."""

    def __init__(self) -> None:
        super().__init__()
        self.room = InventoryRoom()

    # What comes in

    def tell(self, command: Command) -> list[Send]:
        """Decide a command and hold what follows from it against the model."""
        seat, sku = partition_of(command.sku), command.sku
        before = dict(self.states[seat].kept)
        sends = self._decide(seat, sku, command)
        if isinstance(command, Of):
            self._check_line(command, before, sends)
        else:
            self._check_movement(command, before, sends)
        own = (command.order_id, command.line_id) if isinstance(command, Of) else ("", "")
        self._check_following(seat, sku, own, sends)
        self._check()
        return sends

    def everywhere(self, record: RegisterLocation | SwitchLocation | SetChannelSourcing) -> None:
        """Put a record into the queue of every partition."""
        for queue in self.queues:
            queue.append(record)

    def deliver(self, seat: int) -> None:
        """The next record of a partition's queue arrives."""
        if not self.queues[seat]:
            return
        record = self.queues[seat].popleft()
        if isinstance(record, Command):
            self.tell(record)
        elif isinstance(record, RecordComponent):
            sends = self._decide(seat, record.kit_sku, record)
            self._check_kit_answers(record.kit_sku, sends)
            self._check()
        elif isinstance(record, RegisterLocation | SwitchLocation | SetChannelSourcing):
            known = self.known[seat]
            shut = known.shut()
            known.learn(record)
            if shut - known.shut():
                self.may_idle |= {
                    key[0] for key, line in self.model.lines.items() if not line.place
                }
            assert self._decide(seat, "", record) == []

    def settle(self) -> None:
        """Everything that is in the queues arrives, partition by partition."""
        while any(self.queues):
            for seat in range(PARTITIONS):
                self.deliver(seat)

    def wake(self, seat: int) -> None:
        """Everything of a partition whose moment has come is woken, the earliest first."""
        states = self.states[seat]
        due = sorted(
            (at, key)
            for key, state in states.kept.items()
            if 0 < (at := getattr(state, "wake_at_ms", 0)) <= self.now
        )
        for at, key in due:
            state = states.kept.get(key)
            if state is None or getattr(state, "wake_at_ms", 0) != at:
                continue
            if key == sweep.KEY:
                self._go_round(seat)
                continue
            sku, kind, name = key.split("|", 2)
            states.changed.clear()
            sends = self._follow(seat, self.room.wake(key, states, self.now))
            after = getattr(states.kept.get(key), "wake_at_ms", 0)
            assert key in states.changed and (not after or after > self.now), f"{key} wakes forever"
            if kind == "@movement":
                del self.accepted[sku, name]
            elif isinstance(state, ReservationState):
                assert self.model.lines.pop((sku, kind, name)).ends
            self._check_kit_answers(sku, sends)
            self._check_following(seat, sku, ("", ""), sends)
            self._check()

    def _go_round(self, seat: int) -> None:
        """One more SKU is looked at after a change of locations, so that others come between."""
        states = self.states[seat]
        states.changed.clear()
        with patch.object(sweep, "SKUS_A_WAKE", 1):
            self._follow(seat, self.room.wake(sweep.KEY, states, self.now))
        state = states.kept[sweep.KEY]
        assert isinstance(state, SkusState)
        assert state.wake_at_ms > self.now or not state.next
        self.seen["told again"] += bool(self.told)
        self._check()

    def rest(self) -> None:
        """Everything arrives, and what must be told of changed locations is told."""
        self.settle()
        for seat, states in enumerate(self.states):
            while isinstance(state := states.kept.get(sweep.KEY), SkusState) and state.next:
                self.now = max(self.now, state.wake_at_ms)
                self._go_round(seat)
        self.check_published()

    def _check_left(self, asked: ReserveStock) -> None:
        """A component leaves what the kit's channel may not sell of the kit."""
        if asked.held:
            return
        line_id = asked.line_id.removesuffix(f"/{asked.sku}")
        kit = self._state(f"{asked.kit_sku}|{asked.order_id}|{line_id}")
        assert isinstance(kit, KitState)
        kits = self.model.thresholds.get((asked.kit_sku, asked.channel), 0)
        assert asked.leave * kit.quantity == kits * asked.quantity
        self.seen["kit with a threshold"] += asked.leave > 0

    def _decide(self, seat: int, key: str, record: Record) -> list[Send]:
        states = self.states[seat]
        states.changed.clear()
        return self._follow(seat, self.room.decide(Inbound(key, record, seat, 0), states, self.now))

    def _follow(self, seat: int, sends: list[Send]) -> list[Send]:
        """Carry what was written to where it belongs, and sum up what has changed."""
        states = self.states[seat]
        told = self.room.summarise(tuple(states.changed), states, self.now)
        for send in [*sends, *told]:
            record, name = send.record, type(send.record).__name__
            if send.topic is INVENTORY_COMMANDS:
                assert isinstance(record, ReserveStock | RecordComponent) or (
                    isinstance(record, Of) and record.sku == send.key
                )
                self.queues[partition_of(send.key)].append(record)
            elif send.topic is INVENTORY_EVENTS:
                fields = msgspec.to_builtins(record)
                self.ledger.feed(Event("inventory.events", seat, 0, send.key, name, fields), name)
                self.seen[name] += 1
                self.seen[fields.get("reason", "")] += 1
            if isinstance(record, RecordReservation) and not record.reserved:
                assert record.reason in LINE_REFUSALS, "orders would not know what it means"
            if isinstance(record, ReserveStock) and send.topic is INVENTORY_COMMANDS:
                self._check_left(record)
            if isinstance(record, StockLevels):
                self.told[record.sku] = self.published[record.sku] = seat, record
                if not record.level:
                    # A kit has none; what it was before is forgotten.
                    self.levels.pop(record.sku, None)
            elif isinstance(record, StockLevelChanged):
                assert record.previously == self.levels.get(record.sku, "ok") != record.level
                self.levels[record.sku] = record.level
        for key in states.changed:
            state = states.kept.get(key)
            name = type(state).__name__ if state is not None else ""
            fields = msgspec.to_builtins(state) if state is not None else {}
            self.ledger.feed_state(Event("inventory.state", seat, 0, key, name, fields))
            if isinstance(state, StockState) and key not in {
                one.key for one in told if isinstance(one.record, StockLevels)
            }:
                raise AssertionError(f"nothing was told of {key}, which has changed")
        self.touched |= {key.partition("|")[0] for key in states.changed if key[:1] != "@"}
        return sends

    # What must follow

    def _check_line(self, command: Of, before: dict[str, Record], sends: list[Send]) -> None:
        """What a command about a line does is what the model does, and so is the answer."""
        model, sku = self.model, command.sku
        key = sku, command.order_id, command.line_id
        if self._is_of_kit(command, before):
            self._check_kit(command, before, sends)
            return
        line, refused = model.lines.get(key), refusal_of(sends)
        assert line is None or line.wish.sku == sku
        held = line is not None and line.place != ""
        match command:
            case ReserveStock():
                known = isinstance(before.get(sku), StockState)
                expected = model.reserve(command, self.now) if known else "unknown_sku"
                line = model.lines.get(key)
                place = line.place if line is not None and expected == "reserved" else ""
                assert self._answer(command, sends) == (expected, place)
            case ReleaseStock():
                assert (model.lines.pop(key, None) is None) == (refused == "unknown_reservation")
            case MoveReservation():
                replies = [one.record for one in sends if isinstance(one.record, RecordMove)]
                moved = model.move(key, command.location_id)
                place = line.place if line is not None else ""
                assert replies == [RecordMove(*key[1:], moved, place, refused)]
                assert bool(refused) != moved
            case ExtendReservation():
                able = held and line is not None and command.reserved_until_ms >= line.until
                assert able != bool(refused)
                if able and line is not None:
                    line.until = command.reserved_until_ms
            case AllocateStock():
                if held and line is not None and (line.allocated or not self._short(key, before)):
                    line.allocated, line.ends = True, False
                    assert not refused
                else:
                    assert refused == ("out_of_stock" if held else "unknown_reservation")
            case ShipStock():
                if held and line is not None and (line.allocated or not self._short(key, before)):
                    model.ship(key)
                    assert not refused
                else:
                    assert refused == ("out_of_stock" if held else "unknown_reservation")
                    if any(isinstance(one.record, StockReleased) for one in sends):
                        # The kit is gone, and nobody else would ever give the component back.
                        assert "/" in command.line_id
                        del model.lines[key]

    def _answer(self, command: ReserveStock, sends: list[Send]) -> tuple[str, str]:
        """What a wish was answered, and where it is reserved. There is one answer."""
        kind = RecordComponent if command.kit_sku else RecordReservation
        (reply,) = (
            one.record
            for one in sends
            if isinstance(one.record, RecordReservation | RecordComponent)
        )
        assert isinstance(reply, kind) and reply.attempt == command.attempt
        waiting = isinstance(reply, RecordReservation) and reply.waiting
        told = "reserved" if reply.reserved else "waits" if waiting else reply.reason
        return told, reply.location_id

    def _short(self, key: Key, before: dict[str, Record]) -> bool:
        """Whether lots are tracked and too few pieces are free and good."""
        sku, line = key[0], self.model.lines[key]
        stock, lots = before[sku], before.get(f"{sku}|@lots|{line.place}")
        if not isinstance(stock, StockState) or not stock.tracking:
            return False
        assert lots is None or isinstance(lots, LotsState)
        good = [
            one.quantity - one.allocated
            for one in (lots.lots if lots is not None else [])
            if not 0 < one.expires_at_ms <= self.now
        ]
        return sum(good) < line.wish.quantity

    def _is_of_kit(self, command: Of, before: dict[str, Record]) -> bool:
        line = before.get(f"{command.sku}|{command.order_id}|{command.line_id}")
        stock = before.get(command.sku)
        kit = isinstance(stock, StockState) and bool(stock.components)
        return isinstance(line, KitState) or (kit and isinstance(command, ReserveStock))

    def _check_kit(self, command: Of, before: dict[str, Record], sends: list[Send]) -> None:
        """A kit's line changes nothing of its SKU's stock; its answer comes now or later."""
        sku = command.sku
        key = sku, command.order_id, command.line_id
        assert self._state(sku) is before.get(sku)
        if isinstance(command, ReserveStock):
            answered = [
                one for one in sends if isinstance(one.record, RecordReservation | RecordComponent)
            ]
            if not answered:
                assert self.kits_asked.setdefault(key, command.attempt) == command.attempt
        self._check_kit_answers(sku, sends, command)

    def _check_kit_answers(self, sku: str, sends: list[Send], command: Of | None = None) -> None:
        """A kit that is told to be reserved has all its components at one location."""
        for send in sends:
            reply = send.record
            if send.topic is not ORDERS_COMMANDS or not isinstance(reply, RecordReservation):
                continue
            key = sku, reply.order_id, reply.line_id
            if command is None:
                assert self.kits_asked.pop(key) <= reply.attempt
            if reply.reserved:
                kit = self._state("|".join(key))
                assert isinstance(kit, KitState)
                self._check_parts(kit)
                self.seen["kit reserved"] += 1
            elif command is None:
                self.seen["kit refused"] += 1

    def _check_following(
        self, seat: int, sku: str, own: tuple[str, str], sends: list[Send]
    ) -> None:
        """Expired pieces leave the sale, and those who wait get what is there."""
        served: list[Key] = []
        for send in sends:
            told = send.record
            if isinstance(told, StockMoved) and told.movement == "expiry":
                assert told.quantity < 0 == told.quantity + told.quarantined_change
                self.model.on_hand[sku, told.location_id] += told.quantity
                self.model.quarantined[sku, told.location_id] -= told.quantity
            elif isinstance(told, BackorderEnded) and told.reason == "served":
                if (told.order_id, told.line_id) != own:
                    served.append((sku, told.order_id, told.line_id))
            elif isinstance(told, ProposePurchase):
                assert told.quantity > 0
        if served or sku not in self.may_idle:
            shut = self.known[seat].shut()
            assert self.model.serve(sku, shut, self.now + DAY_MS) == served
            for key in served:
                self._check_fresh(sku, self.model.lines[key].place)
            self.may_idle.discard(sku)

    def _check_fresh(self, sku: str, place: str) -> None:
        """Who waited was not given expired pieces, once the room was woken about them."""
        lots = self._state(f"{sku}|@lots|{place}")
        stock = self._state(sku)
        if not isinstance(stock, StockState) or not isinstance(lots, LotsState):
            return
        if stock.tracking and lots.wake_at_ms > self.now:
            self.seen["served of lots"] += 1
            assert not any(
                0 < one.expires_at_ms <= self.now and one.quantity > one.allocated
                for one in lots.lots
            )
