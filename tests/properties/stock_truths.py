"""What is always true of the inventory room's states: model and events say the same."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Iterator
from itertools import combinations
from typing import NoReturn
from zlib import crc32

from schemas.inventory import (
    KitState,
    ReservationState,
    StockState,
)
from schemas.locations import RegisterLocation, SetChannelSourcing, SwitchLocation
from schemas.records import Record
from schemas.stock import (
    LotsState,
    PositionAt,
    SkusState,
    StockLevels,
)
from tests.chaos.ledger import Ledger
from tests.properties.stock_model import Key, StockModel
from tests.properties.stock_promises import Promises
from tests.unit.streams.memory import NOW, DictStates

PARTITIONS = 3
PLACES = ("BER", "HAM", "MUC")
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS


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


class Truths:
    """The partitions' states, a clock, the model and the ledger, and how they agree."""

    def __init__(self) -> None:
        self.states = [NotedStates() for _ in range(PARTITIONS)]
        self.known = [Known() for _ in range(PARTITIONS)]
        self.queues: list[deque[Record]] = [deque() for _ in range(PARTITIONS)]
        self.model = StockModel()
        self.promises = Promises()
        self.ledger = Ledger(_broken)
        self.now = NOW
        self.seen: Counter[str] = Counter()
        """events by name, refusals by reason, states by what they are"""
        self.levels: dict[str, str] = {}
        self.kits_asked: dict[Key, int] = {}
        """kits whose answer is still to come, and the attempt that asked"""
        self.may_idle: set[str] = set()
        """SKUs whose queue has not been looked at since a location opened again"""
        self.touched: set[str] = set()
        self.told: dict[str, tuple[int, StockLevels]] = {}
        self.published: dict[str, tuple[int, StockLevels]] = {}
        """what was told last of each SKU"""

    def _check(self) -> None:
        """Everything that holds after each decision."""
        for sku in self.touched:
            self._check_sku(sku)
        for seat, told in self.told.values():
            self._check_levels(seat, told)
        self.touched.clear()
        self.told.clear()
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
            assert quota.held == model.held_of(sku, quota.quota_id), quota
        of_lines = {line.quota for key, line in model.lines.items() if key[0] == sku} - {""}
        dropped = of_lines - {quota.quota_id for quota in stock.quotas}
        self.seen["dropped quota"] += len(dropped)
        assert {one.quota_id: one.held for one in stock.dropped} == {
            quota: model.held_of(sku, quota) for quota in dropped
        }
        assert {one.supply_id: one for one in stock.supplies} == {
            supply: one for (of, supply), one in self.promises.supplies.items() if of == sku
        }
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
        shut = self.known[partition_of(stock.sku)].shut()
        if stock.waiting and not (stock.quotas or shut or stock.sku in self.may_idle):
            told = [one.promised_at_ms for one in stock.waiting]
            assert told == self.promises.dates(self.model, stock.sku)
            self.seen["promise"] += any(told)
        for day in {one.promised_at_ms for one in promised}:
            supply: Counter[str] = Counter()
            for one in stock.supplies:
                supply[one.location_id] += one.quantity * (0 < one.expected_at_ms <= day)
            for places in _subsets(PLACES):
                wanted = sum(
                    one.quantity
                    for one in promised
                    if one.promised_at_ms <= day and {*one.locations} <= places
                )
                there = sum(max(0, self._spare(stock.sku, at) + supply[at]) for at in places)
                assert wanted <= there, f"{wanted} are promised by {day}, {there} are there"

    def _spare(self, sku: str, place: str) -> int:
        """Less than 0 where safety stock is eaten into."""
        model = self.model
        return model.on_hand[sku, place] - model.held(sku, place) - model.safety[sku, place]

    def _check_levels(self, seat: int, told: StockLevels) -> None:
        """What is told to channels is what the model would let them have."""
        model, known, sku = self.model, self.known[seat], told.sku
        for at in told.locations:
            assert at.available == model.free(sku, at.location_id), at
            assert at.selling == known.sells(at.location_id)
            assert at.on_hand - at.reserved - at.allocated - at.safety_stock == self._spare(
                sku, at.location_id
            )
        open_to_all = [place for place in model.places(sku) if known.sells(place)]
        assert told.available == max(0, model.sellable(sku, open_to_all, ""))
        channels = {channel for of, channel in model.thresholds if of == sku}
        channels |= {*known.channels, *(one.channel for one in model.quotas.get(sku, ()))} - {""}
        assert [one.channel for one in told.channels] == sorted(channels)
        for one in told.channels:
            places = [place for place in model.places(sku) if known.sells_to(one.channel, place)]
            assert one.available == max(0, model.sellable(sku, places, one.channel)), one
        stock = self._state(sku)
        assert isinstance(stock, StockState)
        low_at, pieces = stock.low_at, sum(model.free(sku, place) for place in open_to_all)
        level = "out" if pieces <= 0 else "low" if pieces <= low_at else "ok"
        assert told.level == ("" if stock.components else level)
        waiting = sum(model.lines[key].wish.quantity for key in model.waiting(sku))
        assert told.backordered == waiting

    def check_published(self) -> None:
        """No round is under way: what was told last of each SKU is true, and all are in a chain."""
        for seat, told in self.published.values():
            self._check_levels(seat, told)
        for states in self.states:
            stocks = {key: one for key, one in states.kept.items() if isinstance(one, StockState)}
            assert stocks.keys() <= self.published.keys()
            chain = states.kept.get("@skus")
            sku = chain.newest if isinstance(chain, SkusState) else ""
            seen = []
            while sku and sku not in seen:
                seen.append(sku)
                sku = stocks[sku].earlier
            assert sorted(seen) == sorted(stocks)

    def _check_kits(self) -> None:
        """Nothing is under way: each kit has all of its components, and no component is alone."""
        assert not self.kits_asked, f"never answered: {self.kits_asked}"
        owned: set[Key] = set()
        for states in self.states:
            for state in states.kept.values():
                if isinstance(state, KitState):
                    owned |= self._check_parts(state)
        assert {key for key in self.model.lines if "/" in key[2]} == owned

    def _check_parts(self, kit: KitState) -> set[Key]:
        """Each component of a kit that stands is held for it; their lines."""
        keys = {(one.sku, kit.order_id, f"{kit.line_id}/{one.sku}"): one for one in kit.lines}
        assert kit.status == "reserved" and kit.lines
        for key, part in keys.items():
            line = self.model.lines[key]
            assert (line.place, line.wish.quantity) == (kit.location_id, part.quantity)
        return {*keys}

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


def _broken(rule: str, subject: str, detail: str) -> NoReturn:
    raise AssertionError(f"{rule}: {subject}: {detail}")
