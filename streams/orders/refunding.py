"""Money that is given back for what has been shipped: by line, in part, or a sum.

The pieces of a line are given back in the order in which they were shipped, each for what was
billed for it, so that all of them are its share of the order exactly. A sum that is not what lines
come to is taken from what is left of what was billed, in proportion. The order's total stays what
it is: payments counts such a refund as goodwill, and collects nothing again.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec.structs import replace

from schemas.messages import Send
from schemas.orders import (
    BilledLine,
    OrderLine,
    OrderRefunded,
    OrderState,
    Parcel,
    PlaceOrder,
    RefundOrder,
    Refusal,
    ShippedLine,
    Status,
)
from schemas.payments import RefundPayment
from schemas.topics import ORDERS_EVENTS, PAYMENTS_COMMANDS
from schemas.totals import allocate
from streams.content import hash_of
from streams.orders import ending, invoicing, terms, waiting
from streams.orders.changes import NotPossible
from streams.orders.ending import Changed
from streams.orders.invoicing import NOTHING, SHIPPING, Sum
from streams.orders.model import MAXIMUM_REQUESTS

RESERVED = ("@", "change/")
"""how the refund ids begin that payments and this room give by themselves"""

Place = tuple[int, str]
"""number of a parcel, and line_id in it"""


def refund(state: OrderState, command: RefundOrder, now_ms: int) -> Changed:
    """Give money back, or refuse to."""
    digest = hash_of(
        (
            [(one.line_id, one.quantity) for one in command.lines], command.shipping_minor,
            command.amount_minor, command.reason, command.actor,
        )
    )  # fmt: skip
    known = waiting.known(state, waiting.REFUND, command.refund_id)
    if known is not None and known.content_hash == digest:
        return state, []
    try:
        if known is not None:
            detail = "the refund came before with other content"
            raise NotPossible(Refusal.ORDER_CONFLICT, "", detail)
        _check(state, command)
        order = terms.of(state)
        back = _Back(state.parcels)
        pieces = _pieces(back, order, command.lines)
        _take_pieces(back, order, pieces)
        _set_shipping(back, command)
        if command.amount_minor:
            _make(back, command.amount_minor, command.shipping_minor >= 0)
        amount = back.gross()
        _check_sum(state, amount)
    except NotPossible as why:
        return state, [_refused(command, why, now_ms)]
    return _refunded(state, command, order, pieces, back, digest, now_ms)


class _Back:
    """What is to be given back of what was billed."""

    def __init__(self, parcels: list[Parcel]) -> None:
        self.parcels = parcels
        self.sums: dict[Place, Sum] = {}
        self.pieces: dict[Place, int] = {}
        self._billed: dict[Place, BilledLine] = {
            (at, line.line_id): line for at, parcel in enumerate(parcels) for line in parcel.lines
        }

    def lines(self, line_id: str) -> list[tuple[Place, BilledLine]]:
        """Where a line was billed, earliest first."""
        return [(place, one) for place, one in self._billed.items() if place[1] == line_id]

    def pieces_left(self, line_id: str) -> int:
        """Pieces of a line that were shipped and not given back."""
        return sum(one.quantity - one.back_quantity for _, one in self.lines(line_id))

    def left(self, *, shipping: bool = True) -> dict[Place, Sum]:
        """What is not given back yet, nor is to be."""
        return {
            place: invoicing.left(one).minus(self.sums.get(place, NOTHING))
            for place, one in self._billed.items()
            if shipping or place[1] != SHIPPING
        }

    def take(self, place: Place, wanted: Sum) -> None:
        """Take so much, or what is left of it where sums were given back before."""
        if place not in self._billed:
            return
        there = invoicing.left(self._billed[place]).minus(self.sums.get(place, NOTHING))
        if wanted.net_minor > there.net_minor or wanted.tax_minor > there.tax_minor:
            wanted = there.part(min(wanted.gross_minor, there.gross_minor))
        self.sums[place] = self.sums.get(place, NOTHING).plus(wanted)

    def gross(self, only: str = "") -> int:
        """What it comes to, or what of a line."""
        return sum(
            one.gross_minor for place, one in self.sums.items() if not only or place[1] == only
        )


def _check(state: OrderState, command: RefundOrder) -> None:
    """Whether the order can be given money back for at all. Raises NotPossible."""
    if not command.refund_id or command.refund_id.startswith(RESERVED):
        raise NotPossible(Refusal.ORDER_CONFLICT, "", "its id is not free")
    if state.status in (Status.CANCELLED, Status.REFUSED):
        raise NotPossible(Refusal.ALREADY_ENDED, "", f"the order is {state.status}")
    if state.status != Status.RELEASED:
        raise NotPossible(Refusal.NOT_RELEASED, "", f"the order is {state.status}")
    if len(state.requests) >= MAXIMUM_REQUESTS:
        raise NotPossible(Refusal.TOO_MANY)
    if command.currency not in ("", state.currency):
        raise NotPossible(Refusal.CURRENCY_DIFFERS, "", f"the order is in {state.currency}")
    if command.amount_minor < 0 or command.shipping_minor < -1:
        raise NotPossible(Refusal.INVALID_AMOUNT, "", "it is below 0")
    if 0 < command.amount_minor < command.shipping_minor:
        raise NotPossible(Refusal.INVALID_AMOUNT, "", "shipping is more than the sum")


def _pieces(back: _Back, order: PlaceOrder, wanted: list[ShippedLine]) -> dict[str, int]:
    """How many pieces of which line, a bundle by its parts. Raises NotPossible."""
    known = {line.line_id: line for line in order.lines}
    heads = invoicing.bundles(order)
    pieces: dict[str, int] = {}
    for one in wanted:
        if one.line_id not in known:
            raise NotPossible(Refusal.UNKNOWN_LINE, one.line_id)
        if one.quantity < 0:
            raise NotPossible(Refusal.INVALID_QUANTITY, one.line_id)
        head = known[one.line_id]
        lines = _parts(order, heads, head) if one.line_id in heads else [head]
        before = sum(pieces.values())
        for line in lines:
            number, rest = divmod(line.quantity * one.quantity, head.quantity)
            if rest:
                detail = f"{one.quantity} of {head.quantity} are no whole pieces of its parts"
                raise NotPossible(Refusal.INVALID_QUANTITY, one.line_id, detail)
            named = pieces.get(line.line_id, 0)
            number = number or max(0, back.pieces_left(line.line_id) - named)
            pieces[line.line_id] = named + number
        if sum(pieces.values()) == before:
            raise NotPossible(Refusal.NOTHING_LEFT, one.line_id)
    return {line_id: number for line_id, number in pieces.items() if number}


def _parts(
    order: PlaceOrder, heads: Mapping[str, list[OrderLine]], head: OrderLine
) -> list[OrderLine]:
    """What a bundle is given back as."""
    return [
        line
        for line in order.lines
        if line.parent_line_id == head.line_id and line.line_id not in heads
    ]


def _take_pieces(back: _Back, order: PlaceOrder, pieces: dict[str, int]) -> None:
    """What was billed for the pieces, those first that were shipped first. Raises NotPossible."""
    bears = invoicing.bearers(order) if pieces else {}
    for line_id, wanted in pieces.items():
        first = 0
        for place, one in back.lines(line_id):
            number = min(wanted, one.quantity - one.back_quantity)
            if number > 0:
                start = first + one.back_quantity
                back.pieces[place] = number
                for name, worth in bears[line_id].pieces(start, start + number).items():
                    back.take((place[0], name), worth)
            wanted -= number
            first += one.quantity
        if wanted:
            detail = f"{wanted} more than was shipped and not refunded"
            raise NotPossible(Refusal.MORE_THAN_SHIPPED, line_id, detail)


def _set_shipping(back: _Back, command: RefundOrder) -> None:
    """Give so much of shipping back, where it is not to be the lines' own. Raises NotPossible."""
    if command.shipping_minor < 0:
        return
    touched = {number for number, _ in back.sums}
    places = [place for place, _ in back.lines(SHIPPING)]
    for place in places:
        back.sums.pop(place, None)
    wanted = command.shipping_minor
    for place in sorted(places, key=lambda place: place[0] not in touched):
        there = back.left()[place]
        taken = min(wanted, there.gross_minor)
        back.take(place, there.part(taken))
        wanted -= taken
    if wanted:
        detail = f"of shipping {command.shipping_minor - wanted} are left"
        raise NotPossible(Refusal.MORE_THAN_LEFT, "", detail)


