"""The channels that there are, by the name under which payloads come in."""

from __future__ import annotations

from connectors.channels.amazon import Amazon
from connectors.channels.call_centre import CallCentre
from connectors.channels.commercetools import Commercetools
from connectors.channels.ebay import Ebay
from connectors.channels.edi.channel import EdiX12
from connectors.channels.edifact.channel import Edifact
from connectors.channels.etsy import Etsy
from connectors.channels.generic import GenericCsv, GenericJson
from connectors.channels.magento import Magento
from connectors.channels.mapping import Mapping
from connectors.channels.pos import PointOfSale
from connectors.channels.saleor import Saleor
from connectors.channels.shopify import Shopify
from connectors.channels.square import Square
from connectors.channels.walmart import Walmart
from connectors.channels.woocommerce import WooCommerce

_ALL: tuple[Mapping, ...] = (
    Shopify(),
    WooCommerce(),
    Magento(),
    Amazon(),
    Ebay(),
    Walmart(),
    Square(),
    Etsy(),
    Commercetools(),
    Saleor(),
    GenericJson(),
    GenericCsv(),
    EdiX12(),
    Edifact(),
    CallCentre(),
    PointOfSale(),
)
CHANNELS: dict[str, Mapping] = {channel.name: channel for channel in _ALL}
JOINED = frozenset({"woocommerce", "amazon", "commercetools", "etsy"})
"""Channels that tell one order in several calls, which a payload then holds as `documents`."""
