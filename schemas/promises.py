"""When fulfillment orders are to leave and to be delivered: events and state. Key: order_id.

A promise is a day, in the time zone of the location that sends; `promised_by_ms` is the moment at
which that day is over there. `ship_by_ms` is until when it must have left, or where the customer
fetches it, have been packed. Both follow from the calendars and zones of the routing rules; without
them nobody promises anything.
"""

from __future__ import annotations

from enum import StrEnum

from schemas.fulfillment import Destination
from schemas.records import Millis, Record


class RiskReason(StrEnum):
    """Why a fulfillment order may come too late."""

    NOT_ACCEPTED = "not_accepted"
    NOT_PACKED = "not_packed"
    NOT_SHIPPED = "not_shipped"
    HELD = "held"
    NO_LOCATION = "no_location"
    """its lines wait for a person who finds a location"""
    CARRIER_EXCEPTION = "carrier_exception"
    DAMAGED = "damaged"
    LOST = "lost"


class PromiseReason(StrEnum):
    """Why another day is promised."""

    REROUTED = "rerouted"
    """it leaves in another fulfillment order, or goes to another address"""
    HOLD_ENDED = "hold_ended"
    LEFT_LATE = "left_late"
    CARRIER_EXCEPTION = "carrier_exception"
    CARRIER_LATE = "carrier_late"
    """it was still on its way after the promised day"""


class PromiseChanged(Record, frozen=True):
    """Lines are promised for another day. The same day at another moment changes nothing."""

    order_id: str
    fulfillment_order_id: str
    line_ids: list[str]
    """whose day has changed"""
    promised_by_ms: Millis
    previous_ms: Millis
    """end of the day that was promised before"""
    reason: str
    """one of PromiseReason"""
    at_ms: Millis
    promised_day: str = ""
    previous_day: str = ""
    """promised before, ISO 8601"""
    ship_by_ms: Millis = 0


class FulfillmentOrderAtRisk(Record, frozen=True):
    """It may come too late. Told once of a line in a fulfillment order for each reason."""

    order_id: str
    fulfillment_order_id: str
    """of lines without a location the one that they were in"""
    location_id: str
    line_ids: list[str]
    reason: str
    """one of RiskReason"""
    ship_by_ms: Millis
    promised_by_ms: Millis
    at_ms: Millis
    promised_day: str = ""


class PromiseMissed(Record, frozen=True):
    """The promised day is over, and nobody has told of a delivery; or it will not be delivered."""

    order_id: str
    fulfillment_order_id: str
    """of lines without a location the one that they were in"""
    location_id: str
    line_ids: list[str]
    status: str
    """one of schemas.fulfillment_work.WorkStatus; no_location where it has none"""
    promised_by_ms: Millis
    at_ms: Millis
    promised_day: str = ""


class Promise(Record, frozen=True):
    """What is promised of a fulfillment order, or of lines that were given back."""

    fulfillment_order_id: str
    """of lines without a location the one that they were in"""
    location_id: str
    destination: str
    """as FulfillmentOrderReleased has it"""
    line_ids: list[str]
    ship_by_ms: Millis
    promised_by_ms: Millis
    promised_day: str
    counted_from_ms: Millis
    """moment from which the calendar counts: its release, and later by the time it was held"""
    warn_ms: int
    """how long before ship_by_ms is told of a risk, in milliseconds"""
    held_at_ms: Millis = 0
    """since when it is held; 0 where it is not"""
    told: list[str] = []
    """risks that were told of"""
    missed: bool = False
    """PromiseMissed was told of this day"""
    waiting: bool = False
    """true: the lines have no location"""
    ended: bool = False
    """true: nothing more is waited for"""
    left_at_ms: Millis = 0
    """when it left, as its location tells; 0 before"""


class PromiseState(Record, frozen=True):
    """What is promised of an order (fulfillment.state, key: order_id|promise). There is none
    without routing rules that promise something, and none after the end of all promises."""

    order_id: str
    channel: str
    customer_group: str
    destinations: list[Destination]
    """every address that lines go to, without postal codes"""
    dispatch_by_ms: Millis
    """as RouteOrder has it"""
    promises: list[Promise]
    wake_at_ms: Millis = 0


EVENTS: tuple[type[Record], ...] = (PromiseChanged, FulfillmentOrderAtRisk, PromiseMissed)
