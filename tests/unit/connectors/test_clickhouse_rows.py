"""A record becomes one row, and what is a person's never becomes part of it."""

import json

import msgspec
import pytest

from connectors.clickhouse.rows import (
    CONFIDENTIAL,
    EVENTS,
    Block,
    Columns,
    Entry,
    Unreadable,
    detail,
    rows,
)
from schemas.accounting import CreditNoteIssued, InvoiceIssued
from schemas.channels import PayloadRejected
from schemas.codec import encode
from schemas.engine import DeadLetter
from schemas.inventory import (
    ReservationMoved,
    StockAllocated,
    StockReleased,
    StockReserved,
    StockShipped,
)
from schemas.orders import (
    AmendmentRefused,
    HoldEnded,
    OrderAmended,
    OrderAuthorized,
    OrderCancelled,
    OrderCommandRefused,
    OrderHeld,
    OrderLine,
    OrderPlaced,
    OrderRefunded,
    OrderReserved,
    OrderShipped,
    ShippedLine,
)
from schemas.payments import (
    AuthorizationRequested,
    PaymentCaptured,
    PaymentReceived,
    PaymentRefunded,
)
from schemas.records import Record
from schemas.stock import StockMoved, StockSet
from schemas.topics import EVENT_TOPICS, Topic

AT = 1_700_000_000_123


def placed(order_id: str) -> OrderPlaced:
    line = OrderLine(line_id="1", sku="TEA", quantity=2, unit_price_minor=500)
    return OrderPlaced(
        order_id=order_id, channel="shopify", external_id="1", currency="EUR", total_minor=1000,
        total_difference_minor=0, lines=[line], country="DE", placed_at_ms=AT, raw_id="r", at_ms=AT,
    )  # fmt: skip


def block(topic: str, *records: Record) -> Block:
    entries = [Entry(10 + 2 * i, AT, encode(record)) for i, record in enumerate(records)]
    return Block(topic, 3, entries)


def row(columns: Columns, index: int = 0) -> dict[str, object]:
    return {name: column[index] for name, column in columns.items()}


def test_a_record_is_one_row_with_its_position() -> None:
    made = row(rows(block("orders.events", placed("shopify-1"))).events)
    assert made["room"] == "orders"
    assert made["event"] == "OrderPlaced"
    assert made["order_id"] == "shopify-1"
    assert made["channel"] == "shopify"
    assert made["amount_minor"] == 1000
    assert made["currency"] == "EUR"
    assert made["at"] == AT
    assert (made["_topic"], made["_partition"], made["_offset"]) == ("orders.events", 3, 10)
    assert json.loads(str(made["detail"]))["lines"][0]["sku"] == "TEA"


def test_every_column_has_as_many_values_as_there_are_records() -> None:
    made = rows(block("orders.events", placed("a"), placed("b"), OrderReserved("a", AT))).events
    assert tuple(made) == EVENTS
    assert {len(column) for column in made.values()} == {3}


def test_the_token_is_a_function_of_the_bounds() -> None:
    assert block("orders.events", placed("a"), placed("b")).token == "orders.events:3:10:12"


def test_the_last_event_of_an_order_in_a_block_says_where_it_is() -> None:
    refused = OrderCommandRefused("a", "CancelOrder", "too_late", "", AT)
    made = rows(block("orders.events", placed("a"), OrderReserved("a", AT + 1), refused)).orders
    assert made == {
        "order_id": ["a"], "status": ["authorizing"], "since": [AT + 1], "_offset": [12],
    }  # fmt: skip


def held(order_id: str, hold_id: str, kind: str, at_ms: int) -> OrderHeld:
    return OrderHeld(order_id, hold_id, kind, "", 0, "", "", "ada", at_ms)


def amended(order_id: str, *lines: OrderLine) -> OrderAmended:
    return OrderAmended(
        order_id, "n-1", 3, list(lines), [], ["2"], [], [], "EUR", 500, -500, "", "ada", AT
    )


def shipped(order_id: str, pieces: int, status: str) -> OrderShipped:
    lines = [ShippedLine("1", pieces), ShippedLine("2", 1)]
    return OrderShipped(order_id, "s", lines, "north", "", "", status, "EUR", 500, "", AT + 2)


