"""Tells Amazon of shipments and of cancellations. Refunds are Amazon's own business with its
customers unless the seller makes them in Seller Central.

A shipment is known by its package reference, a number made of the shipment's id. A cancellation is
a feed, which Amazon takes at once and carries out later; a second one changes nothing there.

Source: Selling Partner API, Orders v0 "confirmShipment", Orders 2026-01-01 "getOrder" (packages),
Feeds 2021-06-30, feed type POST_ORDER_ACKNOWLEDGEMENT_DATA.
"""

from __future__ import annotations

import hashlib
from typing import Any
from xml.sax.saxutils import escape

import urllib3

from connectors.credentials import amazon_api
from connectors.json_api import TIMEOUT_SECONDS, ApiFailed
from connectors.webhooks.shop import Shop, moment
from connectors.webhooks.subscriptions import Subscription
from schemas.orders import OrderCancelled, OrderShipped

FEEDS = "/feeds/2021-06-30"
CONTENT_TYPE = "text/xml; charset=UTF-8"
CANCELLED = frozenset({"CANCELLED", "CANCELED"})
OTHER = "Other"
"""The carrier code of whoever has none; the name stands beside it."""


class AmazonShop(Shop):
    """One seller in one marketplace."""

    channel = "amazon"

    def __init__(self, subscription: Subscription) -> None:
        """The secret has client id, client secret and refresh token, one a line; the account is
        the seller's id, a slash and the marketplace's."""
        self._seller, _, self._marketplace = subscription.account.partition("/")
        secrets = subscription.secret.split()
        self._api = amazon_api(subscription.url, secrets, None, subscription.token_url)

    def shipped(self, event: OrderShipped) -> None:
        """See Shop."""
        reference = package_reference(event.shipment_id)
        packages = self._order(event.order_id, "PACKAGES").get("packages") or []
        if any(str(one.get("packageReferenceId")) == reference for one in packages):
            return
        package = {
            "packageReferenceId": reference,
            "carrierCode": event.carrier or OTHER,
            "carrierName": event.carrier or OTHER,
            "trackingNumber": event.tracking_number,
            "shipDate": moment(event.at_ms),
            "orderItems": [
                {"orderItemId": line.line_id, "quantity": line.quantity} for line in event.lines
            ],
        }
        content = {"marketplaceId": self._marketplace, "packageDetail": package}
        path = f"/orders/v0/orders/{self.order(event.order_id)}/shipmentConfirmation"
        self._api.ask("POST", path, content)

    def cancelled(self, event: OrderCancelled) -> None:
        """See Shop."""
        order = self._order(event.order_id, "FULFILLMENT")
        if order["fulfillment"]["fulfillmentStatus"] in CANCELLED:
            return
        asked = {"contentType": CONTENT_TYPE}
        document = self._api.ask("POST", f"{FEEDS}/documents", asked)
        _upload(document["url"], self._refusal(self.own(event.order_id)))
        feed = {
            "feedType": "POST_ORDER_ACKNOWLEDGEMENT_DATA",
            "marketplaceIds": [self._marketplace],
            "inputFeedDocumentId": document["feedDocumentId"],
        }
        self._api.ask("POST", f"{FEEDS}/feeds", feed)

    def _order(self, order_id: str, included: str) -> dict[str, Any]:
        path = f"/orders/2026-01-01/orders/{self.order(order_id)}?includedData={included}"
        order: dict[str, Any] = self._api.ask("GET", path)["order"]
        return order

    def _refusal(self, order: str) -> bytes:
        return (
            '<?xml version="1.0" encoding="UTF-8"?><AmazonEnvelope>'
            "<Header><DocumentVersion>1.01</DocumentVersion>"
            f"<MerchantIdentifier>{escape(self._seller)}</MerchantIdentifier></Header>"
            "<MessageType>OrderAcknowledgement</MessageType>"
            "<Message><MessageID>1</MessageID><OrderAcknowledgement>"
            f"<AmazonOrderID>{escape(order)}</AmazonOrderID><StatusCode>Failure</StatusCode>"
            "</OrderAcknowledgement></Message></AmazonEnvelope>"
        ).encode()


def package_reference(shipment_id: str) -> str:
    """A positive number, the same for the same shipment. Amazon takes only digits."""
    digest = hashlib.blake2b(shipment_id.encode(), digest_size=7).digest()
    return str(int.from_bytes(digest, "big") + 1)


def _upload(url: str, content: bytes) -> None:
    """Put a feed where Amazon has said; the address itself is the permission."""
    try:
        response = urllib3.request(
            "PUT",
            url,
            body=content,
            headers={"Content-Type": CONTENT_TYPE},
            redirect=False,
            retries=False,
            timeout=TIMEOUT_SECONDS,
        )
    except (urllib3.exceptions.HTTPError, OSError) as error:
        raise ApiFailed(0, f"no answer: {type(error).__name__}") from error
    if not 200 <= response.status < 300:
        raise ApiFailed(response.status, f"the upload is answered {response.status}")
