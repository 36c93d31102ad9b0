"""The policies for orders that come in: customers, commands that came first, and the chain."""

from __future__ import annotations

from hashlib import sha256

import msgspec
from msgspec.structs import replace

from schemas.customers import AssessOrder, Outcome, RecordOrder
from schemas.messages import Send
from schemas.orders import (
    OrderCancelled,
    OrderCommandRefused,
    OrderPlaced,
    OrderRefused,
    RecordAssessment,
    Refusal,
    Status,
    Tender,
)
from schemas.payments import AuthorizePayment
from schemas.policies import POLICY_KEY, HoldTerms, Measure, Policy, SetPolicy
from schemas.topics import ORDERS_EVENTS
from streams.orders.model import ASSESSMENT_PATIENCE_MS, MAXIMUM_EARLY
from streams.orders.rules import content_hash
from tests.unit.streams.memory import NOW, Desk, names, only, place
from tests.unit.streams.order_desk import ID, OrderDesk, cancel, paid, resize, shipment

CUSTOMER = replace(place(), customer_id="c-1")
KNOWN = RecordAssessment(ID, "c-1", "vip", 2, 5, 9, 120_000, "EUR", "")


def asking() -> OrderDesk:
    """A room whose policy refuses the same purchase again."""
    made = OrderDesk(CUSTOMER)
    measure = Measure(1, "refuse", HoldTerms("duplicate", 0, "release"))
    policy = Policy(1, 1, "p", "", "UTC", duplicates=[measure])
    made.ask(POLICY_KEY, SetPolicy(policy, "jo", NOW))
    return made


def outcomes(sends: list[Send]) -> list[tuple[str, int]]:
    return [
        (one.outcome, one.total_minor)
        for send in sends
        if isinstance(one := send.record, RecordOrder)
    ]


def test_an_order_waits_for_what_is_known_of_its_customer() -> None:
    made = asking()
    sends = made.tell(CUSTOMER)
    assert names(sends) == ["OrderPlaced", "RecordOrder", "AssessOrder"]
    asked = only(sends, AssessOrder)
    assert (asked.customer_id, asked.total_minor) == ("c-1", 3000)
    assert made.now_is.status == Status.ASSESSING
    sends = made.answered(made.tell(KNOWN))
    authorize = only(sends, AuthorizePayment)
    assert (authorize.orders_last_hour, authorize.orders_last_day) == (2, 5)
    assert made.tell(KNOWN) == []


def test_the_same_purchase_by_another_channel_is_seen_by_its_lines() -> None:
    made = asking()
    first = only(made.tell(CUSTOMER), AssessOrder)
    other = replace(CUSTOMER, channel="amazon", lines=CUSTOMER.lines[::-1])
    assert only(asking().tell(other), AssessOrder).lines_hash == first.lines_hash
    event = only(made.tell(replace(KNOWN, duplicate_of="amazon-7")), OrderRefused)
    assert (event.reason, event.rule) == (Refusal.POLICY, "duplicates")


def test_an_order_goes_on_without_an_answer_about_its_customer() -> None:
    made = asking()
    made.tell(CUSTOMER)
    assert names(made.wake(ID, ASSESSMENT_PATIENCE_MS)) == ["RankLocations"]


def test_an_order_that_is_being_assessed_can_be_changed_and_cancelled() -> None:
    made = asking()
    made.tell(CUSTOMER)
    assert "OrderAmended" in names(made.tell(resize("1", 1)))
    assert names(made.tell(cancel())) == ["OrderCancelled", "RecordOrder"]


def test_a_guests_order_is_not_assessed() -> None:
    made = asking()
    assert names(made.tell(place())) == ["OrderPlaced", "RankLocations"]


def test_the_customers_room_hears_what_becomes_of_an_order() -> None:
    made = OrderDesk(CUSTOMER).until(Status.RELEASED)
    assert outcomes(made.written) == [(Outcome.PLACED, 3000), (Outcome.RELEASED, 3000)]
    assert outcomes(made.tell(cancel("2"))) == [(Outcome.RELEASED, 2000)]
    told = made.tell(paid(2000, 1, captured=3000, refunded=400))
    assert outcomes(told) == [(Outcome.REFUNDED, 400)]
    assert outcomes(made.tell(cancel())) == [(Outcome.CANCELLED, 2000)]


def test_a_cancellation_that_came_first_cancels_the_order_before_anything_is_asked() -> None:
    made = OrderDesk()
    made.tell(cancel())
    sends = made.tell(made.order)
    assert names(sends) == ["OrderPlaced", "OrderCancelled"]
    assert only(sends, OrderCancelled).actor == "jo"
    assert made.tell(made.order) == []


