"""Amazon: orders that buyers place with a seller, as the Selling Partner API gives them.

Reads the answers of Orders v0, getOrders, getOrder and, in `documents` beside these, getOrderItems,
getOrderAddress, getOrderBuyerInfo and getOrderItemsBuyerInfo; the answers searchOrders and getOrder
of its version 2026-01-01; lists of either, and JSON Lines. The notifications ORDER_CHANGE and
ORDER_STATUS_CHANGE have neither prices nor address, so that they are incomplete, but cancel.

Amazon lets an order go when it is Unshipped. Orders that Amazon fulfills (AFN) are not ours to
send. An address that the caller may not see is left out of the answer, or parts of it are.
Source: Selling Partner API models, ordersV0.json and orders_2026-01-01.json.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from connectors.channels import (
    amazon_2026,
    amazon_documents,
    amazon_items,
    listing,
    mapping,
    people,
)
from connectors.channels.amazon_documents import ITEMS
from connectors.channels.amazon_sums import Sums
from connectors.channels.mapping import Fields, Mapped, Rejected
from connectors.channels.shopify_fields import told
from schemas.customers import Contact, Personal, Personalisation
from schemas.orders import Address, CancelOrder, PlaceOrder, Tender

_OPEN = frozenset({"UNSHIPPED", "INVOICEUNCONFIRMED"})
_CANCELLED = frozenset({"CANCELED", "CANCELLED"})
_NOT_READY = {
    "PENDING": "the order is pending: its payment is not authorized yet",
    "PENDINGAVAILABILITY": "the order is a pre-order whose release date is still to come",
}
_GONE = {
    "PARTIALLYSHIPPED": "the order has been shipped in part at the channel already",
    "SHIPPED": "the order has been shipped at the channel already",
    "UNFULFILLABLE": "the order cannot be fulfilled, as Amazon says",
}
_BY_AMAZON = "Amazon fulfills the order from its own warehouses, so that it is not sent by us"


class Amazon:
    """Reads orders in either version of the Orders API, joined from several calls where needed."""

    name = "amazon"

    def orders(self, payload: bytes, topic: str, raw_id: str, now_ms: int) -> list[Mapped]:
        """One result per order; a payload that fails as a whole gives one Rejected."""
        return listing.results(
            lambda: amazon_documents.found(payload),
            lambda value: self._order(value, raw_id, now_ms),
            amazon_documents.identifier,
        )

    def contacts(self, payload: bytes, topic: str) -> list[Contact]:
        """See Mapping."""
        return listing.contacts(lambda: amazon_documents.found(payload), _contact)

    def _order(self, value: object, raw_id: str, now_ms: int) -> PlaceOrder | CancelOrder:
        order = Fields(value)
        if order.names("orderId"):
            return self._order_2026(order, value, raw_id, now_ms)
        external_id = order.identifier("AmazonOrderId")
        order_id = mapping.order_id(self.name, external_id)
        status = order.text("OrderStatus")
        if _is_cancelled(status):
            return _cancellation(order_id, order, "LastUpdateDate", now_ms)
        if order.optional_text("FulfillmentChannel").upper() == "AFN":
            raise Rejected(mapping.NOTHING_TO_DELIVER, "FulfillmentChannel", _BY_AMAZON)
        without = "" if order.has(ITEMS) else "; its items are missing, too"
        _check_open(status, "OrderStatus", without)
        items = amazon_items.open_items(order)
        free = amazon_items.flag(order, "IsReplacementOrder")
        total, currency = amazon_items.total(order, items, free)
        buyer = order.optional_object("BuyerInfo") or Fields({})
        return self._placed(
            external_id,
            (order.instant("PurchaseDate"), order.instant("LastUpdateDate")),
            (total, currency),
            amazon_items.read(order, items, total, currency, free),
            amazon_items.tenders(order, currency, total),
            _address(order.optional_object("ShippingAddress"), _V0),
            raw_id,
            shipping_method=order.optional_text("ShipServiceLevel"),
            purchase_order_number=buyer.optional_text("PurchaseOrderNumber"),
            person=(_contact(value), told(lambda: _wishes(order), [])),
        )

    def _order_2026(
        self, order: Fields, value: object, raw_id: str, now_ms: int
    ) -> PlaceOrder | CancelOrder:
        external_id = order.identifier("orderId")
        order_id = mapping.order_id(self.name, external_id)
        status = amazon_2026.status(order)
        if _is_cancelled(status):
            return _cancellation(order_id, order, "lastUpdatedTime", now_ms)
        fulfillment = order.object("fulfillment")
        if fulfillment.optional_text("fulfilledBy").upper() == "AMAZON":
            raise Rejected(mapping.NOTHING_TO_DELIVER, "fulfillment.fulfilledBy", _BY_AMAZON)
        _check_open(status, "fulfillment.fulfillmentStatus", "")
        items = amazon_2026.open_items(order)
        total, currency = amazon_2026.total(order)
        recipient = order.optional_object("recipient") or Fields({})
        buyer = order.optional_object("buyer") or Fields({})
        return self._placed(
            external_id,
            (order.instant("createdTime"), order.instant("lastUpdatedTime")),
            (total, currency),
            amazon_2026.read(order, items, total, currency),
            amazon_2026.tenders(order, currency, total),
            _address(recipient.optional_object("deliveryAddress"), _V2026),
            raw_id,
            shipping_method=fulfillment.optional_text("fulfillmentServiceLevel"),
            purchase_order_number=buyer.optional_text("buyerPurchaseOrderNumber"),
            person=(_contact(value), told(lambda: _wishes_2026(order), [])),
        )

    def _placed(
        self,
        external_id: str,
        times: tuple[int, int],
        price: tuple[int, str],
        sums: Sums,
        tenders: list[Tender],
        ship_to: Address,
        raw_id: str,
        *,
        shipping_method: str,
        purchase_order_number: str,
        person: tuple[Contact, list[Personalisation]],
    ) -> PlaceOrder:
        total, currency = price
        contact, wishes = person
        return PlaceOrder(
            order_id=mapping.order_id(self.name, external_id),
            channel=self.name,
            external_id=external_id,
            version=max(times),
            placed_at_ms=times[0],
            currency=currency,
            lines=sums.lines,
            discount_minor=sums.discount_minor,
            shipping_minor=sums.shipping_minor,
            tax_minor=sums.tax_minor,
            total_minor=total,
            payment_method="channel",
            payment_token="",
            paid_minor=sum(each.paid_minor for each in tenders) if tenders else total,
            paid_currency=currency,
            ship_to=ship_to,
            backorder=False,
            raw_id=raw_id,
            tenders=tenders,
            prices_include_tax=sums.prices_include_tax,
            discounts=sums.discounts,
            shipping_method=shipping_method,
            purchase_order_number=purchase_order_number,
            personal=people.written(Personal(contact, [ship_to], personalisation=wishes)),
        )


def _plain(status: str) -> str:
    """A status as either version calls it: PARTIALLY_SHIPPED is PartiallyShipped."""
    return status.replace("_", "").upper()


def _is_cancelled(status: str) -> bool:
    return _plain(status) in _CANCELLED


def _cancellation(order_id: str, order: Fields, name: str, now_ms: int) -> CancelOrder:
    when = order.instant(name) if order.has(name) else now_ms
    return CancelOrder(order_id, mapping.CANCELLED_AT_CHANNEL, when)


def _check_open(status: str, path: str, without: str) -> None:
    """Raise Rejected for an order that is not to be sent, or not yet."""
    known = _plain(status)
    if known in _OPEN:
        return
    if known in _NOT_READY:
        raise Rejected("not_ready", path, f"{_NOT_READY[known]}{without}")
    if known in _GONE:
        raise Rejected(mapping.NOTHING_TO_DELIVER, path, _GONE[known])
    raise Rejected("wrong_type", path, f"{path} is none of Amazon's")


_Names = tuple[str, str, tuple[str, str], str, str, str, str]
_V0: _Names = (
    "Name",
    "AddressLine1",
    ("AddressLine2", "AddressLine3"),
    "City",
    "StateOrRegion",
    "PostalCode",
    "CountryCode",
)
_V2026: _Names = (
    "name",
    "addressLine1",
    ("addressLine2", "addressLine3"),
    "city",
    "stateOrRegion",
    "postalCode",
    "countryCode",
)
"""The fields of an address in the order of schemas.orders.Address."""


def _address(address: Fields | None, names: _Names) -> Address:
    if address is None:
        return mapping.NOWHERE
    name, line1, more, city, region, postal_code, country = names
    return Address(
        name=address.optional_text(name),
        line1=address.optional_text(line1),
        line2=", ".join(filter(None, (address.optional_text(each) for each in more))),
        city=address.optional_text(city),
        region=address.optional_text(region),
        postal_code=address.optional_text(postal_code),
        country=address.country(country),
        latitude=0.0,
        longitude=0.0,
    )


def _contact(value: object) -> Contact:
    """Whom an order names, read leniently. The email is an address of Amazon's own that relays."""
    if not isinstance(value, dict):
        return people.NOBODY
    if "orderId" in value:
        buyer, to = _inner(value, "buyer"), _inner(value, "recipient", "deliveryAddress")
        return Contact(
            name=_text(buyer, "buyerName") or _text(to, "name"),
            company=_text(buyer, "buyerCompanyName") or _text(to, "companyName"),
            email=_text(buyer, "buyerEmail"),
            phone=_text(to, "phone"),
        )
    buyer, to = _inner(value, "BuyerInfo"), _inner(value, "ShippingAddress")
    return Contact(
        name=_text(buyer, "BuyerName") or _text(to, "Name"),
        company=_text(_inner(value, "BuyerInfo", "BuyerTaxInfo"), "CompanyLegalName")
        or _text(to, "CompanyName"),
        email=_text(buyer, "BuyerEmail"),
        phone=_text(to, "Phone"),
    )


