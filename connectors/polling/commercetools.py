"""Source: commercetools' HTTP API.

Orders are found by `lastModifiedAt`, sorted by it and by their id, so that they are read as
`Ascending` in seam.py says; an offset is used only within one second. Payments are expanded, for an
order names them and does not hold them. A payment that changes does not change its order: where
`paymentState` is not kept by the shop, what a payment becomes is known by its message alone.

Source: commercetools Composable Commerce HTTP API, "Query Orders", "Query features", "Reference
expansion", "Authorization: client credentials flow".
"""

from __future__ import annotations

import time
import urllib.parse
from collections.abc import Callable

import msgspec

from connectors.polling import seam
from connectors.polling.fetching import Fetcher, read_as
from connectors.polling.seam import Answered, Ascending, Told
from connectors.polling.tokens import Tokens, basic, granted

PAGE = 100


class _Found(msgspec.Struct):
    results: list[msgspec.Raw]


class CommercetoolsOrders(Ascending):
    """Every order of a project that was created or changed, oldest change first."""

    channel = "commercetools"

    def __init__(
        self,
        name: str,
        url: str,
        project: str,
        client: tuple[str, str],
        token_url: str,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`url` and `token_url` are those of the region, e.g.
        https://api.europe-west1.gcp.commercetools.com and
        https://auth.europe-west1.gcp.commercetools.com/oauth/token; `client` is the API client's id
        and its secret, with the scope view_orders."""
        self.name = name
        self._address = f"{url.rstrip('/')}/{urllib.parse.quote(project, safe='')}/orders"
        self._fetcher = Fetcher({})
        form = {"grant_type": "client_credentials", "scope": f"view_orders:{project}"}
        own = {"Authorization": basic(*client)}
        self._tokens = Tokens(lambda: granted(self._fetcher, token_url, form, own), clock)

    def _ask(self, since: str, following: str) -> Answered:
        offset = int(following or "0")
        query = urllib.parse.urlencode(
            [
                ("where", f'lastModifiedAt >= "{since}"'),
                ("sort", "lastModifiedAt asc"),
                ("sort", "id asc"),
                ("expand", "paymentInfo.payments[*]"),
                ("withTotal", "false"),
                ("limit", str(PAGE)),
                ("offset", str(offset)),
            ]
        )
        answer = self._tokens.asked_with(
            lambda token: self._fetcher.get(
                f"{self._address}?{query}", {"Authorization": f"Bearer {token}"}
            )
        )
        raws = read_as(answer.body, _Found).results
        orders = [seam.told(raw, "id", lambda order: order.get("lastModifiedAt")) for raw in raws]
        return Answered(orders, str(offset + PAGE) if len(raws) >= PAGE else "")

    def _payloads(self, orders: list[Told]) -> list[bytes]:
        return seam.listed(b'{"results":[', orders, b"]}")
