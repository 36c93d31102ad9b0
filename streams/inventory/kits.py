"""SKUs that are made of others. A kit has no stock: its components are reserved, or nothing is.

A kit ships from one place, so its locations are tried one after the other. At each of them every
component is asked for in its own partition; when all have answered and one of them was refused,
the others give back what they hold, and the next location is tried. The attempt that components
see counts these tries, so that an answer to an earlier one is told from the one that is waited for.

What a channel may not sell of the kit at a location are the components of so many kits: each of
them is reserved only where it leaves those, on top of its own threshold.
"""

from __future__ import annotations

from msgspec.structs import replace

from schemas.inventory import (
    AllocateStock,
    ExtendReservation,
    KitLine,
    KitState,
    RecordComponent,
    Refusal,
    ReleaseStock,
    ReserveStock,
    ShipStock,
)
from schemas.stock import Component
from schemas.topics import INVENTORY_COMMANDS
from streams.inventory import answers, quotas
from streams.inventory.account import Account
from streams.inventory.model import (
    KIT_INCOMPLETE,
    KIT_LOCATIONS_MAXIMUM,
    KitStatus,
    PartStatus,
)


def reserve(account: Account, components: list[Component], command: ReserveStock) -> None:
    """Ask for the components at the first ranked location."""
    if command.kit_sku:
        answers.refused(account, command, Refusal.KIT_HAS_NO_STOCK)
        return
    if not command.locations:
        answers.refused(account, command, Refusal.OUT_OF_STOCK)
        return
    pieces: dict[str, int] = {}
    for component in components:
        wanted = component.quantity * command.quantity
        pieces[component.sku] = pieces.get(component.sku, 0) + wanted
    kit = KitState(
        order_id=command.order_id,
        line_id=command.line_id,
        sku=account.sku,
        quantity=command.quantity,
        attempt=command.attempt,
        locations=command.locations[:KIT_LOCATIONS_MAXIMUM],
        tried=0,
        lines=[KitLine(sku, wanted, PartStatus.ASKED) for sku, wanted in pieces.items()],
        status=KitStatus.RESERVING,
        location_id="",
        reserved_until_ms=command.reserved_until_ms,
        reason="",
        channel=command.channel,
        customer_group=command.customer_group,
        wake_at_ms=command.reserved_until_ms if command.expires else 0,
        ruled=command.ruled,
    )
    _ask(account, kit)


def record(account: Account, reply: RecordComponent) -> None:
    """A component has answered. One that is not waited for, late or again, changes nothing."""
    kit = account.line(reply.order_id, reply.line_id)
    if not isinstance(kit, KitState) or reply.attempt != _try(kit):
        return
    if all(
        line.sku != reply.component_sku or line.status != PartStatus.ASKED for line in kit.lines
    ):
        return
    answer = PartStatus.HELD if reply.reserved else PartStatus.REFUSED
    lines = [
        KitLine(line.sku, line.quantity, answer) if line.sku == reply.component_sku else line
        for line in kit.lines
    ]
    reason = kit.reason
    if not reply.reserved and not reason and reply.reason != Refusal.OUT_OF_STOCK:
        reason = reply.reason
    kit = replace(kit, lines=lines, reason=reason)
    if any(line.status == PartStatus.ASKED for line in lines):
        account.keep(kit)
    elif kit.status == KitStatus.UNDOING:
        _give_back(account, kit, kit.reason)
        _refuse(account, kit, Refusal.OUT_OF_STOCK)
    elif all(line.status == PartStatus.HELD for line in lines):
        kit = replace(kit, status=KitStatus.RESERVED, location_id=kit.locations[kit.tried])
        account.keep(kit)
        answers.kit_reserved(account, kit)
    else:
        _try_next(account, kit)


def answer_again(account: Account, kit: KitState) -> None:
    """The same wish again; while components are waited for, the answer is still to come."""
    if kit.status == KitStatus.RESERVED:
        answers.kit_reserved(account, kit)


