"""Marketplaces on loopback that are told of their one order; see shops_told.py."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from tests.fakes.loopback import Asked, Reply
from tests.fakes.shops_told import Content, ToldShop, content_of


@dataclass
class Amazon(ToldShop):
    """Selling Partner API."""

    packages: dict[str, str] = field(default_factory=dict)
    feeds: list[str] = field(default_factory=list)
    upload: str = ""

    def answer(self, asked: Asked) -> Any:
        """See ToldShop."""
        if asked.place == "/auth/o2/token":
            return {"access_token": "t", "expires_in": 3600}
        if asked.place == "/upload":
            self.upload = asked.body.decode()
            return {}
        if asked.headers["x-amz-access-token"] != "t":
            return Reply(403)
        content = content_of(asked)
        if asked.place.endswith("/shipmentConfirmation"):
            return self._confirmed(content)
        if asked.place.endswith("/documents"):
            return {"feedDocumentId": "d", "url": f"{self.url}/upload"}
        if asked.place.endswith("/feeds"):
            assert content["inputFeedDocumentId"] == "d"
            self.feeds.append(self.upload)
            self.cancelled += 1
            return {"feedId": "f"}
        packages = [{"packageReferenceId": one} for one in self.packages]
        status = "CANCELLED" if self.cancelled else "UNSHIPPED"
        return {"order": {"packages": packages, "fulfillment": {"fulfillmentStatus": status}}}

    def _confirmed(self, content: Content) -> Reply:
        package = content["packageDetail"]
        if not re.fullmatch(r"[1-9][0-9]*", package["packageReferenceId"]):
            return Reply(400)
        if package["packageReferenceId"] not in self.packages:
            lines = {one["orderItemId"]: one["quantity"] for one in package["orderItems"]}
            self.shipped.append((lines, package["trackingNumber"]))
        self.packages[package["packageReferenceId"]] = package["trackingNumber"]
        return Reply(204, b"")


@dataclass
class Ebay(ToldShop):
    """Fulfillment API and Post-Order API."""

    dates: list[str] = field(default_factory=list)

    def answer(self, asked: Asked) -> Any:
        """See ToldShop."""
        if asked.place.endswith("/token"):
            return {"access_token": "t", "expires_in": 7200}
        scheme = "IAF" if asked.place.startswith("/post-order/") else "Bearer"
        if asked.headers["Authorization"] != f"{scheme} t":
            return Reply(401)
        content = content_of(asked)
        if asked.place.endswith("/shipping_fulfillment"):
            if asked.method == "GET":
                return {
                    "fulfillments": [
                        {
                            "shipmentTrackingNumber": number,
                            "shippedDate": date,
                            "lineItems": [
                                {"lineItemId": line, "quantity": pieces}
                                for line, pieces in lines.items()
                            ],
                        }
                        for (lines, number), date in zip(self.shipped, self.dates, strict=True)
                    ]
                }
            if ("trackingNumber" in content) != ("shippingCarrierCode" in content):
                return Reply(400)
            if not content.get("trackingNumber", "A").isalnum():
                return Reply(400)
            lines = {one["lineItemId"]: one["quantity"] for one in content["lineItems"]}
            self.shipped.append((lines, content.get("trackingNumber", "")))
            self.dates.append(content["shippedDate"])
            return Reply(201, b"")
        if asked.place.startswith("/post-order/"):
            assert content["legacyOrderId"] == "L7"
            self.cancelled += 1
            return Reply(201)
        state = "CANCEL_PENDING" if self.cancelled else "NONE_REQUESTED"
        return {"legacyOrderId": "L7", "cancelStatus": {"cancelState": state}}


@dataclass
class Walmart(ToldShop):
    """Marketplace API."""

    acknowledged: int = 0
    gone: dict[str, int] = field(default_factory=dict)

    def answer(self, asked: Asked) -> Any:
        """See ToldShop."""
        if asked.place == "/v3/token":
            return {"access_token": "t", "expires_in": 900}
        if asked.headers["WM_SEC.ACCESS_TOKEN"] != "t":
            return Reply(401)
        content = content_of(asked)
        if asked.place.endswith("/acknowledge"):
            self.acknowledged += 1
        elif asked.place.endswith("/shipping"):
            self._ship(content["orderShipment"])
        elif asked.place.endswith("/cancel"):
            lines = content["orderCancellation"]["orderLines"]["orderLine"]
            self.gone |= {one["lineNumber"]: _amount(one) for one in lines}
            assert all(self.left[line] == pieces for line, pieces in self.gone.items())
            self.cancelled += 1
        return {"order": {"orderLines": {"orderLine": self._lines()}}}

    def _ship(self, content: Content) -> None:
        lines = content["orderLines"]["orderLine"]
        [status] = lines[0]["orderLineStatuses"]["orderLineStatus"]
        number = status["trackingInfo"]["trackingNumber"]
        self.shipped.append(({one["lineNumber"]: _amount(one) for one in lines}, number))

    def _lines(self) -> list[Content]:
        found = []
        for line, left in self.left.items():
            states = [
                _state("Shipped", lines[line], trackingInfo={"trackingNumber": number})
                for lines, number in self.shipped
                if line in lines
            ]
            open_now = left - self.gone.get(line, 0)
            if open_now:
                states.append(_state("Acknowledged" if self.acknowledged else "Created", open_now))
            if line in self.gone:
                states.append(_state("Cancelled", self.gone[line]))
            found.append({"lineNumber": line, "orderLineStatuses": {"orderLineStatus": states}})
        return found


def _state(status: str, pieces: int, **further: Any) -> Content:
    return {"status": status, "statusQuantity": {"amount": str(pieces)}, **further}


def _amount(line: Content) -> int:
    [status] = line["orderLineStatuses"]["orderLineStatus"]
    return int(status["statusQuantity"]["amount"])
