"""Writes the contract from the types: `.avsc` files and the AsyncAPI document.

`python -m schemas.contract` rewrites both; a test fails while they are behind the types. A schema
that changes must first be copied to `schemas/avro/history` under `<Record>-<fingerprint>.avsc`.
"""

from __future__ import annotations

import ast
import inspect
import json
import sys
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin, get_type_hints

import msgspec

from schemas.records import Record
from schemas.topics import ALL, RECORDS

AVRO = Path(__file__).parent / "avro"
ASYNCAPI = Path(__file__).parent / "asyncapi.json"
NAMESPACE = "millrace"
_PRIMITIVE: dict[type, str] = {
    str: "string",
    int: "long",
    bool: "boolean",
    float: "double",
    bytes: "bytes",
}

GLOSSARY: dict[str, str] = {
    "order_id": "channel and what names the order there, joined by a hyphen; key of all about it",
    "external_id": "the channel's own id of the order",
    "channel": "name of the channel, e.g. shopify",
    "raw_id": "key on channels.raw of the payload that this was read from",
    "line_id": "the line within its order",
    "line_ids": "lines within the order",
    "lines": "every line of the order",
    "sku": "stock keeping unit: what is sold and counted",
    "quantity": "pieces, 1 or more",
    "location_id": "where stock is: a warehouse, store or supplier",
    "on_hand": "pieces at the location, after this record",
    "reserved": "pieces of those on hand that are held for orders, after this record",
    "safety_stock": "pieces that are never promised",
    "reserved_until_ms": "until when the reservation is meant to be used",
    "currency": "ISO 4217 code",
    "amount_minor": "in minor units of the currency",
    "total_minor": "what the customer pays, in minor units of the currency",
    "authorization_id": (
        "the gateway's id of the authorization; channel or free where no gateway was asked"
    ),
    "idempotency_key": "the same for every try of the same request to a gateway",
    "attempt": "number of the try, from 1",
    "tender_id": "the tender within its order",
    "revision": "version of the order's total, from 0",
    "capture_id": "the capture within its order",
    "refund_id": "the refund within its order",
    "receipt_id": "the receipt of money within its order",
    "part": "number within the capture or refund, from 1",
    "final": "true: nothing more is taken",
    "previously_minor": "what it was before, in minor units of the currency",
    "due_at_ms": "when it is to be paid; 0 where it has no date",
    "captured_minor": "taken, in minor units of the currency; of a delivery or an invoice: due",
    "refunded_minor": "given back, in minor units of the currency",
    "failed_minor": "not taken, in minor units of the currency",
    "wanted_minor": "asked for, in minor units of the currency",
    "told_captured_minor": "what orders was told last",
    "told_refunded_minor": "what orders was told last",
    "refuse_at_points": "points at which a payment is refused; 0: points refuse nobody",
    "terms_days": "until an invoice is due",
    "tries": "how often the gateway was asked",
    "void_tries": "how often the gateway was asked to void it",
    "captures": "in their order",
    "capture_parts": "in their order",
    "refunds": "in their order",
    "refund_parts": "in their order",
    "receipts": "in their order",
    "capture_number": "which part of the capture",
    "country": "ISO 3166-1 alpha-2 code; empty where unknown",
    "postal_code": "as the channel gives it",
    "latitude": "degrees, WGS 84; 0 with longitude 0 where unknown",
    "longitude": "degrees, WGS 84",
    "name": "for people",
    "active": "false: not used for new orders",
    "method": "channel (authorized or paid there) or card (authorized at our gateway)",
    "payment_method": "channel (authorized or paid there) or card (authorized at our gateway)",
    "token": "the gateway's token for the card; empty for channel",
    "shipments": "fulfillment orders that were made",
    "fulfillment_order_id": "order_id, a slash and a number from 1",
    "command": "name of the command's record",
    "detail": "one sentence for a person",
    "retry_at_ms": "when the order tries again",
    "wake_at_ms": "when the room looks at it again by itself; 0 for never",
    "at_ms": "when this was decided",
    "inquiry": "true: tell what became of the request; false: make it",
    "paid_minor": "what the channel says is paid, in minor units of paid_currency",
    "paid_currency": "ISO 4217 code",
    "requested_at_ms": "when it was asked for",
    "room": "name of the room",
    "topic": "name of the topic",
    "partition": "partition of the topic",
    "offset": "offset in the partition; -1 where it was no record but a timer",
    "key": "the record's key, byte for byte",
    "value": "the record's value, byte for byte",
    "reason": "a word or the words of who asked",
    "allocations": "each line with the location that holds its stock",
    "moved": "whether, or how many, reservations were moved",
    "locations": "locations, best first where they are ranked",
    "positions": "the stock at each location",
    "payment_token": "the gateway's token for the card; empty for channel",
    "backorder": "true: waits for stock; false: is refused without it",
    "refused_line": "line_id of the line at fault; empty where there is none",
    "refused_reason": "why; empty where it is not refused",
    "version": "grows with each change at the source",
    "accepted_at_ms": "when OrderPlaced was written",
    "placed_at_ms": "when the customer ordered",
    "shipping_minor": "in minor units of the order's currency",
    "ship_to": "where the order goes",
    "received_at_ms": "when it came in",
    "authorized": "whether the whole sum is authorized",
    "from_location_id": "where the stock was held before",
    "to_location_id": "where the stock is to be held",
    "from_on_hand": "pieces at that location, after this record",
    "from_reserved": "pieces held there for orders, after this record",
    "cause": "why",
    "also_at": "further locations that could have served the line",
    "line1": "street and number",
    "line2": "further part of the street address",
    "customer_group": "group of customers whose quotas apply; empty for none",
    "priority": "in the queue for stock; the greater goes first",
    "quota_id": "name of the quota; empty for none",
    "kit_sku": "the kit; empty where there is none",
    "component_sku": "what the kit is made of",
    "movement_id": "id of the movement within its SKU, chosen by who asks for it",
    "transfer_id": "movement_id of the transfer",
    "supply_id": "e.g. purchase order and line; empty for none",
    "lot_id": "lot or serial number; empty where none is tracked",
    "lots": "lots, earliest expiry first",
    "expires_at_ms": "expiry of the lot; 0 for never",
    "expected_at_ms": "when it is expected; 0 where unknown",
    "promised_at_ms": "when expected supply covers it; 0 where none does",
    "previously_ms": "what it was before; 0 for no promise",
    "previously": "what it was before",
    "since_ms": "since when it waits",
    "allocated": "pieces of those on hand that are being worked on, after this record",
    "in_transit": "pieces of transfers on their way here, after this record",
    "quarantined": "pieces that are there and not sellable, after this record",
    "in_transit_change": "change of in_transit",
    "quarantined_change": "change of quarantined",
    "actor": "who asked for it: a person or a program; empty where nobody said",
    "serials": "serial numbers, one a piece",
    "disposition": "sellable, refurbish, damaged or scrap",
    "from_disposition": "sellable, refurbish or damaged",
    "to_disposition": "sellable, refurbish, damaged or scrap",
    "is_return": "true: a customer has sent it back",
    "reference": "purchase order, return, delivery note or transfer; may be empty",
    "lost": "pieces that will not come any more",
    "counted": "pieces that were found",
    "thresholds": "pieces at each location that a channel may not sell, by channel",
    "quotas": "pieces that are kept for channels or customer groups",
    "units": "units it is counted in besides pieces",
    "components": "what one kit is made of; empty where it is no kit",
    "tracking": "empty, lot or serial",
    "reorder": "when and how much is ordered again, by location",
    "low_at": "available pieces at or below which stock is low; 0 for never",
    "level": "ok, low or out",
    "available": "on hand less reserved, allocated and safety stock, 0 or more",
    "on_order": "expected and in transit",
    "reorder_point": "pieces at or below which it is ordered again",
    "lead_time_days": "from ordering to receipt",
    "service_level": "probability of no stock-out during the lead time",
    "unit": "a unit of the SKU; empty for pieces",
    "waiting": "lines that wait for stock, or whether one does",
    "supplies": "what is expected, earliest first",
    "content_hash": "63 bits of the content; tells a repeat from a conflict",
    "expires": "whether it ends by itself",
    "day": "days since 1970-01-01, UTC",
    "days": "by day, oldest first",
    "channels": "by channel",
    "groups": "names of groups of locations",
    "kind": "warehouse, store, supplier or 3pl",
    "daily_capacity": "fulfillment orders a day (UTC); 0 for no bound",
    "selling": "whether channels sell from here",
    "fulfilling": "whether orders are fulfilled here",
    "used": "by location",
    "fulfillment_orders": "how many",
    "supplier_id": "the supplier",
    "supplier_sku": "the supplier's own number",
    "purchase_order_id": "the purchase order",
    "delivery_id": "the delivery, as the receiving location names it",
    "price_minor": "of a piece, in minor units of the currency",
    "minimum": "pieces of an order, at least; 0 for none",
    "multiple": "an order is a multiple of so many pieces; 0 or 1 for any",
    "suggested_at_ms": "when it was suggested; 0 for never",
    "sent_at_ms": "when the supplier had it; 0 where it has not",
    "ordered": "pieces",
    "received": "pieces that came",
    "on_time_share": "0 to 1, exponentially weighted",
    "fill_share": "received of ordered, 0 to 1, exponentially weighted",
    "measured_lead_time_days": "as it was, exponentially weighted",
    "offers": "by supplier",
    "deliveries": "delivery ids that were recorded",
    "code": "UN/ECE Recommendation 20",
    "next_supply_at_ms": "when the next expected supply is due; 0 where none is",
    "expected": "pieces of expected supply",
    "was_allocated": "true: the pieces came out of allocated, not out of reserved",
    "sequence": "number of the event among its order's, from 1; 0 in those from before the chain",
    "digest": "SHA-256 that ties it to the order's event before; see the contract's text, Audit",
    "amendment_id": "of the change, unique within the order",
    "hold_id": "of the hold, unique within the order",
    "shipment_id": "of the shipment, unique within the order",
    "carrier": "who carries it; empty where unknown",
    "tracking_number": "the carrier's own; empty where unknown",
    "tenders": "ways in which it is paid",
    "shipping_method": "the channel's own words",
    "prices_include_tax": "whether prices have tax in them",
    "shipping_tax_rate_ppm": "millionths of the net: 190000 is 19 %",
    "personal_hash": "keyed hash of what is personal; tells a change of it from a repeat",
    "rule": "name of the policy's rule; empty where there is none",
    "city": "as the channel gives it",
    "customer_id": "a pseudonym; the same for a verified e-mail address or phone on every channel",
    "segment": "by the rules for segments; empty for none",
    "preferences": "by name",
    "into": "customer id that it stands for",
    "rules": "the first one that fits counts",
    "figures": "by currency",
    "key_id": "the key that what is personal is encrypted with; empty where there is none",
    "orders_last_hour": "other orders placed in the hour before this one",
    "orders_last_day": "other orders placed in the day before this one",
    "lifetime_orders": "neither refused nor cancelled; this one is not among them",
    "lifetime_minor": "less refunds, in minor units of lifetime_currency",
    "lifetime_currency": "in which the customer has spent most; empty where nothing",
    "duplicate_of": "order of another channel that looks like the same purchase; empty for none",
    "first_order_at_ms": "0 where there is none",
    "last_order_at_ms": "0 where there is none",
    "legal_entity": "who sells, and who numbers documents without a gap",
    "document_key": "unique among the documents of the legal entity",
    "number": "as it stands on the document",
    "address": "lines of the postal address, the country last",
    "tax_id": "as it stands on invoices",
    "invoice_prefix": "before the number of an invoice; {year} is the fiscal year",
    "credit_note_prefix": "before the number of a credit note; {year} is the fiscal year",
    "digits": "of a number, at least; zeros fill it up",
    "fiscal_year_start_month": "1 to 12",
    "time_zone": "IANA name of the zone whose days count; empty for UTC",
    "accounts": "the numbers of its accounts; defaults where it has none",
    "notes": "lines at the foot of documents",
    "seller_address": "lines of the postal address, the country last",
    "seller_tax_id": "as it stands on the document",
    "purchase_order_number": "the buyer's own; empty for none",
    "issued_at_ms": "date of issue",
    "personal": "encrypted; empty where there is nothing personal",
    "document": "number of the invoice or credit note; empty for none",
    "entries": "how many there are",
    "account": "as the ERP numbers it",
    "net_minor": "without tax, in minor units of the currency",
    "tax_minor": "in minor units of the currency",
    "tax_rate_ppm": "millionths of the net sum: 190000 is 19 %",
    "debit_minor": "in minor units of the currency",
    "credit_minor": "in minor units of the currency",
    "credited_quantity": "pieces of it that were credited",
    "credited_net_minor": "of it credited, without tax, in minor units of the currency",
    "credited_tax_minor": "of it credited, in minor units of the currency",
    "series": "one for each prefix",
    "prefix": "before the number",
    "service": "of the carrier, e.g. express; empty where none was named",
    "carrier_words": "what else the carrier says, in its own words",
    "weight_grams": "with its packing",
    "width_mm": "0 where it was not measured",
    "height_mm": "0 where it was not measured",
    "parcels": "all that it is packed in",
    "without_place": "lines that were given back",
    "ship_by_ms": "until when it is to leave its location; 0 where no calendar says",
    "promised_by_ms": "end of the promised day, in the zone of its location; 0 for no promise",
    "promised_day": "day of delivery, or from which it can be fetched, ISO 8601; empty for none",
    "promises": "of each fulfillment order",
}
"""What a field means wherever it has no words of its own."""


