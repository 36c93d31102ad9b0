"""What is told to whoever asked: the order, the kit whose component it is, or purchasing."""

from __future__ import annotations

from schemas.fulfillment import RecordMove
from schemas.inventory import (
    AllocateStock,
    ExtendReservation,
    KitState,
    MoveReservation,
    RecordComponent,
    Refusal,
    ReleaseStock,
    ReservationState,
    ReserveStock,
    ShipStock,
    StockRefused,
    Waiting,
)
from schemas.orders import RecordReservation
from schemas.purchasing import RecordGoodsReceipt
from schemas.records import Record
from schemas.stock import ReceiveStock
from schemas.topics import (
    FULFILLMENT_COMMANDS,
    INVENTORY_COMMANDS,
    ORDERS_COMMANDS,
    PURCHASING_COMMANDS,
)
from streams.inventory.account import Account


def component_line(line_id: str, sku: str) -> str:
    """The line under which a component of a kit is reserved."""
    return f"{line_id}/{sku}"


def reserved(account: Account, made: ReservationState, also_at: list[str]) -> None:
    """The line is reserved. `also_at`: further locations that could have served it."""
    if made.kit_sku:
        _answer_kit(
            account, made.kit_sku, made.order_id, made.line_id, made.attempt, made.location_id, ""
        )
        return
    reply = RecordReservation(
        made.order_id, made.line_id, made.attempt, True, made.location_id, "", also_at
    )
    account.send(ORDERS_COMMANDS, made.order_id, reply)


def kit_reserved(account: Account, kit: KitState) -> None:
    """All components of the kit are reserved."""
    reply = RecordReservation(kit.order_id, kit.line_id, kit.attempt, True, kit.location_id, "", [])
    account.send(ORDERS_COMMANDS, kit.order_id, reply)


def waits(account: Account, line: Waiting, command: ReserveStock) -> None:
    """Nothing is there for the line, and it stands in the queue."""
    reply = RecordReservation(
        line.order_id, line.line_id, command.attempt, False, "", Refusal.OUT_OF_STOCK, [],
        True, line.promised_at_ms, command.ruled,
    )  # fmt: skip
    account.send(ORDERS_COMMANDS, line.order_id, reply)


def refused(account: Account, command: ReserveStock | KitState, reason: Refusal | str) -> None:
    """The line gets nothing."""
    order_id, line_id = command.order_id, command.line_id
    account.tell(
        StockRefused(account.sku, order_id, line_id, command.quantity, reason, account.now_ms)
    )
    if isinstance(command, ReserveStock) and command.kit_sku:
        _answer_kit(account, command.kit_sku, order_id, line_id, command.attempt, "", reason)
        return
    reply = RecordReservation(
        order_id, line_id, command.attempt, False, "", reason, [], ruled=command.ruled
    )
    account.send(ORDERS_COMMANDS, order_id, reply)


def _answer_kit(
    account: Account,
    kit_sku: str,
    order_id: str,
    line_id: str,
    attempt: int,
    location_id: str,
    reason: str,
) -> None:
    of_kit = line_id.removesuffix(component_line("", account.sku))
    reply = RecordComponent(
        kit_sku, order_id, of_kit, account.sku, attempt, location_id != "", location_id, reason
    )
    account.send(INVENTORY_COMMANDS, kit_sku, reply)


def taken_in(account: Account, command: Record, reason: Refusal | str = "") -> None:
    """Goods of a purchase order are in stock, or why not. Nobody waits for another movement."""
    if not isinstance(command, ReceiveStock) or not command.purchase_order_id:
        return
    reply = RecordGoodsReceipt(
        command.purchase_order_id, command.movement_id, account.sku, not reason, reason
    )
    account.send(PURCHASING_COMMANDS, command.purchase_order_id, reply)


def not_done(
    account: Account,
    command: ReleaseStock | ExtendReservation | AllocateStock | ShipStock,
    reason: Refusal,
    quantity: int = 0,
) -> None:
    """The command changed nothing; nobody waits for an answer to it."""
    order_id, line_id = command.order_id, command.line_id
    account.tell(StockRefused(account.sku, order_id, line_id, quantity, reason, account.now_ms))


def moved(account: Account, command: MoveReservation) -> None:
    """The reservation stands where it should."""
    reply = RecordMove(command.order_id, command.line_id, True, command.location_id)
    account.send(FULFILLMENT_COMMANDS, command.order_id, reply)


def not_moved(
    account: Account,
    command: MoveReservation,
    stands: ReservationState | KitState | None,
    reason: Refusal,
) -> None:
    """The reservation stays where it is, if it is anywhere."""
    order_id, line_id = command.order_id, command.line_id
    quantity, location_id = 0, ""
    if stands is not None:
        quantity, location_id = stands.quantity, stands.location_id
    account.tell(StockRefused(account.sku, order_id, line_id, quantity, reason, account.now_ms))
    reply = RecordMove(order_id, line_id, False, location_id, reason)
    account.send(FULFILLMENT_COMMANDS, order_id, reply)
