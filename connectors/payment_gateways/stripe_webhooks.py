"""What Stripe tells without being asked: who sends it, and what follows from it.

Sources: Stripe, "Receive Stripe events in your webhook endpoint" (sections "Verify webhook
signatures manually", "Handle duplicate events", "Event ordering"), "Types of events".
"""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Callable, Mapping, Sequence

import msgspec

from connectors.payment_gateways.gateway import Answer
from connectors.payment_gateways.stripe import WHOLE
from connectors.payment_gateways.stripe_answers import (
    NUMBER,
    ORDER,
    TENDER,
    captures,
    is_ours,
    refund_answer,
    standing,
    voided,
)
from connectors.payment_gateways.stripe_api import Refused, StripeApi
from connectors.payment_gateways.stripe_objects import Event, Intent, Refund
from connectors.payment_gateways.webhooks import Malformed, NotAuthentic, Notice
from schemas.payments import RecordAuthorization, RecordCapture

TOLERANCE_SECONDS = 300
"""between the signature and now, either way"""
SIGNATURES_MAX = 10
SCHEME = "v1"
INTENT_EVENTS = frozenset(
    {
        "payment_intent.amount_capturable_updated",
        "payment_intent.canceled",
        "payment_intent.payment_failed",
        "payment_intent.succeeded",
        "charge.captured",
        "charge.expired",
    }
)
REFUND_EVENTS = frozenset(
    {"refund.created", "refund.updated", "refund.failed", "charge.refund.updated"}
)


class StripeTeller:
    """See Teller."""

    name = "stripe"

    def __init__(
        self,
        api: StripeApi,
        secrets: Sequence[str],
        *,
        live: bool = False,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Take every secret that is good now: two while one gives way to another."""
        self._api = api
        self._secrets = [each.encode() for each in secrets if each]
        self._live = live
        self._clock = clock

    def notice(self, headers: Mapping[str, str], body: bytes) -> Notice:
        """See Teller."""
        self._check(headers.get("Stripe-Signature", ""), body)
        try:
            event = msgspec.json.decode(body, type=Event)
        except msgspec.MsgspecError:
            raise Malformed("the body is no event") from None
        followed = event.type in INTENT_EVENTS or event.type in REFUND_EVENTS
        subject = event.data.object
        subject_id = subject.id if subject.object in ("payment_intent", "refund") else ""
        if subject.object == "charge":
            subject_id = subject.payment_intent or ""
        if not followed or event.livemode != self._live or not subject_id.isidentifier():
            subject_id = ""
        return Notice(event.id, event.type, subject_id)

    async def answers(self, notice: Notice) -> Sequence[Answer]:
        """See Teller."""
        try:
            return await self._answers(notice)
        except Refused as error:
            if error.status == 404:  # of another account that shares the address
                return ()
            raise

    async def _answers(self, notice: Notice) -> Sequence[Answer]:
        if notice.kind in REFUND_EVENTS:
            path = f"/v1/refunds/{notice.subject_id}"
            answer = refund_answer(await self._api.get("read_refund", path, Refund))
            return () if answer is None or answer.outcome == "unknown" else (answer,)
        path = f"/v1/payment_intents/{notice.subject_id}"
        return answers_of(await self._api.get("read", path, Intent, WHOLE))

    async def close(self) -> None:
        """See Teller."""
        await self._api.close()

    def _check(self, header: str, body: bytes) -> None:
        """The signature is of this body, by one of the secrets, and new. Raises NotAuthentic."""
        signed_at, signatures = _parsed(header)
        expected = [
            hmac.new(secret, b"%d." % signed_at + body, hashlib.sha256).hexdigest().encode()
            for secret in self._secrets
        ]
        # All of them, so that the time tells nothing.
        same = [hmac.compare_digest(each, one) for each in expected for one in signatures]
        if not any(same):
            raise NotAuthentic("no valid signature")
        if abs(self._clock() - signed_at) > TOLERANCE_SECONDS:
            raise NotAuthentic("the signature is too old, or a clock is wrong")


def answers_of(intent: Intent) -> list[Answer]:
    """What an intent says now; nothing where no order here is behind it."""
    if not is_ours(intent):
        return []
    order_id, tender_id = intent.metadata[ORDER], intent.metadata[TENDER]
    currency = intent.currency.upper()
    found = standing(intent)
    answers: list[Answer] = []
    if intent.status == "canceled":
        answers.append(voided(order_id, intent))
    elif found.outcome in ("approved", "declined"):
        number = intent.metadata.get(NUMBER, "")
        answers.append(
            RecordAuthorization(
                order_id=order_id,
                outcome=found.outcome,
                authorization_id=intent.id if found.outcome == "approved" else "",
                amount_minor=found.amount_minor,
                currency=currency,
                reason=found.reason,
                tender_id=tender_id,
                expires_at_ms=found.expires_at_ms,
                number=int(number) if number.isdecimal() else 0,
            )
        )
    for capture_id, amount_minor in captures(intent):
        named = (order_id, tender_id, capture_id)
        answers.append(RecordCapture(*named, "captured", amount_minor, currency, "", 0))
    return answers


def _parsed(header: str) -> tuple[int, list[bytes]]:
    """When it was signed, in seconds since 1970, and the signatures. Raises NotAuthentic."""
    signed_at = ""
    signatures: list[bytes] = []
    for part in header.split(","):
        name, _, value = part.strip().partition("=")
        if name == "t":
            signed_at = value
        elif name == SCHEME:
            signatures.append(value.encode(errors="replace"))
    plain = signed_at.isascii() and signed_at.isdigit() and len(signed_at) < 16
    if not plain or not 0 < len(signatures) <= SIGNATURES_MAX:
        raise NotAuthentic("no valid signature")
    return int(signed_at), signatures