def _glossary(record: type[Record], name: str) -> str:
    if name == "reason":
        enums = [
            kind
            for names, kind in vars(sys.modules[record.__module__]).items()
            if names == "Refusal"
        ]
        if enums:
            return f"one of {', '.join(enums[0])}; or the words of who cancelled"
    if name == "status":
        return f"one of {', '.join(vars(sys.modules[record.__module__])['Status'])}"
    return GLOSSARY.get(name, "")


def _field_docs(record: type[Record]) -> dict[str, str]:
    """The strings that stand under the fields of a record."""
    tree = ast.parse(inspect.getsource(record))
    body = tree.body[0]
    assert isinstance(body, ast.ClassDef)
    docs: dict[str, str] = {}
    for field, text in zip(body.body, body.body[1:], strict=False):
        if (
            isinstance(field, ast.AnnAssign)
            and isinstance(field.target, ast.Name)
            and isinstance(text, ast.Expr)
            and isinstance(text.value, ast.Constant)
        ):
            docs[field.target.id] = str(text.value.value)
    return docs


def _avro_type(annotation: Any, named: set[str]) -> Any:
    if get_origin(annotation) is Annotated:
        base, meta = get_args(annotation)
        return {"type": _PRIMITIVE[base], "logicalType": meta.extra["logicalType"]}
    if get_origin(annotation) is list:
        return {"type": "array", "items": _avro_type(get_args(annotation)[0], named)}
    if isinstance(annotation, type) and issubclass(annotation, Record):
        if annotation.__name__ in named:
            return f"{NAMESPACE}.{annotation.__name__}"
        return schema(annotation, named)
    return _PRIMITIVE[annotation]


