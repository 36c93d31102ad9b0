"""The policies of kits: their components are reserved together, at one place, or not at all."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from schemas.fulfillment import RecordMove
from schemas.inventory import (
    AllocateStock,
    ExtendReservation,
    MoveReservation,
    RecordComponent,
    Refusal,
    ReleaseStock,
    ReservationExtended,
    ReservationState,
    ReserveStock,
    ShipStock,
    StockRefused,
    StockReleased,
    StockReserved,
    StockShipped,
)
from schemas.messages import Send
from schemas.orders import RecordReservation
from schemas.stock import (
    ChannelThreshold,
    Component,
    PositionAt,
    Quota,
    ReceiveStock,
    SetSku,
)
from streams.inventory.model import KitStatus
from tests.unit.streams.memory import NOW, names, only
from tests.unit.streams.stockroom import HELD_UNTIL, Stockroom, all_of, release, reserve

ONE = reserve(quantity=1, sku="SET")
RELEASE = release(sku="SET")
SET = [Component("MUG", 1), Component("LID", 2)]


def room(mugs: dict[str, int], lids: dict[str, int]) -> Stockroom:
    """A SET is one MUG with two LIDs."""
    made = Stockroom()
    made.stock("SET", components={"MUG": 1, "LID": 2})
    made.stock("MUG", **mugs)
    made.stock("LID", **lids)
    return made


def begin(made: Stockroom, command: ReserveStock = ONE) -> list[Send]:
    """What the kit asks its components, not yet delivered."""
    sends = made.ask("SET", command)
    assert names(sends) == ["ReserveStock", "ReserveStock"]
    return sends


def deliver_one(made: Stockroom, send: Send) -> list[Send]:
    return made.ask(send.key, send.record)


def reservations(made: Stockroom) -> dict[str, tuple[str, int]]:
    """Where of each component how much is held."""
    return {
        one.sku: (one.location_id, one.quantity)
        for one in made.states.kept.values()
        if isinstance(one, ReservationState)
    }


def nothing_is_held(made: Stockroom) -> bool:
    return not reservations(made) and made.kit("SET") is None


def test_a_kit_reserves_all_its_components_at_one_location() -> None:
    made = room({"BER": 5, "HAM": 5}, {"BER": 5, "HAM": 5})
    sends = made.deliver(made.ask("SET", reserve(quantity=2, sku="SET")))
    assert reservations(made) == {"MUG": ("BER", 2), "LID": ("BER", 4)}
    assert {event.line_id for event in all_of(sends, StockReserved)} == {"1/MUG", "1/LID"}
    reply = only(sends, RecordReservation)
    assert (reply.line_id, reply.reserved, reply.location_id) == ("1", True, "BER")


def test_a_kit_goes_where_all_its_components_are() -> None:
    made = room({"BER": 1, "HAM": 1}, {"BER": 1, "HAM": 2})
    sends = made.deliver(made.ask("SET", ONE))
    assert reservations(made) == {"MUG": ("HAM", 1), "LID": ("HAM", 2)}
    assert only(sends, StockReleased).reason == "kit_incomplete"
    assert only(sends, RecordReservation).location_id == "HAM"
    assert made.at("BER").reserved == 0


def test_nothing_stays_held_of_a_kit_that_no_location_has_whole() -> None:
    made = room({"BER": 5}, {"HAM": 5})
    sends = made.deliver(made.ask("SET", ONE))
    assert nothing_is_held(made)
    assert only(sends, RecordReservation).reason == Refusal.OUT_OF_STOCK
    assert [event.sku for event in all_of(sends, StockRefused)][-1] == "SET"


def test_a_kit_without_a_location_is_refused() -> None:
    made = room({"BER": 5}, {"BER": 5})
    sends = made.ask("SET", reserve(sku="SET", locations=[]))
    assert only(sends, RecordReservation).reason == Refusal.OUT_OF_STOCK


def test_a_kit_of_unknown_components_is_not_tried_elsewhere() -> None:
    made = room({"BER": 5}, {"BER": 5})
    made.states.put("LID", None)
    sends = made.deliver(made.ask("SET", ONE))
    assert only(sends, RecordReservation).reason == Refusal.UNKNOWN_SKU
    assert nothing_is_held(made)


def test_a_kit_within_a_kit_is_refused() -> None:
    made = room({"BER": 5}, {"BER": 5})
    made.stock("BOX", components={"SET": 1, "MUG": 1})
    sends = made.deliver(made.ask("BOX", reserve(quantity=1, sku="BOX")))
    assert only(sends, RecordReservation).reason == Refusal.KIT_HAS_NO_STOCK
    assert nothing_is_held(made)
    assert made.kit("BOX") is None


def test_components_obey_the_channel_of_the_kit() -> None:
    made = room({"BER": 5, "HAM": 5}, {"BER": 5, "HAM": 5})
    made.stock("MUG", thresholds={"ebay": 5}, BER=5, HAM=6)
    made.stock("LID", quotas=(Quota("q", "ebay", "", 4, 0),), BER=2, HAM=2)
    sends = made.deliver(made.ask("SET", reserve(quantity=1, sku="SET", channel="ebay")))
    assert reservations(made) == {"MUG": ("HAM", 1), "LID": ("HAM", 2)}
    assert [event.quota_id for event in all_of(sends, StockReserved)][-1] == "q"


def test_what_a_channel_may_not_sell_of_a_kit_its_components_are_left_for() -> None:
    """On top of what it may not sell of the component alone."""
    made = room({"BER": 3, "HAM": 4}, {"BER": 9, "HAM": 5})
    made.stock("LID", thresholds={"ebay": 1}, BER=9, HAM=7)
    made.ask("SET", SetSku("SET", [ChannelThreshold("ebay", 2)], [], [], SET, "", 0, [], "ann"))
    two = reserve(quantity=2, sku="SET", channel="ebay")
    made.deliver(made.ask("SET", two))
    assert nothing_is_held(made)
    made.stock("LID", thresholds={"ebay": 1}, BER=9, HAM=9)
    made.deliver(made.ask("SET", two))
    assert reservations(made) == {"MUG": ("HAM", 2), "LID": ("HAM", 4)}
    made.deliver(made.ask("SET", reserve("p", 3, sku="SET", channel="web")))
    assert made.kit("SET", "p") is not None


def test_a_kit_has_no_quotas() -> None:
    made = Stockroom()
    command = SetSku("SET", [], [Quota("q", "web", "", 4, 0)], [], SET, "", 0, [], "ann")
    assert only(made.ask("SET", command), StockRefused).reason == Refusal.INVALID_QUANTITY


def test_the_same_kit_again_has_the_same_answer() -> None:
    made = room({"BER": 5}, {"BER": 5})
    asked = begin(made)
    assert made.ask("SET", ONE) == []
    reply = only(made.deliver(asked), RecordReservation)
    assert [send.record for send in made.ask("SET", ONE)] == [reply]
    assert reservations(made) == {"MUG": ("BER", 1), "LID": ("BER", 2)}


def test_another_wish_for_a_kit_is_a_conflict() -> None:
    made = room({"BER": 5}, {"BER": 5})
    asked = begin(made, reserve(quantity=1, sku="SET", expires=True))
    other = reserve(quantity=2, sku="SET")
    later = reserve(quantity=1, sku="SET", attempt=2)
    for command in (other, later):
        reply = only(made.ask("SET", command), RecordReservation)
        assert reply.reason == Refusal.RESERVATION_CONFLICT
    made.deliver(asked)
    assert only(made.ask("SET", later), RecordReservation).reserved
    assert only(made.ask("SET", other), RecordReservation).reason == Refusal.RESERVATION_CONFLICT


def test_late_and_repeated_answers_change_nothing() -> None:
    made = room({"BER": 1, "HAM": 1}, {"HAM": 2})
    asked = begin(made)
    (mug,) = all_of(deliver_one(made, asked[0]), RecordComponent)
    (lid,) = all_of(deliver_one(made, asked[1]), RecordComponent)
    made.ask("SET", mug)
    before = made.kit("SET")
    assert made.ask("SET", mug) == []
    assert made.kit("SET") == before
    made.deliver(made.ask("SET", lid))
    reserved = made.kit("SET")
    assert reserved is not None and reserved.location_id == "HAM"
    assert made.ask("SET", lid) == made.ask("SET", mug) == []
    assert made.kit("SET") == reserved
    made.deliver(made.ask("SET", RELEASE))
    assert made.ask("SET", lid) == made.ask("SET", mug) == []
    assert nothing_is_held(made)


def test_a_release_gives_all_components_back() -> None:
    made = room({"BER": 5}, {"BER": 5})
    made.deliver(made.ask("SET", ONE))
    sends = made.deliver(made.ask("SET", RELEASE))
    assert [event.reason for event in all_of(sends, StockReleased)] == ["cancelled"] * 2
    assert nothing_is_held(made)
    refused = only(made.ask("SET", RELEASE), StockRefused)
    assert refused.reason == Refusal.UNKNOWN_RESERVATION


def test_a_release_while_components_are_asked_undoes_what_they_answer() -> None:
    made = room({"BER": 5}, {"BER": 5})
    asked = begin(made)
    assert made.ask("SET", RELEASE) == made.ask("SET", RELEASE) == []
    assert made.ask("SET", ONE) == []
    sends = made.deliver(asked)
    assert nothing_is_held(made)
    assert not only(sends, RecordReservation).reserved


def test_a_kit_does_not_move() -> None:
    made = room({"BER": 5, "HAM": 5}, {"BER": 5, "HAM": 5})
    made.deliver(made.ask("SET", ONE))
    sends = made.ask("SET", MoveReservation("o", "1", "SET", "HAM"))
    assert only(sends, RecordMove) == RecordMove("o", "1", False, "BER", Refusal.KIT_HAS_NO_STOCK)
    assert only(sends, StockRefused).reason == Refusal.KIT_HAS_NO_STOCK


def test_a_kit_is_worked_on_and_shipped_with_its_components() -> None:
    made = room({"BER": 5}, {"BER": 5})
    made.deliver(made.ask("SET", ONE))
    made.deliver(made.ask("SET", AllocateStock("o", "1", "SET")))
    assert (made.at("BER").allocated, made.at("BER", "LID").allocated) == (1, 2)
    sends = made.deliver(made.ask("SET", ShipStock("o", "1", "SET", "packer")))
    assert len(all_of(sends, StockShipped)) == 2
    assert made.at("BER") == PositionAt("BER", 4, 0, 0)
    assert made.at("BER", "LID") == PositionAt("BER", 3, 0, 0)
    assert nothing_is_held(made)


def test_a_kit_that_is_not_reserved_yet_is_not_worked_on() -> None:
    made = room({"BER": 5}, {"BER": 5})
    begin(made)
    for command in (
        AllocateStock("o", "1", "SET"),
        ShipStock("o", "1", "SET", "packer"),
        ExtendReservation("o", "1", "SET", HELD_UNTIL + 1),
    ):
        refused = only(made.ask("SET", command), StockRefused)
        assert refused.reason == Refusal.UNKNOWN_RESERVATION


def test_a_kit_is_held_longer_with_its_components() -> None:
    made = room({"BER": 5}, {"BER": 5})
    made.deliver(made.ask("SET", ONE))
    sends = made.deliver(made.ask("SET", ExtendReservation("o", "1", "SET", HELD_UNTIL + 1)))
    assert {event.sku for event in all_of(sends, ReservationExtended)} == {"SET", "MUG", "LID"}
    earlier = ExtendReservation("o", "1", "SET", HELD_UNTIL)
    assert only(made.ask("SET", earlier), StockRefused).reason == Refusal.RESERVATION_CONFLICT


def test_a_component_that_cannot_leave_with_its_kit_is_given_back() -> None:
    """Its lot has expired. The kit is forgotten then, and nobody else could ever release it."""
    made = Stockroom()
    made.stock("SET", components={"MUG": 1, "LID": 2})
    made.stock("MUG", BER=1)
    made.ask("LID", SetSku("LID", [], [], [], [], "lot", 0, [], "ann"))
    lids = ReceiveStock(
        "r", "LID", "BER", 2, "", "", "sellable", False, "", "", "ann", "L1", NOW + 1_000
    )
    made.ask("LID", lids)
    made.deliver(begin(made))
    made.now += 1_000
    sends = made.deliver(made.ask("SET", ShipStock("o", "1", "SET", "bob")))
    assert only(sends, StockShipped).sku == "MUG"
    assert only(sends, StockRefused).reason == Refusal.OUT_OF_STOCK
    assert only(sends, StockReleased).sku == "LID"
    assert reservations(made) == {}


def test_a_kit_with_an_end_is_given_back_whole() -> None:
    made = room({"BER": 5}, {"BER": 5})
    made.deliver(made.ask("SET", reserve(quantity=1, sku="SET", expires=True)))
    sends = made.deliver(made.wake("SET|o|1", HELD_UNTIL - NOW))
    assert [event.reason for event in all_of(sends, StockReleased)] == ["expired"] * 2
    assert nothing_is_held(made)


def test_a_kit_whose_end_comes_while_components_are_asked_is_undone() -> None:
    made = room({"BER": 5}, {"BER": 5})
    asked = begin(made, reserve(quantity=1, sku="SET", expires=True))
    assert made.wake("SET|o|1", HELD_UNTIL - NOW) == []
    kit = made.kit("SET")
    assert kit is not None
    assert (kit.status, kit.wake_at_ms) == (KitStatus.UNDOING, 0)
    assert not only(made.deliver(asked), RecordReservation).reserved
    assert nothing_is_held(made)


@given(data=st.data())
def test_whatever_the_order_of_arrival_a_kit_is_reserved_whole_or_not_at_all(
    data: st.DataObject,
) -> None:
    stocked = st.fixed_dictionaries({name: st.integers(0, 3) for name in ("BER", "HAM", "MUC")})
    made = room(data.draw(stocked), data.draw(stocked))
    partitions: dict[str, list[Send]] = {"SET": [], "MUG": [], "LID": []}
    replies: list[RecordReservation] = []

    def spread(sends: list[Send]) -> None:
        for send in sends:
            if isinstance(send.record, RecordReservation):
                replies.append(send.record)
            elif send.topic.name == "inventory.commands":
                partitions[send.key].append(send)

    spread(made.ask("SET", ONE))
    cancelled = data.draw(st.booleans())
    while busy := [name for name, queued in partitions.items() if queued]:
        if cancelled and data.draw(st.booleans()):
            cancelled = False
            spread(made.ask("SET", ReleaseStock("o", "1", "SET", "cancelled")))
            continue
        name = data.draw(st.sampled_from(busy))
        spread(deliver_one(made, partitions[name].pop(0)))
    assert len(replies) == 1
    held = reservations(made)
    kit = made.kit("SET")
    if kit is None:
        assert held == {}
        assert all(
            made.at(name, sku).reserved == 0 for name in ("BER", "HAM") for sku in ("MUG", "LID")
        )
    else:
        assert held == {"MUG": (kit.location_id, 1), "LID": (kit.location_id, 2)}
        assert all(a[0] == b[0] for a, b in pairwise(held.values()))
