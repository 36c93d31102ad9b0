"""What may be asked of a fulfillment order: the bodies, and the commands that they become. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, NamedTuple

from msgspec import Meta, Struct, field

from connectors.carriers.carrier import MAXIMUM_ID, MAXIMUM_WORDS, Notice, event_id
from connectors.http_api import Fault, Problem
from connectors.locations.answers import FulfillmentOrderShown, PiecesTold
from connectors.locations.store import Found
from schemas.fulfillment_work import (
    AcceptFulfillmentOrder,
    CarrierKind,
    HoldFulfillmentOrder,
    PackedLine,
    PackedParcel,
    RecordCarrierEvent,
    RecordPacked,
    RejectFulfillmentOrder,
    ReleaseFulfillmentOrder,
    ReportShort,
    ShipFulfillmentOrder,
    StartPicking,
)
from schemas.records import Record

MAXIMUM_REASON = 500
MAXIMUM_PARCELS = 200
MAXIMUM_LINES = 500
"""of a parcel"""
MAXIMUM_PIECES = 1_000_000_000
MAXIMUM_GRAMS = 10_000_000
MAXIMUM_MM = 100_000
AHEAD_MS = 300_000
"""by which a clock of somebody else's may be ahead of ours"""
_EPOCH = datetime.fromtimestamp(0, UTC)
# The end is (?![\s\S]) because $ also stands before a last line break in Python, and not in JSON
# Schema.
_ONE_LINE = r"^[^\x00-\x1f\x7f]*(?![\s\S])"
_IDENTIFIER = r"^[^\x00-\x20\x7f|]([^\x00-\x1f\x7f|]*[^\x00-\x20\x7f|])?(?![\s\S])"

Reason = Annotated[str, Meta(min_length=1, max_length=MAXIMUM_REASON, pattern=_ONE_LINE)]
Word = Annotated[str, Meta(max_length=200, pattern=_ONE_LINE)]
Identifier = Annotated[str, Meta(min_length=1, max_length=200, pattern=_IDENTIFIER)]
Actor = Annotated[
    str, Meta(max_length=100, pattern=_ONE_LINE, description="who does it, at the location")
]
Pieces = Annotated[int, Meta(ge=1, le=MAXIMUM_PIECES)]
Millimetres = Annotated[
    int, Meta(ge=0, le=MAXIMUM_MM, description="0 with the others where it was not measured")
]
Moment = Annotated[datetime, Meta(tz=True, description="RFC 3339, with its zone")]


