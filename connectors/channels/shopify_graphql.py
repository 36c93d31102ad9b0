"""Shopify's GraphQL Order in the names of the REST one, so that one mapping reads both.

Source: Shopify's GraphQL Admin API (2024-07), objects Order, LineItem, MoneyBag and
MailingAddress; bulk operations, "JSONL file format".
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from connectors.channels.mapping import Rejected

_GLOBAL_ID = "gid://shopify/"
_PART = re.compile(r"\w+", re.ASCII)
_CAMEL = re.compile(r"_([a-z0-9])")

# REST name: GraphQL name. What is not here differs by camel case only, or is not read.
_ORDER = {
    "id": "id",
    "currency": "currencyCode",
    "created_at": "createdAt",
    "processed_at": "processedAt",
    "updated_at": "updatedAt",
    "cancelled_at": "cancelledAt",
    "cancel_reason": "cancelReason",
    "financial_status": "displayFinancialStatus",
    "fulfillment_status": "displayFulfillmentStatus",
    "taxes_included": "taxesIncluded",
    "duties_included": "dutiesIncluded",
    "po_number": "poNumber",
    "payment_gateway_names": "paymentGatewayNames",
}
_ORDER_MONEY = {
    "total_price": "totalPriceSet",
    "total_discounts": "totalDiscountsSet",
    "total_tax": "totalTaxSet",
    "total_tip_received": "totalTipReceivedSet",
    "total_outstanding": "totalOutstandingSet",
    "current_total_price": "currentTotalPriceSet",
    "current_total_tax": "currentTotalTaxSet",
    "current_total_discounts": "currentTotalDiscountsSet",
}
_SETS = {
    "original_total_duties_set": "originalTotalDutiesSet",
    "original_total_additional_fees_set": "originalTotalAdditionalFeesSet",
    "total_shipping_price_set": "totalShippingPriceSet",
    "current_total_duties_set": "currentTotalDutiesSet",
    "current_total_additional_fees_set": "currentTotalAdditionalFeesSet",
}
_ADDRESSES = {"shipping_address": "shippingAddress", "billing_address": "billingAddress"}
_ADDRESS = {
    "name": "name",
    "address1": "address1",
    "address2": "address2",
    "city": "city",
    "province_code": "provinceCode",
    "zip": "zip",
    "country_code": "countryCodeV2",
    "country": "country",
    "latitude": "latitude",
    "longitude": "longitude",
}
_LINE = {
    "id": "id",
    "sku": "sku",
    "quantity": "quantity",
    "current_quantity": "currentQuantity",
    "gift_card": "isGiftCard",
    "requires_shipping": "requiresShipping",
    "name": "name",
    "title": "title",
}
_SHIPPING_LINE = {
    "title": "title",
    "code": "code",
    "source": "source",
    "is_removed": "isRemoved",
    "delivery_category": "deliveryCategory",
}
_NAMES = (
    _ORDER
    | _ORDER_MONEY
    | _SETS
    | _ADDRESSES
    | _ADDRESS
    | _LINE
    | _SHIPPING_LINE
    | {
        "line_items": "lineItems",
        "shipping_lines": "shippingLines",
    }
)
_DONE = {"FULFILLED": "fulfilled", "PARTIALLY_FULFILLED": "partial", "RESTOCKED": "restocked"}
_MARKS = ("lineItems", "totalPriceSet", "displayFinancialStatus", "createdAt", "currencyCode")


def plain_id(identifier: str) -> str:
    """The number at the end of a global id, which is the id in REST; else `identifier` itself."""
    if not identifier.startswith(_GLOBAL_ID):
        return identifier
    return identifier.partition("?")[0].rpartition("/")[2]


def speaks(value: dict[str, object]) -> bool:
    """The object has the names of GraphQL."""
    if any(name in value for name in _MARKS):
        return True
    identifier = value.get("id")
    return isinstance(identifier, str) and identifier.startswith(_GLOBAL_ID)


def is_connection(value: object) -> bool:
    """A list as GraphQL pages it, with edges or nodes."""
    return isinstance(value, dict) and ("edges" in value or "nodes" in value)


def nodes(value: object, path: str) -> list[object]:
    """The items of a connection. Raises Rejected where it is none."""
    if isinstance(value, list):
        return value
    if isinstance(value, dict):
        found = value.get("nodes")
        if isinstance(found, list):
            return found
        found = value.get("edges")
        if isinstance(found, list):
            return [edge.get("node") if isinstance(edge, dict) else edge for edge in found]
    raise Rejected("wrong_type", path, f"{path} has neither nodes nor edges")


def found(data: dict[str, object]) -> list[object]:
    """The orders in the `data` of an answer, in the order of its fields. Raises Rejected."""
    orders: list[object] = []
    for name, value in data.items():
        path = f"data.{name}"
        if is_connection(value) or isinstance(value, list):
            orders += nodes(value, path)
        elif isinstance(value, dict):
            # A mutation answers with the order beside its userErrors.
            orders.append(value["order"] if "order" in value and "id" not in value else value)
        elif value is None:
            orders.append(Rejected("missing_field", path, f"{path} is null: no such order"))
        else:
            orders.append(Rejected("wrong_type", path, f"{path} is not an object"))
    return orders


def gathered(lines: list[object]) -> list[object]:
    """The orders of a JSON Lines file, each with those lines that name it as their parent."""
    orders: list[object] = []
    by_id: dict[object, dict[str, object]] = {}
    for line in lines:
        if not isinstance(line, dict) or "__parentId" not in line:
            if isinstance(line, dict) and isinstance(line.get("id"), str):
                by_id[line["id"]] = line
            orders.append(line)
            continue
        parent, kind = line["__parentId"], _kind(line.get("id"))
        order = by_id.get(parent) if isinstance(parent, str) else None
        if order is None:
            detail = f"a line of {str(parent)[:100]!r}, which is not above it"
            orders.append(Rejected("missing_field", "__parentId", detail))
            continue
        name = {"LineItem": "lineItems", "ShippingLine": "shippingLines"}.get(kind, "")
        if name and order.get(name) is None:
            order[name] = []
        children = order.get(name)
        if isinstance(children, list):
            children.append(line)
    return orders


def _kind(identifier: object) -> str:
    """`LineItem` of gid://shopify/LineItem/1."""
    if not isinstance(identifier, str) or not identifier.startswith(_GLOBAL_ID):
        return ""
    return identifier.removeprefix(_GLOBAL_ID).partition("/")[0]


