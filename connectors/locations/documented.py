"""The routes of the API as a table, and as an OpenAPI document with an example of each call.

`python -m connectors.locations.documented` writes openapi.json, which a test keeps current.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import orjson

from connectors import openapi
from connectors.locations import server
from connectors.locations.answers import FulfillmentOrderShown, PiecesTold, shown
from connectors.locations.requests import (
    ACTIONS,
    CARRIER_EVENT,
    CarrierEventForm,
    CartonTold,
    CommandTold,
    EventTold,
    FulfillmentOrdersPage,
    ProposalTold,
)
from connectors.openapi import Operation, Parameter
from schemas.fulfillment_work import (
    FulfillmentOrder,
    PackedLine,
    PackedParcel,
    WorkLine,
    WorkStatus,
)
from schemas.promises import Promise

VERSION = "1.0.0"
FILE = Path(__file__).parent / "openapi.json"
DESCRIPTION = (
    "What a location is to send, and what it says of it. The token of a location sees and works on"
    " its own fulfillment orders, that of a carrier tells of its own shipments, one without a name"
    " does all. A command is taken (202) and then decided; `Prefer: wait=5` waits up to five"
    " seconds for the decision, and 409 tells why it is refused. What is so already is done. After"
    " 429, 503 and lost answers send the same request again: nothing happens twice."
)
_EXAMPLE_ID = "json-1001/1"
_PATH = f"/v1/fulfillment-orders/{server.ID}"
_ID = Parameter(
    "fulfillment_order_id", "path", "e.g. json-1001/1; its slash as %2F, or as it is",
    {"type": "string", "examples": [_EXAMPLE_ID]},
)  # fmt: skip
_KEY = Parameter(
    "Idempotency-Key", "header",
    "the same for every try of one request: the same body has the same answer, another one 422",
    {"type": "string", "minLength": 1, "maxLength": 255, "examples": ["7d9c1f0e"]},
)  # fmt: skip
_PREFER = Parameter(
    "Prefer", "header", f"wait=SECONDS, at most {server.MAXIMUM_WAIT_SECONDS} (RFC 7240)",
    {"type": "string", "examples": ["wait=5"]},
)  # fmt: skip
_READING = (401, 403, 404, 429, 503)
_CHANGING = (400, 401, 403, 404, 408, 409, 413, 415, 422, 429, 503)
_ASKED = (
    (200, "it is so", CommandTold),
    (202, "durable, and decided next", CommandTold),
)
_SUMMARIES = {
    "accept": "The location will do it",
    "reject": "The location will not do it",
    "pick": "The pieces are being fetched",
    "short": "Pieces of a line are not there",
    "pack": "All of it is in parcels",
    "ship": "It leaves the location",
    "hold": "Keep it from being worked on",
    "release": "End its hold",
}


def operations() -> list[Operation]:
    """Every route of the API; the document is made of the same table."""
    return [
        Operation(
            "GET", "/v1/fulfillment-orders", server.list_orders, "listFulfillmentOrders",
            "What is to be sent",
            "In order of ids. Without a status, all that there is still something to do for.",
            _of_a_page(), answers=((200, "a page", FulfillmentOrdersPage),),
            problems=(400, 401, 403, 429, 503),
        ),
        Operation(
            "GET", _PATH, server.get_order, "getFulfillmentOrder", "One fulfillment order", "",
            (_ID,), answers=((200, "as it stands", FulfillmentOrderShown),), problems=_READING,
        ),
        Operation(
            "GET", f"{_PATH}/cartons", server.get_cartons, "proposeCartons",
            "Cartons for it, and what fits into none",
            "409 where the size of its goods is not known or it has too many pieces; 404 where no"
            " sizes are known at all.",
            (_ID,), answers=((200, "a proposal", ProposalTold),),
            problems=(401, 403, 404, 409, 429, 503),
        ),
        *(
            Operation(
                "POST", f"{_PATH}/{name}", server.handler_of(action), f"{name}FulfillmentOrder",
                _SUMMARIES[name], (action.form.__doc__ or "").strip(), (_ID, _KEY, _PREFER),
                action.form, dict(action.example), _ASKED, _CHANGING,
            )
            for name, action in ACTIONS.items()
        ),
        Operation(
            "GET", f"{_PATH}/commands/{{key}}", server.get_command, "getCommand",
            "What came of a command", "Of those that this process has taken since its start.",
            (_ID, Parameter("key", "path", "the Idempotency-Key, or `key` of the answer")),
            answers=((200, "pending, done or refused", CommandTold),), problems=_READING,
        ),
        Operation(
            "POST", "/v1/carrier-events", server.record_carrier_event, "recordCarrierEvent",
            "What a carrier tells of a shipment",
            "Late, doubled and reordered events do no harm: they count by event_id and occurred_at."
            " 404 for a shipment that is not known, or not yet: tell it again.",
            (), CarrierEventForm, CARRIER_EVENT, ((202, "durable", EventTold),),
            (400, 401, 403, 404, 408, 413, 415, 422, 429, 503),
        ),
        Operation(
            "GET", "/openapi.json", server.described, "describe", "This document",
            answers=((200, "OpenAPI 3.1", None),), is_open=True,
        ),
    ]  # fmt: skip


def _of_a_page() -> tuple[Parameter, ...]:
    return (
        Parameter(
            "location", "query", "the token's own when left out; all with a token without a name",
            {"type": "string", "examples": ["berlin"]},
        ),
        Parameter(
            "status", "query", "may be given several times",
            {"type": "array", "items": {"type": "string", "enum": list(WorkStatus)}},
        ),
        Parameter("cursor", "query", "`next` of the page before"),
        Parameter(
            "limit", "query", "how many",
            {
                "type": "integer", "minimum": 1, "maximum": server.LIMIT_MAX,
                "default": server.LIMIT,
            },
        ),
    )  # fmt: skip


def document() -> bytes:
    """The OpenAPI document, as it is served."""
    made = openapi.document("millrace locations", VERSION, DESCRIPTION, operations())
    for path in made["paths"].values():
        for operation in path.values():
            for status, told_ in operation["responses"].items():
                kind = _kind(told_) if status.startswith("2") else ""
                if kind in EXAMPLES:
                    [content] = told_["content"].values()
                    content["example"] = msgspec.to_builtins(EXAMPLES[kind])
    written: bytes = orjson.dumps(made, option=orjson.OPT_INDENT_2) + b"\n"
    return written


def _kind(response: dict[str, Any]) -> str:
    """Name of the struct that an answer is; empty where it has none."""
    for content in response.get("content", {}).values():
        return str(content["schema"]["$ref"]).rpartition("/")[2]
    return ""


_LINES = [PackedLine("1", 2)]
_ORDER = shown(
    "json-1001",
    FulfillmentOrder(
        _EXAMPLE_ID, "berlin", "", WorkStatus.PACKED, [WorkLine("1", "MUG", 2, [])],
        1_740_830_400_000, parcels=[PackedParcel("p1", 1_200, 300, 200, 100, _LINES)],
    ),
    Promise(
        _EXAMPLE_ID, "berlin", "", ["1"], 1_740_848_400_000, 1_741_042_800_000, "2025-03-03",
        1_740_830_400_000, 0,
    ),
)  # fmt: skip
_CARTON = CartonTold(
    carton="small", weight_grams=1_200, length_mm=300, width_mm=200, height_mm=100,
    lines=[PiecesTold("1", 2)],
)  # fmt: skip
EXAMPLES: dict[str, msgspec.Struct] = {
    "FulfillmentOrderShown": _ORDER,
    "FulfillmentOrdersPage": FulfillmentOrdersPage(fulfillment_orders=[_ORDER], next=None),
    "ProposalTold": ProposalTold(cartons=[_CARTON], left=[]),
    "CommandTold": CommandTold(
        key="7d9c1f0e", fulfillment_order_id=_EXAMPLE_ID, command="AcceptFulfillmentOrder",
        status="done",
    ),
    "EventTold": EventTold(event_id="dhl:6f1c", fulfillment_order_id=_EXAMPLE_ID),
}  # fmt: skip


if __name__ == "__main__":
    FILE.write_bytes(document())
