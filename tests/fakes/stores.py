"""Online stores and tills on loopback, as they are documented.

Sources: WooCommerce REST API v3, "List all orders"; Adobe Commerce, "Search using REST endpoints",
"OAuth-based authentication"; Square, "SearchOrders", "Pagination"; Etsy Open API v3,
"getShopReceipts", "Authentication"; commercetools, "Query Orders"; Saleor, query `orders`. All of
them page by positions in a list that changes while it is read.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import urllib.parse
from dataclasses import dataclass, field
from typing import Any

from tests.fakes.loopback import Asked, Reply, told
from tests.fakes.service import BASIC, CLIENT, REFRESH, SECRET, Service, seconds, written

BEARER = "store-secret-1"
OAUTH = (CLIENT, SECRET, "token-1", "token-secret-1")
LOCATION = "L1"
SHOP = 4711
PROJECT = "mill"


@dataclass
class WooCommerce(Service):
    """A shop."""

    def reply(self, asked: Asked) -> Reply:
        """See Loopback."""
        if asked.headers["Authorization"] != BASIC:
            return Reply(401)
        query = asked.query
        if (query["orderby"], query["order"], query["dates_are_gmt"]) != (
            "modified",
            "asc",
            "true",
        ):
            return Reply(400)
        # It is exclusive.
        found = self.ascending(seconds(query["modified_after"]) + 1)
        size = int(query["per_page"])
        first = (int(query["page"]) - 1) * size
        form = "%Y-%m-%dT%H:%M:%S"
        page = [
            self.show(one, {"id": one.number, "date_modified_gmt": written(one.at, form)})
            for one in found[first : first + size]
        ]
        reply = told(page, {"X-WP-Total": str(len(found))})
        self.on_page()
        return reply


@dataclass
class Magento(Service):
    """A store that takes a bearer token and OAuth 1.0a."""

    def reply(self, asked: Asked) -> Reply:
        """See Loopback."""
        authorization = asked.headers["Authorization"] or ""
        if authorization != f"Bearer {BEARER}" and not self._is_signed(asked, authorization):
            return Reply(401)
        query = asked.query
        criteria = "searchCriteria"
        value = query[f"{criteria}[filter_groups][0][filters][0][value]"]
        condition = query[f"{criteria}[filter_groups][0][filters][0][condition_type]"]
        if condition != "gteq" or query[f"{criteria}[sortOrders][0][field]"] != "updated_at":
            return Reply(400)
        found = self.ascending(seconds(value))
        size = int(query[f"{criteria}[pageSize]"])
        # A page behind the last one is the last one again.
        number = min(int(query[f"{criteria}[currentPage]"]), max(1, -(-len(found) // size)))
        page = [
            self.show(one, {"entity_id": one.number, "updated_at": written(one.at, "%F %T")})
            for one in found[(number - 1) * size : number * size]
        ]
        reply = told({"items": page, "search_criteria": {}, "total_count": len(found)})
        self.on_page()
        return reply

    def _is_signed(self, asked: Asked, authorization: str) -> bool:
        """By RFC 5849, computed here anew."""
        told_of = dict(re.findall(r'(\w+)="([^"]*)"', authorization))
        own = {name: urllib.parse.unquote(value) for name, value in told_of.items()}
        signature = own.pop("oauth_signature", "")
        if (own.get("oauth_consumer_key"), own.get("oauth_token")) != (OAUTH[0], OAUTH[2]):
            return False
        pairs = [*asked.query.items(), *own.items()]
        quoted = sorted((_quoted(name), _quoted(value)) for name, value in pairs)
        text = "&".join(f"{name}={value}" for name, value in quoted)
        base = f"GET&{_quoted(f'{self.url}{asked.place}')}&{_quoted(text)}"
        key = f"{OAUTH[1]}&{OAUTH[3]}".encode()
        expected = base64.b64encode(hmac.new(key, base.encode(), hashlib.sha256).digest())
        return hmac.compare_digest(signature.encode(), expected)


def _quoted(text: str) -> str:
    return urllib.parse.quote(text, safe="-._~")


@dataclass
class Square(Service):
    """A merchant with one location."""

    def reply(self, asked: Asked) -> Reply:
        """See Loopback."""
        if asked.headers["Authorization"] != f"Bearer {BEARER}":
            return Reply(401)
        body = json.loads(asked.body)
        sort = body["query"]["sort"]
        known = sort == {"sort_field": "UPDATED_AT", "sort_order": "ASC"}
        if body["location_ids"] != [LOCATION] or not known or not asked.headers["Square-Version"]:
            return Reply(400)
        query = hashlib.sha256(json.dumps(body["query"]).encode()).hexdigest()[:8]
        first = 0
        if "cursor" in body:
            of, _, place = body["cursor"].partition("-")
            if of != query:
                return Reply(400)
            first = int(place)
        since = body["query"]["filter"]["date_time_filter"]["updated_at"]["start_at"]
        found = self.ascending(seconds(since))
        behind = first + int(body["limit"])
        form = "%Y-%m-%dT%H:%M:%S.123Z"
        page = [
            self.show(one, {"id": f"sq-{one.number}", "updated_at": written(one.at, form)})
            for one in found[first:behind]
        ]
        more = {"cursor": f"{query}-{behind}"} if len(found) > behind else {}
        reply = told({"orders": page, **more} if page else {})
        self.on_page()
        return reply


@dataclass
class Etsy(Service):
    """A shop; each refresh token is good once."""

    refreshes: list[str] = field(default_factory=lambda: [REFRESH])

    def reply(self, asked: Asked) -> Reply:
        """See Loopback."""
        if asked.headers["x-api-key"] != f"{CLIENT}:{SECRET}":
            return Reply(403)
        if asked.place == "/v3/public/oauth/token":
            return self._refresh(asked.form)
        if not self.knows(asked.headers["Authorization"]):
            return Reply(401)
        query = asked.query
        shop = f"/v3/application/shops/{SHOP}/receipts"
        if asked.place != shop or (query["sort_on"], query["sort_order"]) != ("updated", "asc"):
            return Reply(400)
        found = self.ascending(float(query["min_last_modified"]))
        first, limit = int(query["offset"]), int(query["limit"])
        page = [
            self.show(one, {"receipt_id": one.number, "updated_timestamp": int(one.at)})
            for one in found[first : first + limit]
        ]
        reply = told({"count": len(found), "results": page})
        self.on_page()
        return reply

    def _refresh(self, form: dict[str, str]) -> Reply:
        known = form.get("client_id") == CLIENT and form.get("refresh_token") == self.refreshes[-1]
        if form.get("grant_type") != "refresh_token" or not known:
            return Reply(400, b'{"error":"invalid_grant"}')
        self.refreshes.append(f"refresh-secret-{len(self.refreshes)}")
        told_of: dict[str, Any] = {"access_token": self.grant(), "expires_in": 3600}
        return told({**told_of, "refresh_token": self.refreshes[-1]})


@dataclass
class Commercetools(Service):
    """A project."""

    def reply(self, asked: Asked) -> Reply:
        """See Loopback."""
        if asked.place == "/oauth/token":
            if asked.headers["Authorization"] != BASIC:
                return Reply(401)
            form = asked.form
            if form != {"grant_type": "client_credentials", "scope": f"view_orders:{PROJECT}"}:
                return Reply(400)
            return told({"access_token": self.grant(), "expires_in": 172_800})
        if not self.knows(asked.headers["Authorization"]):
            return Reply(401)
        asked_for = urllib.parse.parse_qs(urllib.parse.urlsplit(asked.path).query)
        where = re.fullmatch(r'lastModifiedAt >= "([^"]+)"', asked_for["where"][0])
        if where is None or asked_for["sort"] != ["lastModifiedAt asc", "id asc"]:
            return Reply(400)
        found = self.ascending(seconds(where[1]))
        first, limit = int(asked_for["offset"][0]), int(asked_for["limit"][0])
        form_of = "%Y-%m-%dT%H:%M:%S.240Z"
        page = [
            self.show(one, {"id": f"ct-{one.number}", "lastModifiedAt": written(one.at, form_of)})
            for one in found[first : first + limit]
        ]
        reply = told({"limit": limit, "offset": first, "count": len(page), "results": page})
        self.on_page()
        return reply


@dataclass
class Saleor(Service):
    """A shop. Its cursor names the last order of a page, which may move."""

    def reply(self, asked: Asked) -> Reply:
        """See Loopback."""
        if asked.place != "/graphql/" or asked.method != "POST":
            return Reply(404)
        if asked.headers["Authorization"] != f"Bearer {BEARER}":
            error = {"message": "…", "extensions": {"exception": {"code": "PermissionDenied"}}}
            return told({"errors": [error], "data": {"orders": None}})
        body = json.loads(asked.body)
        if "field:LAST_MODIFIED_AT,direction:ASC" not in body["query"]:
            return told({"errors": [{"message": "…"}]})
        variables = body["variables"]
        found = self.ascending(seconds(variables["since"]))
        first = int(variables["after"] or "0")
        behind = first + int(variables["first"])
        form = "%Y-%m-%dT%H:%M:%S.203440+00:00"
        nodes = [
            {
                "node": self.show(
                    one, {"id": _global(one.number), "updatedAt": written(one.at, form)}
                )
            }
            for one in found[first:behind]
        ]
        info = {"hasNextPage": len(found) > behind, "endCursor": str(behind)}
        reply = told({"data": {"orders": {"edges": nodes, "pageInfo": info}}})
        self.on_page()
        return reply


def _global(number: int) -> str:
    return base64.b64encode(f"Order:{number}".encode()).decode()
