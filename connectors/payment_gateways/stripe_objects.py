"""What Stripe's API answers with, as far as it is read here. Everything else is passed over.

Source: Stripe API reference, "The PaymentIntent object", "The Charge object", "The Refund object",
"Errors" and "The Event object".
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct, field


class Fault(Struct, frozen=True):
    """Why a request or a payment failed. Stripe's sentence is not read: it may name the card."""

    type: str = ""
    code: str | None = None
    decline_code: str | None = None
    param: str | None = None


class Failure(Struct, frozen=True):
    """Body of an answer that is none of the 2xx."""

    error: Fault


class Multicapture(Struct, frozen=True):
    """Whether an authorization can be captured more than once: available or unavailable."""

    status: str = "unavailable"


class Card(Struct, frozen=True):
    """How the card was charged."""

    capture_before: int | None = None
    """seconds since 1970; the authorization holds until then"""
    multicapture: Multicapture = Multicapture()


class MethodDetails(Struct, frozen=True):
    """How a charge was paid."""

    card: Card | None = None


class Charge(Struct, frozen=True):
    """What an intent has led to at the card network."""

    id: str
    payment_method_details: MethodDetails | None = None


class Intent(Struct, frozen=True):
    """A PaymentIntent."""

    id: str
    status: str
    amount: int
    currency: str
    amount_capturable: int = 0
    amount_received: int = 0
    metadata: Mapping[str, str] = field(default_factory=dict)
    last_payment_error: Fault | None = None
    latest_charge: Charge | str | None = None
    """the id where it was not asked for in full"""
    cancellation_reason: str | None = None

    @property
    def card(self) -> Card:
        """How the card was charged; empty where it was not, or where nobody asked."""
        charge = self.latest_charge
        details = charge.payment_method_details if isinstance(charge, Charge) else None
        return (details.card if details is not None else None) or Card()

    @property
    def is_blank(self) -> bool:
        """Nobody has tried to charge anything with it."""
        waits = self.status in ("requires_payment_method", "requires_confirmation")
        return waits and self.last_payment_error is None and self.latest_charge is None


class Intents(Struct, frozen=True):
    """A page of what a search has found."""

    data: list[Intent]


class Refund(Struct, frozen=True):
    """A Refund."""

    id: str
    amount: int
    currency: str
    status: str | None = None
    metadata: Mapping[str, str] | None = None
    failure_reason: str | None = None


class Refunds(Struct, frozen=True):
    """A page of a list, the newest first."""

    data: list[Refund]
    has_more: bool = False


class Subject(Struct, frozen=True):
    """What an event is about, as far as it says where to look."""

    id: str
    object: str
    payment_intent: str | None = None


class EventContent(Struct, frozen=True):
    """`data` of an event."""

    object: Subject


class Event(Struct, frozen=True):
    """Something that has happened, as a webhook tells it."""

    id: str
    type: str
    livemode: bool
    data: EventContent
