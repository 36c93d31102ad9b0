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
    ASSESSING = "assessing"
    """the customers room is asked who orders"""
    HELD = "held"
    """a hold keeps it before anything is reserved"""
    READY = "ready"
    """reserved and paid; at rest only while a hold keeps it"""
    AMENDING = "amending"
    """reserved and paid, while stock or money is asked for a change"""


class FulfillmentStatus(StrEnum):
    """What has become of the goods. The transitions stand in streams/orders/model.py."""

    UNFULFILLED = "unfulfilled"
    PARTLY_SHIPPED = "partly_shipped"
    SHIPPED = "shipped"
    """nothing of the order is still to be shipped"""
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
    POLICY = "policy"
    """a rule of the policy; the event names it"""
    TOTAL_MISMATCH = "total_mismatch"
    CURRENCY_DIFFERS = "currency_differs"
    REVISION_CONFLICT = "revision_conflict"
    UNKNOWN_LINE = "unknown_line"
    LINE_EXISTS = "line_exists"
    INVALID_QUANTITY = "invalid_quantity"
    INVALID_AMOUNT = "invalid_amount"
    PART_OF_BUNDLE = "part_of_bundle"
    NOTHING_LEFT = "nothing_left"
    NOT_AMENDABLE = "not_amendable"
    TOO_MANY = "too_many"
    UNKNOWN_HOLD = "unknown_hold"
    HOLD_EXPIRED = "hold_expired"
    NOT_RELEASED = "not_released"
    MORE_THAN_SHIPPED = "more_than_shipped"
    """less what was refunded before"""
    MORE_THAN_LEFT = "more_than_left"
    """of what was billed, less what was refunded before"""
    NOT_CAPTURED = "not_captured"
    ROUTING = "routing"
    """a rule of routing; the event names it"""


class OrderLine(Record, frozen=True):
    """One line of an order."""

    line_id: str
    sku: str
    quantity: int
    """pieces, 1 or more"""
    unit_price_minor: int
    """in minor units of the order's currency"""
    per: int = 1
    """pieces that unit_price_minor buys: 1000 where the piece is a gram and the price a kilo's"""
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
    billing_country: str = ""
    """ISO 3166-1 alpha-2 of the billing address; empty where the channel does not say"""


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


class LineQuantity(Record, frozen=True):
    """How many pieces a line is to have."""

    line_id: str
    quantity: int


class AmendOrder(Record, frozen=True):
    """Change an order before its release, as a whole or not at all. The same amendment_id again
    changes nothing; other content under it is refused."""

    order_id: str
    amendment_id: str
    """unique within the order"""
    base_revision: int
    """the order's revision that this was made for; -1 for whichever it has"""
    add: list[OrderLine]
    """in new lines; tax_minor of a line is on top of its price unless prices include tax"""
    remove: list[str]
    """line ids; with a bundle go its parts, and with a line its share of discount, tax and
    shipping"""
    quantities: list[LineQuantity]
    """the line's own discount and tax follow the quantity"""
    ship_to: list[Address]
    """one, or none where it stays"""
    shipping_method: str
    """empty where it stays"""
    shipping_minor: int
    """-1 where it stays"""
    tenders: list[Tender]
    """further tenders to pay with"""
    reason: str
    """the words of who asks"""
    actor: str
    requested_at_ms: Millis
    key_id: str = ""
    """the key that `personal` is encrypted with"""
    personal: bytes = b""
    """encrypted schemas.customers.Personal with the address in full; empty where it stays"""
    personal_hash: int = 0
    currency: str = ""
    """of the amounts here; refused where it is not the order's; empty: it is"""


class HoldOrder(Record, frozen=True):
    """Keep an order from being released. The same hold_id again changes nothing; other content
    under it is refused."""

    order_id: str
    hold_id: str
    """unique within the order"""
    kind: str
    """one of schemas.policies.HoldKind"""
    reason: str
    """the words of who asks"""
    until_ms: Millis
    """when the hold ends by itself; 0 for until somebody decides"""
    then: str
    """release or cancel, when that time has come"""
    actor: str
    requested_at_ms: Millis


class ReleaseHold(Record, frozen=True):
    """End a hold of an order, or all of them; with the last one the order goes on."""

    order_id: str
    hold_id: str
    """empty for all"""
    reason: str
    """the words of who asks"""
    actor: str
    requested_at_ms: Millis
    ask_again: bool = False
    """true: other rules of routing are asked about an order that they have held, and nobody lets it
    go in their place"""


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
    ruled: bool = False
    """true: refused, and the rules of routing say what becomes of the order"""