def schema(record: type[Record], named: set[str] | None = None) -> dict[str, Any]:
    """The Avro schema of a record type; what is in `named` is defined before it."""
    named = named if named is not None else set()
    named.add(record.__name__)
    hints = get_type_hints(record, include_extras=True)
    docs = _field_docs(record)
    fields = []
    for item in msgspec.structs.fields(record):
        field: dict[str, Any] = {"name": item.name, "type": _avro_type(hints[item.name], named)}
        words = docs.get(item.name) or _glossary(record, item.name)
        if words:
            field["doc"] = " ".join(words.split())
        if item.default is not msgspec.NODEFAULT:
            # Avro writes the default of bytes as text, a code point a byte.
            default = item.default
            field["default"] = default.decode("latin-1") if isinstance(default, bytes) else default
        elif item.default_factory is not msgspec.NODEFAULT:
            field["default"] = item.default_factory()
        fields.append(field)
    return {
        "type": "record",
        "name": record.__name__,
        "namespace": NAMESPACE,
        "doc": " ".join((record.__doc__ or "").split()),
        "fields": fields,
    }


DESCRIPTION = """\
**Bytes.** Every value is Avro single-object encoding: the bytes C3 01, the 8-byte little-endian \
CRC-64-AVRO fingerprint of the writer's schema (x-avro-fingerprint, as the bytes stand on the \
wire), then the Avro binary body. The fingerprint tells which of a channel's messages it is. Keys \
are UTF-8 text. Unless a channel says otherwise, a record's partition is murmur2 of its key, as \
Kafka's Java client computes it. A null value on a compacted topic deletes the key.

**Headers.** A record on a commands topic has the header `decided`, without a value, where the \
transaction that wrote it has also decided it; it is no less a record for that.

**Reading.** Read with isolation.level=read_committed: what an aborted transaction wrote never \
happened. Offsets have gaps, for the ends of transactions take offsets too. Each fact is written \
once: topic, partition and offset identify it, and no event is repeated.

**Values.** Times are milliseconds since the epoch, UTC, and 0 where there is none. Amounts are \
whole minor units with an ISO 4217 currency (1 of JPY is 1 yen, 1 of KWD is a thousandth of a \
dinar). Reasons are the words that the field's doc lists.

**An order.** Everything about an order on orders.events, payments.events and fulfillment.events \
has the key order_id, so it stands in one partition of each topic, in the order of the \
decisions. OrderPlaced accepts the order; there is one for each order_id. Then come \
OrderReserved (every line has stock), OrderAuthorized (the payment covers the total) and \
OrderReleased (routed to locations; with 0 shipments where there are no goods). The outcome is \
exactly one of OrderReleased, OrderRefused and OrderCancelled, but that an OrderCancelled may \
still follow an OrderReleased and then replaces it. OrderBackordered is no outcome: the order \
has given its stock back and tries again at retry_at_ms, with the next attempt. \
OrderCommandRefused says that something was asked of an order and changed nothing; with \
unknown_order it is kept for a day in case the order comes. OrderHeld and HoldEnded are a hold \
that keeps the order from being released. OrderAmended is a change of the order with all lines \
that it has from now on: total_minor is the sum of OrderPlaced's and of every difference_minor \
since. It may also follow OrderReleased, where lines are cancelled. AmendmentRefused is a change \
that was refused as a whole. OrderShipped follows OrderReleased, once for each shipment, and \
OrderRefunded gives back money for what has been shipped; it leaves the total as it is.

**Audit.** The events of an order are a chain. sequence counts them from 1. digest is the SHA-256 \
of: the digest of the order's event before (its 32 bytes; nothing before the first), the record's \
name in ASCII, one newline (0A), and the event as JSON. That JSON has the record's fields in the \
order of the schema that the event was written with, those of nested records likewise, no blanks, \
integers in decimal, true and false, text in UTF-8 in which only quote, backslash and control \
characters are escaped, and digest as an empty string. An OrderCommandRefused with sequence 0 is \
about an order that does not exist and is in no chain; neither are events from before there were \
chains, which have no sequence or 0. `millrace audit orders` verifies all of it.

**Stock.** inventory.events has the key sku and is the ledger: every record that changes a \
position carries the position of its location after the record (ReservationMoved of both). \
on_hand counts sellable pieces that are there; reserved and allocated are parts of it, and at \
every offset reserved plus allocated is at most on_hand. StockSet replaces on_hand (it was \
previously) and safety_stock; StockMoved adds its quantity to on_hand, in_transit_change to \
in_transit and quarantined_change to quarantined. StockReserved adds its quantity to reserved, \
StockAllocated takes it from reserved to allocated, StockReleased takes it out of reserved, or \
of allocated where was_allocated is true; StockShipped does the same and takes it off on_hand. \
reserved is the sum of the reservations that stand and are not allocated, allocated that of \
those that are: one for each order_id and line_id, made by StockReserved, moved by \
ReservationMoved, ended by StockReleased or StockShipped. StockBackordered puts a line into the \
queue of its SKU, BackorderPromised changes what it is promised, BackorderEnded takes it out. \
SupplyExpected replaces what is expected of a supply_id. inventory.levels has the latest figures \
of each SKU and what each channel may sell.

**Fulfillment.** FulfillmentOrderReleased says which lines a location is to send. It accepts, \
picks and packs them, and ShipmentRequested asks orders whether they may leave; \
FulfillmentOrderShipped says that they have, and there is an OrderShipped whose shipment_id is the \
fulfillment_order_id. After FulfillmentOrderRejected and FulfillmentOrderShort the lines are \
released anew by FulfillmentOrderRerouted, under another fulfillment_order_id and never at a \
location that gave something of the order back, or wait for a person after LinesUnroutable. What \
is moved by hand is released anew as well, after a FulfillmentMoveEnded that names its lines; \
FulfillmentOrderSplit and FulfillmentOrdersMerged put lines into another fulfillment order of the \
same location, and FulfillmentOrderRedirected changes where one goes. \
CarrierEventRecorded is what a carrier told; nothing follows delivered.

**Purchasing.** purchasing.events has the key sku for OfferSet and PerformanceMeasured and \
purchase_order_id for the rest. A purchase order is proposed, approved, sent, perhaps confirmed \
for another date, delivered in parts, and closed or cancelled; one with an order_id goes straight \
to the customer and moves no stock of ours.

**Money.** For each tender_id and authorization_id, the sum of PaymentAuthorized less those of \
PaymentVoided and PaymentCaptured is what the authorization holds, and never below 0. For each \
order, the sum of PaymentAuthorized less the sum of PaymentVoided is what is held or was taken. It \
is the order's total from OrderAuthorized on while the order is not refused or cancelled; after a \
PaymentTotalChanged the total is its amount_minor. It is more by what a gateway can only give back \
with the rest of an authorization, and while something is on its way back; by what was refunded of \
it after the total was lowered, and by what a gateway took against our will, which is refunded. It \
is less after a capture that was final, and where an authorization expired and could not be \
renewed. Of each capture_id, PaymentCaptured comes to at most the amount of its CapturePayment; \
what is missing of it at its end stands in PaymentCaptureFailed. PaymentRefunded comes to at most \
PaymentCaptured, for each order and each captured sum. Once a refused or cancelled order has come \
to rest, nothing is held, and what was captured is refunded, but for what PaymentRefundFailed says \
and refunds that a gateway has accepted and not told the end of in 30 days; the records follow the \
end of the order. What is captured of a delivery or an invoice is due; the money is there with \
PaymentReceived, and what a refund lessens before it has come is in amount_minor and not in \
paid_back_minor. AuthorizationRequested, VoidRequested, CaptureRequested and RefundRequested are \
work for a gateway and move no money.

**Accounting.** accounting.events and accounting.journal have the key legal_entity, so all of one \
stands in one partition of each, in the order of the decisions. InvoiceIssued and \
CreditNoteIssued hold all that stands on the document. The numbers with one prefix are 1, 2, 3 \
and so on without a gap, in the order of their dates; a document_key has one number for ever, and \
DocumentRefused takes none. What the credit notes of an invoice come to is at most the invoice, in \
total, and of each line in net, tax and pieces. On accounting.journal each record is one entry: \
the debits of its postings are together its credits, in its currency, and number counts the \
entries of the legal entity from 1 without a gap. Each document of more than 0 has one entry, and \
so has each payment that moved money."""


