"""Commands, events and state of the orders room. Key of every record: order_id."""

from __future__ import annotations

from enum import StrEnum

from msgspec import field

from schemas.records import Millis, Record


class Status(StrEnum):
    """Where an order is. The transitions stand in streams/orders/model.py."""

    RESERVING = "reserving"
    AUTHORIZING = "authorizing"
    ROUTING = "routing"
    RELEASED = "released"
    BACKORDERED = "backordered"
    REFUSED = "refused"
    CANCELLED = "cancelled"


class Refusal(StrEnum):
    """Why an order is refused, or a command to it; the order of checks."""

    ORDER_CONFLICT = "order_conflict"
    UNKNOWN_ORDER = "unknown_order"
    NO_LOCATION = "no_location"
    OUT_OF_STOCK = "out_of_stock"
    UNKNOWN_SKU = "unknown_sku"
    PAYMENT_DECLINED = "payment_declined"
    PAYMENT_TOO_SMALL = "payment_too_small"
    PAYMENT_CURRENCY_DIFFERS = "payment_currency_differs"
    BACKORDER_EXPIRED = "backorder_expired"
    RESERVATION_EXPIRED = "reservation_expired"
    TOO_LATE = "too_late"
    ALREADY_ENDED = "already_ended"


class OrderLine(Record, frozen=True):
    """One line of an order."""

    line_id: str
    sku: str
    quantity: int
    """pieces, 1 or more"""
    unit_price_minor: int
    """in minor units of the order's currency"""
    per: int = 1
    """pieces that unit_price_minor buys, e.g. 1000 where the piece is a gram and the price a kilo's"""
    kind: str = "goods"
    """one of LineKind"""
    parent_line_id: str = ""
    """line_id of the bundle that this is a part of; empty for none"""
    title: str = ""
    """for people; what a line without SKU is known by"""
    discount_minor: int = 0
    """taken off this line alone, 0 or more; not in the order's discount_minor"""
    tax_minor: int = 0
    """tax of this line, on top of its price or, where prices include tax, in it"""
    tax_rate_ppm: int = 0
    """millionths of the net price: 190000 is 19 %"""
    address: int = 0
    """which of the order's addresses it goes to, from 0"""
    pickup_location_id: str = ""
    """where the customer fetches it; empty where it is sent"""


class LineKind(StrEnum):
    """What a line is. Only goods are reserved, routed and shipped."""

    GOODS = "goods"
    CUSTOM = "custom"
    """without a SKU: made or done for this order"""
    GIFT_CARD = "gift_card"
    BUNDLE = "bundle"
    """the priced head of lines that name it as their parent"""


class Discount(Record, frozen=True):
    """One discount, for people and reports; the sums stand in discount_minor."""

    code: str
    amount_minor: int
    line_id: str = ""
    """empty where it is the whole order's"""


class Tender(Record, frozen=True):
    """One way in which a part of the order is paid. Tenders are used in their order."""

    tender_id: str
    """within the order, e.g. 1"""
    method: str
    """one of schemas.payments.Method"""
    amount_minor: int
    """in minor units of the order's currency; 0 for whatever the other tenders leave"""
    token: str = ""
    """the gateway's token for the card or gift card; empty otherwise"""
    paid_minor: int = 0
    """what the channel says is authorized or paid; for method channel"""
    paid_currency: str = ""
    terms_days: int = 0
    """until an invoice is due"""


class Address(Record, frozen=True):
    """Where an order goes."""

    name: str
    line1: str
    line2: str
    city: str
    region: str
    """ISO 3166-2 subdivision without the country, where the channel gives it"""
    postal_code: str
    country: str
    """ISO 3166-1 alpha-2; empty where the channel gives none"""
    latitude: float
    """degrees; 0 with longitude 0 where unknown"""
    longitude: float