class RecordAvailability(Record, frozen=True):
    """Inventory holds stock for a line that waited; the order can try again at once."""

    order_id: str
    line_id: str
    attempt: int
    """the attempt whose line waited"""


class RecordSourcingFailure(Record, frozen=True):
    """Reply of fulfillment to RankLocations, that no location may serve the order, or to
    DecideShortage."""

    order_id: str
    attempt: int
    reason: str
    otherwise: str = ""
    """queue, backorder or cancel, as the rules of routing say; empty: as the order's policy does"""
    rule: str = ""
    """of routing, that says so; empty where none speaks of the order"""
    detail: str = ""
    """what is missing, line by line"""
    cancel_after_ms: Millis = 0
    """what waits longer is cancelled; 0 for never"""


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
    """one of schemas.payments.PaymentStatus: what the sums come to; empty before it was told"""
    captured_minor: int = 0
    refunded_minor: int = 0


class RecordAssessment(Record, frozen=True):
    """Reply of the customers room to AssessOrder: what is known of who ordered."""

    order_id: str
    customer_id: str
    """who the order counts for: the one in AssessOrder, or whom that one was merged into"""
    segment: str
    """empty for none"""
    orders_last_hour: int
    """of the customer before this one, whatever became of them"""
    orders_last_day: int
    """of the customer before this one, whatever became of them"""
    lifetime_orders: int
    """that were neither refused nor cancelled"""
    lifetime_minor: int
    """what they came to, less refunds, in minor units of lifetime_currency"""
    lifetime_currency: str
    """ISO 4217 code, the one in which the customer has spent most; empty for none"""
    duplicate_of: str
    """order_id of a recent order of the same purchase; empty for none"""


class RecordShipment(Record, frozen=True):
    """Goods of the order have left a location."""

    order_id: str
    shipment_id: str
    """unique within the order; the same again changes nothing"""
    lines: list[ShippedLine]
    """empty for all that has not left yet"""
    at_ms: Millis
    location_id: str = ""
    carrier: str = ""
    tracking_number: str = ""
    actor: str = ""
    fulfillment_order_id: str = ""
    """the one that leaves, and fulfillment is answered; empty where it was told by hand"""


class ShippedLine(Record, frozen=True):
    """Pieces of a line."""

    line_id: str
    quantity: int


class RefundOrder(Record, frozen=True):
    """Give money back for what has been shipped. The same refund_id again changes nothing; other
    content under it is refused. The order and its total stay as they are."""

    order_id: str
    refund_id: str
    """unique within the order; neither starting with @ nor with change/"""
    lines: list[ShippedLine]
    """pieces that count as given back, with their share of discount, tax and shipping; 0 pieces
    for all that are left; of a bundle its head, for all of its parts, or parts; empty where only
    a sum is given back"""
    shipping_minor: int
    """of shipping, with its tax; -1 for the lines' own share of it"""
    amount_minor: int
    """0 for what lines and shipping come to; otherwise the sum, shipping within it"""
    reason: str
    """the words of who asks"""
    actor: str
    requested_at_ms: Millis
    currency: str = ""
    """of the amounts here; refused where it is not the order's; empty: it is"""


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
    sequence: int = 0
    digest: bytes = b""
    customer_id: str = ""
    """a pseudonym; empty where the channel names nobody"""
    discount_minor: int = 0
    """taken off the sum of the lines"""
    shipping_minor: int = 0
    tax_minor: int = 0
    """on top of the prices"""
    prices_include_tax: bool = False
    shipping_tax_rate_ppm: int = 0
    purchase_order_number: str = ""
    """the buyer's own, in business orders"""
    terms_days: int = 0
    """until an invoice is due; 0 where none is agreed"""
    subscription_id: str = ""
    """the standing order that this one repeats; empty for none"""


class OrderReserved(Record, frozen=True):
    """Every line of the order has stock reserved."""

    order_id: str
    at_ms: Millis
    sequence: int = 0
    digest: bytes = b""


class OrderAuthorized(Record, frozen=True):
    """The payment covers the order's total."""

    order_id: str
    amount_minor: int
    currency: str
    at_ms: Millis
    sequence: int = 0
    digest: bytes = b""


class OrderReleased(Record, frozen=True):
    """Routed to locations and released to fulfillment. An outcome."""

    order_id: str
    shipments: int
    at_ms: Millis
    sequence: int = 0
    digest: bytes = b""


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
    sequence: int = 0
    digest: bytes = b""