def _make(back: _Back, amount: int, shipping_is_given: bool) -> None:
    """Make it `amount` in all, by less or more of everything in proportion. Raises NotPossible."""
    sums = {
        place: one
        for place, one in back.sums.items()
        if not (shipping_is_given and place[1] == SHIPPING)
    }
    come_to = sum(one.gross_minor for one in sums.values())
    amount -= back.gross() - come_to
    if amount <= come_to:
        parts = allocate(amount, [one.gross_minor for one in sums.values()]) if sums else []
        for (place, one), part in zip(sums.items(), parts, strict=True):
            back.sums[place] = one.part(part)
        return
    there = back.left(shipping=not shipping_is_given)
    whole = sum(one.gross_minor for one in there.values())
    if amount - come_to > whole:
        detail = f"{whole} more are left"
        raise NotPossible(Refusal.MORE_THAN_LEFT, "", detail)
    parts = allocate(amount - come_to, [one.gross_minor for one in there.values()])
    for (place, one), part in zip(there.items(), parts, strict=True):
        if part:
            back.take(place, one.part(part))


def _check_sum(state: OrderState, amount: int) -> None:
    """Whether there is money to be given back. Raises NotPossible."""
    if not amount:
        raise NotPossible(Refusal.NOTHING_LEFT, "", "it comes to nothing")
    there = state.captured_minor - max(state.refund_asked_minor, state.refunded_minor)
    if amount > there:
        detail = f"{amount}, of which {max(0, there)} are taken and not given back"
        raise NotPossible(Refusal.NOT_CAPTURED, "", detail)