def in_rest_names(value: dict[str, object]) -> dict[str, object]:
    """The order in the names of REST. Raises Rejected, with the names of GraphQL."""
    kind = _kind(value.get("id"))
    if kind not in ("", "Order"):
        what = "a draft order, which nobody has placed yet"
        detail = what if kind == "DraftOrder" else f"a {kind[:60]}, not an order"
        raise Rejected("not_an_order", "id", detail)
    order = _renamed(value, _ORDER)
    status = value.get("displayFulfillmentStatus")
    order["fulfillment_status"] = _DONE.get(status) if isinstance(status, str) else None
    if order["currency"] is None:
        order["currency"] = _currency(value)
    currency = order["currency"]
    for name, own in _ORDER_MONEY.items():
        order[name] = _amount(value, own, currency, own)
    for name, own in _SETS.items():
        amount = _amount(value, own, currency, own)
        order[name] = None if amount is None else {"shop_money": {"amount": amount}}
    for name, own in _ADDRESSES.items():
        address = value.get(own)
        order[name] = _address(address) if isinstance(address, dict) else address
    lines = [
        _line(item, f"lineItems[{number}]", currency)
        for number, item in enumerate(_whole(value, "lineItems"))
    ]
    order["line_items"] = None if value.get("lineItems") is None else lines
    order["shipping_lines"] = [
        _shipping_line(item, f"shippingLines[{number}]", currency)
        for number, item in enumerate(_whole(value, "shippingLines"))
    ]
    order["transactions"] = [
        _transaction(item, currency)
        for item in _known_items(value.get("transactions"))
        if isinstance(item, dict)
    ]
    terms = value.get("paymentTerms")
    order["payment_terms"] = (
        {"due_in_days": terms.get("dueInDays")} if isinstance(terms, dict) else None
    )
    order["subscription_id"] = _subscription(value.get("lineItems"))
    return order


def _currency(value: dict[str, object]) -> object:
    """The shop's currency, of an answer that names it beside its total only."""
    for name in ("totalPriceSet", "currentTotalPriceSet"):
        found = _shop_money(value, name).get("currencyCode")
        if found is not None:
            return found
    return None


def _renamed(value: dict[str, object], names: dict[str, str]) -> dict[str, object]:
    return {name: value.get(own) for name, own in names.items()}


def _address(value: dict[str, object]) -> dict[str, object]:
    address = _renamed(value, _ADDRESS)
    if address["country_code"] is None:
        address["country_code"] = value.get("countryCode")
    return address


def _whole(value: dict[str, object], name: str) -> list[object]:
    """All items of a connection. Raises Rejected where the payload has only its first page."""
    connection = value.get(name)
    if connection is None:
        return []
    page = connection.get("pageInfo") if isinstance(connection, dict) else None
    if isinstance(page, dict) and page.get("hasNextPage") is True:
        path = f"{name}.pageInfo.hasNextPage"
        raise Rejected("missing_field", path, f"{name} goes on, on a page that is not here")
    return nodes(connection, name)


