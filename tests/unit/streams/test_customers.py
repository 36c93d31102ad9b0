"""The customers room: what orders count for, who is merged, and what is forgotten."""

from __future__ import annotations

import pytest

from schemas.customers import (
    AssessOrder,
    CustomerChanged,
    CustomerCommandRefused,
    CustomerErased,
    CustomerMerged,
    CustomerOrderRecorded,
    CustomerState,
    EraseCustomer,
    MergeCustomers,
    Outcome,
    Preference,
    RecordOrder,
    SegmentChanged,
    SegmentRule,
    SegmentRulesSet,
    SetCustomer,
    SetSegmentRules,
)
from schemas.messages import Send
from schemas.orders import CancelOrder, RecordAssessment
from schemas.topics import CUSTOMERS_COMMANDS
from streams.customers.agent import CustomersRoom
from streams.customers.model import DAY_MS, HOUR_MS, MAXIMUM_RECENT, figures_of
from tests.unit.streams.memory import NOW, Desk, names, only

ADA, ADA_TOO, BEN = "c-a", "c-b", "c-z"
MINUTE_MS = 60_000


class Counter(Desk):
    """The room, with whatever it sends itself delivered."""

    def __init__(self) -> None:
        super().__init__(CustomersRoom())

    def tell(self, command: AssessOrder | RecordOrder | SetCustomer | MergeCustomers
             | EraseCustomer) -> list[Send]:  # fmt: skip
        """All that is written until nothing is left to deliver."""
        waiting = [(command.customer_id, command)]
        written: list[Send] = []
        while waiting:
            for send in self.ask(*waiting.pop(0)):
                written.append(send)
                if send.topic is CUSTOMERS_COMMANDS:
                    waiting.append((send.key, send.record))  # type: ignore[arg-type]
        return written

    def customer(self, customer_id: str) -> CustomerState:
        return self.state(customer_id, CustomerState)

    def lifetime(self, customer_id: str) -> list[tuple[str, int, int]]:
        return [
            (one.currency, one.orders, one.total_minor)
            for one in figures_of(self.customer(customer_id))
        ]


def assess(
    order_id: str = "shop-1", *, customer_id: str = ADA, total: int = 1000, at: int = NOW,
    channel: str = "shop", lines_hash: int = 7, currency: str = "EUR",
) -> AssessOrder:  # fmt: skip
    return AssessOrder(customer_id, order_id, channel, currency, total, lines_hash, at)


def record(
    order_id: str = "shop-1", outcome: Outcome = Outcome.PLACED, total: int = 1000, *,
    customer_id: str = ADA, at: int = NOW, currency: str = "EUR",
) -> RecordOrder:  # fmt: skip
    return RecordOrder(customer_id, order_id, outcome, currency, total, at)


def profile(
    *, customer_id: str = ADA, personal: bytes = b"sealed", hashed: int = 1, at: int = NOW,
    preferences: tuple[Preference, ...] = (), verified: tuple[str, ...] = (),
) -> SetCustomer:  # fmt: skip
    return SetCustomer(
        customer_id, "key-1", personal, hashed, list(preferences), list(verified), "me", at
    )


def test_the_first_order_of_a_customer_finds_nothing_known() -> None:
    answer = only(Counter().tell(assess()), RecordAssessment)
    assert answer == RecordAssessment("shop-1", ADA, "new", 0, 0, 0, 0, "", "")


def test_an_order_is_assessed_by_those_before_it_and_not_by_itself() -> None:
    room = Counter()
    for number, at in ((1, NOW - 2 * DAY_MS), (2, NOW - 2 * HOUR_MS), (3, NOW - MINUTE_MS)):
        room.tell(assess(f"shop-{number}", at=at, lines_hash=number))
        room.tell(record(f"shop-{number}", total=1000 * number, at=at))
    answer = only(room.tell(assess("shop-4", lines_hash=4)), RecordAssessment)
    assert (answer.orders_last_hour, answer.orders_last_day) == (1, 2)
    assert (answer.lifetime_orders, answer.lifetime_minor, answer.lifetime_currency) == (
        3, 6000, "EUR",
    )  # fmt: skip
    assert answer.segment == "loyal"


def test_the_same_assessment_again_has_the_same_answer_whatever_came_since() -> None:
    room = Counter()
    first = only(room.tell(assess()), RecordAssessment)
    room.tell(record())
    room.tell(assess("shop-2"))
    kept = dict(room.states.kept)
    assert only(room.tell(assess()), RecordAssessment) == first
    assert room.states.kept == kept


