"""The channels that there are, by the name under which payloads come in."""

from __future__ import annotations

from connectors.channels.generic import GenericCsv, GenericJson
from connectors.channels.mapping import Mapping
from connectors.channels.shopify import Shopify

_ALL: tuple[Mapping, ...] = (Shopify(), GenericJson(), GenericCsv())
CHANNELS: dict[str, Mapping] = {channel.name: channel for channel in _ALL}
JOINED = frozenset({"amazon"})
"""Channels that tell one order in several calls, which a payload then holds as `documents`."""
