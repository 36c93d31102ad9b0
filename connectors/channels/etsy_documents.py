"""What a payload from Etsy holds: receipts, with their transactions joined to them.

Source: Etsy Open API, version 3.0.0: ShopReceipts, ShopReceiptTransactions, webhook envelope.
"""

from __future__ import annotations

from connectors.channels import listing, mapping
from connectors.channels.mapping import Rejected

_EVENTS = {"order.shipped": "a shipment", "order.delivered": "a delivery"}
_OTHERS = (
    ("error", "an error of Etsy, and no order"),
    ("listing_id", "a listing, and no order"),
    ("payment_id", "a payment, not the order that it belongs to"),
    ("entry_id", "an entry of the shop's account, and no order"),
    ("shop_id", "a shop, and no order"),
)
"""What else comes from Etsy, by a field that it has and a receipt has not."""


def found(payload: bytes) -> list[object]:
    """The receipts in a payload, and a Rejected for each part that is none. Raises Rejected."""
    value, lines = listing.loaded(payload, mapping.load_unambiguous_json)
    if lines is not None:
        return _joined(lines)
    if isinstance(value, dict) and isinstance(value.get("documents"), list):
        return _joined([part for document in value["documents"] for part in _parts(document)])
    return _joined(_parts(value))


def _parts(value: object) -> list[object]:
    """The objects of a page or a list. Raises Rejected."""
    path = ""
    if isinstance(value, dict) and "results" in value:
        path, value = "results", value["results"]
        if not isinstance(value, list):
            raise Rejected("wrong_type", path, f"{path} is not a list")
    if isinstance(value, list):
        if not value:
            raise Rejected("missing_field", path, "the payload has no receipt")
        mapping.check_orders(len(value))
        return value
    if not isinstance(value, dict | mapping.Repeated):
        raise Rejected("unreadable", "", "the payload is neither an object nor a list")
    return [value]


def _joined(parts: list[object]) -> list[object]:
    """The receipts with the transactions that came apart from them; what is neither is rejected."""
    mapping.check_orders(len(parts))
    apart: dict[str, list[object]] = {}
    receipts: list[object] = []
    for part in parts:
        if _is_transaction(part):
            apart.setdefault(_number(part), []).append(part)
        else:
            receipts.append(_unwrapped(part))
    joined = [_with_transactions(receipt, apart) for receipt in receipts]
    detail = "transactions without the receipt that they belong to"
    left = [Rejected("incomplete", "receipt_id", detail, number) for number in apart]
    if not joined and not left:
        raise Rejected("missing_field", "", "the payload has no receipt")
    return [*joined, *left]


def _is_transaction(part: object) -> bool:
    return isinstance(part, dict) and "transaction_id" in part and "grandtotal" not in part


def _number(part: object) -> str:
    """The receipt's, as it names itself or as a transaction names it; empty for none."""
    known = part.get("receipt_id") if isinstance(part, dict) else None
    return str(known)[:40] if isinstance(known, str | int) else ""


def _with_transactions(receipt: object, apart: dict[str, list[object]]) -> object:
    """The receipt with its transactions, which are taken out of `apart`."""
    if not isinstance(receipt, dict):
        return receipt
    lines = apart.pop(_number(receipt), None)
    if lines is None or receipt.get("transactions"):
        return receipt
    return {**receipt, "transactions": lines}


def _unwrapped(part: object) -> object:
    """A receipt as it is; a Rejected for what is none."""
    if not isinstance(part, dict) or "receipt_id" in part:
        return part
    if "event_type" in part and "resource_url" in part:
        return _event(part)
    if "grandtotal" in part or "transactions" in part:
        return part
    for name, what in _OTHERS:
        if name in part:
            return Rejected("not_an_order", name, what)
    return Rejected("unreadable", "", "the payload is no receipt of Etsy's: it has no receipt_id")


def _event(event: dict[str, object]) -> object:
    """What an event tells of a receipt, whose id ends the address that it names."""
    url, kind = event["resource_url"], event["event_type"]
    number = url.rstrip("/").rpartition("/")[2][:40] if isinstance(url, str) else ""
    if not isinstance(kind, str) or not kind.startswith("order.") or not number.isdigit():
        detail = "an event that tells of something else than an order"
        return Rejected("not_an_order", "event_type", detail)
    if kind in ("order.canceled", "order.cancelled"):
        return {"receipt_id": number, "status": "canceled"}
    if kind in _EVENTS:
        detail = f"an event that tells of {_EVENTS[kind]}, not the order that it belongs to"
        return Rejected("not_an_order", "event_type", detail, number)
    detail = "an event names the receipt only: fetch it from its resource_url"
    return Rejected("incomplete", "resource_url", detail, number)
