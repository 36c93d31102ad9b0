"""An orders room with one order, and short ways to bring it as far as a test needs it."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from schemas import inventory
from schemas.fulfillment import RankLocations
from schemas.messages import Send
from schemas.orders import (
    AmendOrder,
    CancelOrder,
    HoldOrder,
    LineQuantity,
    LineState,
    OrderLine,
    OrderState,
    PlaceOrder,
    RecordPayment,
    RecordReservation,
    RecordRouting,
    RecordShipment,
    ReleaseHold,
    ShippedLine,
    Status,
)
from schemas.payments import AuthorizePayment, ChangePayment
from schemas.records import Record
from schemas.topics import ORDERS_EVENTS
from schemas.totals import recomputed_total
from streams.orders.agent import OrdersRoom
from tests.unit.streams.memory import NOW, Desk, place

ID = "shop-1"


class OrderDesk(Desk):
    """Partition 0 of the orders room."""

    def __init__(self, order: PlaceOrder | None = None) -> None:
        super().__init__(OrdersRoom())
        self.order = order if order is not None else place()
        self.written: list[Send] = []

    def tell(self, *commands: Record) -> list[Send]:
        """What the room writes after commands about the order."""
        sends = [send for command in commands for send in self.ask(ID, command)]
        self.written += sends
        return sends

    @property
    def now_is(self) -> OrderState:
        """The order."""
        return self.state(ID, OrderState)

    def line(self, line_id: str) -> LineState:
        """A line of it."""
        return next(one for one in self.now_is.lines if one.line_id == line_id)

    def written_digest(self) -> bytes:
        """Of the latest event."""
        events = [send.record for send in self.written if send.topic is ORDERS_EVENTS]
        digest: bytes = events[-1].digest  # type: ignore[attr-defined]
        return digest

    def until(self, status: str) -> OrderDesk:
        """Place the order and give every answer that it needs, up to that status."""
        sends = self.tell(self.order)
        for _ in range(10):
            if self.now_is.status == status:
                return self
            sends = self.answered(sends)
        raise AssertionError(f"the order is {self.now_is.status}")

    def answered(self, sends: list[Send]) -> list[Send]:
        """Answer everything that was asked with yes."""
        written = []
        for send in sends:
            if (reply := yes(send.record)) is not None:
                for one in reply:
                    written += self.tell(one)
        return written


def yes(asked: Record) -> list[Record] | None:
    """What the other rooms answer when all is well."""
    match asked:
        case RankLocations():
            return [
                RecordReservation(
                    ID, line.line_id, asked.attempt, True, line.only_location_id or "BER", "", []
                )
                for line in asked.lines
            ]
        case AuthorizePayment():
            return [paid(asked.amount_minor, asked.revision)]
        case ChangePayment():
            return [paid(asked.amount_minor, asked.revision)]
    if type(asked).__name__ == "RouteOrder":
        return [RecordRouting(ID, 1)]
    return None


def paid(
    amount: int = 3000, revision: int = 0, *, captured: int = 0, refunded: int = 0
) -> RecordPayment:
    """Payments covers so much."""
    return RecordPayment(ID, True, amount, "EUR", "", revision, "authorized", captured, refunded)


def declined(revision: int) -> RecordPayment:
    """Payments says no to a change, and its sums are as they were."""
    return RecordPayment(ID, False, 3000, "EUR", "card_declined", revision, "authorized")


def out_of_stock(line_id: str, attempt: int) -> RecordReservation:
    """Inventory has nothing for a line."""
    reason = inventory.Refusal.OUT_OF_STOCK
    return RecordReservation(ID, line_id, attempt, False, "", reason, [])


def amend(amendment_id: str = "a", **changes: Any) -> AmendOrder:
    """A change by hand."""
    nothing = AmendOrder(
        ID, amendment_id, -1, [], [], [], [], "", -1, [], "the customer called", "jo", NOW
    )
    return replace(nothing, **changes)


def add(line_id: str = "3", sku: str = "CAP", quantity: int = 1, **more: Any) -> AmendOrder:
    """One more line at 10.00 euros a piece."""
    return amend(add=[OrderLine(line_id, sku, quantity, 1000, **more)])


def resize(line_id: str, quantity: int, amendment_id: str = "a") -> AmendOrder:
    """Another quantity of a line."""
    return amend(amendment_id, quantities=[LineQuantity(line_id, quantity)])


def cancel(*line_ids: str) -> CancelOrder:
    """Cancel lines, or all."""
    return CancelOrder(ID, "not needed", NOW, list(line_ids), "jo")


def hold(hold_id: str = "h", until_ms: int = 0, then: str = "release") -> HoldOrder:
    """Hold the order by hand."""
    return HoldOrder(ID, hold_id, "manual", "looks odd", until_ms, then, "jo", NOW)


def free(hold_id: str = "") -> ReleaseHold:
    """Release a hold, or all."""
    return ReleaseHold(ID, hold_id, "is fine", "jo", NOW)


def shipment(shipment_id: str = "s", **lines: int) -> RecordShipment:
    """Pieces have left; lines are named l1, l2 and so on."""
    pieces = [ShippedLine(name.removeprefix("l"), quantity) for name, quantity in lines.items()]
    return RecordShipment(ID, shipment_id, pieces, NOW, "BER", "dhl", "JD1", "packer")


def released() -> OrderDesk:
    """An order of two lines that is released."""
    return OrderDesk().until(Status.RELEASED)


def order(*lines: OrderLine, discount: int = 0, shipping: int = 0, tax: int = 0) -> PlaceOrder:
    """An order for what its lines come to."""
    made = replace(
        place(), lines=list(lines), discount_minor=discount, shipping_minor=shipping, tax_minor=tax
    )
    total = recomputed_total(made)
    return replace(made, total_minor=total, paid_minor=total)


THREE = order(
    OrderLine("1", "MUG", 3, 333),
    OrderLine("2", "TEE", 1, 1999),
    OrderLine("3", "CAP", 2, 501),
    discount=100,
    shipping=499,
    tax=7,
)