class PlaceOrder(Record, frozen=True):
    """Take an order in. The same order again changes nothing; other content is refused."""

    order_id: str
    channel: str
    external_id: str
    """the channel's own id"""
    version: int
    """grows with each change at the source: its updated-at in milliseconds"""
    placed_at_ms: Millis
    currency: str
    """ISO 4217"""
    lines: list[OrderLine]
    discount_minor: int
    """taken off the sum of the lines, 0 or more"""
    shipping_minor: int
    tax_minor: int
    """tax, duties, fees and tips added to the sum of the lines; 0 where prices include them"""
    total_minor: int
    """what the channel says that the customer pays"""
    payment_method: str
    """channel (authorized or paid there) or card (to be authorized at our gateway)"""
    payment_token: str
    """the gateway's token for the card; empty for channel"""
    paid_minor: int
    """what the channel says is authorized or paid; 0 for card"""
    paid_currency: str
    ship_to: Address
    backorder: bool
    """true: wait for stock when a line cannot be served; false: refuse the order"""
    raw_id: str
    """the payload on channels.raw that this was read from"""
    customer_group: str = ""
    """whose quotas it may use; empty for none"""
    priority: int = 0
    """in the queue for stock; the greater goes first"""
    tenders: list[Tender] = field(default_factory=list)
    """empty: one tender, as payment_method and what goes with it say"""
    prices_include_tax: bool = False
    discounts: list[Discount] = field(default_factory=list)
    """what discount_minor and the lines' own are made of, where the channel says"""
    shipping_method: str = ""
    shipping_tax_rate_ppm: int = 0
    more_addresses: list[Address] = field(default_factory=list)
    """addresses 1 and up; address 0 is ship_to"""
    purchase_order_number: str = ""
    """the buyer's own, in business orders"""
    subscription_id: str = ""
    """the standing order that this one repeats; empty for none"""
    customer_id: str = ""
    """a pseudonym; empty where the channel names nobody"""
    key_id: str = ""
    """the key that `personal` is encrypted with; empty: it is not"""
    personal: bytes = b""
    """encrypted schemas.customers.Personal: names, contacts, addresses, texts of the customer's"""
    personal_hash: int = 0
    """keyed hash of the same in clear; tells a change of it from a repeat"""


class CancelOrder(Record, frozen=True):
    """Cancel the order, or some lines of it, at any point before their shipment."""

    order_id: str
    reason: str
    """the words of who cancels"""
    requested_at_ms: Millis
    line_ids: list[str] = field(default_factory=list)
    """empty for the whole order"""
    actor: str = ""
    """who asks: a channel's name or a staff member's id"""


class RecordReservation(Record, frozen=True):
    """Reply of inventory to ReserveStock, one a line."""

    order_id: str
    line_id: str
    attempt: int
    """the attempt of ReserveStock that this answers"""
    reserved: bool
    location_id: str
    """where it is reserved; empty when refused"""
    reason: str
    """of inventory's refusals; empty when reserved"""
    also_at: list[str]
    """further ranked locations that could serve the line at that moment, at most 8"""
    waiting: bool = False
    """true: refused, but the line stands in the queue for stock"""
    promised_at_ms: Millis = 0
    """when expected supply covers a waiting line; 0 where none does"""


class RecordAvailability(Record, frozen=True):
    """Inventory holds stock for a line that waited; the order can try again at once."""

    order_id: str
    line_id: str
    attempt: int
    """the attempt whose line waited"""


class RecordSourcingFailure(Record, frozen=True):
    """Reply of fulfillment to RankLocations: no location may serve the order."""

    order_id: str
    attempt: int
    reason: str


class RecordPayment(Record, frozen=True):
    """Reply of payments to AuthorizePayment."""

    order_id: str
    authorized: bool
    amount_minor: int
    currency: str
    reason: str
    """of payments' refusals; empty when authorized"""
    revision: int = 0
    """of the AuthorizePayment or ChangePayment that this answers"""
    status: str = ""
    """one of schemas.payments.PaymentStatus: what the sums come to; empty from before there was one"""
    captured_minor: int = 0
    refunded_minor: int = 0


