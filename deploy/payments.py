"""Payments as they stand, and what happened to them. Reads Kafka."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from connectors.levels.answers import iso
from deploy import records
from deploy.cluster import Cluster
from deploy.records import Place
from deploy.timeline import words
from schemas import codec
from schemas.money import text as money
from schemas.payments import AuthorizationState, CapturePart, PaymentState, Progress, Status
from schemas.records import Record
from schemas.topics import PAYMENTS_EVENTS, PAYMENTS_STATE, Topic


def state(cluster: Cluster, order_id: str) -> PaymentState | None:
    """The payment of an order as it stands."""
    found: Record | None = None
    for _, record in _of_topic(cluster, PAYMENTS_STATE, order_id):
        found = record
    return found if isinstance(found, PaymentState) else None


def history(cluster: Cluster, order_id: str) -> list[dict[str, Any]]:
    """What happened to a payment: at, event, why and where it lies on Kafka."""
    return [
        {
            "at": iso(getattr(record, "at_ms", 0)),
            "event": type(record).__name__,
            "why": words(record),
            **place._asdict(),
        }
        for place, record in _of_topic(cluster, PAYMENTS_EVENTS, order_id)
        if record is not None
    ]


def _of_topic(cluster: Cluster, topic: Topic, key: str) -> Iterator[tuple[Place, Record | None]]:
    """The records of a key, in its partition; None where it was deleted."""
    for message in records.messages_of(cluster, topic, key):
        value = message.value()
        try:
            yield records.place_of(message), None if value is None else codec.decode(value)
        except codec.UnreadableRecord:
            continue


def held(one: PaymentState) -> int:
    """What is authorized or promised, and not taken."""
    return sum(each.held_minor for each in one.authorizations if _is_usable(each))


def _is_usable(one: AuthorizationState) -> bool:
    return one.status == Status.AUTHORIZED and not one.void_reason


def captured(one: PaymentState) -> int:
    """What is taken, or due."""
    return sum(part.amount_minor for part in _taken(one))


def _taken(one: PaymentState) -> Iterator[CapturePart]:
    """What was taken for the order, in its currency."""
    for part in one.capture_parts:
        if part.status == Progress.DONE and not part.currency and not part.unwanted:
            yield part


def refundable(one: PaymentState, refund_id: str = "") -> int:
    """What of that can still be given back; what was, under an id that was used."""
    for each in one.refunds:
        if each.refund_id == refund_id:
            return each.amount_minor
    return sum(part.amount_minor - part.refunded_minor for part in _taken(one))


def capturable(one: PaymentState, capture_id: str = "") -> int:
    """What can still be taken; what was, under an id that was used."""
    for each in one.captures:
        if each.capture_id == capture_id:
            return each.amount_minor
    asked = sum(each.amount_minor - each.failed_minor for each in one.captures)
    return max(0, one.agreed_minor - asked)


def tenders(one: PaymentState) -> list[dict[str, Any]]:
    """What each tender holds, has taken and has given back; no token."""
    return [
        {
            "tender_id": tender.tender_id,
            "method": tender.method,
            "held_minor": sum(
                each.held_minor
                for each in one.authorizations
                if each.tender_id == tender.tender_id and _is_usable(each)
            ),
            "captured_minor": sum(
                part.amount_minor
                for part in one.capture_parts
                if part.tender_id == tender.tender_id and part.status == Progress.DONE
            ),
            "refunded_minor": sum(
                part.amount_minor
                for part in one.refund_parts
                if part.tender_id == tender.tender_id and part.status == Progress.DONE
            ),
            "received_minor": tender.received_minor,
        }
        for tender in one.tenders
    ]


def as_json(one: PaymentState) -> dict[str, Any]:
    """A payment for scripts."""
    return {
        "order_id": one.order_id,
        "status": one.status,
        "currency": one.currency,
        "total_minor": one.agreed_minor if one.agreed_minor >= 0 else one.amount_minor,
        "revision": one.revision,
        "held_minor": held(one),
        "captured_minor": captured(one),
        "refundable_minor": refundable(one),
        "refusal": one.refusal,
        "void_reason": one.void_reason,
        "tenders": tenders(one),
        "captures": [
            {"capture_id": each.capture_id, "amount_minor": each.amount_minor,
             "failed_minor": each.failed_minor, "status": each.status}
            for each in one.captures
        ],
        "refunds": [
            {"refund_id": each.refund_id, "amount_minor": each.amount_minor,
             "reason": each.reason, "status": each.status}
            for each in one.refunds
        ],
    }  # fmt: skip


def sums(one: PaymentState) -> str:
    """One line for people."""
    total = one.agreed_minor if one.agreed_minor >= 0 else one.amount_minor
    parts = [("held", held(one)), ("captured", captured(one))]
    told = ", ".join(f"{money(amount, one.currency)} {word}" for word, amount in parts)
    return f"{one.status}, of {money(total, one.currency)}: {told}"
