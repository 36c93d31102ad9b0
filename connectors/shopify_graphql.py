"""Questions to Shopify's GraphQL Admin API.

Source: Shopify "GraphQL Admin API" and "API limits": a throttled question is answered 200 with an
error THROTTLED and what the bucket holds and restores a second.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connectors.json_api import ApiFailed, JsonApi

VERSION = "2026-04"
PATH = f"/admin/api/{VERSION}/graphql.json"
LONGEST_WAIT_SECONDS = 60.0


def ask(api: JsonApi, query: str, variables: Mapping[str, Any]) -> dict[str, Any]:
    """`data` of the answer. Raises ApiFailed."""
    told = api.ask("POST", PATH, {"query": query, "variables": dict(variables)})
    errors = told.get("errors")
    if errors:
        codes = _codes(errors)
        if "THROTTLED" in codes:
            raise ApiFailed(429, "throttled", _wait(told.get("extensions")))
        if "ACCESS_DENIED" in codes:
            raise ApiFailed(403, "denied: the app lacks an access scope")
        raise ApiFailed(200, f"answered with an error ({', '.join(sorted(codes)) or 'no code'})")
    data = told.get("data")
    if not isinstance(data, dict):
        raise ApiFailed(200, "answered with no data")
    return data


def _codes(errors: Any) -> set[str]:
    listed = errors if isinstance(errors, list) else []
    codes = (one.get("extensions", {}).get("code") for one in listed if isinstance(one, dict))
    return {code for code in codes if isinstance(code, str) and code.isascii() and len(code) < 60}


def _wait(extensions: Any) -> float:
    """Until the bucket has what the question costs."""
    try:
        cost = extensions["cost"]
        status = cost["throttleStatus"]
        lacking = float(cost["requestedQueryCost"]) - float(status["currentlyAvailable"])
        return min(LONGEST_WAIT_SECONDS, max(1.0, lacking / float(status["restoreRate"])))
    except (KeyError, TypeError, ValueError, ZeroDivisionError):
        return 1.0