def test_an_order_that_has_changed_is_assessed_anew_without_itself() -> None:
    room = Counter()
    room.tell(assess())
    room.tell(record())
    answer = only(room.tell(assess(total=2000)), RecordAssessment)
    assert (answer.lifetime_orders, answer.lifetime_minor, answer.orders_last_hour) == (0, 0, 0)


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({}, "shop-1"),
        ({"channel": "shop"}, ""),
        ({"total": 999}, ""),
        ({"lines_hash": 8}, ""),
        ({"currency": "USD"}, ""),
        ({"at": NOW + 30 * MINUTE_MS}, "shop-1"),
        ({"at": NOW + 30 * MINUTE_MS + 1}, ""),
        ({"at": NOW - 5 * MINUTE_MS}, "shop-1"),
        ({"customer_id": BEN}, ""),
    ],
)
def test_the_same_purchase_on_another_channel_within_half_an_hour_is_a_duplicate(
    change: dict[str, object], found: str
) -> None:
    room = Counter()
    room.tell(assess())
    answer = only(room.tell(assess("pos-1", **{"channel": "pos", **change})), RecordAssessment)  # type: ignore[arg-type]
    assert answer.duplicate_of == found


def test_what_an_order_counts_for_follows_what_it_becomes() -> None:
    room = Counter()
    event = only(room.tell(record()), CustomerOrderRecorded)
    assert (event.total_minor, event.previously_minor, event.lifetime_orders) == (1000, 0, 1)
    room.tell(record(outcome=Outcome.RELEASED, total=1200, at=NOW + 1))
    assert room.lifetime(ADA) == [("EUR", 1, 1200)]
    room.tell(record(outcome=Outcome.REFUNDED, total=200, at=NOW + 2))
    assert room.lifetime(ADA) == [("EUR", 1, 1000)]
    room.tell(record(outcome=Outcome.CANCELLED, at=NOW + 3))
    assert room.lifetime(ADA) == [("EUR", 0, 0)]


def test_currencies_are_never_added_up() -> None:
    room = Counter()
    room.tell(record())
    room.tell(record("shop-2", total=500, currency="JPY"))
    assert room.lifetime(ADA) == [("EUR", 1, 1000), ("JPY", 1, 500)]


@pytest.mark.parametrize("outcome", [Outcome.REFUSED, Outcome.CANCELLED])
def test_an_order_that_never_counted_changes_nothing(outcome: Outcome) -> None:
    assert Counter().tell(record(outcome=outcome)) == []


def test_what_is_told_again_or_too_late_changes_nothing() -> None:
    room = Counter()
    told = [
        record(), record(outcome=Outcome.RELEASED, total=1200, at=NOW + 1),
        record(outcome=Outcome.REFUNDED, total=200, at=NOW + 2),
    ]  # fmt: skip
    for command in told:
        room.tell(command)
    kept = dict(room.states.kept)
    for command in told:
        assert room.tell(command) == []
    assert room.states.kept == kept


def test_the_bound_on_recent_orders_loses_no_figure() -> None:
    room = Counter()
    for number in range(MAXIMUM_RECENT + 5):
        room.tell(assess(f"shop-{number}", at=NOW + number))
        room.tell(record(f"shop-{number}", at=NOW + number))
    assert len(room.customer(ADA).recent) == MAXIMUM_RECENT
    room.tell(record("shop-0", Outcome.CANCELLED, at=NOW + DAY_MS))
    assert room.lifetime(ADA) == [("EUR", MAXIMUM_RECENT + 4, (MAXIMUM_RECENT + 4) * 1000)]


def test_segments_follow_frequency_value_and_recency() -> None:
    room = Counter()
    changed = only(room.tell(record()), SegmentChanged)
    assert (changed.segment, changed.previously) == ("active", "")
    room.tell(record("shop-2", at=NOW + 1))
    assert only(room.tell(record("shop-3", at=NOW + 2)), SegmentChanged).segment == "loyal"
    for number in range(4, 11):
        room.tell(record(f"shop-{number}", total=20_000, at=NOW + number))
    assert room.customer(ADA).segment == "vip"


def test_a_customer_who_stays_away_changes_segment_by_themselves() -> None:
    room = Counter()
    room.tell(record())
    wake = room.customer(ADA).wake_at_ms
    assert wake == NOW + 180 * DAY_MS + 1
    changed = only(room.wake(ADA, wake - NOW), SegmentChanged)
    assert (changed.segment, changed.previously) == ("lapsed", "active")
    room.wake(ADA, room.customer(ADA).wake_at_ms - room.now)
    assert room.customer(ADA).wake_at_ms == 0


def test_rules_that_are_set_take_the_place_of_the_usual_ones() -> None:
    room = Counter()
    rules = SetSegmentRules([SegmentRule("rich", value_minor=900, currency="EUR")], "me", NOW)
    (send,) = room.ask("@segments", rules)
    assert isinstance(send.record, SegmentRulesSet)
    assert (send.key, send.partition) == ("@segments", 0)
    assert room.ask("@segments", rules) == []
    assert only(room.tell(record()), SegmentChanged).segment == "rich"
    assert "SegmentChanged" not in names(room.tell(record("shop-2", total=5, customer_id=BEN)))


