"""Fulfillment orders in memory are those of the topic, in order, within bounds."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from connectors.locations import answers
from connectors.locations.store import WORKED_ON, Store
from schemas.codec import encode
from schemas.fulfillment import Allocation, FulfillmentState, Status
from schemas.fulfillment_work import FulfillmentOrder, LineWithoutPlace, WorkState, WorkStatus
from schemas.promises import Promise, PromiseState
from streams.fulfillment.work_model import begun
from tests.unit.streams.memory import NOW

PLACES = ("berlin", "lyon")


def one(name: str, location: str, status: str = "released", tracking: str = "") -> FulfillmentOrder:
    carrier = "dhl" if tracking else ""
    return FulfillmentOrder(
        name, location, "", status, [], NOW, carrier=carrier, tracking_number=tracking
    )


def work(order_id: str, *orders: FulfillmentOrder) -> WorkState:
    return WorkState(order_id, list(orders), [], [])


def routed(order_id: str) -> FulfillmentState:
    lines = [Allocation("1", "MUG", 1, "berlin", [])]
    return FulfillmentState(order_id, Status.ROUTED, lines, [], 0, [], NOW)


def put(store: Store, *states: WorkState | FulfillmentState) -> None:
    for state in states:
        suffix = "|work" if isinstance(state, WorkState) else ""
        store.put(f"{state.order_id}{suffix}", encode(state))


def ids(store: Store, location: str = "", *statuses: str, limit: int = 100) -> list[str]:
    found, after = list[str](), ""
    while True:
        page, after = store.page(location, statuses or WORKED_ON, after, limit)
        found += [each.one.fulfillment_order_id for each in page]
        if not after:
            return found


_STATES = st.builds(
    lambda number, parts: work(
        f"o-{number}",
        *(
            one(f"o-{number}/{place}", location, status, tracking)
            for place, (location, status, tracking) in enumerate(parts, start=1)
        ),
    ),
    st.integers(0, 5),
    st.lists(
        st.tuples(
            st.sampled_from(PLACES), st.sampled_from(list(WorkStatus)), st.sampled_from(["", "T"])
        ),
        max_size=4,
    ),
)


@given(
    st.lists(_STATES, max_size=20), st.sets(st.sampled_from(list(WorkStatus))), st.integers(1, 3)
)
@settings(max_examples=150)
def test_pages_are_what_stands(
    states: list[WorkState], statuses: set[WorkStatus], limit: int
) -> None:
    store, latest = Store(begun), dict[str, WorkState]()
    for number, state in enumerate(states):
        put(store, state)
        latest[state.order_id] = state
        if number % 3 == 0:
            ids(store)  # what is read once is kept in order from then on
    for location in ("", *PLACES):
        wanted = sorted(
            each.fulfillment_order_id
            for state in latest.values()
            for each in state.orders
            if each.status in statuses and location in ("", each.location_id)
        )
        found = [] if not statuses else ids(store, location, *statuses, limit=limit)
        assert found == (wanted if statuses else [])
    for state in latest.values():
        for each in state.orders:
            kept = store.get(each.fulfillment_order_id)
            assert kept is not None
            assert (kept.order_id, kept.one) == (state.order_id, each)


def test_an_order_that_nobody_has_touched_is_as_it_was_routed() -> None:
    store = Store(begun)
    put(store, routed("o-1"))
    assert ids(store, "berlin", "released") == ["o-1/1"]
    put(store, FulfillmentState("o-1", Status.CANCELLED, routed("o-1").allocations, [], 0, [], NOW))
    assert ids(store, "berlin") == []


def test_what_was_said_of_an_order_outweighs_its_routing() -> None:
    store = Store(begun)
    put(store, routed("o-1"), work("o-1", one("o-1/1", "berlin", "picking")), routed("o-1"))
    assert ids(store, "berlin", "picking") == ["o-1/1"]
    assert ids(store, "berlin", "released") == []


def test_an_order_that_is_not_routed_yet_is_not_there() -> None:
    store = Store(begun)
    put(store, FulfillmentState("o-1", Status.CONSOLIDATING, [], ["1"], 0))
    store.put("@locations", encode(work("o-2")))
    assert store.get("o-1/1") is None


def test_what_is_deleted_or_cannot_be_read_is_not_told() -> None:
    store = Store(begun)
    put(store, work("o-1", one("o-1/1", "berlin")))
    store.put("o-2|work", b"not a record")
    assert ids(store) == ["o-1/1"]
    store.put("o-1|work", None)
    assert (ids(store), len(store)) == ([], 0)


def test_of_what_has_left_only_the_latest_are_kept() -> None:
    store = Store(begun, maximum_gone=2)
    for number in range(4):
        put(store, work(f"o-{number}", one(f"o-{number}/1", "berlin")))
    for number in (3, 0, 1):
        put(store, work(f"o-{number}", one(f"o-{number}/1", "berlin", "shipped", f"T{number}")))
    assert ids(store, "", "shipped") == ["o-0/1", "o-1/1"]
    assert ids(store) == ["o-2/1"]
    assert store.shipment("dhl", "T3") is None
    found = store.shipment("dhl", "T1")
    assert found is not None
    assert found.order_id == "o-1"


def test_of_what_is_to_be_done_the_oldest_gives_way() -> None:
    store = Store(begun, maximum_open=2)
    for number in range(3):
        put(store, work(f"o-{number}", one(f"o-{number}/1", "berlin")))
    assert ids(store) == ["o-1/1", "o-2/1"]


def test_an_order_whose_lines_look_for_a_place_is_not_over() -> None:
    line = LineWithoutPlace("1", "MUG", 1, "", [], "lyon", "", "")
    store = Store(begun, maximum_gone=0)
    put(store, WorkState("o-1", [one("o-1/1", "berlin", "rejected")], ["berlin"], [line]))
    assert ids(store, "", "rejected") == ["o-1/1"]


def test_a_promise_is_told_as_long_as_it_stands() -> None:
    store = Store(begun)
    promise = Promise("o-1/1", "berlin", "", ["1"], NOW, NOW, "2023-11-14", NOW, 0, told=["held"])
    kept = PromiseState("o-1", "", "", [], 0, [promise])
    store.put("o-1|promise", encode(kept))
    put(store, routed("o-1"))
    found = store.get("o-1/1")
    assert found is not None
    assert found.promise == promise
    told = answers.shown(*found).promise
    assert (told.ship_by, told.at_risk) == ("2023-11-14T22:13:20.000Z", ["held"])
    put(store, work("o-1", one("o-1/1", "berlin", "shipped")))
    assert store.get("o-1/1") == found._replace(one=one("o-1/1", "berlin", "shipped"))
    store.put("o-1|promise", encode(replace(kept, promises=[replace(promise, ended=True)])))
    assert store.get("o-1/1") == found._replace(one=one("o-1/1", "berlin", "shipped"), promise=None)
    store.put("o-1|promise", None)
    assert ids(store, "", "shipped") == ["o-1/1"]


def test_a_tracking_number_is_found_with_its_carrier() -> None:
    store = Store(begun)
    put(store, work("o-1", one("o-1/1", "berlin", "shipped", "T1")))
    assert store.shipment("ups", "T1") is None
    put(store, work("o-1", one("o-1/1", "berlin", "packed")))
    assert store.shipment("dhl", "T1") is None
