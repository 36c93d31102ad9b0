"""What the connector needs of a payment gateway.

A real one is a `Gateway`: asynchronous, slow, and sometimes silent. One that has every answer at
hand, such as the sandbox, is an `InstantGateway`, and is asked without a task for each request.

Both are asked at least once for each request and must therefore send `idempotency_key` along, so
that the same key is the same authorization or void. What a gateway does not know it must not make
up: "unknown" is an answer, and so is any exception. The payments room then asks again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from msgspec.structs import replace

from schemas.payments import (
    AuthorizationRequested,
    RecordAuthorization,
    RecordVoid,
    VoidRequested,
)

Request = AuthorizationRequested | VoidRequested
Answer = RecordAuthorization | RecordVoid

AUTHORIZATION_OUTCOMES = frozenset({"approved", "declined", "unknown", "not_found"})
VOID_OUTCOMES = frozenset({"voided", "expired", "captured", "unknown"})


class MalformedAnswer(ValueError):
    """The gateway's answer is none to what it was asked."""


class Gateway(Protocol):
    """A gateway behind a network. Every method may be cancelled at any moment, and then ends.

    All are called on one event loop. Two requests of one order are never under way at once.
    """

    async def authorize(self, request: AuthorizationRequested) -> RecordAuthorization:
        """Hold the amount: "approved" with what is really held, "declined", or "unknown".

        What is held must be what was asked for, to the minor unit, or it is voided.
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

    async def close(self) -> None:
        """Let go of connections."""


@runtime_checkable
class InstantGateway(Protocol):
    """A gateway that answers without waiting for anything."""

    def answer(self, request: Request) -> Sequence[Answer]:
        """The answers to a request; more than one where it answers twice."""


def unknown(request: Request) -> Answer:
    """The answer that says nothing, so that the payments room looks into it."""
    if isinstance(request, VoidRequested):
        return RecordVoid(request.order_id, "unknown", request.authorization_id)
    return RecordAuthorization(
        request.order_id, "unknown", "", 0, request.currency, "", request.attempt
    )


def checked(request: Request, answer: Answer) -> Answer:
    """The answer with the number of `request`, if it is one to it. Raises MalformedAnswer."""
    if isinstance(request, VoidRequested):
        if isinstance(answer, RecordVoid) and _is_of_the_void(request, answer):
            return answer
    elif isinstance(answer, RecordAuthorization) and _is_of_the_wish(request, answer):
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
