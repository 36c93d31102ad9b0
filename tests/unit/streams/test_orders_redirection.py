"""Orders tells where lines go, and takes in another address while they have not left."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from schemas.fulfillment import Destination
from schemas.fulfillment_moves import (
    AskWhereTo,
    RecordWhereTo,
    RedirectFulfillmentOrder,
    RedirectShipment,
)
from schemas.messages import Send
from schemas.orders import Address, OrderAmended, OrderCommandRefused, Refusal, Status
from streams.orders import terms
from tests.unit.streams.memory import NOW, names, only, place
from tests.unit.streams.order_desk import ID, THREE, OrderDesk, cancel, shipment

LYON = Address("", "", "", "", "ARA", "69001", "FR", 45.8, 4.8)
TWO = replace(place(ID), more_addresses=[LYON])


def redirect(
    address: int = 0, *new: Address, name: str = "r-1", reason: str = "moved house"
) -> RedirectShipment:
    sealed = b"sealed" if new else b""
    return RedirectShipment(
        ID, name, f"{ID}/1", address, list(new), "k" if new else "", sealed, 7 if new else 0,
        False, reason, "jo", NOW,
    )  # fmt: skip


def refusal(sends: list[Send]) -> str:
    assert names(sends) == ["OrderCommandRefused"]
    return only(sends, OrderCommandRefused).reason


def test_every_address_of_a_released_order_is_told() -> None:
    made = OrderDesk(TWO).until(Status.RELEASED)
    [send] = made.tell(AskWhereTo(ID))
    assert send.record == RecordWhereTo(
        ID, "shop", "",
        [Destination(0, "DE", "10115", 52.5, 13.4), Destination(1, "FR", "69001", 45.8, 4.8)],
        "EUR", 3000,
    )  # fmt: skip


def test_no_address_is_told_of_what_is_not_to_leave() -> None:
    made = OrderDesk(TWO).until(Status.RELEASED)
    made.tell(cancel())
    assert only(made.tell(AskWhereTo(ID)), RecordWhereTo).destinations == []
    assert OrderDesk().ask("nobody", AskWhereTo("nobody")) == []


def test_a_redirection_to_a_known_address_is_passed_on() -> None:
    made = OrderDesk(TWO).until(Status.RELEASED)
    sends = made.tell(redirect(1))
    assert [send.record for send in sends] == [
        RedirectFulfillmentOrder(
            ID,
            f"{ID}/1",
            1,
            False,
            "moved house",
            "jo",
            [Destination(1, "FR", "69001", 45.8, 4.8)],
        )
    ]
    assert made.tell(redirect(1)) == []
    assert refusal(made.tell(redirect(1, reason="other"))) == Refusal.ORDER_CONFLICT


def test_a_new_address_stands_behind_the_others_and_the_total_stays() -> None:
    made = OrderDesk(TWO).until(Status.RELEASED)
    before = made.now_is
    new = replace(LYON, postal_code="10001", country="US")
    sends = made.tell(redirect(2, new))
    assert names(sends) == ["OrderAmended", "RedirectFulfillmentOrder"]
    told = only(sends, OrderAmended)
    assert (told.also, told.difference_minor, told.revision) == (["address"], 0, 1)
    order = terms.of(made.now_is)
    assert order.more_addresses == [LYON, new]
    assert (order.key_id, order.personal, order.personal_hash) == ("k", b"sealed", 7)
    assert terms.of_channel(made.now_is).more_addresses == [LYON]
    assert (made.now_is.total_minor, made.now_is.lines) == (before.total_minor, before.lines)
    assert made.tell(redirect(2, new)) == []


def test_a_new_address_leaves_cancelled_lines_cancelled() -> None:
    made = OrderDesk(THREE).until(Status.RELEASED)
    made.tell(cancel("l1"))
    total = made.now_is.total_minor
    told = only(made.tell(redirect(1, LYON)), OrderAmended)
    assert "l1" not in [line.line_id for line in told.lines]
    assert told.total_minor == made.now_is.total_minor == total


@pytest.mark.parametrize(
    ("status", "command", "reason"),
    [
        (Status.AUTHORIZING, redirect(), Refusal.NOT_RELEASED),
        (Status.RELEASED, redirect(1), Refusal.NOT_AMENDABLE),
        (Status.RELEASED, redirect(-1), Refusal.NOT_AMENDABLE),
        (Status.RELEASED, redirect(2, LYON), Refusal.REVISION_CONFLICT),
        (Status.RELEASED, redirect(1, replace(LYON, country="")), Refusal.NOT_AMENDABLE),
    ],
)
def test_what_cannot_be_is_refused_and_changes_nothing(
    status: Status, command: RedirectShipment, reason: Refusal
) -> None:
    made = OrderDesk(replace(place(ID, method="card"), paid_minor=0)).until(status)
    before = terms.of(made.now_is)
    assert refusal(made.tell(command)) == reason
    assert terms.of(made.now_is) == before


def test_nothing_is_redirected_that_has_ended_or_left() -> None:
    made = OrderDesk(THREE).until(Status.RELEASED)
    made.tell(shipment("a", l1=3, l2=1, l3=2))
    assert refusal(made.tell(redirect())) == Refusal.TOO_LATE
    ended = OrderDesk(TWO).until(Status.RELEASED)
    ended.tell(cancel())
    assert refusal(ended.tell(redirect())) == Refusal.ALREADY_ENDED
    assert refusal(OrderDesk().ask("x", redirect())) == Refusal.UNKNOWN_ORDER