def _line(item: object, path: str, currency: object) -> object:
    if not isinstance(item, dict):
        return item
    line = _renamed(item, _LINE)
    variant = item.get("variant")
    if line["sku"] is None and isinstance(variant, dict):
        line["sku"] = variant.get("sku")
    line["price"] = _amount(item, "originalUnitPriceSet", currency, f"{path}.originalUnitPriceSet")
    plan = item.get("sellingPlan")
    if isinstance(plan, dict) and isinstance(plan.get("name"), str):
        line["title"] = ", ".join(filter(None, (_title(line), plan["name"])))
        line["name"] = None
    _add_parts(line, item, currency)
    return line


def _title(line: dict[str, object]) -> str:
    found = line["name"] or line["title"]
    return found if isinstance(found, str) else ""


def _shipping_line(item: object, path: str, currency: object) -> object:
    if not isinstance(item, dict):
        return item
    line = _renamed(item, _SHIPPING_LINE)
    line["price"] = _amount(item, "originalPriceSet", currency, path)
    line["discounted_price"] = _known_amount(item, "discountedPriceSet", currency)
    _add_parts(line, item, currency)
    return line


def _add_parts(line: dict[str, object], item: dict[str, object], currency: object) -> None:
    """The taxes and discounts of a line, as far as they can be read."""
    line["tax_lines"] = [
        {"price": _known_amount(tax, "priceSet", currency), "rate": tax.get("rate")}
        for tax in _known_items(item.get("taxLines"))
        if isinstance(tax, dict)
    ]
    line["discount_allocations"] = [
        {
            "amount": _known_amount(part, "allocatedAmountSet", currency),
            "name": _discount_name(part.get("discountApplication")),
        }
        for part in _known_items(item.get("discountAllocations"))
        if isinstance(part, dict)
    ]


def _discount_name(application: object) -> str | None:
    if not isinstance(application, dict):
        return None
    for name in ("code", "title", "description"):
        found = application.get(name)
        if isinstance(found, str) and found.strip():
            return found
    return None


def _transaction(item: dict[str, object], currency: object) -> dict[str, object]:
    names = {"gateway": "gateway", "kind": "kind", "status": "status"}
    return {**_renamed(item, names), "amount": _known_amount(item, "amountSet", currency)}


def _subscription(lines: object) -> str:
    """The subscription contract of the first line that has one; empty where none has."""
    for item in _known_items(lines):
        contract = item.get("contract") if isinstance(item, dict) else None
        found = contract.get("id") if isinstance(contract, dict) else None
        if isinstance(found, str):
            return plain_id(found)
    return ""


def _known_items(value: object) -> list[object]:
    """The items of a list or a connection; none where it is neither."""
    try:
        return nodes(value, "")
    except Rejected:
        return []


def _known_amount(value: dict[str, object], name: str, currency: object) -> object:
    """The amount of a MoneyBag in the shop's currency; None where there is none."""
    shop = _shop_money(value, name)
    return shop.get("amount") if shop.get("currencyCode") in (None, currency) else None


def _shop_money(value: dict[str, object], name: str) -> dict[str, object]:
    """The shop's side of a MoneyBag; empty where there is none."""
    bag = value.get(name)
    shop = bag.get("shopMoney") if isinstance(bag, dict) else None
    return shop if isinstance(shop, dict) else {}


def _amount(value: dict[str, object], name: str, currency: object, path: str) -> object:
    """The amount of a MoneyBag in the shop's currency; None where the bag is missing."""
    if value.get(name) is None:
        return None
    shop = _shop_money(value, name)
    if "amount" not in shop:
        path = f"{path}.shopMoney.amount"
        raise Rejected("missing_field", path, f"{path} is missing")
    if currency is not None and shop.get("currencyCode") not in (None, currency):
        path = f"{path}.shopMoney.currencyCode"
        raise Rejected("invalid_amount", path, f"{path} is not the order's currency")
    return shop["amount"]


@contextmanager
def own_names() -> Iterator[None]:
    """Turn the path of a Rejected raised within into the names of GraphQL."""
    try:
        yield
    except Rejected as error:
        price = "originalUnitPriceSet" if "line_items" in error.field else "originalPriceSet"
        path = _PART.sub(_own_name, error.field.replace("].price", f"].{price}"))
        detail = error.detail.replace(error.field, path, 1) if error.field else error.detail
        raise Rejected(error.reason, path, detail, error.external_id) from None


def _own_name(part: re.Match[str]) -> str:
    name = part.group()
    return _NAMES.get(name) or _CAMEL.sub(lambda letter: letter.group(1).upper(), name)
