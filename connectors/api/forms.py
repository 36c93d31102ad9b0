"""What the API is sent and what it answers. Amounts are text in major units, times ISO 8601, UTC.

An order is sent in the form of the `json` channel, which `connectors/channels/generic.py` reads:
the structs of it here only describe it, for the document.
"""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta, Struct, field

MAXIMUM_LINE_CHANGES = 500
MAXIMUM_REASON = 500

Amount = Annotated[str, Meta(pattern=r"^[0-9]+(\.[0-9]+)?$", description="major units, as 19.99")]
Name = Annotated[str, Meta(min_length=1, max_length=200)]
Instant = Annotated[str, Meta(description="ISO 8601 with a zone, as 2024-03-01T11:00:00Z")]


class AddressForm(Struct, frozen=True, omit_defaults=True):
    """Where it goes."""

    name: str = ""
    line1: str = ""
    line2: str = ""
    city: str = ""
    region: str = ""
    postal_code: str = ""
    country: Annotated[str, Meta(description="ISO 3166-1 alpha-2")] = ""


class CustomerForm(Struct, frozen=True, omit_defaults=True):
    """Who orders. It is encrypted before it is written anywhere."""

    id: Annotated[str, Meta(description="the caller's own number of the customer")] = ""
    name: str = ""
    company: str = ""
    email: str = ""
    email_verified: bool = False
    phone: str = ""
    phone_verified: bool = False


class LineForm(Struct, frozen=True, omit_defaults=True):
    """One line."""

    sku: Name
    quantity: Annotated[int, Meta(ge=1, le=1_000_000_000)]
    unit_price: Amount
    line_id: Annotated[str, Meta(description="unique in the order; its number when not given")] = ""
    title: str = ""
    discount: Annotated[str, Meta(description="taken off this line")] = ""
    tax: Annotated[str, Meta(description="of this line")] = ""
    tax_rate: Annotated[str, Meta(description="percent")] = ""


class PaymentForm(Struct, frozen=True, omit_defaults=True):
    """How it is paid: by a card's token, or already, at whoever sends the order."""

    method: Annotated[str, Meta(description="card or channel")]
    token: Annotated[str, Meta(description="of a card: what the gateway knows it by")] = ""
    paid: Annotated[str, Meta(description="of channel: how much")] = ""
    currency: Annotated[str, Meta(description="of channel: of what is paid")] = ""


class OrderForm(Struct, frozen=True, omit_defaults=True):
    """One order, or a later version of it. Further fields of the `json` channel are taken too."""

    external_id: Annotated[str, Meta(description="the caller's own, the same for every version")]
    placed_at: Instant
    currency: Annotated[str, Meta(description="ISO 4217")]
    lines: Annotated[list[LineForm], Meta(min_length=1, max_length=500)]
    total: Annotated[str, Meta(description="what the customer is told, all in all")]
    payment: PaymentForm
    updated_at: Annotated[str, Meta(description="the order's version; placed_at if not given")] = ""
    discount: Annotated[str, Meta(description="off the sum of the lines")] = ""
    shipping: str = ""
    tax: Annotated[str, Meta(description="on top of the prices")] = ""
    prices_include_tax: bool = False
    ship_to: AddressForm | None = None
    customer: CustomerForm | None = None
    shipping_method: str = ""
    purchase_order_number: str = ""
    backorder: Annotated[bool, Meta(description="may wait for stock")] = False


class Accepted(Struct, frozen=True):
    """What was asked is durable, and is decided next. GET the order to see how."""

    order_id: str
    asked: Annotated[str, Meta(description="place, cancel or amend")]


class CancelForm(Struct, frozen=True, forbid_unknown_fields=True):
    """Cancel an order, or some lines of it."""

    reason: Annotated[str, Meta(min_length=1, max_length=MAXIMUM_REASON)]
    line_ids: Annotated[list[Name], Meta(max_length=MAXIMUM_LINE_CHANGES)] = field(
        default_factory=list
    )


class NewLine(Struct, frozen=True, forbid_unknown_fields=True):
    """A further line."""

    sku: Name
    quantity: Annotated[int, Meta(ge=1, le=1_000_000_000)]
    unit_price: Amount
    title: Annotated[str, Meta(max_length=500)] = ""


