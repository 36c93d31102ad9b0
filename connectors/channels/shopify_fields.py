"""Readers of what Shopify writes in its own way: identifiers, amounts with their sets, rates."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from functools import partial
from typing import TypeVar

from connectors.channels import shopify_graphql
from connectors.channels.mapping import Fields, Rejected
from schemas.money import MAXIMUM_MINOR

_PPM = 1_000_000
T = TypeVar("T")


def told(read: Callable[[], T], otherwise: T) -> T:
    """What `read` gives, or `otherwise` where it cannot: for what no sum of the order hangs on."""
    try:
        return read()
    except Rejected:
        return otherwise


def identifier(fields: Fields, name: str) -> str:
    """An identifier, the same one whether it comes in the form of REST or of GraphQL."""
    found = shopify_graphql.plain_id(fields.identifier(name)).strip()
    if not found:
        path = fields.path(name)
        raise Rejected("invalid_identifier", path, f"{path} has no number at its end")
    return found


def amount(fields: Fields, name: str, currency: str) -> int:
    """A required amount in the shop's currency, also where only its `_set` is given."""
    if fields.has(name) or not fields.has(f"{name}_set"):
        return fields.amount(name, currency)
    shop = fields.object(f"{name}_set").object("shop_money")
    if shop.has("currency_code") and shop.currency("currency_code") != currency:
        path = shop.path("currency_code")
        raise Rejected("invalid_amount", path, f"{path} is not the order's {currency}")
    return shop.amount("amount", currency)


def optional_amount(fields: Fields, name: str, currency: str) -> int:
    """An amount as `amount` reads it; 0 where there is none."""
    if fields.has(name):
        return fields.optional_amount(name, currency)
    return amount(fields, name, currency) if fields.has(f"{name}_set") else 0


def of_set(order: Fields, name: str, currency: str) -> int:
    """The shop's money of a price set; 0 where there is none in the order's currency."""
    prices = order.optional_object(name)
    if prices is None:
        return 0
    # Shopify's documentation shows such a set in an object of its own name.
    prices = prices.optional_object(name) or prices
    shop = prices.optional_object("shop_money")
    if shop is None or shop.optional_text("currency_code") not in ("", currency):
        return 0
    return shop.optional_amount("amount", currency)


def tax(fields: Fields, currency: str) -> tuple[int, int]:
    """Amount and rate (in millionths) of all `tax_lines`; 0 for what cannot be read.

    Source: Shopify's Admin API, TaxLine: `rate` is a fraction of the price, `price` the sum.
    """
    nothing: list[Fields] = []
    found = told(lambda: fields.objects("tax_lines"), nothing)
    total = sum(told(partial(amount, each, "price", currency), 0) for each in found)
    if total > MAXIMUM_MINOR:
        return 0, 0
    return total, sum(_rate(each.raw("rate")) for each in found)


def _rate(value: object) -> int:
    try:
        rate = Decimal(str(value))
    except InvalidOperation:
        return 0
    return round(rate * _PPM) if rate.is_finite() and 0 <= rate <= 10 else 0
