"""The shops that are told of their own orders by their own API, by kind."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from connectors.webhooks.posting import Receiver
from connectors.webhooks.shop import Shop
from connectors.webhooks.shops_amazon import AmazonShop
from connectors.webhooks.shops_commercetools import CommercetoolsShop
from connectors.webhooks.shops_ebay import EbayShop
from connectors.webhooks.shops_magento import MagentoShop
from connectors.webhooks.shops_saleor import SaleorShop
from connectors.webhooks.shops_shopify import ShopifyShop
from connectors.webhooks.shops_square import SquareShop
from connectors.webhooks.shops_walmart import WalmartShop
from connectors.webhooks.shops_woocommerce import WooCommerceShop
from connectors.webhooks.subscriptions import Subscription


class ShopKind(NamedTuple):
    """What is known of a kind of shop."""

    make: Callable[[Subscription], Shop]
    events: frozenset[str]
    """what it is told of"""
    secret_lines: int
    secret: str
    """what its lines are"""
    account: str = ""
    """what its `account` is; empty where it has none"""
    two_parts: bool = False
    """the account is two words with a slash between them"""
    needs_token_url: bool = False


_CLIENT = "client id, client secret and refresh token, one a line"
SHOPS: dict[str, ShopKind] = {
    "shopify": ShopKind(ShopifyShop, ShopifyShop.events, 1, "the access token"),
    "woocommerce": ShopKind(
        WooCommerceShop,
        WooCommerceShop.events,
        2,
        "the consumer key and the consumer secret, one a line",
    ),
    "amazon": ShopKind(
        AmazonShop,
        AmazonShop.events,
        3,
        _CLIENT,
        "the seller's id, a slash and the marketplace's",
        two_parts=True,
    ),
    "ebay": ShopKind(EbayShop, EbayShop.events, 3, _CLIENT),
    "walmart": ShopKind(
        WalmartShop, WalmartShop.events, 2, "client id and client secret, one a line"
    ),
    "square": ShopKind(SquareShop, SquareShop.events, 1, "the access token"),
    "magento": ShopKind(MagentoShop, MagentoShop.events, 1, "the access token of an integration"),
    "commercetools": ShopKind(
        CommercetoolsShop,
        CommercetoolsShop.events,
        2,
        "id and secret of the API client, one a line",
        "the project's key",
        needs_token_url=True,
    ),
    "saleor": ShopKind(
        SaleorShop, SaleorShop.events, 1, "the token of the app", "the id of the warehouse"
    ),
}


def receiver_of(subscription: Subscription) -> Receiver | None:
    """The shop that a subscription means; None for webhooks."""
    kind = SHOPS.get(subscription.kind)
    return kind.make(subscription) if kind is not None else None
