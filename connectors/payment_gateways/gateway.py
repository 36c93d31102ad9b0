"""What the connector needs of a payment gateway.

A real one is a `Gateway`: asynchronous, slow, and sometimes silent. One that has every answer at
hand, such as the sandbox, is an `InstantGateway`, and is asked without a task for each request.

Both are asked at least once for each request and must therefore send `idempotency_key` along, so
that the same key is the same authorization, capture, refund or void. What a gateway does not know
it must not make up: "unknown" is an answer, and so is any exception. The payments room then asks
again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from msgspec.structs import replace

from schemas.payments import (
    AuthorizationRequested,
    CaptureRequested,
    RecordAuthorization,
    RecordCapture,
    RecordRefund,
    RecordVoid,
    RefundRequested,
    VoidRequested,
)

Request = AuthorizationRequested | VoidRequested | CaptureRequested | RefundRequested
Answer = RecordAuthorization | RecordVoid | RecordCapture | RecordRefund

AUTHORIZATION_OUTCOMES = frozenset({"approved", "declined", "unknown", "not_found"})
VOID_OUTCOMES = frozenset({"voided", "expired", "captured", "unknown"})
CAPTURE_OUTCOMES = frozenset({"captured", "declined", "expired", "unknown", "not_found"})
REFUND_OUTCOMES = frozenset({"refunded", "pending", "declined", "unknown", "not_found"})


class MalformedAnswer(ValueError):
    """The gateway's answer is none to what it was asked."""


class Gateway(Protocol):
    """A gateway behind a network. Every method may be cancelled at any moment, and then ends.

    All are called on one event loop. Two requests of one order are never under way at once.
    """

    async def authorize(self, request: AuthorizationRequested) -> RecordAuthorization:
        """Hold the amount: "approved" with what is really held, "declined", or "unknown".

        What is held must be what was asked for, to the minor unit, or it is voided; but where the
        request is `partial` it may be less. `expires_at_ms` says until when it holds.
        """

    async def inquire(self, request: AuthorizationRequested) -> RecordAuthorization:
        """What became of the authorization with this key, without making one.

        Must find it for as long as it can be voided, also when the gateway no longer knows the
        idempotency key: by a reference or metadata that `authorize` has sent.
        "not_found" only where the gateway is sure; the payments room then authorizes anew, with
        the same key, or lets the payment be and looks again ten minutes later.
        """

    async def void(self, request: VoidRequested) -> RecordVoid:
        """Give the authorization back: "voided", also when it was before, or "unknown".

        "expired" where it holds nothing any more, "captured" where the money has been taken and
        only a refund could give it back; after either the room does not ask again.
        """

    async def capture(self, request: CaptureRequested) -> RecordCapture:
        """Take the amount out of the authorization: "captured" with that amount, to the minor unit.

        "declined" where it was not and will not be, "expired" where the authorization holds nothing
        any more, or "unknown". `capture_id` names one capture of one authorization for ever: the
        same again is the same capture. After a `final` one nothing more is taken of the
        authorization, and what it still holds is given back by the gateway. Without `final` more is
        to follow; a gateway that takes of an authorization only once says "expired" to the next.
        """

    async def inquire_capture(self, request: CaptureRequested) -> RecordCapture:
        """What became of the capture with this key, without making one.

        "not_found" only where the gateway is sure; the payments room then captures, with the same
        key. Must find it for as long as the authorization can be captured.
        """

    async def refund(self, request: RefundRequested) -> RecordRefund:
        """Give the amount of a capture back: "refunded", "declined", or "unknown".

        "pending" where the gateway has accepted it and tells later what became of it, by an answer
        without being asked or to an inquiry. `refund_id` names one refund of one capture for ever.
        """

    async def inquire_refund(self, request: RefundRequested) -> RecordRefund:
        """What became of the refund with this key, without making one; "not_found" if sure."""

    async def close(self) -> None:
        """Let go of connections."""


@runtime_checkable
class InstantGateway(Protocol):
    """A gateway that answers without waiting for anything."""

    def answer(self, request: Request) -> Sequence[Answer]:
        """The answers to a request; more than one where it answers twice."""


def unknown(request: Request) -> Answer:
    """The answer that says nothing, so that the payments room looks into it."""
    order_id = request.order_id
    if isinstance(request, VoidRequested):
        return RecordVoid(order_id, "unknown", request.authorization_id)
    number, currency = request.attempt, request.currency
    if isinstance(request, CaptureRequested):
        named = (order_id, request.tender_id, request.capture_id)
        return RecordCapture(*named, "unknown", 0, currency, "", number)
    if isinstance(request, RefundRequested):
        named = (order_id, request.tender_id, request.refund_id)
        return RecordRefund(*named, "unknown", 0, currency, "", number)
    return RecordAuthorization(
        order_id, "unknown", "", 0, currency, "", number, request.tender_id, 0, request.number
    )


def checked(request: Request, answer: Answer) -> Answer:
    """The answer with the number of `request`, if it is one to it. Raises MalformedAnswer."""
    if isinstance(request, AuthorizationRequested):
        if isinstance(answer, RecordAuthorization) and _is_of_the_wish(request, answer):
            return replace(
                answer,
                attempt=request.attempt,
                tender_id=request.tender_id,
                number=request.number,
            )
    elif isinstance(request, VoidRequested):
        if isinstance(answer, RecordVoid) and _is_of_the_void(request, answer):
            return answer
    elif isinstance(request, CaptureRequested):
        if isinstance(answer, RecordCapture) and _is_of_the_capture(request, answer):
            return replace(answer, attempt=request.attempt)
    elif isinstance(answer, RecordRefund) and _is_of_the_refund(request, answer):
        return replace(answer, attempt=request.attempt)
    raise MalformedAnswer(f"no answer to {type(request).__name__}")


def _is_of_the_void(request: VoidRequested, answer: RecordVoid) -> bool:
    return (
        answer.order_id == request.order_id
        and answer.authorization_id == request.authorization_id
        and answer.outcome in VOID_OUTCOMES
    )


def _is_of_the_wish(request: AuthorizationRequested, answer: RecordAuthorization) -> bool:
    """What is approved can be voided only by its id, and only an inquiry can find nothing."""
    return (
        answer.order_id == request.order_id
        and answer.outcome in AUTHORIZATION_OUTCOMES
        and answer.amount_minor >= 0
        and (answer.outcome != "approved" or answer.authorization_id != "")
        and (answer.outcome != "not_found" or request.inquiry)
    )


def _is_of_the_capture(request: CaptureRequested, answer: RecordCapture) -> bool:
    return (
        (answer.order_id, answer.tender_id, answer.capture_id)
        == (request.order_id, request.tender_id, request.capture_id)
        and answer.outcome in CAPTURE_OUTCOMES
        and (answer.outcome != "captured" or _is_of_the_sum(request, answer))
        and (answer.outcome != "not_found" or request.inquiry)
    )


def _is_of_the_refund(request: RefundRequested, answer: RecordRefund) -> bool:
    return (
        (answer.order_id, answer.tender_id, answer.refund_id)
        == (request.order_id, request.tender_id, request.refund_id)
        and answer.outcome in REFUND_OUTCOMES
        and (answer.outcome != "refunded" or _is_of_the_sum(request, answer))
        and (answer.outcome != "not_found" or request.inquiry)
    )


def _is_of_the_sum(
    request: CaptureRequested | RefundRequested, answer: RecordCapture | RecordRefund
) -> bool:
    """A gateway takes and gives back what it is asked to, or does not."""
    return (answer.amount_minor, answer.currency) == (request.amount_minor, request.currency)