class Form(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What all of them have."""

    actor: Actor = ""


class AcceptForm(Form, frozen=True, kw_only=True):
    """The location will do it."""


class RejectForm(Form, frozen=True, kw_only=True):
    """The location will not do it: its lines go elsewhere, and never back there."""

    reason: Reason


class PickForm(Form, frozen=True, kw_only=True):
    """Somebody fetches the pieces from the shelves."""


class ShortForm(Form, frozen=True, kw_only=True):
    """Pieces of a line are not there. The whole line goes elsewhere."""

    line_id: Identifier
    quantity: Annotated[int, Meta(ge=1, le=MAXIMUM_PIECES, description="pieces that are missing")]


class PackedForm(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Pieces of a line in a parcel."""

    line_id: Identifier
    quantity: Pieces


class ParcelForm(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One parcel."""

    weight_grams: Annotated[int, Meta(ge=1, le=MAXIMUM_GRAMS, description="with its packing")]
    length_mm: Millimetres = 0
    width_mm: Millimetres = 0
    height_mm: Millimetres = 0
    parcel_id: Annotated[
        str, Meta(max_length=200, pattern=_ONE_LINE, description="p1, p2 … where it has none")
    ] = ""
    lines: Annotated[
        list[PackedForm],
        Meta(
            max_length=MAXIMUM_LINES,
            description="may be left out by the only parcel, for all of it",
        ),
    ] = field(default_factory=list)


class PackForm(Form, frozen=True, kw_only=True):
    """All of it is in parcels. Other parcels replace those that were told before."""

    parcels: Annotated[list[ParcelForm], Meta(min_length=1, max_length=MAXIMUM_PARCELS)]


class ShipForm(Form, frozen=True, kw_only=True):
    """It leaves the location: what it costs is taken and invoiced."""

    carrier: Word = ""
    service: Annotated[
        str, Meta(max_length=200, pattern=_ONE_LINE, description="of the carrier, e.g. express")
    ] = ""
    tracking_number: Word = ""
    shipped_at: Moment | None = None


class HoldForm(Form, frozen=True, kw_only=True):
    """Keep it from being worked on."""

    reason: Reason


class ReleaseForm(Form, frozen=True, kw_only=True):
    """End its hold: it is where it was before."""


class CarrierEventForm(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a carrier tells of a shipment. The same event_id again changes nothing."""

    tracking_number: Annotated[str, Meta(min_length=1, max_length=200, pattern=_ONE_LINE)]
    event_id: Annotated[
        str,
        Meta(min_length=1, max_length=MAXIMUM_ID, pattern=_ONE_LINE, description="the carrier's"),
    ]
    kind: CarrierKind
    occurred_at: Moment
    words: Annotated[str, Meta(max_length=MAXIMUM_WORDS, pattern=_ONE_LINE)] = ""
    carrier: Annotated[
        str,
        Meta(max_length=200, pattern=_ONE_LINE, description="that of the token when left out"),
    ] = ""


class CommandTold(Struct, frozen=True, kw_only=True):
    """Something that was asked, and what came of it."""

    key: Annotated[str, Meta(description="the Idempotency-Key, or one that was made")]
    fulfillment_order_id: str
    command: Annotated[str, Meta(description="the record on fulfillment.commands")]
    status: Annotated[str, Meta(description="pending, done or refused")]
    reason: Annotated[str, Meta(description="why it is refused; a word for programs")] = ""
    detail: Annotated[str, Meta(description="a sentence for a person")] = ""


class EventTold(Struct, frozen=True, kw_only=True):
    """A carrier's event is durable."""

    event_id: str
    fulfillment_order_id: str


class CartonTold(Struct, frozen=True, kw_only=True):
    """A proposed parcel."""

    carton: str
    weight_grams: int
    length_mm: int
    width_mm: int
    height_mm: int
    lines: list[PiecesTold]


class NotFittingTold(Struct, frozen=True, kw_only=True):
    """Pieces that no carton takes."""

    line_id: str
    quantity: int
    reason: str


class ProposalTold(Struct, frozen=True, kw_only=True):
    """Cartons for a fulfillment order, and what fits into none."""

    cartons: list[CartonTold]
    left: list[NotFittingTold]


class FulfillmentOrdersPage(Struct, frozen=True, kw_only=True):
    """Fulfillment orders in order of their ids, by code point."""

    fulfillment_orders: list[FulfillmentOrderShown]
    next: Annotated[str | None, Meta(description="the cursor of what follows; null at the end")]


class Asked(NamedTuple):
    """Who asks something of which fulfillment order, and when."""

    found: Found
    actor: str
    now_ms: int

    @property
    def names(self) -> tuple[str, str]:
        """The order and the fulfillment order, as every command begins."""
        return self.found.order_id, self.found.one.fulfillment_order_id


class Action(NamedTuple):
    """One thing that can be asked of a fulfillment order."""

    form: type[Form]
    command: Callable[[Asked, Any], Record]
    """of who asks, and a body of that form; raises Problem"""
    example: Mapping[str, Any]


def _accept(asked: Asked, _form: AcceptForm) -> Record:
    return AcceptFulfillmentOrder(*asked.names, asked.actor)


def _reject(asked: Asked, form: RejectForm) -> Record:
    return RejectFulfillmentOrder(*asked.names, form.reason, asked.actor)


def _pick(asked: Asked, _form: PickForm) -> Record:
    return StartPicking(*asked.names, asked.actor)


def _short(asked: Asked, form: ShortForm) -> Record:
    return ReportShort(*asked.names, form.line_id, form.quantity, asked.actor)


def _pack(asked: Asked, form: PackForm) -> Record:
    everything = [PackedLine(line.line_id, line.quantity) for line in asked.found.one.lines]
    parcels = []
    for number, one in enumerate(form.parcels):
        lines = [PackedLine(line.line_id, line.quantity) for line in one.lines]
        if not lines and len(form.parcels) > 1:
            raise _wrong(f"/parcels/{number}/lines", "says nothing, and it is not the only parcel")
        sides = (one.length_mm, one.width_mm, one.height_mm)
        if any(sides) and not all(sides):
            raise _wrong(f"/parcels/{number}", "has some of its three dimensions, and not all")
        name = one.parcel_id or f"p{number + 1}"
        parcels.append(PackedParcel(name, one.weight_grams, *sides, lines or everything))
    return RecordPacked(*asked.names, parcels, asked.actor)


def _ship(asked: Asked, form: ShipForm) -> Record:
    at_ms = asked.now_ms
    if form.shipped_at is not None:
        at_ms = _past(form.shipped_at, "/shipped_at", asked.now_ms)
    said = (form.carrier, form.service, form.tracking_number)
    return ShipFulfillmentOrder(*asked.names, *said, at_ms, asked.actor)


def _hold(asked: Asked, form: HoldForm) -> Record:
    return HoldFulfillmentOrder(*asked.names, form.reason, asked.actor)


def _release(asked: Asked, _form: ReleaseForm) -> Record:
    return ReleaseFulfillmentOrder(*asked.names, asked.actor)


_PARCEL = {
    "weight_grams": 1200, "length_mm": 300, "width_mm": 200, "height_mm": 100,
    "lines": [{"line_id": "1", "quantity": 2}],
}  # fmt: skip
_SHIPPED = {"carrier": "dhl", "service": "express", "tracking_number": "00340434161094027318"}
ACTIONS: dict[str, Action] = {
    "accept": Action(AcceptForm, _accept, {"actor": "anna"}),
    "reject": Action(RejectForm, _reject, {"reason": "flooded"}),
    "pick": Action(PickForm, _pick, {"actor": "anna"}),
    "short": Action(ShortForm, _short, {"line_id": "1", "quantity": 1}),
    "pack": Action(PackForm, _pack, {"parcels": [_PARCEL]}),
    "ship": Action(ShipForm, _ship, _SHIPPED),
    "hold": Action(HoldForm, _hold, {"reason": "the scales are broken"}),
    "release": Action(ReleaseForm, _release, {"actor": "anna"}),
}
CARRIER_EVENT = {
    "tracking_number": "00340434161094027318", "event_id": "6f1c", "kind": "delivered",
    "occurred_at": "2025-03-01T12:00:00Z", "words": "left with a neighbour",
}  # fmt: skip


def carrier_event(
    found: Found, carrier: str, form: CarrierEventForm, now_ms: int
) -> RecordCarrierEvent:
    """What the room is told. The same event is always the same command. Raises Problem."""
    at_ms = _past(form.occurred_at, "/occurred_at", now_ms)
    notice = Notice(form.event_id, form.tracking_number, form.kind, at_ms, form.words)
    return RecordCarrierEvent(
        found.order_id,
        found.one.fulfillment_order_id,
        event_id(carrier, notice),
        form.kind,
        form.tracking_number,
        at_ms,
        form.words,
        carrier,
    )


def _past(moment: datetime, pointer: str, now_ms: int) -> int:
    """Milliseconds since 1970 of what has happened. Raises Problem."""
    milliseconds = (moment - _EPOCH) // timedelta(milliseconds=1)
    if milliseconds <= 0:
        raise _wrong(pointer, "is not after 1970")
    if milliseconds > now_ms + AHEAD_MS:
        raise _wrong(pointer, "has not been yet")
    return milliseconds


def _wrong(pointer: str, why: str) -> Problem:
    return Problem(422, "the body cannot be taken", [Fault(why, pointer)])