@pytest.mark.parametrize(
    "beside",
    [
        held("a", "h", "fraud", AT),
        HoldEnded("a", "h", "fraud", "", "ada", AT),
        amended("a"),
        AmendmentRefused("a", "n-2", "", "too_late", "", "ada", AT),
        OrderRefunded("a", "r", [], "EUR", 100, 0, "", "ada", AT),
    ],
    ids=lambda record: type(record).__name__,
)
def test_what_happens_beside_a_step_does_not_hide_it(beside: Record) -> None:
    made = rows(block("orders.events", OrderAuthorized("a", 1000, "EUR", AT), beside)).orders
    assert made["status"] == ["ready"]
    assert rows(block("orders.events", beside)).orders["status"] == []


def test_a_shipment_says_what_has_become_of_the_goods() -> None:
    made = rows(
        block("orders.events", shipped("a", 2, "partly_shipped"), shipped("b", 1, "shipped"))
    )
    assert made.orders["status"] == ["partly_shipped", "shipped"]
    assert made.orders["since"] == [AT + 2, AT + 2]
    assert made.events["quantity"] == [3, 2]
    assert made.events["status"] == ["partly_shipped", "shipped"]


def test_each_hold_is_open_until_it_is_ended() -> None:
    made = rows(
        block(
            "orders.events",
            held("a", "policy/x", "fraud", AT),
            held("a", "h", "manual", AT + 1),
            HoldEnded("a", "policy/x", "fraud", "", "ada", AT + 5),
            OrderCancelled("a", "customer", AT + 6),
        )
    )
    assert made.holds == {
        "order_id": ["a", "a"], "hold_id": ["policy/x", "h"], "kind": ["fraud", "manual"],
        "is_open": [False, True], "since": [AT + 5, AT + 1], "_offset": [14, 12],
    }  # fmt: skip
    assert made.events["kind"] == ["fraud", "manual", "fraud", ""]
    assert made.events["hold_id"] == ["policy/x", "h", "policy/x", ""]


def test_an_amendment_says_its_revision_its_difference_and_its_pieces_of_goods() -> None:
    lines = [
        OrderLine("1", "TEA", 2, 250),
        OrderLine("b", "", 1, 100, kind="bundle"),
        OrderLine("g", "", 1, 100, kind="gift_card"),
    ]
    made = row(rows(block("orders.events", amended("a", *lines))).events)
    assert (made["revision"], made["difference_minor"], made["amount_minor"]) == (3, -500, 500)
    assert (made["quantity"], made["actor"], made["currency"]) == (2, "ada", "EUR")


@pytest.mark.parametrize(
    ("method", "taken"), [("card", 700), ("gift_card", 700), ("invoice", 0), ("channel", 700)]
)
def test_money_is_taken_when_it_comes_and_not_when_it_is_due(method: str, taken: int) -> None:
    captured = PaymentCaptured("a", "1", "s", 1, "x", method, 700, "EUR", AT)
    made = row(rows(block("payments.events", captured)).events)
    assert (made["amount_minor"], made["taken_minor"], made["method"]) == (700, taken, method)


def test_an_invoice_that_is_paid_brings_money_and_a_refund_takes_what_went_back() -> None:
    received = PaymentReceived("a", "1", "r", "invoice", 700, "EUR", "", "ada", AT)
    refunded = PaymentRefunded(
        "a", "1", "f", 1, "s", "x", "invoice", 700, "EUR", "", AT, paid_back_minor=200
    )
    made = rows(block("payments.events", received, refunded)).events
    assert made["taken_minor"] == [700, 0]
    assert made["given_back_minor"] == [0, 200]


def test_invoices_count_up_and_credit_notes_down() -> None:
    issued = [msgspec.structs.replace(example(kind), total_minor=900, personal=b"Ada")
              for kind in (InvoiceIssued, CreditNoteIssued)]  # fmt: skip
    made = rows(block("accounting.events", *issued)).events
    assert made["invoiced_minor"] == [900, -900]
    assert all("personal" not in json.loads(each) for each in made["detail"])


def test_a_move_changes_both_positions() -> None:
    moved = ReservationMoved(
        sku="TEA", order_id="a", line_id="1", quantity=2, from_location_id="north",
        from_on_hand=5, from_reserved=0, location_id="south", on_hand=9, reserved=2, at_ms=AT,
    )  # fmt: skip
    made = rows(block("inventory.events", moved)).stock
    assert made["location_id"] == ["north", "south"]
    assert made["on_hand"] == [5, 9]
    assert made["reserved"] == [0, 2]