def _wishes(order: Fields) -> list[Personalisation]:
    """Gift messages, and where Amazon keeps what the buyer wants made."""
    found: list[Personalisation] = []
    for item in order.objects(ITEMS):
        wish = item.optional_object("BuyerInfo") or Fields({})
        made = wish.optional_object("BuyerCustomizedInfo") or Fields({})
        key = item.identifier("OrderItemId")
        found += _told_wishes(key, wish, ("GiftMessageText", "GiftWrapLevel"))
        found += _told_wishes(key, made, ("CustomizedURL",))
    return found


def _wishes_2026(order: Fields) -> list[Personalisation]:
    found: list[Personalisation] = []
    for item in order.objects("orderItems"):
        key = item.identifier("orderItemId")
        packing = (item.optional_object("fulfillment") or Fields({})).optional_object("packing")
        gift = (packing or Fields({})).optional_object("giftOption") or Fields({})
        made = item.object("product").optional_object("customization") or Fields({})
        found += _told_wishes(key, gift, ("giftMessage", "giftWrapLevel"))
        found += _told_wishes(key, made, ("customizedUrl",))
    return found


def _told_wishes(key: str, wish: Fields, names: tuple[str, ...]) -> list[Personalisation]:
    read: Callable[[str], str] = wish.optional_text
    return [
        Personalisation(key, name, text)
        for name in names
        if (text := told(partial(read, name), ""))
    ]


def _inner(value: dict[str, object], *names: str) -> dict[str, object]:
    for name in names:
        inner = value.get(name)
        value = inner if isinstance(inner, dict) else {}
    return value


def _text(value: dict[str, object], name: str) -> str:
    return told(lambda: Fields(value).optional_text(name), "")
