"""Reads payments that were written before there were tenders."""

from __future__ import annotations

from msgspec.structs import replace

from schemas.payments import (
    AuthorizationState,
    PaymentState,
    PaymentStatus,
    Status,
    TenderState,
)
from streams.payments.model import CHANNEL, FREE
from streams.payments.search import TOTAL
from streams.payments.voids import SECOND

_STATUSES = {
    Status.REQUESTED: PaymentStatus.PENDING,
    Status.AUTHORIZED: PaymentStatus.AUTHORIZED,
    Status.DECLINED: PaymentStatus.DECLINED,
    Status.VOIDING: PaymentStatus.VOIDED,
    Status.VOIDED: PaymentStatus.VOIDED,
    Status.CAPTURED: PaymentStatus.VOIDED,
}


def converted(state: PaymentState) -> PaymentState:
    """The payment with one tender. The void of one that was captured is asked for again, so that
    the answer makes a refund of it."""
    status = Status(state.status)
    if status == Status.CAPTURED:
        status = Status.VOIDING
    answered = status == Status.AUTHORIZED or bool(state.refusal)
    held = status in (Status.AUTHORIZED, Status.VOIDING)
    declined = state.refusal and status in (Status.VOIDING, Status.VOIDED)
    told = PaymentStatus.DECLINED if declined else _STATUSES[status]
    return replace(
        state,
        status=told,
        token="",
        authorization_id="",
        held_minor=0,
        held_currency="",
        voiding=[],
        tenders=[TenderState("1", state.method, 0, state.token, *_paid(state), 0)],
        authorizations=[_authorization(state, status), *_second(state)],
        agreed_minor=state.amount_minor if held and not state.refusal else -1,
        seeking=TOTAL if status == Status.REQUESTED and not state.void_reason else "",
        told=told if answered else "",
        # Before voids were counted apart, they went on with the numbers of the authorization.
        void_attempt=state.void_attempt or (state.attempt if status == Status.VOIDING else 0),
    )


def _paid(state: PaymentState) -> tuple[int, str]:
    """A channel that authorized a payment had said so much at least."""
    if state.method == CHANNEL and state.status == Status.AUTHORIZED:
        return state.amount_minor, state.currency
    return 0, ""


def _authorization(state: PaymentState, status: Status) -> AuthorizationState:
    foreign = state.held_currency if state.held_currency != state.currency else ""
    amount = state.held_minor if state.held_currency else state.amount_minor
    held = status in (Status.AUTHORIZED, Status.VOIDING)
    return AuthorizationState(
        "1", 1, 0, status, state.amount_minor, state.authorization_id, foreign,
        amount if held else 0, 0, state.attempt, state.attempt,
        (state.void_reason or state.refusal) if status == Status.VOIDING else "",
        state.void_attempt or state.attempt, 0,
        0 if status == Status.AUTHORIZED or state.authorization_id in (CHANNEL, FREE)
        else state.wake_at_ms,
    )  # fmt: skip


def _second(state: PaymentState) -> list[AuthorizationState]:
    """Second authorizations that are to be void."""
    others = [each for each in state.voiding if each != state.authorization_id]
    return [
        AuthorizationState(
            "1", -number, 0, Status.VOIDING, 0, authorization_id, void_reason=SECOND,
            void_tries=state.void_attempt, wake_at_ms=state.wake_at_ms,
        )
        for number, authorization_id in enumerate(others, 1)
    ]  # fmt: skip
