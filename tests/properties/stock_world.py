"""The inventory room on several partitions, and what must be true of it after every command.

What the room's partitions write to each other stands in one queue a partition and is delivered
when somebody says so. Events go to the auditor's ledger, which shares nothing with the room; the
answers, the positions, the queues and the levels are held against the model.
"""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Iterator
from itertools import combinations
from typing import NoReturn
from zlib import crc32

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
    StockRefused,
    StockReleased,
    StockState,
)
from schemas.locations import RegisterLocation, SetChannelSourcing, SwitchLocation
from schemas.messages import Inbound, Send
from schemas.orders import RecordReservation
from schemas.purchasing import ProposePurchase
from schemas.records import Record
from schemas.stock import (
    AdjustStock,
    ChangeDisposition,
    CountStock,
    ExpectSupply,
    LotsState,
    PositionAt,
    ReceiveStock,
    ReceiveTransfer,
    SetSku,
    SetStock,
    ShipTransfer,
    StockLevelChanged,
    StockLevels,
    StockMoved,
)
from schemas.topics import INVENTORY_COMMANDS, INVENTORY_EVENTS, ORDERS_COMMANDS
from streams.inventory.agent import InventoryRoom
from tests.chaos.ledger import Event, Ledger
from tests.properties.stock_model import Key, StockModel
from tests.unit.streams.memory import NOW, DictStates

PARTITIONS = 3
PLACES = ("BER", "HAM", "MUC")
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
Of = ReserveStock | ReleaseStock | MoveReservation | ExtendReservation | AllocateStock | ShipStock
Identified = (
    AdjustStock | CountStock | ReceiveStock | ChangeDisposition | ShipTransfer | ReceiveTransfer
)
Moving = Identified | SetStock | ExpectSupply | SetSku
Command = Of | Moving
Effect = dict[str, tuple[int, int, int]]
"""change of on hand, in transit and quarantined by location"""


class NotedStates(DictStates):
    """State that notes which keys were put."""

    def __init__(self) -> None:
        super().__init__()
        self.changed: set[str] = set()

    def put(self, key: str, record: Record | None) -> None:
        """See schemas.messages.States."""
        super().put(key, record)
        self.changed.add(key)


class Known:
    """What a partition has been told of locations and channels."""

    def __init__(self) -> None:
        self.closed: dict[str, bool] = {}
        self.not_selling: dict[str, bool] = {}
        self.inactive: dict[str, bool] = {}
        self.groups: dict[str, list[str]] = {}
        self.channels: dict[str, list[str]] = {}

    def shut(self) -> set[str]:
        """Locations at which no waiting line is served."""
        kept = (self.closed, self.not_selling, self.inactive)
        return {place for one in kept for place, is_so in one.items() if is_so}

    def sells(self, place: str) -> bool:
        """Whether channels sell from a location."""
        return not (self.not_selling.get(place) or self.inactive.get(place))

    def sells_to(self, channel: str, place: str) -> bool:
        """Whether a channel may sell from a location."""
        groups = self.channels.get(channel)
        among = groups is None or bool({*groups} & {*self.groups.get(place, ())})
        return self.sells(place) and among

    def learn(self, command: RegisterLocation | SwitchLocation | SetChannelSourcing) -> None:
        """Take what is said."""
        match command:
            case RegisterLocation():
                self.inactive[command.location_id] = not command.active
                if command.groups:
                    self.groups[command.location_id] = command.groups
            case SwitchLocation():
                self.not_selling[command.location_id] = not command.selling
                self.closed[command.location_id] = not command.fulfilling
            case SetChannelSourcing():
                self.channels.pop(command.channel, None)
                if command.groups:
                    self.channels[command.channel] = command.groups