def test_changes_that_came_first_are_made_in_their_order() -> None:
    made = OrderDesk()
    made.tell(resize("1", 5, "a"), resize("1", 1, "b"), cancel("2"))
    sends = made.tell(made.order)
    for _ in range(8):
        sends = made.answered(sends)
    state = made.now_is
    assert [(line.line_id, line.quantity) for line in state.lines] == [("1", 1)]
    assert (state.status, state.revision, state.total_minor) == (Status.RELEASED, 3, 1000)


def test_only_so_many_commands_wait_for_an_order_that_may_never_come() -> None:
    made = OrderDesk()
    for number in range(MAXIMUM_EARLY):
        event = only(made.tell(resize("1", 5, f"a{number}")), OrderCommandRefused)
        assert event.reason == Refusal.UNKNOWN_ORDER
    assert only(made.tell(cancel()), OrderCommandRefused).reason == Refusal.TOO_MANY


def test_a_business_order_keeps_its_number_and_terms() -> None:
    order = replace(
        place(),
        purchase_order_number="PO-7",
        subscription_id="sub-1",
        tenders=[Tender("1", "invoice", 0, terms_days=30)],
    )
    made = OrderDesk(order)
    placed = only(made.tell(order), OrderPlaced)
    assert (placed.purchase_order_number, placed.terms_days) == ("PO-7", 30)
    assert placed.subscription_id == "sub-1"
    sends = made.answered(made.written.copy())
    assert only(sends, AuthorizePayment).tenders == order.tenders


def test_a_total_is_recomputed_with_units_of_a_price_and_discounts_of_lines() -> None:
    line = replace(place().lines[0], quantity=1500, unit_price_minor=999, per=1000)
    order = replace(place(), lines=[replace(line, discount_minor=9)], total_minor=1489)
    assert only(OrderDesk().tell(order), OrderPlaced).total_difference_minor == 1


def test_what_an_order_has_besides_tells_it_from_another() -> None:
    order = place()
    line = order.lines[0]
    others = [
        replace(order, tenders=[Tender("1", "card", 0)]),
        replace(order, prices_include_tax=True),
        replace(order, customer_id="c"),
        replace(order, personal_hash=5),
        replace(order, lines=[replace(line, tax_rate_ppm=1), *order.lines[1:]]),
        replace(order, lines=[order.lines[0], replace(order.lines[1], tax_rate_ppm=1)]),
    ]
    assert len({content_hash(one) for one in (order, *others)}) == 7
    assert content_hash(replace(order, personal=b"x", key_id="k")) == content_hash(order)


def chained(sends: list[Send]) -> None:
    """Check the events as somebody outside would."""
    digest = b""
    for number, event in enumerate((s.record for s in sends if s.topic is ORDERS_EVENTS), 1):
        fields = msgspec.to_builtins(event, builtin_types=(bytes,))
        assert fields["sequence"] == number
        text = msgspec.json.encode({**fields, "digest": b""})
        digest = sha256(digest + type(event).__name__.encode() + b"\n" + text).digest()
        assert fields["digest"] == digest


def test_events_are_chained_whatever_wrote_them() -> None:
    made = OrderDesk(CUSTOMER)
    made.tell(cancel("7"))
    made.written.clear()
    made.until(Status.AUTHORIZING)
    made.tell(resize("1", 3), place(version=0, total=1))
    made.answered(made.answered(made.answered(made.tell(paid()))))
    made.tell(shipment("a", l1=1), shipment("b", l1=9), cancel(), cancel())
    assert made.now_is.sequence == sum(send.topic is ORDERS_EVENTS for send in made.written)
    chained(made.written)
    assert made.now_is.digest == made.written_digest()


def test_a_state_from_before_the_chain_starts_one() -> None:
    made = OrderDesk().until(Status.AUTHORIZING)
    made.states.put(ID, replace(made.now_is, sequence=0, digest=b""))
    made.written.clear()
    made.answered(made.tell(paid()))
    assert len(made.written) > 2
    chained(made.written)


def test_a_timer_of_an_order_that_nobody_knows_has_no_effect() -> None:
    assert Desk(OrderDesk().room).wake(ID) == []


def test_payments_are_told_where_who_pays_is() -> None:
    order = replace(place(), billing_country="FR")
    made = OrderDesk(order)
    sends = made.answered(made.tell(order))
    assert only(sends, AuthorizePayment).billing_country == "FR"