def _refunded(
    state: OrderState,
    command: RefundOrder,
    order: PlaceOrder,
    pieces: dict[str, int],
    back: _Back,
    digest: int,
    now_ms: int,
) -> Changed:
    order_id, amount = state.order_id, back.gross()
    event = OrderRefunded(
        order_id, command.refund_id, [ShippedLine(*one) for one in pieces.items()], state.currency,
        amount, back.gross(SHIPPING), command.reason, command.actor, now_ms,
    )  # fmt: skip
    ask = RefundPayment(order_id, command.refund_id, amount, command.reason)
    sends = [Send(ORDERS_EVENTS, order_id, event), Send(PAYMENTS_COMMANDS, order_id, ask)]
    parcels = []
    for at, parcel in enumerate(state.parcels):
        sums = {place[1]: one for place, one in back.sums.items() if place[0] == at}
        number = {place[1]: one for place, one in back.pieces.items() if place[0] == at}
        quantities = invoicing.with_heads(order, number)
        sends += invoicing.credited(
            state, parcel, sums, quantities, command.refund_id, command.reason, now_ms
        )
        parcels.append(_less(parcel, sums, quantities))
    state = waiting.remembered(state, waiting.REFUND, command.refund_id, digest)
    state = replace(
        state,
        parcels=parcels,
        refund_asked_minor=state.refund_asked_minor + amount,
        returned_minor=state.returned_minor + amount,
    )
    return state, sends


def _less(parcel: Parcel, sums: invoicing.Sums, quantities: dict[str, int]) -> Parcel:
    """The parcel with what is given back of it."""
    if not sums:
        return parcel
    lines = []
    for one in parcel.lines:
        back = sums.get(one.line_id, NOTHING)
        lines.append(
            replace(
                one,
                back_quantity=one.back_quantity + quantities.get(one.line_id, 0),
                back_net_minor=one.back_net_minor + back.net_minor,
                back_tax_minor=one.back_tax_minor + back.tax_minor,
            )
        )
    return replace(parcel, lines=lines)


def _refused(command: RefundOrder, why: NotPossible, now_ms: int) -> Send:
    line = f"line {why.line_id}" if why.line_id else ""
    detail = ": ".join(each for each in (line, why.detail) if each)
    return ending.command_refused(
        "RefundOrder", command.order_id, why.reason, detail, now_ms, command.actor,
        command.refund_id,
    )  # fmt: skip