class OrderRefused(Record, frozen=True):
    """The order cannot be served; whatever had been reserved is given back. An outcome."""

    order_id: str
    line_id: str
    """the line at fault; empty where it is the whole order"""
    reason: str
    at_ms: Millis
    sequence: int = 0
    digest: bytes = b""
    rule: str = ""
    """of the policy, or of routing; empty where none refused it"""


class OrderCancelled(Record, frozen=True):
    """Cancelled; what had been done is undone. An outcome, also after OrderReleased."""

    order_id: str
    reason: str
    at_ms: Millis
    sequence: int = 0
    digest: bytes = b""
    actor: str = ""


class OrderCommandRefused(Record, frozen=True):
    """A command to the order was refused and changed nothing. One to an order that nobody knows is
    kept for a day, and carried out if the order comes."""

    order_id: str
    command: str
    """name of the command's record"""
    reason: str
    detail: str
    at_ms: Millis
    sequence: int = 0
    """0 where there is no such order"""
    digest: bytes = b""
    actor: str = ""
    request_id: str = ""
    """amendment_id, hold_id, shipment_id or refund_id of the command; empty where it has none"""


class OrderAmended(Record, frozen=True):
    """The order is changed, its stock and its money with it."""

    order_id: str
    amendment_id: str
    revision: int
    """of the order from now on"""
    lines: list[OrderLine]
    """all that it has now"""
    added: list[str]
    """ids of new lines"""
    removed: list[str]
    """ids of lines that it has no more"""
    changed: list[str]
    """ids of lines with another quantity or price"""
    also: list[str]
    """what else has changed: address, shipping, payment, discount, tax"""
    currency: str
    total_minor: int
    """from now on"""
    difference_minor: int
    """the total from now on less the one before"""
    reason: str
    """the words of who asked"""
    actor: str
    at_ms: Millis
    sequence: int = 0
    digest: bytes = b""
    discount_minor: int = 0
    """of the order, from now on; as OrderPlaced's"""
    shipping_minor: int = 0
    """from now on"""
    tax_minor: int = 0
    """on top of the prices, from now on"""


class AmendmentRefused(Record, frozen=True):
    """A change of the order was refused as a whole; the order stands as before."""

    order_id: str
    amendment_id: str
    line_id: str
    """the line at fault; empty where it is none"""
    reason: str
    detail: str
    actor: str
    at_ms: Millis
    sequence: int = 0
    digest: bytes = b""


class OrderHeld(Record, frozen=True):
    """Something keeps the order from going on."""

    order_id: str
    hold_id: str
    kind: str
    """one of schemas.policies.HoldKind"""
    rule: str
    """of the policy, or of routing; empty where a person holds it"""
    until_ms: Millis
    """when the hold ends by itself; 0 for until somebody decides"""
    then: str
    """release or cancel, when that time has come"""
    reason: str
    """the words of who asked, or what routing lacks; empty where a rule of the policy did"""
    actor: str
    at_ms: Millis
    sequence: int = 0
    digest: bytes = b""


class HoldEnded(Record, frozen=True):
    """A hold keeps the order no longer. After the last one it goes on, or is cancelled."""

    order_id: str
    hold_id: str
    kind: str
    """one of schemas.policies.HoldKind"""
    reason: str
    """hold_expired, or the words of who asked"""
    actor: str
    at_ms: Millis
    sequence: int = 0
    digest: bytes = b""


class OrderShipped(Record, frozen=True):
    """Goods of the order have left a location, and their money is taken."""

    order_id: str
    shipment_id: str
    lines: list[ShippedLine]
    location_id: str
    carrier: str
    tracking_number: str
    fulfillment_status: str
    """one of FulfillmentStatus, from now on"""
    currency: str
    amount_minor: int
    """what is captured for it"""
    actor: str
    at_ms: Millis
    sequence: int = 0
    digest: bytes = b""


class OrderRefunded(Record, frozen=True):
    """Money is given back for what was shipped; payments and accounting are asked to."""

    order_id: str
    refund_id: str
    lines: list[ShippedLine]
    """pieces that count as given back, bundles by their parts; empty where only a sum is"""
    currency: str
    amount_minor: int
    shipping_minor: int
    """of the amount, what is of shipping, with its tax"""
    reason: str
    """the words of who asked"""
    actor: str
    at_ms: Millis
    sequence: int = 0
    digest: bytes = b""


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
    address: int = 0
    """which of the order's addresses it goes to, from 0"""
    pickup_location_id: str = ""
    """where the customer fetches it; empty where it is sent"""
    shipped: int = 0
    """pieces that have left"""
    wanted: int = 0
    """pieces that it has if the amendment in work succeeds, -1 for none; 0: as it is"""


