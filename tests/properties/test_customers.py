"""Whatever is merged in whatever order, twice or in circles: figures add up and ids lead somewhere.

Commands and what the room sends itself are delivered in any order across customers, in order for
each, and any of them twice.
"""

from __future__ import annotations

from collections import defaultdict, deque

from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.customers import (
    CustomerState,
    EraseCustomer,
    MergeCustomers,
    Outcome,
    RecordOrder,
    SetCustomer,
)
from schemas.records import Record
from schemas.topics import CUSTOMERS_COMMANDS
from streams.customers.agent import CustomersRoom
from streams.customers.model import figures_of
from tests.unit.streams.memory import NOW, Desk

IDS = tuple(f"c-{letter}" for letter in "abcdef")
CUSTOMER = st.sampled_from(IDS)
MAXIMUM_DELIVERIES = 20_000
ORDERS = 8

merges = st.builds(lambda one, two: MergeCustomers(one, two, "", NOW), CUSTOMER, CUSTOMER)
erasures = st.builds(lambda one: EraseCustomer(one, "", NOW), CUSTOMER)
profiles = st.builds(
    lambda one, verified: SetCustomer(one, "k", b"sealed", 1, [], verified, "", NOW),
    CUSTOMER, st.lists(CUSTOMER, max_size=2),
)  # fmt: skip
orders = st.builds(
    lambda number, step, total: RecordOrder(
        IDS[number % len(IDS)], f"shop-{number}", list(Outcome)[step], "EUR", total, NOW + step
    ),
    st.integers(0, ORDERS - 1), st.integers(0, len(Outcome) - 1), st.integers(0, 500),
)  # fmt: skip


class Town:
    """The room, and commands on their way by customer."""

    def __init__(self) -> None:
        self.desk = Desk(CustomersRoom())
        self.waiting: dict[str, deque[Record]] = defaultdict(deque)
        self.delivered = 0

    def send(self, key: str, command: Record) -> None:
        self.waiting[key].append(command)

    def deliver(self, data: st.DataObject) -> None:
        """Everything that waits, and what follows from it; some of it twice."""
        while keys := sorted(key for key, queue in self.waiting.items() if queue):
            key = data.draw(st.sampled_from(keys))
            command = self.waiting[key].popleft()
            for _ in range(data.draw(st.sampled_from((1, 1, 1, 2)))):
                self.delivered += 1
                assert self.delivered < MAXIMUM_DELIVERIES, "a wish goes in a circle"
                for send in self.desk.ask(key, command):
                    if send.topic is CUSTOMERS_COMMANDS:
                        self.send(send.key, send.record)

    def customers(self) -> dict[str, CustomerState]:
        kept = self.desk.states.kept
        return {key: one for key, one in kept.items() if isinstance(one, CustomerState)}


@settings(max_examples=300, deadline=None)
@given(st.lists(st.one_of(merges, merges, orders, orders, profiles, erasures), max_size=30),
       st.data())  # fmt: skip
def test_merges_lose_and_double_nothing(commands: list[Record], data: st.DataObject) -> None:
    town = Town()
    for command in commands:
        town.send(command.customer_id, command)  # type: ignore[attr-defined]
    town.deliver(data)
    found = town.customers()
    for customer_id, state in found.items():
        if state.merged_into:
            assert state.merged_into < customer_id, "ids lead downwards, so that none is a circle"
            assert (state.personal, state.members, state.recent) == (b"", [], [])
    counted = [one for one in town.desk.states.kept.values() if getattr(one, "counted", False)]
    living = [figures_of(one) for one in found.values() if not one.merged_into]
    figures = [figure for one in living for figure in one]
    assert sum(one.orders for one in figures) == len(counted)
    assert sum(one.total_minor for one in figures) == sum(one.counted_minor for one in counted)  # type: ignore[attr-defined]


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(CUSTOMER, CUSTOMER), max_size=12), st.data())
def test_ids_that_are_one_customer_lead_to_one_id(
    pairs: list[tuple[str, str]], data: st.DataObject
) -> None:
    town = Town()
    groups = {one: {one} for one in IDS}
    for one, two in pairs:
        town.send(one, MergeCustomers(one, two, "", NOW))
        together = groups[one] | groups[two]
        for member in together:
            groups[member] = together
    town.deliver(data)
    for one in IDS:
        assert _stands_for(town, one) == min(groups[one])


def _stands_for(town: Town, customer_id: str) -> str:
    state = town.customers().get(customer_id)
    while state is not None and state.merged_into:
        customer_id = state.merged_into
        state = town.customers().get(customer_id)
    return customer_id
