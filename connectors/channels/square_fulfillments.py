"""How the lines of a Square order reach the customer.

A fulfillment is for all lines, or for those of its entries. A line that no fulfillment names is
taken along in the shop, as is said of an order without fulfillments when it is completed; in an
order that has fulfillments it is not ours to deliver.
Source: Square API, objects Fulfillment, FulfillmentFulfillmentEntry, FulfillmentRecipient, Address.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from connectors.channels import countries, mapping
from connectors.channels.mapping import Fields, Rejected
from schemas.orders import Address

MAXIMUM_ADDRESSES = 100
_TO_ADDRESS = frozenset({"SHIPMENT", "DELIVERY"})
_OPEN = frozenset({"", "PROPOSED", "RESERVED", "PREPARED"})
_ENDED = {
    "COMPLETED": "has been fulfilled",
    "CANCELED": "is not to be fulfilled: that was canceled",
    "FAILED": "is not to be fulfilled: that failed",
}
_DETAILS = ("shipment_details", "delivery_details", "pickup_details")


@dataclass(frozen=True)
class Way:
    """How one line reaches the customer."""

    delivered: bool = True
    """false: handed over in the shop, or nothing that is handed over"""
    address: int = 0
    location_id: str = ""
    """where it is fetched; empty where it is sent"""


@dataclass
class Ways:
    """How all lines do."""

    addresses: list[Address] = field(default_factory=list)
    method: str = ""
    all_lines: Way = field(default_factory=Way)
    named: dict[str, Way] = field(default_factory=dict)

    def by_line(self, uid: str) -> Way:
        """The way of the line with this uid."""
        return self.named.get(uid, self.all_lines)


def check_open(order: Fields) -> None:
    """Raise Rejected where goods have been delivered, which must not be sent again, and where all
    fulfillments have ended."""
    states = [_state(each) for each in order.objects("fulfillments")]
    open_still = any(state not in _ENDED for state in states)
    ended = [state for state in states if state in _ENDED]
    if not ended or (open_still and "COMPLETED" not in ended):
        return
    ended = ["COMPLETED"] if "COMPLETED" in ended else ended
    part = " in part" if open_still else ""
    detail = f"the order {_ENDED[ended[0]]}{part} at the channel, so that it is not sent from here"
    raise Rejected(mapping.NOTHING_TO_DELIVER, "fulfillments", detail)


def read(order: Fields) -> Ways:
    """How the lines of an order reach the customer. Raises Rejected."""
    ways = Ways()
    found = [each for each in order.objects("fulfillments") if _state(each) not in _ENDED]
    if len(found) > MAXIMUM_ADDRESSES:
        detail = f"fulfillments are more than {MAXIMUM_ADDRESSES}"
        raise Rejected("too_large", "fulfillments", detail)
    for fulfillment in found:
        kind = fulfillment.optional_text("type").upper()
        way = _way(order, fulfillment, kind, ways.addresses)
        ways.method = ways.method or _method(fulfillment)
        entries = fulfillment.objects("entries")
        if not entries:
            if len(found) > 1:
                path = fulfillment.path("entries")
                detail = f"{path} is missing, so that it is not told which lines it is for"
                raise Rejected("incomplete", path, detail)
            ways.all_lines = way
            break
        ways.all_lines = Way(delivered=False)
        _name_lines(ways, entries, way)
    ways.addresses = ways.addresses or [mapping.NOWHERE]
    return ways


def _name_lines(ways: Ways, entries: list[Fields], way: Way) -> None:
    for entry in entries:
        uid = entry.identifier("line_item_uid")
        if ways.named.get(uid, way) != way:
            path = entry.path("line_item_uid")
            detail = f"{path}: a line is divided among fulfillments, which cannot be taken in"
            raise Rejected("invalid_quantity", path, detail)
        ways.named[uid] = way


def _way(order: Fields, fulfillment: Fields, kind: str, addresses: list[Address]) -> Way:
    if kind == "PICKUP":
        return Way(location_id=order.identifier("location_id"))
    if kind not in _TO_ADDRESS:
        # DIGITAL stands in Square's examples, and is in no list of its types.
        return Way(delivered=False)
    address = _address(fulfillment)
    if address not in addresses:
        addresses.append(address)
    return Way(address=addresses.index(address))


def _state(fulfillment: Fields) -> str:
    state = fulfillment.optional_text("state").upper()
    if state not in _OPEN and state not in _ENDED:
        path = fulfillment.path("state")
        raise Rejected("wrong_type", path, f"{path} is none of Square's")
    return state


def _method(fulfillment: Fields) -> str:
    details = fulfillment.raw("shipment_details")
    method = details.get("shipping_type") if isinstance(details, dict) else None
    if not isinstance(method, str):
        return ""
    return method.strip()[: mapping.MAXIMUM_TEXT].encode(errors="replace").decode()


def _address(fulfillment: Fields) -> Address:
    """The recipient's; NOWHERE where there is none."""
    details = next((fulfillment.object(name) for name in _DETAILS if fulfillment.has(name)), None)
    recipient = details.optional_object("recipient") if details is not None else None
    address = recipient.optional_object("address") if recipient is not None else None
    if recipient is None or address is None:
        return mapping.NOWHERE
    lines = [address.optional_text(f"address_line_{number}") for number in (1, 2, 3)]
    names = [address.optional_text("first_name"), address.optional_text("last_name")]
    return Address(
        name=recipient.optional_text("display_name") or " ".join(filter(None, names)),
        line1=lines[0],
        line2=", ".join(filter(None, lines[1:])),
        city=address.optional_text("locality"),
        region=address.optional_text("administrative_district_level_1"),
        postal_code=address.optional_text("postal_code"),
        country=countries.code(address.optional_text("country")),
        latitude=0.0,
        longitude=0.0,
    )