def asyncapi() -> dict[str, Any]:
    """All topics as an AsyncAPI 3.0 document. Source: asyncapi.com, specification 3.0.0."""
    from schemas import codec  # reads the files that `write` has just written

    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "millrace",
            "version": "1.0.0",
            "description": DESCRIPTION,
        },
        "defaultContentType": "application/vnd.apache.avro",
        "channels": {
            topic.name: {
                "address": topic.name,
                "description": (
                    f"{topic.purpose} Key: {topic.key}. Written by: {topic.written_by}. "
                    f"Read by: {topic.read_by}."
                ),
                "messages": {
                    record.__name__: {"$ref": f"#/components/messages/{record.__name__}"}
                    for record in topic.values
                },
                "bindings": {
                    "kafka": {
                        "topic": topic.name,
                        "partitions": topic.partitions,
                        "topicConfiguration": {
                            key: [value] if key == "cleanup.policy" else int(value)
                            for key, value in topic.configuration.items()
                        },
                        "bindingVersion": "0.5.0",
                    }
                },
            }
            for topic in ALL
        },
        "components": {
            "messages": {
                record.__name__: {
                    "name": record.__name__,
                    "summary": " ".join((record.__doc__ or "").split()),
                    "x-avro-fingerprint": codec.header(schema(record))[2:].hex(),
                    "payload": {
                        "schemaFormat": "application/vnd.apache.avro+json;version=1.12.0",
                        "schema": {"$ref": f"./avro/{record.__name__}.avsc"},
                    },
                }
                for record in RECORDS
            }
        },
    }


def rendered(document: dict[str, Any]) -> str:
    """The text of a contract file."""
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def write() -> None:
    """Rewrite every contract file."""
    AVRO.mkdir(exist_ok=True)
    for record in RECORDS:
        (AVRO / f"{record.__name__}.avsc").write_text(rendered(schema(record)), encoding="utf-8")
    ASYNCAPI.write_text(rendered(asyncapi()), encoding="utf-8")


if __name__ == "__main__":
    write()
    sys.stdout.write(f"{len(RECORDS)} schemas, {len(ALL)} topics\n")
