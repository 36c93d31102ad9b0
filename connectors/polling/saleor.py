"""Source: Saleor's GraphQL API.

Orders are found by `updatedAt`, sorted by it, so that they are read as `Ascending` in seam.py says;
Saleor's own cursor is used only within one second. What gift cards have paid is asked for where the
app may manage gift cards; for others Saleor would leave out the whole order.

Source: Saleor API reference 3.20, query `orders`, OrderFilterInput, OrderSortField, objects Order
and OrderLine; "Pagination", "Permissions", "Error handling".
"""

from __future__ import annotations

from typing import Any

import msgspec

from connectors.polling import seam
from connectors.polling.fetching import JSON, Fetcher, read_as
from connectors.polling.seam import Answered, Ascending, Told
from connectors.polling.source import Refused, SourceError

PAGE = 50
"""Saleor allows 100, and counts what a query costs."""
_MONEY = "{amount currency}"
_TAXED = f"{{currency gross{_MONEY} net{_MONEY} tax{_MONEY}}}"
_ADDRESS = (
    "{firstName lastName companyName streetAddress1 streetAddress2 city cityArea postalCode"
    " country{code country} countryArea phone}"
)
_LINE = (
    "{id productName variantName productSku quantity quantityFulfilled isShippingRequired isGift"
    f" unitPrice{_TAXED} undiscountedUnitPrice{_TAXED} totalPrice{_TAXED} taxRate"
    " unitDiscountReason voucherCode variant{sku product{productType{kind}}}}"
)
_GIFT_CARDS = (
    f" giftCards{{events{{type orderId balance{{oldCurrentBalance{_MONEY}"
    f" currentBalance{_MONEY}}}}}}}"
)
_ORDER = (
    "id number created updatedAt status isPaid chargeStatus authorizeStatus"
    f" totalCharged{_MONEY} totalAuthorized{_MONEY} displayGrossPrices channel{{id slug"
    " currencyCode} userEmail user{id email firstName lastName} customerNote shippingMethodName"
    " collectionPointName deliveryMethod{__typename ... on Warehouse{id name} ... on"
    f" ShippingMethod{{id name}}}} shippingPrice{_TAXED} shippingTaxRate total{_TAXED}"
    f" subtotal{_TAXED} voucherCode discounts{{name reason amount{_MONEY}}}"
    f" shippingAddress{_ADDRESS} billingAddress{_ADDRESS} lines{_LINE}"
)


class _Node(msgspec.Struct):
    node: msgspec.Raw


class _PageInfo(msgspec.Struct):
    hasNextPage: bool
    endCursor: str | None = None


class _Orders(msgspec.Struct):
    edges: list[_Node]
    pageInfo: _PageInfo


class _Held(msgspec.Struct):
    orders: _Orders | None = None


class _Exception(msgspec.Struct):
    code: str = ""


class _Extensions(msgspec.Struct):
    exception: _Exception | None = None


class _Error(msgspec.Struct):
    extensions: _Extensions | None = None


class _Answer(msgspec.Struct):
    data: _Held | None = None
    errors: list[_Error] | None = None


class SaleorOrders(Ascending):
    """Every order that was created or changed, oldest change first; no drafts."""

    channel = "saleor"

    def __init__(self, name: str, url: str, token: str, *, gift_cards: bool = False) -> None:
        """`url` is the API's, before /graphql/; `token` is that of an app with MANAGE_ORDERS, and
        with MANAGE_GIFT_CARD for `gift_cards`."""
        self.name = name
        self._address = f"{url.rstrip('/')}/graphql/"
        self._fetcher = Fetcher({"Authorization": f"Bearer {token}", "Content-Type": JSON})
        fields = f"{_ORDER}{_GIFT_CARDS}" if gift_cards else _ORDER
        self._query = (
            "query($since:DateTime!,$first:Int!,$after:String){orders(first:$first,after:$after,"
            "filter:{updatedAt:{gte:$since}},sortBy:{field:LAST_MODIFIED_AT,direction:ASC})"
            f"{{edges{{node{{{fields}}}}} pageInfo{{hasNextPage endCursor}}}}}}"
        )

    def _ask(self, since: str, following: str) -> Answered:
        variables: dict[str, Any] = {"since": since, "first": PAGE, "after": following or None}
        body = msgspec.json.encode({"query": self._query, "variables": variables})
        answer = read_as(self._fetcher.post(self._address, body, {}).body, _Answer)
        if answer.errors:
            raise _error(answer.errors)
        if answer.data is None or answer.data.orders is None:
            raise SourceError("answered with something else than is documented")
        found = answer.data.orders
        orders = [
            seam.told(edge.node, "id", lambda order: order.get("updatedAt")) for edge in found.edges
        ]
        following = found.pageInfo.endCursor or "" if found.pageInfo.hasNextPage else ""
        return Answered(orders, following)

    def _payloads(self, orders: list[Told]) -> list[bytes]:
        return seam.listed(b'{"data":{"orders":{"nodes":[', orders, b"]}}}")


def _error(errors: list[_Error]) -> SourceError:
    """Errors come with 200. Their messages may name what was asked for, and are not told."""
    codes = {
        each.extensions.exception.code
        for each in errors
        if each.extensions is not None and each.extensions.exception is not None
    }
    if codes & {"PermissionDenied", "InvalidTokenError", "ExpiredSignatureError"}:
        return Refused("answered that the app has not the permission")
    return SourceError(f"answered with {len(errors)} errors")
