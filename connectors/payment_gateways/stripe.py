"""The gateway that is shaped like Stripe: PaymentIntents that hold, and are captured later.

Guarantee: at least once, as the connector's. Idempotency key: a digest of the request's own, with
the step before it. A duplicate is answered as the first was.

An authorization is made in two steps. The first creates a blank intent, which holds nothing; the
second confirms it with the card. So whatever was lost, the first step can be repeated without
charging anybody, and names the intent to look at: what is known of it comes from reading it by its
id, never from a search, which is behind by up to an hour. Stripe forgets keys after a day at the
earliest; then the first step makes another blank intent, and the search finds the old one. A
capture is noted in the intent's metadata by the request that captures, a refund in its own.

Sources: Stripe, "Place a hold on a payment method", "Capture a payment multiple times", "API
reference: PaymentIntents, Refunds, Idempotent requests, Metadata", "Search".
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from urllib.parse import quote

from connectors.payment_gateways.stripe_amounts import Unpayable, to_stripe
from connectors.payment_gateways.stripe_answers import (
    KEY,
    NUMBER,
    ORDER,
    REFUND,
    TENDER,
    Standing,
    capture_name,
    capture_note,
    captured,
    captures,
    digest,
    refund_answer,
    refusal_of,
    refused_refund,
    standing,
    voided,
)
from connectors.payment_gateways.stripe_api import Failed, Form, NoAnswer, Refused, StripeApi
from connectors.payment_gateways.stripe_objects import Intent, Intents, Refund, Refunds
from schemas.payments import (
    AuthorizationRequested,
    CaptureRequested,
    Method,
    RecordAuthorization,
    RecordCapture,
    RecordRefund,
    RecordVoid,
    RefundRequested,
    Refusal,
    VoidRequested,
)

WHOLE: Form = {"expand": {"0": "latest_charge"}}
"""Asks for the charge within the intent."""
MAXIMUM_KEYS = 3
"""How many keys a step may use up: Stripe answers a key whose first request it failed with that
failure for a day."""
ANOTHER_REQUEST = "idempotency_error"
"""The type of the error for other words under the same key."""
PAGES_MAX = 10
PAGE = 100
_TOKEN = re.compile(r"(?:pm|card|src|tok)_[A-Za-z0-9_]{1,200}")
_INTENT = re.compile(r"pi_[A-Za-z0-9]{1,200}")


class NotOfStripe(ValueError):
    """What was authorized elsewhere, such as at the sandbox, cannot be asked for here."""


class Stripe:
    """See Gateway."""

    def __init__(self, api: StripeApi) -> None:
        self._api = api

    async def authorize(self, request: AuthorizationRequested) -> RecordAuthorization:
        """See Gateway."""
        refusal = _refusal(request)
        if refusal is not None:
            return _authorized(request, Standing("declined", 0, refusal))
        try:
            blank = await self._created(request)
            intent = await self._confirmed(request, blank.id)
        except Refused as error:
            reason = refusal_of(error.fault)
            if reason is None:
                raise
            return _authorized(request, Standing("declined", 0, reason))
        return await self._told(request, intent)

    async def inquire(self, request: AuthorizationRequested) -> RecordAuthorization:
        """See Gateway."""
        refusal = _refusal(request)
        if refusal is not None:
            return _authorized(request, Standing("declined", 0, refusal))
        try:
            blank = await self._created(request)
        except Refused as error:
            reason = refusal_of(error.fault)
            if reason is not None:
                return _authorized(request, Standing("declined", 0, reason))
            # An earlier version may have sent other words under this key.
            other = await self._other(request) if error.fault.type == ANOTHER_REQUEST else None
            if other is None:
                raise
            return await self._told(request, other)
        intent = await self._intent(blank.id)
        if intent.is_blank:
            intent = await self._other(request) or intent
        return await self._told(request, intent)

    async def void(self, request: VoidRequested) -> RecordVoid:
        """See Gateway."""
        path = _path(request.authorization_id, "/cancel")
        key = f"void-{digest(request.idempotency_key)}"
        try:
            intent = await self._first_of(
                lambda number: self._api.post("void", path, Intent, {}, f"{key}-{number}")
            )
        except Refused as error:
            if error.fault.code != "payment_intent_unexpected_state":
                raise
            # The error may be of the first try: what is now has to be read.
            return voided(request.order_id, await self._intent(request.authorization_id))
        if intent.status == "succeeded":  # a part had been taken, and the rest is given back
            return RecordVoid(request.order_id, "voided", intent.id)
        return voided(request.order_id, intent)

    async def capture(self, request: CaptureRequested) -> RecordCapture:
        """See Gateway."""
        intent = await self._intent(request.authorization_id)
        found = _capture_standing(request, intent)
        if found.outcome != "not_found":
            return found
        try:
            amount = to_stripe(request.amount_minor, request.currency)
        except Unpayable:
            return captured(request, "declined", Refusal.AMOUNT_UNPAYABLE)
        if amount > intent.amount_capturable:
            return captured(request, "declined", Refusal.AMOUNT_TOO_LARGE)
        try:
            return _capture_standing(request, await self._captured(request, intent, amount))
        except Refused as error:
            return await self._not_captured(request, error)

    async def inquire_capture(self, request: CaptureRequested) -> RecordCapture:
        """See Gateway."""
        return _capture_standing(request, await self._intent(request.authorization_id))

    async def refund(self, request: RefundRequested) -> RecordRefund:
        """See Gateway."""
        found = await self.inquire_refund(request)
        if found.outcome != "not_found":
            return found
        try:
            amount = to_stripe(request.amount_minor, request.currency)
            refund = await self._refunded(request, amount)
        except Unpayable:
            return refused_refund(request, "declined", Refusal.AMOUNT_UNPAYABLE)
        except Refused as error:
            reason = refusal_of(error.fault)
            if error.fault.param == "amount":  # more than is left (Stripe, "Create a refund")
                reason = Refusal.AMOUNT_TOO_LARGE
            if reason is None:
                raise
            return refused_refund(request, "declined", reason)
        return refund_answer(refund, request.attempt) or refused_refund(request, "unknown")

    async def inquire_refund(self, request: RefundRequested) -> RecordRefund:
        """See Gateway."""
        _path(request.authorization_id)
        query: dict[str, str | int] = {"payment_intent": request.authorization_id, "limit": PAGE}
        for _ in range(PAGES_MAX):
            page = await self._api.get("list_refunds", "/v1/refunds", Refunds, query)
            for refund in page.data:
                answer = refund_answer(refund, request.attempt)
                if answer is not None and answer.refund_id == request.refund_id:
                    return answer
            if not page.has_more or not page.data:
                return refused_refund(request, "not_found")
            query["starting_after"] = page.data[-1].id
        return refused_refund(request, "unknown")

    async def close(self) -> None:
        """See Gateway."""
        await self._api.close()

    # -- steps --------------------------------------------------------------------------------

    async def _created(self, request: AuthorizationRequested) -> Intent:
        """The blank intent of this key, as it was when it was made. Holds nothing."""
        name = digest(request.idempotency_key)
        form: Form = {
            "amount": to_stripe(request.amount_minor, request.currency),
            "currency": request.currency.lower(),
            "capture_method": "manual",
            "payment_method_types": {"0": "card"},
            "payment_method_options": {"card": {"request_multicapture": "if_available"}},
            "metadata": {
                ORDER: request.order_id,
                TENDER: request.tender_id,
                NUMBER: request.number,
                KEY: name,
            },
        }
        return await self._first_of(
            lambda number: self._api.post(
                "create", "/v1/payment_intents", Intent, form, f"create-{name}-{number}"
            )
        )

    async def _confirmed(self, request: AuthorizationRequested, intent_id: str) -> Intent:
        """The intent, tried with the card once, whatever is sent again. Raises Refused."""
        paid_with: Form = {"payment_method": request.token}
        if request.token.startswith("tok_"):
            paid_with = {"payment_method_data": {"type": "card", "card": {"token": request.token}}}
        form: Form = {**paid_with, "error_on_requires_action": True, **WHOLE}
        path, key = _path(intent_id, "/confirm"), f"confirm-{digest(request.idempotency_key)}"
        try:
            return await self._first_of(
                lambda number: self._api.post("confirm", path, Intent, form, f"{key}-{number}")
            )
        except Refused as error:
            if error.fault.code != "payment_intent_unexpected_state":
                raise
            return await self._intent(intent_id)

    async def _captured(self, request: CaptureRequested, intent: Intent, amount: int) -> Intent:
        form: dict[str, str | int | bool | Form] = {
            "amount_to_capture": amount,
            "metadata": {capture_name(request.capture_id): capture_note(request)},
            **WHOLE,
        }
        if intent.card.multicapture.status == "available":
            form["final_capture"] = request.final
        path = _path(intent.id, "/capture")
        key = f"capture-{digest(request.idempotency_key)}"
        return await self._api.post("capture", path, Intent, form, key)

    async def _not_captured(self, request: CaptureRequested, error: Refused) -> RecordCapture:
        """What is now says more than an error that may be of the first try."""
        found = _capture_standing(request, await self._intent(request.authorization_id))
        if found.outcome != "not_found":
            return found
        if error.fault.code == "charge_expired_for_capture":
            return captured(request, "expired", Refusal.AUTHORIZATION_EXPIRED)
        reason = refusal_of(error.fault)
        if reason is None:
            raise error
        return captured(request, "declined", reason)

    async def _refunded(self, request: RefundRequested, amount: int) -> Refund:
        form: Form = {
            "payment_intent": request.authorization_id,
            "amount": amount,
            "metadata": {
                ORDER: request.order_id,
                TENDER: request.tender_id,
                REFUND: request.refund_id,
            },
        }
        key = f"refund-{digest(request.idempotency_key)}"
        return await self._api.post("refund", "/v1/refunds", Refund, form, key)

    async def _intent(self, intent_id: str) -> Intent:
        """As it is now."""
        return await self._api.get("read", _path(intent_id), Intent, WHOLE)

    async def _other(self, request: AuthorizationRequested) -> Intent | None:
        """The intent that was tried under this key before Stripe forgot it.

        It is older than a day then, and a search is behind by an hour at most.
        """
        query: Form = {
            "query": f'metadata["{KEY}"]:"{digest(request.idempotency_key)}"',
            "limit": PAGE,
        }
        found = await self._api.get("search", "/v1/payment_intents/search", Intents, query)
        for each in found.data:
            intent = await self._intent(each.id)
            if not intent.is_blank:
                return intent
        return None

    async def _told(self, request: AuthorizationRequested, intent: Intent) -> RecordAuthorization:
        """The answer. What waits for the card holder is cancelled first: nobody will be there."""
        if intent.status == "requires_action":
            key = f"abandon-{digest(request.idempotency_key)}"
            await self._api.post("abandon", _path(intent.id, "/cancel"), Intent, {}, key)
            return _authorized(request, Standing("declined", 0, Refusal.AUTHENTICATION_REQUIRED))
        found = standing(intent)
        if found.outcome == "not_found" and not request.inquiry:
            found = Standing("unknown")
        return _authorized(request, found, intent.id)

    async def _first_of(self, ask: Callable[[int], Awaitable[Intent]]) -> Intent:
        """The answer under the first key whose failure Stripe has not saved.

        Only for what can be done twice without harm: an intent is held or cancelled once.
        """
        for number in range(1, MAXIMUM_KEYS):
            try:
                return await ask(number)
            except Failed as error:
                if not error.replayed:
                    raise
        return await ask(MAXIMUM_KEYS)


def _refusal(request: AuthorizationRequested) -> Refusal | None:
    """Why Stripe need not be asked. What looks like a card's number is sent to nobody."""
    if request.method != Method.CARD or not _TOKEN.fullmatch(request.token):
        return Refusal.INVALID_CARD
    try:
        to_stripe(request.amount_minor, request.currency)
    except Unpayable:
        return Refusal.AMOUNT_UNPAYABLE
    return None


