"""What a command about stock must do, and when it must be refused."""

from __future__ import annotations

from collections import Counter

from schemas.inventory import (
    AllocateStock,
    ExtendReservation,
    MoveReservation,
    ReleaseStock,
    ReserveStock,
    ShipStock,
    StockRefused,
    StockState,
)
from schemas.messages import Send
from schemas.records import Record
from schemas.stock import (
    AdjustStock,
    ChangeDisposition,
    CountStock,
    ExpectSupply,
    Lot,
    LotsState,
    ReceiveStock,
    ReceiveTransfer,
    SetSku,
    SetStock,
    ShipTransfer,
    StockMoved,
)
from tests.properties.stock_truths import Truths, partition_of

Of = ReserveStock | ReleaseStock | MoveReservation | ExtendReservation | AllocateStock | ShipStock
Identified = (
    AdjustStock | CountStock | ReceiveStock | ChangeDisposition | ShipTransfer | ReceiveTransfer
)
Moving = Identified | SetStock | ExpectSupply | SetSku
Command = Of | Moving
Effect = dict[str, tuple[int, int, int]]
"""change of on hand, in transit and quarantined by location"""


class Movements(Truths):
    """Holds movements against the model."""

    def __init__(self) -> None:
        super().__init__()
        self.accepted: dict[tuple[str, str], Identified] = {}
        """movements that the room remembers, by SKU and id"""
        self.transfers: dict[tuple[str, str], tuple[str, int, str, int]] = {}
        """where to and how many pieces are under way, of which lot, and when it expires"""

    def _check_movement(
        self, command: Moving, before: dict[str, Record], sends: list[Send]
    ) -> None:
        """A movement does what it says, or is refused and changes nothing."""
        sku, refused = command.sku, refusal_of(sends)
        stock = before.get(sku)
        assert stock is None or isinstance(stock, StockState)
        tracked = stock is not None and stock.tracking != ""
        if refused:
            assert self.states[partition_of(sku)].kept == before, f"{command} was refused"
        match command:
            case SetSku() if not refused:
                self._learn(command)
            case ExpectSupply():
                able = command.supply_id != "" and command.quantity >= 0
                kit = stock is not None and bool(stock.components)
                assert (not refused) == (able and not (command.quantity and kit))
                if not refused:
                    self.promises.expect(command)
            case SetSku():
                pass
            case SetStock():
                held = self.model.held(sku, command.location_id)
                same = self.model.on_hand[sku, command.location_id] == command.on_hand
                kit = stock is not None and bool(stock.components)
                able = command.safety_stock >= 0 and held <= command.on_hand and not kit
                assert (not refused) == (able and (same or not tracked)), f"{command}: {refused}"
                if not refused:
                    self.model.on_hand[sku, command.location_id] = command.on_hand
                    self.model.safety[sku, command.location_id] = command.safety_stock
            case _:
                self._check_identified(command, stock, before, sends, refused)

    def _check_identified(
        self,
        command: Identified,
        stock: StockState | None,
        before: dict[str, Record],
        sends: list[Send],
        refused: str,
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
                on_hand = 0 if self._comes_expired(command, place, before) else on_hand
                assert one["on_hand"] + one["quarantined"] == sum(effect[place]) - in_transit
                assert one["on_hand"] == on_hand
            else:
                assert (one["on_hand"], one["quarantined"]) == (on_hand, quarantined)
            self.model.on_hand[sku, place] += one["on_hand"]
            self.model.in_transit[sku, place] += in_transit
            self.model.quarantined[sku, place] += one["quarantined"]
        self.accepted[mark] = command
        if isinstance(command, ReceiveStock) and command.supply_id:
            units = {one.code: one.pieces for one in (stock.units if stock else [])}
            pieces = command.quantity * units.get(command.unit, 1)
            self.promises.arrive(sku, command.supply_id, pieces)
        if isinstance(command, ShipTransfer):
            lot = lot_at(before, sku, command.from_location_id, command.lot_id)
            expires = lot.expires_at_ms if lot is not None else 0
            self.transfers[mark] = command.location_id, command.quantity, command.lot_id, expires
        elif isinstance(command, ReceiveTransfer):
            place, quantity, of, expires = self.transfers.pop((sku, command.transfer_id))
            rest = quantity - command.quantity - command.lost
            if rest:
                self.transfers[sku, command.transfer_id] = place, rest, of, expires

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
                place, rest, *_ = self.transfers.get((sku, command.transfer_id), ("", 0))
                if min(quantity, lost) < 0 or not 0 < quantity + lost <= rest:
                    return None
                return {place: (quantity, -quantity - lost, 0)}

    def _comes_expired(
        self, command: ReceiveStock | ReceiveTransfer, place: str, before: dict[str, Record]
    ) -> bool:
        """Whether pieces come of a lot that is past its time, or known to be where they come to."""
        sku = command.sku
        if isinstance(command, ReceiveTransfer):
            *_, lot_id, expires = self.transfers[sku, command.transfer_id]
            ids, moments = [lot_id], [expires]
        else:
            ids, moments = [command.lot_id, *command.serials], [command.expires_at_ms]
        known = [lot_at(before, sku, place, lot_id) for lot_id in ids]
        moments += [lot.expires_at_ms for lot in known if lot is not None]
        return any(0 < moment <= self.now for moment in moments)

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
        model.say(sku, command.quotas)
        if command.components:
            for place in model.places(sku):
                for kept in (model.on_hand, model.safety, model.in_transit, model.quarantined):
                    assert kept is model.safety or not kept[sku, place]
                    kept.pop((sku, place), None)


def lot_at(states: dict[str, Record], sku: str, place: str, lot_id: str) -> Lot | None:
    lots = states.get(f"{sku}|@lots|{place}")
    if not isinstance(lots, LotsState):
        return None
    return next((lot for lot in lots.lots if lot.lot_id == lot_id), None)


def refusal_of(sends: list[Send]) -> str:
    """Why a command was refused; empty where it was not."""
    reasons = [one.record.reason for one in sends if isinstance(one.record, StockRefused)]
    assert len(reasons) <= 1
    return reasons[0] if reasons else ""