def test_a_profile_keeps_what_it_does_not_name() -> None:
    room = Counter()
    room.tell(profile(preferences=(Preference("language", "de"), Preference("letters", "no"))))
    event = only(
        room.tell(profile(personal=b"", hashed=0, preferences=(Preference("letters", ""),))),
        CustomerChanged,
    )
    assert event.preferences == [Preference("language", "de")]
    assert room.customer(ADA).personal == b"sealed"


def test_the_same_profile_under_another_key_changes_nothing() -> None:
    room = Counter()
    room.tell(profile())
    assert room.tell(profile(personal=b"sealed otherwise")) == []


def test_merged_ids_count_together_and_lead_to_the_first_of_them() -> None:
    room = Counter()
    room.tell(record())
    room.tell(record("shop-2", customer_id=ADA_TOO, total=500))
    merged = only(room.tell(MergeCustomers(ADA, ADA_TOO, "me", NOW)), CustomerMerged)
    assert (merged.customer_id, merged.into) == (ADA_TOO, ADA)
    assert room.lifetime(ADA) == [("EUR", 2, 1500)]
    answer = only(room.tell(assess("shop-3", customer_id=ADA_TOO)), RecordAssessment)
    assert (answer.customer_id, answer.lifetime_orders) == (ADA, 2)


def test_an_order_from_before_the_merge_still_counts_once() -> None:
    room = Counter()
    room.tell(assess("shop-2", customer_id=ADA_TOO))
    room.tell(record("shop-2", customer_id=ADA_TOO))
    room.tell(MergeCustomers(ADA_TOO, ADA, "me", NOW))
    again = only(room.tell(assess("shop-2", customer_id=ADA_TOO, total=800)), RecordAssessment)
    assert again.customer_id == ADA_TOO, "who the order counts for has not changed"
    room.tell(record("shop-2", Outcome.REFUNDED, 300, customer_id=ADA_TOO, at=NOW + 1))
    assert room.lifetime(ADA) == [("EUR", 1, 700)]


def test_a_merge_again_either_way_round_changes_nothing() -> None:
    room = Counter()
    room.tell(record(customer_id=ADA_TOO))
    room.tell(MergeCustomers(ADA_TOO, ADA, "me", NOW))
    kept = dict(room.states.kept)
    for wish in (MergeCustomers(ADA_TOO, ADA, "me", NOW), MergeCustomers(ADA, ADA_TOO, "me", NOW)):
        assert not {"CustomerMerged", "CustomerAbsorbed"} & set(names(room.tell(wish)))
    assert room.states.kept == kept


def test_a_verified_contact_merges_by_itself() -> None:
    room = Counter()
    room.tell(record())
    merged = only(room.tell(profile(customer_id=BEN, verified=(BEN, ADA))), CustomerMerged)
    assert (merged.customer_id, merged.into) == (BEN, ADA)
    assert room.customer(ADA).personal == b"sealed", "the profile goes along"
    assert room.customer(BEN).personal == b""


def test_who_is_erased_keeps_figures_and_nothing_else() -> None:
    room = Counter()
    room.tell(record())
    room.tell(profile(preferences=(Preference("language", "de"),)))
    only(room.tell(EraseCustomer(ADA, "me", NOW + 1)), CustomerErased)
    state = room.customer(ADA)
    assert (state.personal, state.key_id, state.preferences) == (b"", "", [])
    assert state.erased_at_ms == NOW + 1
    assert room.lifetime(ADA) == [("EUR", 1, 1000)]
    assert room.tell(EraseCustomer(ADA, "me", NOW + 1)) == []


def test_a_profile_from_before_the_erasure_is_refused_and_a_later_one_is_not() -> None:
    room = Counter()
    room.tell(EraseCustomer(ADA, "me", NOW))
    refused = only(room.tell(profile(at=NOW)), CustomerCommandRefused)
    assert (refused.command, refused.reason) == ("SetCustomer", "erased")
    only(room.tell(profile(at=NOW + 1)), CustomerChanged)
    assert room.customer(ADA).erased_at_ms == 0


def test_what_is_merged_into_who_is_erased_brings_nothing_personal() -> None:
    room = Counter()
    room.tell(EraseCustomer(ADA, "me", NOW))
    room.tell(profile(customer_id=BEN, preferences=(Preference("language", "de"),)))
    room.tell(record(customer_id=BEN))
    room.tell(MergeCustomers(BEN, ADA, "me", NOW))
    state = room.customer(ADA)
    assert (state.personal, state.preferences) == (b"", [])
    assert room.lifetime(ADA) == [("EUR", 1, 1000)]


def test_to_erase_a_merged_id_erases_who_stands_for_it() -> None:
    room = Counter()
    room.tell(profile())
    room.tell(MergeCustomers(BEN, ADA, "me", NOW))
    only(room.tell(EraseCustomer(BEN, "me", NOW)), CustomerErased)
    assert room.customer(ADA).personal == b""


def test_a_foreign_record_raises() -> None:
    with pytest.raises(TypeError, match="takes no CancelOrder"):
        Counter().ask(ADA, CancelOrder("o", "r", NOW))
