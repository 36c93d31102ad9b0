"""What a table of the file of sources says besides name, address and secrets, by channel."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from connectors.polling import amazon, ebay, selling_partner
from connectors.polling.amazon_notices import AmazonNotices, Queue
from connectors.polling.commercetools import CommercetoolsOrders
from connectors.polling.etsy import EtsyReceipts, RefreshFile
from connectors.polling.magento import MagentoOrders, OAuth
from connectors.polling.saleor import SaleorOrders
from connectors.polling.seam import Reader
from connectors.polling.sigv4 import Keys
from connectors.polling.square import MAXIMUM_LOCATIONS, SquareOrders
from connectors.polling.stores import ShopifyOrders, WooCommerceOrders
from connectors.polling.walmart import WalmartOrders
from deploy import outside
from deploy.policy_tables import Table

MAXIMUM_MARKETPLACES = 50
"""Of one search at Amazon."""
LOOPBACK = ("localhost", "127.0.0.1", "::1")

Make = Callable[[str, str, list[str]], Reader]
"""A source of its name, its address and its secrets."""


class Kind(NamedTuple):
    """How the sources of a channel are written down."""

    read: Callable[[Table, Path], Make]
    """reads the keys that only this channel has; the folder is that of the file"""
    secrets: tuple[int, ...]
    """how many lines the secrets may have"""
    what: str
    """which these are"""


def _shopify(_: Table, __: Path) -> Make:
    return lambda name, url, secrets: ShopifyOrders(name, url, secrets[0])


def _woocommerce(_: Table, __: Path) -> Make:
    return lambda name, url, secrets: WooCommerceOrders(name, url, secrets[0], secrets[1])


def _magento(_: Table, __: Path) -> Make:
    return lambda name, url, secrets: MagentoOrders(
        name, url, secrets[0] if len(secrets) == 1 else OAuth(*secrets)
    )


def _commercetools(table: Table, _: Path) -> Make:
    table.needed("project", '"my-project"')
    table.needed("token_url", '"https://auth.…/oauth/token"')
    project = table.text("project")
    token_url = outside.url(table, LOOPBACK.__contains__, "token_url")
    return lambda name, url, secrets: CommercetoolsOrders(
        name, url, project, (secrets[0], secrets[1]), token_url
    )


def _saleor(table: Table, _: Path) -> Make:
    gift_cards = table.flag("gift_cards")
    return lambda name, url, secrets: SaleorOrders(name, url, secrets[0], gift_cards=gift_cards)


def _square(table: Table, _: Path) -> Make:
    table.needed("locations", '["L8XJ…"]')
    locations = table.texts("locations")
    if len(locations) > MAXIMUM_LOCATIONS:
        table.wrong("locations", f"has {len(locations)}; a source has at most {MAXIMUM_LOCATIONS}")
    return lambda name, url, secrets: SquareOrders(name, url, secrets[0], locations)


def _amazon(table: Table, _: Path) -> Make:
    table.needed("marketplaces", '["A1PA6795UKMFR9"]')
    marketplaces = table.texts("marketplaces")
    if len(marketplaces) > MAXIMUM_MARKETPLACES:
        table.wrong("marketplaces", f"has more than {MAXIMUM_MARKETPLACES}")
    version = table.word("version", amazon.VERSIONS, amazon.V2026)
    personal = _personal(table)
    token_url = outside.url(table, LOOPBACK.__contains__, "token_url", selling_partner.TOKEN_URL)
    make = amazon.AmazonOrdersV0 if version == amazon.V0 else amazon.AmazonOrders
    return lambda name, url, secrets: make(
        name,
        selling_partner.Account(
            url, selling_partner.Credentials(*secrets), marketplaces, personal, token_url
        ),
    )


def _notices(table: Table, _: Path) -> Make:
    table.needed("region", '"eu-west-1"')
    queue, region = outside.url(table, LOOPBACK.__contains__, "queue"), table.text("region")
    personal = _personal(table)
    token_url = outside.url(table, LOOPBACK.__contains__, "token_url", selling_partner.TOKEN_URL)

    def make(name: str, url: str, secrets: list[str]) -> Reader:
        credentials = selling_partner.Credentials(*secrets[:3])
        account = selling_partner.Account(url, credentials, [], personal, token_url)
        return AmazonNotices(name, account, Queue(queue, region, Keys(*secrets[3:])))

    return make


def _personal(table: Table) -> list[str]:
    """Both where nothing is said; an empty list is for an application without the roles."""
    if "personal" not in table:
        return list(selling_partner.ELEMENTS)
    return (
        [] if table.value("personal") == [] else table.texts("personal", selling_partner.ELEMENTS)
    )


def _ebay(_: Table, __: Path) -> Make:
    return lambda name, url, secrets: ebay.EbayOrders(name, url, ebay.Credentials(*secrets))


def _walmart(table: Table, _: Path) -> Make:
    elsewhere = table.flag("acknowledged_elsewhere")
    return lambda name, url, secrets: WalmartOrders(
        name, url, secrets[0], secrets[1], acknowledge=not elsewhere
    )


def _etsy(table: Table, directory: Path) -> Make:
    table.needed("shop", "12345678")
    table.needed("token_file", '"etsy-refresh-token"')
    shop = table.whole("shop", 1, 10**15)
    refresh = RefreshFile(directory / table.text("token_file"))
    return lambda name, url, secrets: EtsyReceipts(
        name, url, (secrets[0], secrets[1]), shop, refresh
    )


KINDS: dict[str, Kind] = {
    "shopify": Kind(_shopify, (1,), "the access token"),
    "woocommerce": Kind(_woocommerce, (2,), "the consumer key and the consumer secret, one a line"),
    "magento": Kind(
        _magento,
        (1, 4),
        "the access token, or for OAuth the consumer's key and secret and the token and its"
        " secret, one a line",
    ),
    "commercetools": Kind(_commercetools, (2,), "the client's id and its secret, one a line"),
    "saleor": Kind(_saleor, (1,), "the app's token"),
    "square": Kind(_square, (1,), "the access token"),
    "amazon": Kind(_amazon, (3,), "the client's id, its secret and the refresh token, one a line"),
    "ebay": Kind(_ebay, (3,), "the client's id, its secret and the refresh token, one a line"),
    "walmart": Kind(_walmart, (2,), "the client's id and its secret, one a line"),
    "etsy": Kind(_etsy, (2,), "the keystring and the shared secret, one a line"),
}
_NOTICES = Kind(
    _notices,
    (5, 6),
    "the client's id, its secret and the refresh token, and of the queue the access key's id, its"
    " secret and, where it is temporary, its session token, one a line",
)


def kind_of(channel: str, table: Table) -> Kind:
    """How this source is written down: at Amazon a queue makes it one of notifications."""
    return _NOTICES if channel == "amazon" and "queue" in table else KINDS[channel]
