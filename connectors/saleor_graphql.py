"""Questions to Saleor's GraphQL API.

Source: Saleor API reference 3.20, "Error handling": errors that are not those of a mutation name
their kind in extensions.exception.code.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from connectors.json_api import ApiFailed, JsonApi, fixed

DENIED = frozenset({"PermissionDenied", "InvalidTokenError", "ExpiredSignatureError"})


def saleor_api(url: str, token: str, before: Callable[[], object] | None = None) -> JsonApi:
    """`url` is that of the API, e.g. https://shop.saleor.cloud/graphql/; `token` is an app's."""
    return JsonApi(url, fixed({"Authorization": f"Bearer {token}"}), before)


def ask(api: JsonApi, query: str, variables: Mapping[str, Any]) -> dict[str, Any]:
    """`data` of the answer. Raises ApiFailed."""
    told = api.ask("POST", "/", {"query": query, "variables": dict(variables)})
    errors = told.get("errors")
    if errors:
        codes = {one["extensions"]["exception"]["code"] for one in errors if "extensions" in one}
        if codes & DENIED:
            raise ApiFailed(403, "denied: the app lacks a permission")
        raise ApiFailed(200, "answered with an error")
    data = told["data"]
    if not isinstance(data, dict):
        raise ApiFailed(200, "answered with no data")
    return data