def release(account: Account, kit: KitState, reason: str) -> None:
    """Give all components back, now or when those that were asked have answered."""
    if kit.status == KitStatus.RESERVED:
        _give_back(account, kit, reason)
        account.forget(kit.order_id, kit.line_id)
    elif kit.status == KitStatus.RESERVING:
        account.keep(replace(kit, status=KitStatus.UNDOING, reason=reason, wake_at_ms=0))


def shrink(account: Account, kit: KitState, command: ReserveStock) -> KitState:
    """Hold fewer kits than are reserved; the kit as it is then."""
    lines = [
        KitLine(line.sku, line.quantity * command.quantity // kit.quantity, line.status)
        for line in kit.lines
    ]
    kit = replace(kit, quantity=command.quantity, attempt=command.attempt, lines=lines)
    account.keep(kit)
    for line in lines:
        wanted = _component(kit, line)
        account.send(INVENTORY_COMMANDS, line.sku, replace(wanted, held=True))
    return kit


def stands(kit: KitState) -> bool:
    """Whether all components are reserved."""
    return kit.status == KitStatus.RESERVED


def pass_on(
    account: Account, kit: KitState, command: ExtendReservation | AllocateStock | ShipStock
) -> None:
    """What happens to the kit happens to each of its components."""
    for line in kit.lines:
        line_id = answers.component_line(kit.line_id, line.sku)
        account.send(INVENTORY_COMMANDS, line.sku, replace(command, line_id=line_id, sku=line.sku))


def _try(kit: KitState) -> int:
    """The attempt that components see: another one at each location of each attempt."""
    return kit.attempt * KIT_LOCATIONS_MAXIMUM + kit.tried


def _ask(account: Account, kit: KitState) -> None:
    """Ask for every component at the location that is tried."""
    account.keep(kit)
    kits_left = quotas.threshold(account.known.thresholds, kit.channel)
    for line in kit.lines:
        wanted = _component(kit, line)
        leave = kits_left * (line.quantity // kit.quantity)
        account.send(INVENTORY_COMMANDS, line.sku, replace(wanted, leave=leave))


def _component(kit: KitState, line: KitLine) -> ReserveStock:
    """The wish for a component where the kit is tried or held."""
    return ReserveStock(
        order_id=kit.order_id,
        line_id=answers.component_line(kit.line_id, line.sku),
        sku=line.sku,
        quantity=line.quantity,
        attempt=_try(kit),
        locations=[kit.locations[kit.tried]],
        reserved_until_ms=kit.reserved_until_ms,
        channel=kit.channel,
        customer_group=kit.customer_group,
        kit_sku=kit.sku,
    )


def _try_next(account: Account, kit: KitState) -> None:
    """Give back what is held here and go on to the next location, where that can help."""
    _give_back(account, kit, KIT_INCOMPLETE)
    if kit.reason:
        _refuse(account, kit, kit.reason)
    elif kit.tried + 1 == len(kit.locations):
        _refuse(account, kit, Refusal.OUT_OF_STOCK)
    else:
        lines = [KitLine(line.sku, line.quantity, PartStatus.ASKED) for line in kit.lines]
        _ask(account, replace(kit, tried=kit.tried + 1, lines=lines))


def _give_back(account: Account, kit: KitState, reason: str) -> None:
    """Release the components that are held."""
    for line in kit.lines:
        if line.status == PartStatus.HELD:
            line_id = answers.component_line(kit.line_id, line.sku)
            command = ReleaseStock(kit.order_id, line_id, line.sku, reason)
            account.send(INVENTORY_COMMANDS, line.sku, command)


def _refuse(account: Account, kit: KitState, reason: Refusal | str) -> None:
    """The kit is not reserved, and nothing of it is held."""
    account.forget(kit.order_id, kit.line_id)
    answers.refused(account, kit, reason)
