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

from schemas.payments import (
    AuthorizationRequested,
    RecordAuthorization,
    RecordVoid,
    VoidRequested,
)

Request = AuthorizationRequested | VoidRequested
Answer = RecordAuthorization | RecordVoid

AUTHORIZATION_OUTCOMES = frozenset({"approved", "declined", "unknown", "not_found"})
VOID_OUTCOMES = frozenset({"voided", "unknown"})


class MalformedAnswer(ValueError):
    """The gateway's answer is none to what it was asked."""


class Gateway(Protocol):
    """A gateway behind a network. Every method may be cancelled at any moment, and then ends.

    All are called on one event loop. Two requests of one order are never under way at once.
    """

    async def authorize(self, request: AuthorizationRequested) -> RecordAuthorization:
        """Hold the amount: "approved" with what is really held, "declined", or "unknown"."""

    async def inquire(self, request: AuthorizationRequested) -> RecordAuthorization:
        """What became of the authorization with this key, without making one.

        Must find it for as long as it can be voided, also when the gateway no longer knows the
        idempotency key: by a reference or metadata that `authorize` has sent.
        "not_found" only where the gateway is sure; the payments room then authorizes anew.
        """

    async def void(self, request: VoidRequested) -> RecordVoid:
        """Give the authorization back: "voided", also when it was before, or "unknown"."""

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
    return RecordAuthorization(request.order_id, "unknown", "", 0, request.currency, "")


def checked(request: Request, answer: Answer) -> Answer:
    """The answer, if it is one to `request`. Raises MalformedAnswer.

    An outcome that the payments room does not know would count as declined there.
    """
    if isinstance(request, VoidRequested):
        fits = isinstance(answer, RecordVoid) and answer.outcome in VOID_OUTCOMES
    else:
        fits = (
            isinstance(answer, RecordAuthorization)
            and answer.outcome in AUTHORIZATION_OUTCOMES
            and answer.amount_minor >= 0
        )
    if not fits or answer.order_id != request.order_id:
        raise MalformedAnswer(f"no answer to {type(request).__name__}")
    return answer