class World:
    """The room, its partitions and their queues, a clock, the model and the ledger."""

    def __init__(self) -> None:
        self.room = InventoryRoom()
        self.states = [NotedStates() for _ in range(PARTITIONS)]
        self.known = [Known() for _ in range(PARTITIONS)]
        self.queues: list[deque[Record]] = [deque() for _ in range(PARTITIONS)]
        self.model = StockModel()
        self.ledger = Ledger(_broken)
        self.now = NOW
        self.seen: Counter[str] = Counter()
        """events by name, refusals by reason, states by what they are"""
        self.levels: dict[str, str] = {}
        self.accepted: dict[tuple[str, str], Identified] = {}
        """movements that the room remembers, by SKU and id"""
        self.transfers: dict[tuple[str, str], tuple[str, int]] = {}
        """where to and how many pieces are under way"""
        self.kits_asked: dict[Key, int] = {}
        """kits whose answer is still to come, and the attempt that asked"""
        self.may_idle: set[str] = set()
        """SKUs whose queue has not been looked at since a location opened again"""
        self.touched: set[str] = set()

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
        elif isinstance(record, RegisterLocation | SwitchLocation | SetChannelSourcing):
            known = self.known[seat]
            shut = known.shut()
            known.learn(record)
            if shut - known.shut():
                self.may_idle |= {key[0] for key, line in self.model.lines.items() if not line.place}
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
            if isinstance(record, StockLevels):
                self._check_levels(seat, record)
            elif isinstance(record, StockLevelChanged):
                assert record.previously == self.levels.get(record.sku, "ok") != record.level
                self.levels[record.sku] = record.level
        for key in states.changed:
            state = states.kept.get(key)
            name = type(state).__name__ if state is not None else ""
            fields = msgspec.to_builtins(state) if state is not None else {}
            self.ledger.feed_state(Event("inventory.state", seat, 0, key, name, fields))
            if isinstance(state, StockState) and key not in {one.key for one in told}:
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
        line, refused = model.lines.get(key), _refused(sends)
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
                assert replies == [RecordMove(*key[1:], moved, place)]
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

    def _check_kit_answers(
        self, sku: str, sends: list[Send], command: Of | None = None
    ) -> None:
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

    def _check_parts(self, kit: KitState) -> set[Key]:
        """Each component of a kit that stands is held for it; their lines."""
        keys = {(one.sku, kit.order_id, f"{kit.line_id}/{one.sku}"): one for one in kit.lines}
        assert kit.status == "reserved" and kit.lines
        for key, part in keys.items():
            line = self.model.lines[key]
            assert (line.place, line.wish.quantity) == (kit.location_id, part.quantity)
        return {*keys}

    def _check_movement(
        self, command: Moving, before: dict[str, Record], sends: list[Send]
    ) -> None:
        """A movement does what it says, or is refused and changes nothing."""
        sku, refused = command.sku, _refused(sends)
        stock = before.get(sku)
        assert stock is None or isinstance(stock, StockState)
        tracked = stock is not None and stock.tracking != ""
        if refused:
            assert self.states[partition_of(sku)].kept == before, f"{command} was refused"
        match command:
            case SetSku() if not refused:
                self._learn(command)
            case ExpectSupply() | SetSku():
                pass
            case SetStock():
                held = self.model.held(sku, command.location_id)
                same = self.model.on_hand[sku, command.location_id] == command.on_hand
                kit = stock is not None and bool(stock.components)
                able = 0 <= command.safety_stock and held <= command.on_hand and not kit
                assert (not refused) == (able and (same or not tracked)), f"{command}: {refused}"
                if not refused:
                    self.model.on_hand[sku, command.location_id] = command.on_hand
                    self.model.safety[sku, command.location_id] = command.safety_stock
            case _:
                self._check_identified(command, stock, sends, refused)

    def _check_identified(
        self, command: Identified, stock: StockState | None, sends: list[Send], refused: str
    ) -> None:
        sku, mark = command.sku, (command.sku, command.movement_id)
        known = self.accepted.get(mark)
        if known is not None:
            assert refused == ("" if known == command else "movement_conflict")
            assert refused or not sends, f"{command} was made twice"
            self.seen["movement again"] += not refused
            return
        effect = self._effect(command, stock)
        tracked = stock is not None and stock.tracking != ""
        if not tracked:
            able = effect is not None and self._can(sku, effect)
            assert (not refused) == able, f"{command}: {refused}"
        if refused:
            return
        assert effect is not None
        made: dict[str, Counter[str]] = {place: Counter() for place in effect}
        for send in sends:
            told = send.record
            if isinstance(told, StockMoved) and told.movement_id == command.movement_id:
                made[told.location_id].update(
                    on_hand=told.quantity,
                    in_transit=told.in_transit_change,
                    quarantined=told.quarantined_change,
                )
        for place, (on_hand, in_transit, quarantined) in effect.items():
            one = made[place]
            assert one["in_transit"] == in_transit
            if tracked and isinstance(command, CountStock):
                assert one["quarantined"] == 0
            elif tracked and isinstance(command, ReceiveStock | ReceiveTransfer):
                # What has expired is quarantined instead of put on sale.
                assert one["on_hand"] + one["quarantined"] == on_hand + quarantined
                assert 0 <= one["on_hand"] <= on_hand
            else:
                assert (one["on_hand"], one["quarantined"]) == (on_hand, quarantined)
            self.model.on_hand[sku, place] += one["on_hand"]
            self.model.in_transit[sku, place] += in_transit
            self.model.quarantined[sku, place] += one["quarantined"]
        self.accepted[mark] = command
        if isinstance(command, ShipTransfer):
            self.transfers[mark] = command.location_id, command.quantity
        elif isinstance(command, ReceiveTransfer):
            place, quantity = self.transfers.pop((sku, command.transfer_id))
            rest = quantity - command.quantity - command.lost
            if rest:
                self.transfers[sku, command.transfer_id] = place, rest

    def _effect(self, command: Identified, stock: StockState | None) -> Effect | None:
        """What a movement changes where it can be made; None where it makes no sense."""
        sku, places = command.sku, self.model.places(command.sku)
        lots = stock is not None and stock.tracking != ""
        kit = stock is not None and bool(stock.components)
        if not lots and getattr(command, "lot_id", "") and not isinstance(command, ReceiveStock):
            return None
        match command:
            case AdjustStock(location_id=place, quantity=quantity):
                return {place: (quantity, 0, 0)} if quantity and place in places else None
            case CountStock(location_id=place, counted=counted):
                change = counted - self.model.on_hand[sku, place]
                return {place: (change, 0, 0)} if counted >= 0 and not kit else None
            case ReceiveStock(location_id=place, unit=unit, quantity=quantity):
                units = {one.code: one.pieces for one in (stock.units if stock else [])}
                pieces = quantity * {"": 1, **units}.get(unit, 0)
                if pieces < 1 or kit:
                    return None
                on_sale = command.disposition == "sellable"
                scrap = command.disposition == "scrap"
                return {place: (pieces * on_sale, 0, pieces * (not on_sale and not scrap))}
            case ChangeDisposition(location_id=place, quantity=quantity):
                source, target = command.from_disposition, command.to_disposition
                if quantity < 1 or source in (target, "scrap") or place not in places:
                    return None
                on_hand = quantity * ((target == "sellable") - (source == "sellable"))
                aside = ("refurbish", "damaged")
                if source in aside and self.model.quarantined[sku, place] < quantity:
                    return None
                return {place: (on_hand, 0, quantity * ((target in aside) - (source in aside)))}
            case ShipTransfer(from_location_id=source, location_id=place, quantity=quantity):
                if quantity < 1 or source == place or source not in places:
                    return None
                return {source: (-quantity, 0, 0), place: (0, quantity, 0)}
            case ReceiveTransfer(quantity=quantity, lost=lost):
                place, rest = self.transfers.get((sku, command.transfer_id), ("", 0))
                if min(quantity, lost) < 0 or not 0 < quantity + lost <= rest:
                    return None
                return {place: (quantity, -quantity - lost, 0)}

    def _can(self, sku: str, effect: Effect) -> bool:
        """Whether no location would have less than it holds, or than nothing."""
        model = self.model
        return all(
            (on_hand >= 0 or model.on_hand[sku, place] + on_hand >= model.held(sku, place))
            and model.quarantined[sku, place] + quarantined >= 0
            for place, (on_hand, _, quarantined) in effect.items()
        )

    def _learn(self, command: SetSku) -> None:
        model, sku = self.model, command.sku
        for mark in [mark for mark in model.thresholds if mark[0] == sku]:
            del model.thresholds[mark]
        model.thresholds.update({(sku, one.channel): one.quantity for one in command.thresholds})
        model.quotas[sku] = command.quotas
        if command.components:
            for place in model.places(sku):
                for kept in (model.on_hand, model.safety, model.in_transit, model.quarantined):
                    assert kept is model.safety or not kept[sku, place]
                    kept.pop((sku, place), None)

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
            self.may_idle.discard(sku)

    # What must be true

    def check(self) -> None:
        """Everything that holds after each step."""
        for sku in self.touched:
            self._check_sku(sku)
        self.touched.clear()
        self.ledger.judge_state()
        if not any(self.queues):
            self._check_kits()

    def _check_sku(self, sku: str) -> None:
        """State and model agree about a SKU, and nothing is oversold or promised twice."""
        model, stock = self.model, self._state(sku)
        if stock is None:
            return
        assert isinstance(stock, StockState)
        assert {one.location_id for one in stock.positions} == {*model.places(sku)}
        for position in stock.positions:
            self._check_position(sku, position)
            if stock.tracking:
                self._check_lots(stock, position)
        waiting = [(sku, one.order_id, one.line_id) for one in stock.waiting]
        assert waiting == model.waiting(sku)
        for quota in stock.quotas:
            assert quota.consumed == model.consumed(sku, quota.quota_id), quota
        self._check_promises(stock)
        found: dict[Key, tuple[object, ...]] = {}
        for state in self._all(sku):
            if isinstance(state, ReservationState):
                ends = state.wake_at_ms == state.reserved_until_ms
                assert ends or not state.wake_at_ms
                found[sku, state.order_id, state.line_id] = (
                    state.location_id, state.quantity, state.attempt, state.quota_id,
                    state.allocated, state.reserved_until_ms, ends,
                )  # fmt: skip
                if state.allocated and stock.tracking:
                    assert sum(one.quantity for one in state.lots) == state.quantity
        assert found == {
            key: (
                line.place, line.wish.quantity, line.attempt, line.quota,
                line.allocated, line.until, line.ends,
            )
            for key, line in model.lines.items()
            if key[0] == sku and line.place
        }  # fmt: skip

    def _check_position(self, sku: str, at: PositionAt) -> None:
        model, place = self.model, (sku, at.location_id)
        assert 0 <= at.reserved + at.allocated <= at.on_hand, f"{sku} is oversold: {at}"
        assert min(at.reserved, at.allocated, at.in_transit, at.quarantined) >= 0
        assert at.reserved + at.allocated == model.held(*place)
        assert (at.on_hand, at.safety_stock, at.in_transit, at.quarantined) == (
            model.on_hand[place], model.safety[place],
            model.in_transit[place], model.quarantined[place],
        )  # fmt: skip

    def _check_lots(self, stock: StockState, at: PositionAt) -> None:
        """The pieces of the lots are the pieces on hand; a serial number is one piece."""
        state = self._state(f"{stock.sku}|@lots|{at.location_id}")
        assert state is None or isinstance(state, LotsState)
        lots = state.lots if state is not None else []
        assert sum(one.quantity for one in lots) == at.on_hand
        assert sum(one.allocated for one in lots) == at.allocated
        assert all(0 <= one.allocated <= one.quantity and one.lot_id for one in lots)
        if stock.tracking == "serial":
            others = [one for one in self._all(stock.sku) if isinstance(one, LotsState)]
            pieces = Counter({one.lot_id: 0 for one in lots})
            for each in others:
                pieces.update({one.lot_id: one.quantity for one in each.lots})
            assert not pieces or max(pieces.values()) <= 1, pieces

    def _check_promises(self, stock: StockState) -> None:
        """What is promised by a day is there by then, at whichever locations one looks."""
        promised = [one for one in stock.waiting if one.promised_at_ms]
        for day in {one.promised_at_ms for one in promised}:
            supply: Counter[str] = Counter()
            for one in stock.supplies:
                supply[one.location_id] += one.quantity * (one.expected_at_ms <= day)
            for places in _subsets(PLACES):
                wanted = sum(
                    one.quantity
                    for one in promised
                    if one.promised_at_ms <= day and {*one.locations} <= places
                )
                there = sum(self._spare(stock.sku, place) + supply[place] for place in places)
                assert wanted <= there, f"{wanted} are promised by {day}, {there} are there"

    def _spare(self, sku: str, place: str) -> int:
        return self.model.free(sku, place) or min(
            0,
            self.model.on_hand[sku, place]
            - self.model.held(sku, place)
            - self.model.safety[sku, place],
        )

    def _check_levels(self, seat: int, told: StockLevels) -> None:
        """Called before the model knows what has happened, so it keeps what was told."""
        self.told = getattr(self, "told", {})
        self.told[told.sku] = (seat, told)

    def _check_kits(self) -> None:
        """Nothing is under way: each kit has all of its components, and no component is alone."""
        assert not self.kits_asked, f"never answered: {self.kits_asked}"
        owned: set[Key] = set()
        for states in self.states:
            for state in states.kept.values():
                if isinstance(state, KitState):
                    owned |= self._check_parts(state)
        assert {key for key in self.model.lines if "/" in key[2]} == owned

    def _state(self, key: str) -> Record | None:
        return self.states[partition_of(key.partition("|")[0])].kept.get(key)

    def _all(self, sku: str) -> Iterator[Record]:
        kept = self.states[partition_of(sku)].kept
        return (state for key, state in kept.items() if key.startswith(f"{sku}|"))


def partition_of(sku: str) -> int:
    """Where a SKU is decided."""
    return crc32(sku.encode()) % PARTITIONS


def _subsets(names: Iterable[str]) -> list[set[str]]:
    every = [*names]
    return [{*some} for count in range(1, len(every) + 1) for some in combinations(every, count)]


def _refused(sends: list[Send]) -> str:
    """Why a command was refused; empty where it was not."""
    reasons = [one.record.reason for one in sends if isinstance(one.record, StockRefused)]
    assert len(reasons) <= 1
    return reasons[0] if reasons else ""


def _broken(rule: str, subject: str, detail: str) -> NoReturn:
    raise AssertionError(f"{rule}: {subject}: {detail}")


__all__ = ["DAY_MS", "HOUR_MS", "PLACES", "Command", "World", "defaultdict"]
