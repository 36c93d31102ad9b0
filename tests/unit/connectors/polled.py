"""The sources that list orders, each with its fake, for tests that hold for all of them."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

from connectors.channels import commercetools as commercetools_channel
from connectors.channels import ebay as ebay_channel
from connectors.channels import etsy as etsy_channel
from connectors.channels import magento as magento_channel
from connectors.channels import saleor as saleor_channel
from connectors.channels import square as square_channel
from connectors.channels import walmart as walmart_channel
from connectors.channels import woocommerce as woocommerce_channel
from connectors.channels.mapping import Mapping
from connectors.polling import (
    commercetools,
    ebay,
    etsy,
    magento,
    saleor,
    square,
    stores,
    walmart,
)
from connectors.polling.seam import Reader
from tests.fakes.clock import Clock
from tests.fakes.marketplaces import Ebay, Walmart
from tests.fakes.service import CLIENT, REFRESH, SECRET, Order, Service, seconds
from tests.fakes.stores import (
    BEARER,
    LOCATION,
    PROJECT,
    SHOP,
    Commercetools,
    Etsy,
    Magento,
    Saleor,
    Square,
    WooCommerce,
)
from tests.unit.connectors.commercetools_order import commercetools_order
from tests.unit.connectors.ebay_order import ebay_order
from tests.unit.connectors.etsy_receipt import receipt
from tests.unit.connectors.magento_order import magento_order
from tests.unit.connectors.saleor_order import saleor_order
from tests.unit.connectors.square_order import square_order
from tests.unit.connectors.walmart_order import walmart_order
from tests.unit.connectors.woocommerce_order import woo_order

Version = tuple[int, int]
"""Number of an order, and the second of its change."""


class Place(NamedTuple):
    """Where a source is made for."""

    url: str
    clock: Clock
    directory: Path
    secret: str = ""
    """in place of the right one"""


@dataclass(frozen=True)
class Case:
    """One source, and how a test reads what it puts on channels.raw."""

    name: str
    fake: type[Service]
    source: Callable[[Place], Reader]
    module: ModuleType
    """has the size of its pages"""
    size: str
    told: Callable[[Any], list[Version]]
    mapping: Callable[[], Mapping]
    full: Callable[[Order], dict[str, Any]]
    """an order with all of its fields"""

    def versions(self, payloads: list[bytes]) -> list[Version]:
        """All that was told."""
        return [one for payload in payloads for one in self.told(json.loads(payload))]


def _woocommerce(place: Place) -> Reader:
    return stores.WooCommerceOrders("w", place.url, CLIENT, place.secret or SECRET)


def _magento(place: Place) -> Reader:
    return magento.MagentoOrders("m", place.url, place.secret or BEARER)


def _square(place: Place) -> Reader:
    return square.SquareOrders("s", place.url, place.secret or BEARER, [LOCATION])


def _commercetools(place: Place) -> Reader:
    client = (CLIENT, place.secret or SECRET)
    token_url = f"{place.url}/oauth/token"
    return commercetools.CommercetoolsOrders(
        "c", place.url, PROJECT, client, token_url, clock=place.clock.seconds
    )


def _saleor(place: Place) -> Reader:
    return saleor.SaleorOrders("s", place.url, place.secret or BEARER, gift_cards=True)


def _etsy(place: Place) -> Reader:
    file = place.directory / "etsy-token"
    if not file.exists():
        file.write_text(f"{REFRESH}\n")
    refresh = etsy.RefreshFile(file)
    clock = place.clock.seconds
    keys = (CLIENT, place.secret or SECRET)
    return etsy.EtsyReceipts("e", place.url, keys, SHOP, refresh, clock=clock)


def _ebay(place: Place) -> Reader:
    account = ebay.Credentials(CLIENT, SECRET, place.secret or REFRESH)
    clock = place.clock
    return ebay.EbayOrders("b", place.url, account, clock_ms=clock.now_ms, clock=clock.seconds)


def _walmart(place: Place) -> Reader:
    clock = place.clock
    return walmart.WalmartOrders(
        "w",
        place.url,
        CLIENT,
        place.secret or SECRET,
        clock_ms=clock.now_ms,
        clock=clock.seconds,
    )


def _at(text: str) -> int:
    return int(seconds(text))


def _of_walmart(told: Any) -> list[Version]:
    return [
        (int(one["purchaseOrderId"]), one["orderLines"]["orderLine"][0]["statusDate"] // 1000)
        for one in told["list"]["elements"]["order"]
    ]


def _of_magento(told: Any) -> list[Version]:
    return [(one["entity_id"], _at(one["updated_at"])) for one in told["items"]]


def _of_saleor(told: Any) -> list[Version]:
    return [
        (int(base64.b64decode(one["id"]).partition(b":")[2]), _at(one["updatedAt"]))
        for one in told["data"]["orders"]["nodes"]
    ]


def _full_walmart(_: Order) -> dict[str, Any]:
    return walmart_order()


CASES = [
    Case(
        "woocommerce",
        WooCommerce,
        _woocommerce,
        stores,
        "WOOCOMMERCE_PAGE",
        lambda told: [(one["id"], _at(one["date_modified_gmt"])) for one in told],
        woocommerce_channel.WooCommerce,
        lambda _: dict(woo_order()),
    ),
    Case(
        "magento",
        Magento,
        _magento,
        magento,
        "PAGE",
        _of_magento,
        magento_channel.Magento,
        lambda _: dict(magento_order()),
    ),
    Case(
        "square",
        Square,
        _square,
        square,
        "PAGE",
        lambda told: [(int(one["id"][3:]), _at(one["updated_at"])) for one in told["orders"]],
        square_channel.Square,
        lambda _: square_order(),
    ),
    Case(
        "commercetools",
        Commercetools,
        _commercetools,
        commercetools,
        "PAGE",
        lambda told: [(int(one["id"][3:]), _at(one["lastModifiedAt"])) for one in told["results"]],
        commercetools_channel.Commercetools,
        lambda _: commercetools_order(),
    ),
    Case(
        "saleor",
        Saleor,
        _saleor,
        saleor,
        "PAGE",
        _of_saleor,
        saleor_channel.Saleor,
        lambda _: saleor_order(),
    ),
    Case(
        "etsy",
        Etsy,
        _etsy,
        etsy,
        "PAGE",
        lambda told: [(one["receipt_id"], one["updated_timestamp"]) for one in told["results"]],
        etsy_channel.Etsy,
        lambda _: receipt(),
    ),
    Case(
        "ebay",
        Ebay,
        _ebay,
        ebay,
        "PAGE",
        lambda told: [
            (int(one["orderId"][3:]), _at(one["lastModifiedDate"])) for one in told["orders"]
        ],
        ebay_channel.Ebay,
        lambda _: ebay_order(),
    ),
    Case(
        "walmart",
        Walmart,
        _walmart,
        walmart,
        "PAGE",
        _of_walmart,
        walmart_channel.Walmart,
        _full_walmart,
    ),
]