def _authorized(
    request: AuthorizationRequested, found: Standing, intent_id: str = ""
) -> RecordAuthorization:
    approved = found.outcome == "approved"
    return RecordAuthorization(
        request.order_id,
        found.outcome,
        intent_id if approved else "",
        found.amount_minor,
        request.currency,
        found.reason,
        request.attempt,
        request.tender_id,
        found.expires_at_ms,
        request.number,
    )


def _capture_standing(request: CaptureRequested, intent: Intent) -> RecordCapture:
    """What has become of a capture. Raises NoAnswer where another sum stands under its id."""
    if capture_name(request.capture_id) in intent.metadata:
        if intent.metadata[capture_name(request.capture_id)] != capture_note(request):
            raise NoAnswer("capture: another sum was captured under this id")
        return captured(request, "captured")
    if intent.status == "requires_capture":
        return captured(request, "not_found")
    if intent.status == "succeeded" and not any(captures(intent)):
        return captured(request, "declined", Refusal.ALREADY_CAPTURED)
    if intent.status == "processing":
        return captured(request, "unknown")
    return captured(request, "expired", Refusal.AUTHORIZATION_EXPIRED)


def _path(intent_id: str, step: str = "") -> str:
    """Raises NotOfStripe."""
    if not _INTENT.fullmatch(intent_id):
        raise NotOfStripe("the authorization is none of Stripe's")
    return f"/v1/payment_intents/{quote(intent_id)}{step}"