class NewQuantity(Struct, frozen=True, forbid_unknown_fields=True):
    """Another number of pieces of a line."""

    line_id: Name
    quantity: Annotated[int, Meta(ge=1, le=1_000_000_000)]


class AmendForm(Struct, frozen=True, forbid_unknown_fields=True):
    """Change an order before its release: all of it or nothing."""

    reason: Annotated[str, Meta(min_length=1, max_length=MAXIMUM_REASON)]
    currency: Annotated[str, Meta(description="ISO 4217, of the amounts; that of the order")] = ""
    revision: Annotated[int, Meta(ge=-1, description="only if it is still this one")] = -1
    add: Annotated[list[NewLine], Meta(max_length=MAXIMUM_LINE_CHANGES)] = field(
        default_factory=list
    )
    remove: Annotated[list[Name], Meta(max_length=MAXIMUM_LINE_CHANGES)] = field(
        default_factory=list
    )
    quantities: Annotated[list[NewQuantity], Meta(max_length=MAXIMUM_LINE_CHANGES)] = field(
        default_factory=list
    )
    shipping_method: Annotated[str, Meta(max_length=200)] = ""
    shipping: Annotated[str, Meta(description="what it costs from now on")] = ""


class LineTold(Struct, frozen=True):
    """One line as it stands."""

    line_id: str
    sku: str
    title: str
    quantity: int
    shipped: int
    unit_price: Amount


class ShippedPieces(Struct, frozen=True):
    """Pieces of a line."""

    line_id: str
    quantity: int


class ShipmentTold(Struct, frozen=True):
    """Goods that have left."""

    shipment_id: str
    location_id: str
    carrier: str
    tracking_number: str
    at: Instant
    lines: list[ShippedPieces]


class Happened(Struct, frozen=True):
    """One event."""

    at: Instant
    room: str
    event: str
    reason: str


class OrderTold(Struct, frozen=True):
    """An order, and everything that happened to it."""

    order_id: str
    channel: str
    external_id: str
    customer_id: Annotated[str, Meta(description="a pseudonym; empty where nobody is named")]
    status: Annotated[str, Meta(description="where it is; see the statuses of the list")]
    holds: Annotated[list[str], Meta(description="kinds of holds that keep it")]
    revision: int
    currency: str
    total: Amount
    placed_at: Instant
    lines: list[LineTold]
    shipments: list[ShipmentTold]
    timeline: list[Happened]


class OrderSummary(Struct, frozen=True):
    """One order of a page."""

    order_id: str
    channel: str
    customer_id: str
    status: str
    currency: str
    total: Annotated[str, Meta(description="as it was placed")]
    at: Annotated[str, Meta(description="when it was taken in")]


class OrdersPage(Struct, frozen=True):
    """Orders, the latest first."""

    orders: list[OrderSummary]
    next: Annotated[str | None, Meta(description="the cursor of what follows; null at the end")]


class StockTold(Struct, frozen=True):
    """What there is of a SKU, as it stands."""

    sku: str
    available: Annotated[int, Meta(description="pieces that can be promised")]
    level: Annotated[str, Meta(description="ok, low or out")]
    backordered: int
    next_supply_at: str | None
    at: str | None
    positions: Annotated[list[dict[str, Any]], Meta(description="by location")]
    channels: Annotated[list[dict[str, Any]], Meta(description="what each may sell")]
    components: Annotated[list[dict[str, Any]], Meta(description="of a kit")]


ORDER_EXAMPLE = {
    "external_id": "A-1001",
    "placed_at": "2024-03-01T11:00:00Z",
    "currency": "EUR",
    "lines": [{"sku": "MUG", "quantity": 2, "unit_price": "10.00"}],
    "shipping": "4.50",
    "total": "24.50",
    "payment": {"method": "card", "token": "4242424242424242"},
    "ship_to": {"name": "Ada Example", "line1": "1 Mill Lane", "city": "Bremen", "country": "DE"},
    "customer": {"email": "ada@example.com"},
}
CANCEL_EXAMPLE = {"reason": "changed my mind", "line_ids": []}
AMEND_EXAMPLE = {
    "reason": "one more",
    "currency": "EUR",
    "quantities": [{"line_id": "1", "quantity": 3}],
}
