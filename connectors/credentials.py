"""How channels are asked that give access tokens for a short time.

Source: eBay "Using a refresh token to update a user access token"; Walmart "Token API"; Amazon
"Connecting to the Selling Partner API", step 1; commercetools "Client credentials flow".
"""

from __future__ import annotations

import urllib.parse
import uuid
from collections.abc import Callable, Mapping

from connectors.json_api import JsonApi
from connectors.polling.fetching import Fetcher
from connectors.polling.tokens import Tokens, basic, granted

AMAZON_LOGIN = "https://api.amazon.com/auth/o2/token"
WALMART_SERVICE = "Walmart Marketplace"

Before = Callable[[], object]


def ebay_api(
    url: str, secrets: list[str], before: Before | None = None, scheme: str = "Bearer"
) -> JsonApi:
    """`secrets`: client id, client secret, and the refresh token of the seller; `scheme` is IAF for
    APIs of the older kind."""
    client_id, client_secret, refresh_token = secrets
    fetcher = Fetcher({"Authorization": basic(client_id, client_secret)})
    form = {"grant_type": "refresh_token", "refresh_token": refresh_token}
    where = f"{url.rstrip('/')}/identity/v1/oauth2/token"
    tokens = Tokens(lambda: granted(fetcher, where, form))

    def headers() -> Mapping[str, str]:
        return {"Authorization": f"{scheme} {tokens.value()}", "Content-Language": "en-US"}

    return JsonApi(url, headers, before, tokens.forget)


def walmart_api(url: str, secrets: list[str], before: Before | None = None) -> JsonApi:
    """`secrets`: client id and client secret of the seller."""
    client_id, client_secret = secrets
    fetcher = Fetcher({"Authorization": basic(client_id, client_secret)})
    form = {"grant_type": "client_credentials"}

    def every() -> dict[str, str]:
        return {"WM_SVC.NAME": WALMART_SERVICE, "WM_QOS.CORRELATION_ID": str(uuid.uuid4())}

    where = f"{url.rstrip('/')}/v3/token"
    tokens = Tokens(lambda: granted(fetcher, where, form, every()))
    return JsonApi(
        url,
        lambda: {"WM_SEC.ACCESS_TOKEN": tokens.value(), **every()},
        before,
        tokens.forget,
    )


def amazon_api(
    url: str, secrets: list[str], before: Before | None = None, token_url: str = ""
) -> JsonApi:
    """`secrets`: client id, client secret, and the refresh token of the seller."""
    client_id, client_secret, refresh_token = secrets
    fetcher = Fetcher({})
    form = {
        "grant_type": "refresh_token",
        "refresh_token": refresh_token,
        "client_id": client_id,
        "client_secret": client_secret,
    }
    tokens = Tokens(lambda: granted(fetcher, token_url or AMAZON_LOGIN, form))
    return JsonApi(url, lambda: {"x-amz-access-token": tokens.value()}, before, tokens.forget)


def commercetools_api(
    url: str, secrets: list[str], token_url: str, project: str, before: Before | None = None
) -> JsonApi:
    """`secrets`: id and secret of an API client; `url` and `token_url` are those of the region."""
    client_id, client_secret = secrets
    fetcher = Fetcher({"Authorization": basic(client_id, client_secret)})
    tokens = Tokens(lambda: granted(fetcher, token_url, {"grant_type": "client_credentials"}))
    return JsonApi(
        f"{url.rstrip('/')}/{urllib.parse.quote(project, safe='')}",
        lambda: {"Authorization": f"Bearer {tokens.value()}"},
        before,
        tokens.forget,
    )