class RecordShipment(Record, frozen=True):
    """Goods of the order have left a location."""

    order_id: str
    shipment_id: str
    """unique within the order; the same again changes nothing"""
    lines: list[ShippedLine]
    at_ms: Millis
    location_id: str = ""
    carrier: str = ""
    tracking_number: str = ""
    actor: str = ""


class ShippedLine(Record, frozen=True):
    """Pieces of a line."""

    line_id: str
    quantity: int


class RecordRouting(Record, frozen=True):
    """Reply of fulfillment to RouteOrder."""

    order_id: str
    shipments: int
    """number of fulfillment orders that were made"""


class OrderPlaced(Record, frozen=True):
    """The order is accepted and its stock is asked for."""

    order_id: str
    channel: str
    external_id: str
    currency: str
    total_minor: int
    total_difference_minor: int
    """the total recomputed from the lines less the channel's claim; 0 where they agree"""
    lines: list[OrderLine]
    country: str
    placed_at_ms: Millis
    """when the customer ordered"""
    raw_id: str
    at_ms: Millis


class OrderReserved(Record, frozen=True):
    """Every line of the order has stock reserved."""

    order_id: str
    at_ms: Millis


class OrderAuthorized(Record, frozen=True):
    """The payment covers the order's total."""

    order_id: str
    amount_minor: int
    currency: str
    at_ms: Millis


class OrderReleased(Record, frozen=True):
    """Routed to locations and released to fulfillment. An outcome."""

    order_id: str
    shipments: int
    at_ms: Millis


class OrderBackordered(Record, frozen=True):
    """A line has no stock; the order waits and tries again."""

    order_id: str
    line_id: str
    reason: str
    attempt: int
    retry_at_ms: Millis
    at_ms: Millis
    promised_at_ms: Millis = 0
    """when expected supply covers every line; 0 where some line has none"""


class OrderRefused(Record, frozen=True):
    """The order cannot be served; whatever had been reserved is given back. An outcome."""

    order_id: str
    line_id: str
    """the line at fault; empty where it is the whole order"""
    reason: str
    at_ms: Millis


class OrderCancelled(Record, frozen=True):
    """Cancelled; what had been done is undone. An outcome, also after OrderReleased."""

    order_id: str
    reason: str
    at_ms: Millis


class OrderCommandRefused(Record, frozen=True):
    """A command to the order was refused and changed nothing."""

    order_id: str
    command: str
    """name of the command's record"""
    reason: str
    detail: str
    at_ms: Millis


class LineState(Record, frozen=True):
    """A line and where it is reserved."""

    line_id: str
    sku: str
    quantity: int
    answered: bool
    """the reply to the current attempt has come"""
    location_id: str
    """where it is reserved; empty when it is not"""
    also_at: list[str]
    waiting: bool = False
    """it stands in the queue for stock, or the queue holds stock for it"""
    promised_at_ms: Millis = 0
    available: bool = False
    """inventory has said that it holds stock for the waiting line"""


class OrderState(Record, frozen=True):
    """State of one order (orders.state)."""

    order_id: str
    status: str
    content_hash: int
    """of PlaceOrder without raw_id; tells a repeat from a conflict"""
    version: int
    attempt: int
    currency: str
    total_minor: int
    payment_method: str
    payment_token: str
    paid_minor: int
    paid_currency: str
    country: str
    postal_code: str
    latitude: float
    longitude: float
    backorder: bool
    lines: list[LineState]
    cancel_reason: str
    """asked for while replies were still out; empty when not"""
    refused_line: str
    refused_reason: str
    accepted_at_ms: Millis
    reserved_until_ms: Millis
    wake_at_ms: Millis = 0
    """when the order next needs a look; 0 for never"""
    channel: str = ""
    customer_group: str = ""
    priority: int = 0