class Hold(Record, frozen=True):
    """What keeps an order."""

    hold_id: str
    kind: str
    """one of schemas.policies.HoldKind"""
    rule: str
    until_ms: Millis
    """when it ends by itself; 0 for until somebody decides"""
    then: str
    """release or cancel, when that time has come"""
    reason: str
    actor: str
    since_ms: Millis
    content_hash: int


class Request(Record, frozen=True):
    """A command with an id of its own that was dealt with, to tell a repeat from a conflict."""

    request_id: str
    """amendment, shipment, hold or refund, a slash and its id"""
    content_hash: int


class KeptCommand(Record, frozen=True):
    """A command that waits."""

    record: bytes
    """in the contract's encoding"""


class BilledLine(Record, frozen=True):
    """What was billed for a line, for shipping or for fees, and what of that was given back."""

    line_id: str
    """or |shipping or |fees: no line of a channel has a bar"""
    kind: str
    """one of schemas.accounting.DocumentLineKind"""
    quantity: int
    """pieces; 0 where they are on other lines"""
    net_minor: int
    """in minor units of the order's currency"""
    tax_minor: int
    tax_rate_ppm: int
    """millionths of the net sum: 190000 is 19 %; 0 for none"""
    back_quantity: int = 0
    """pieces that count as given back"""
    back_net_minor: int = 0
    """of net_minor, what was given back"""
    back_tax_minor: int = 0
    """of tax_minor, what was given back"""


class Parcel(Record, frozen=True):
    """What was taken at one time, and billed: with a shipment, at the release or at the end."""

    capture_id: str
    lines: list[BilledLine]


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
    sequence: int = 0
    """number of its latest event"""
    digest: bytes = b""
    """of its latest event"""
    revision: int = 0
    """number of amendments that it has had"""
    payment_revision: int = 0
    """of the latest AuthorizePayment or ChangePayment"""
    payment_status: str = ""
    """one of schemas.payments.PaymentStatus, as payments has told it"""
    fulfillment_status: str = "unfulfilled"
    """one of FulfillmentStatus"""
    covered_minor: int = 0
    """what payments has said that it holds or has taken for the order"""
    captured_minor: int = 0
    """what payments has said that it has taken"""
    refunded_minor: int = 0
    """what payments has said that it has given back"""
    capture_asked_minor: int = 0
    """sum of all CapturePayment"""
    refund_asked_minor: int = 0
    """sum of all RefundPayment"""
    tenders: list[Tender] = field(default_factory=list)
    """empty: one tender, as payment_method and what goes with it say"""
    customer_id: str = ""
    content: bytes = b""
    """PlaceOrder as the order is now, in the contract's encoding"""
    channel_content: bytes = b""
    """the same as the channel last gave it; empty where they are equal"""
    assessment: bytes = b""
    """RecordAssessment in the contract's encoding; empty where there is none"""
    amendments: list[KeptCommand] = field(default_factory=list)
    """AmendOrder and PlaceOrder that wait; the first may be in work"""
    requests: list[Request] = field(default_factory=list)
    """amendments and shipments that were dealt with, and ended holds"""
    holds: list[Hold] = field(default_factory=list)
    """what keeps it, earliest first"""
    cancelled_lines: list[str] = field(default_factory=list)
    """ids of lines that were cancelled after the release"""
    stage_until_ms: Millis = 0
    """while a hold keeps it: when the order would need a look without it; 0 for never"""
    actor: str = ""
    """who asked for cancel_reason"""
    parcels: list[Parcel] = field(default_factory=list)
    """what was shipped and billed, in its order"""
    returned_minor: int = 0
    """sum of all OrderRefunded; within refund_asked_minor"""
    billing_country: str = ""
    """ISO 3166-1 alpha-2 of the billing address; empty where unknown"""
    ruled: bool = False
    """some line of this attempt has no stock, and the rules of routing say what follows"""
    waits_until_ms: Millis = 0
    """when it is cancelled if it still waits for stock then; 0: no rule of routing says"""
    dispatch_by_ms: Millis = 0
    """until when it is to leave by the policy's cut-off; 0 where no rule says"""


class EarlyState(Record, frozen=True):
    """Commands to an order that has not come yet (orders.state); forgotten after a day."""

    order_id: str
    commands: list[KeptCommand]
    """in the order in which they came"""
    wake_at_ms: Millis
