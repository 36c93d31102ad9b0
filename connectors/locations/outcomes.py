"""What came of what was asked: the event that answers a command, or what is the case already.

The fulfillment room answers with an event, and with none where the command asks for what is so.
A refusal names the command's kind, the fulfillment order and who asked; where the same caller has
asked the same kind twice, it is about the earlier one that has no answer yet, for the room takes
commands in their order.

In memory: a process that has started again knows of no command, and the same one may be sent again.
"""

from __future__ import annotations

import asyncio
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from connectors.locations.requests import CommandTold
from schemas import codec
from schemas.fulfillment import FulfillmentCommandRefused
from schemas.fulfillment_work import (
    AcceptFulfillmentOrder,
    FulfillmentHoldEnded,
    FulfillmentOrder,
    FulfillmentOrderAccepted,
    FulfillmentOrderHeld,
    FulfillmentOrderPacked,
    FulfillmentOrderRejected,
    FulfillmentOrderShipped,
    FulfillmentOrderShort,
    HoldFulfillmentOrder,
    PackedLine,
    PickingStarted,
    RecordPacked,
    RejectFulfillmentOrder,
    ReleaseFulfillmentOrder,
    ReportShort,
    ShipFulfillmentOrder,
    ShipmentRefused,
    StartPicking,
    WorkStatus,
)
from schemas.records import Record

MAXIMUM_COMMANDS = 100_000
"""that are remembered, of all callers; the oldest gives way"""
MAXIMUM_PENDING = 1_000
"""of one order, that an event is held against; the others stay without an answer"""
PENDING, DONE, REFUSED = "pending", "done", "refused"

_STRAIGHT = (
    WorkStatus.RELEASED, WorkStatus.ACCEPTED, WorkStatus.PICKING, WorkStatus.PACKED,
    WorkStatus.SHIPPING, WorkStatus.SHIPPED, WorkStatus.DELIVERED, WorkStatus.DAMAGED,
    WorkStatus.LOST, WorkStatus.RETURNED_TO_SENDER,
)  # fmt: skip
"""The straight way, and where it can end."""


class Outcome(NamedTuple):
    """How a command ended."""

    status: str
    """DONE or REFUSED"""
    reason: str = ""
    detail: str = ""


class Key(NamedTuple):
    """What a command is found by."""

    caller: str
    fulfillment_order_id: str
    key: str


@dataclass(slots=True)
class Command:
    """A command that was sent, and what is known of it."""

    key: Key
    record: Record
    actor: str
    settled: asyncio.Future[Outcome]

    def told(self) -> CommandTold:
        """For programs."""
        ended = self.settled.result() if self.settled.done() else Outcome(PENDING)
        return CommandTold(
            key=self.key.key,
            fulfillment_order_id=self.key.fulfillment_order_id,
            command=type(self.record).__name__,
            status=ended.status,
            reason=ended.reason,
            detail=ended.detail,
        )


def answered(command: Record, actor: str, event: Record) -> Outcome | None:
    """What an event says of a command about the same fulfillment order; None where nothing."""
    if isinstance(event, FulfillmentCommandRefused):
        if (event.command, event.actor) == (type(command).__name__, actor):
            return Outcome(REFUSED, event.reason, event.detail)
        return None
    match command, event:
        case AcceptFulfillmentOrder(), FulfillmentOrderAccepted():
            return Outcome(DONE)
        case RejectFulfillmentOrder(), FulfillmentOrderRejected():
            return Outcome(DONE)
        case StartPicking(), PickingStarted():
            return Outcome(DONE)
        case HoldFulfillmentOrder(), FulfillmentOrderHeld():
            return Outcome(DONE)
        case ReleaseFulfillmentOrder(), FulfillmentHoldEnded():
            return Outcome(DONE)
        case ReportShort(), FulfillmentOrderShort():
            said = (command.line_id, command.quantity)
            return Outcome(DONE) if said == (event.line_id, event.quantity) else None
        case RecordPacked(), FulfillmentOrderPacked():
            return Outcome(DONE) if command.parcels == event.parcels else None
        case ShipFulfillmentOrder(), FulfillmentOrderShipped():
            return Outcome(DONE) if _goes_by(command) == _goes_by(event) else None
        case ShipFulfillmentOrder(), ShipmentRefused():
            return Outcome(REFUSED, event.reason, "the order does not let it leave")
    return None


