"""The request with which WooCommerce tries out a webhook when it is saved.

It is a form with the webhook's id, is not signed, and has to be answered with 200, or the webhook
is not switched on. Source: WooCommerce, WC_Webhook::deliver_ping.
"""

from __future__ import annotations

import re

_PING = re.compile(rb"\s*webhook_id=[0-9]{1,20}\s*")


def is_ping(payload: bytes) -> bool:
    """The payload is such a request and has nothing to store."""
    return _PING.fullmatch(payload) is not None