def test_safety_stock_stays_what_the_count_said() -> None:
    counted = StockSet("TEA", "north", 10, 0, 3, "count", AT)
    reserved = StockReserved("TEA", "a", "1", "north", 2, 10, 2, AT, AT)
    made = rows(block("inventory.events", counted, reserved))
    assert made.safety_stock["safety_stock"] == [3]
    assert made.stock["reserved"] == [2]


def test_what_is_worked_on_stays_until_a_record_says_otherwise() -> None:
    allocated = StockAllocated("TEA", "a", "1", "north", 2, 10, 0, 2, [], AT)
    reserved = StockReserved("TEA", "b", "1", "north", 3, 10, 3, AT, AT)
    made = rows(block("inventory.events", allocated, reserved))
    assert made.allocated == {
        "sku": ["TEA"], "location_id": ["north"], "allocated": [2], "_offset": [10],
    }  # fmt: skip
    assert (made.stock["on_hand"], made.stock["reserved"]) == ([10], [3])


@pytest.mark.parametrize(
    "record",
    [
        StockMoved(
            "TEA", "north", "receipt", "m", 4, 0, 0, 12, 3, 2, 0, 0, "", "po-1", "", "ada", AT
        ),
        StockReleased("TEA", "a", "1", "north", 2, 12, 3, "cancelled", AT, 2, True),
        StockShipped("TEA", "a", "1", "north", 2, 12, 3, 2, [], "ada", AT, True),
        StockSet("TEA", "north", 12, 3, 0, "count", AT, 2),
    ],
)
def test_every_movement_says_the_whole_position(record: Record) -> None:
    made = rows(block("inventory.events", record))
    assert (made.stock["on_hand"], made.stock["reserved"]) == ([12], [3])
    assert made.allocated["allocated"] == [2]


def example(kind: type[Record]) -> Record:
    """Every field has a value that is not its default."""
    values: dict[object, object] = {str: "USD", bool: True, float: 0.5, bytes: b"x"}
    return kind(
        **{
            item.name: [] if str(item.type).startswith("list") else values.get(item.type, AT)
            for item in msgspec.structs.fields(kind)
        }
    )


@pytest.mark.parametrize(
    ("topic", "kind"),
    [(topic, kind) for topic in EVENT_TOPICS for kind in topic.values],
    ids=lambda each: each.name if isinstance(each, Topic) else each.__name__,
)
def test_no_event_loses_anything_that_is_not_confidential(topic: Topic, kind: type[Record]) -> None:
    record = example(kind)
    made = row(rows(block(topic.name, record)).events)
    assert made["event"] == kind.__name__
    kept = json.loads(str(made["detail"]))
    whole = json.loads(msgspec.json.encode(record))
    assert kept == {name: value for name, value in whole.items() if name not in CONFIDENTIAL}
    if "cause" in whole:
        assert made["reason"] == whole["cause"]


def test_what_cannot_be_read_is_a_row_too() -> None:
    made = rows(Block("orders.events", 0, [Entry(1, AT, b"{}"), Entry(2, AT, None)])).events
    assert made["event"] == [Unreadable, Unreadable]
    assert made["at"] == [AT, AT]


def test_a_dead_letter_leaves_its_contents_on_kafka() -> None:
    letter = DeadLetter(
        room="orders", topic="orders.commands", partition=0, offset=7,
        cause="ValueError: Ada Lovelace, 12 St James's Square", key=b"a", value=b"Ada", at_ms=AT,
    )  # fmt: skip
    made = row(rows(block("orders.dead-letter", letter)).events)
    assert made["reason"] == "ValueError"
    assert "Ada" not in str(made)
    assert json.loads(str(made["detail"]))["offset"] == 7


def test_a_payment_token_stays_on_kafka() -> None:
    asked = AuthorizationRequested("a", "key", 1000, "EUR", "tok_secret", False, 1, AT)
    assert b"tok_secret" not in detail(asked)


def test_a_rejected_payload_has_its_channel_and_reason() -> None:
    rejected = PayloadRejected("r1", "edi", "wrong_type", "lines", "is no list", 0, 1, AT)
    made = row(rows(block("channels.rejected", rejected)).events)
    assert (made["room"], made["channel"], made["reason"]) == ("channels", "edi", "wrong_type")