def is_so(command: Record, one: FulfillmentOrder) -> bool:
    """What the command asks for is the case, so that the room says nothing of it."""
    match command:
        case AcceptFulfillmentOrder():
            return one.status in _from(WorkStatus.ACCEPTED)
        case StartPicking():
            return one.status in _from(WorkStatus.PICKING)
        case RecordPacked():
            return one.status in _from(WorkStatus.PACKED) and one.parcels == command.parcels
        case ShipFulfillmentOrder():
            return one.status in _from(WorkStatus.SHIPPED) and _goes_by(command) == _goes_by(one)
        case RejectFulfillmentOrder():
            return one.status == WorkStatus.REJECTED
        case HoldFulfillmentOrder():
            return one.status == WorkStatus.HELD
        case ReleaseFulfillmentOrder():
            return one.status in _STRAIGHT[: _STRAIGHT.index(WorkStatus.PACKED) + 1]
        case ReportShort():
            return PackedLine(command.line_id, command.quantity) in one.missing
    return False


def _from(status: WorkStatus) -> tuple[WorkStatus, ...]:
    return _STRAIGHT[_STRAIGHT.index(status) :]


def _goes_by(
    one: ShipFulfillmentOrder | FulfillmentOrderShipped | FulfillmentOrder,
) -> tuple[str, str, str]:
    return one.carrier, one.service, one.tracking_number


class Outcomes:
    """The commands that were sent. The event loop adds them; the follower's thread brings events,
    as the `put` of a keeper."""

    def __init__(self, maximum: int = MAXIMUM_COMMANDS) -> None:
        """Nothing has been sent."""
        self._maximum = maximum
        self._commands: OrderedDict[Key, Command] = OrderedDict()
        self._pending: dict[str, dict[Key, Command]] = {}
        """without an answer, by order id"""
        self._lock = threading.Lock()

    def __len__(self) -> int:
        """Commands that are remembered."""
        return len(self._commands)

    def sort(self) -> None:
        """See connectors.following.Keeper; there is no order here."""

    def add(self, key: Key, order_id: str, record: Record, actor: str) -> Command:
        """Listen for the answer to a command that is about to be sent."""
        command = Command(key, record, actor, asyncio.get_running_loop().create_future())
        with self._lock:
            self._forget(key)
            self._commands[key] = command
            waiting = self._pending.setdefault(order_id, {})
            if len(waiting) < MAXIMUM_PENDING:
                waiting[key] = command
            while len(self._commands) > self._maximum:
                self._forget(next(iter(self._commands)))
        return command

    def drop(self, key: Key) -> None:
        """It was not sent after all."""
        with self._lock:
            self._forget(key)

    def find(self, key: Key) -> Command | None:
        """A command; None where it is not known, or no longer."""
        return self._commands.get(key)

    def is_next(self, command: Command) -> bool:
        """No earlier command about the same fulfillment order waits for its answer."""
        name = command.key.fulfillment_order_id
        with self._lock:
            waiting = self._pending.get(_order(name), {})
            first = next((one for one in waiting.values() if one.key[1] == name), command)
        return first is command

    def settle(self, command: Command, outcome: Outcome) -> None:
        """How it ended; of the event loop."""
        with self._lock:
            self._answered(command)
        if not command.settled.done():
            command.settled.set_result(outcome)

    def put(self, key: str, value: bytes | None) -> None:
        """An event of an order."""
        if key not in self._pending or value is None:
            return
        try:
            event = codec.decode(value)
        except codec.UnreadableRecord:
            return  # it answers nothing that was asked here
        name = getattr(event, "fulfillment_order_id", "")
        with self._lock:
            for command in list(self._pending.get(key, {}).values()):
                outcome = None
                if command.key.fulfillment_order_id == name:
                    outcome = answered(command.record, command.actor, event)
                if outcome is not None:
                    self._answered(command)
                    _later(command, outcome)
                    return

    def _answered(self, command: Command) -> None:
        order_id = _order(command.key.fulfillment_order_id)
        waiting = self._pending.get(order_id)
        if waiting is not None and waiting.get(command.key) is command:
            del waiting[command.key]
            if not waiting:
                del self._pending[order_id]

    def _forget(self, key: Key) -> None:
        command = self._commands.pop(key, None)
        if command is not None:
            self._answered(command)


def _order(fulfillment_order_id: str) -> str:
    return fulfillment_order_id.rpartition("/")[0]


def _later(command: Command, outcome: Outcome) -> None:
    """Settle it in its own event loop."""

    def settle() -> None:
        if not command.settled.done():
            command.settled.set_result(outcome)

    loop = command.settled.get_loop()
    call: Callable[..., object] = loop.call_soon_threadsafe
    if not loop.is_closed():
        call(settle)
