"""What the fake of Stripe keeps: intents, charges, refunds and the events that they lead to."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable
from typing import Any

from tests.fakes.stripe_forms import Parameters, Rejection, metadata

Json = dict[str, Any]
WEEK_SECONDS = 7 * 24 * 3600
METADATA_MAX = 50
CAPTURES_MAX = 50
AMOUNT_MAX = 99_999_999
WHOLE_ONLY = frozenset({"isk", "ugx"})
_ZERO_DECIMALS = "bif clp djf gnf jpy kmf krw mga pyg rwf vnd vuv xaf xof xpf"
ZERO_DECIMALS = frozenset(_ZERO_DECIMALS.split())
THREE_DECIMALS = frozenset({"bhd", "jod", "kwd", "omr", "tnd"})
UNKNOWN_CURRENCIES = frozenset({"xxx", "kpw", "sdg"})

APPROVED = "pm_card_visa"
THREE_D_SECURE = "pm_card_authenticationRequired"
PENDING_REFUND = "pm_card_pendingRefund"
FAILED_REFUND = "pm_card_refundFail"
GOOD = frozenset({APPROVED, "pm_card_mastercard", PENDING_REFUND, FAILED_REFUND})
DECLINES = {
    "pm_card_visa_chargeDeclined": ("card_declined", "generic_decline"),
    "pm_card_visa_chargeDeclinedInsufficientFunds": ("card_declined", "insufficient_funds"),
    "pm_card_visa_chargeDeclinedLostCard": ("card_declined", "lost_card"),
    "pm_card_chargeDeclinedExpiredCard": ("expired_card", ""),
    "pm_card_chargeDeclinedIncorrectCvc": ("incorrect_cvc", ""),
    "pm_card_chargeDeclinedProcessingError": ("processing_error", ""),
}
TOKENS = {"tok_visa": APPROVED, "tok_chargeDeclined": "pm_card_visa_chargeDeclined"}


class Ledger:
    """An account. Each method is an endpoint and gives what it answers. Raises Rejection."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.intents: dict[str, Json] = {}
        self.refunds: dict[str, Json] = {}
        self.events: list[Json] = []
        self.multicapture = True
        self.search_lag_seconds = 60.0
        self.holds_made = 0
        self.captures_made = 0
        self._clock = clock
        self._ids = itertools.count(1)
        self._methods: dict[str, str] = {}

    # -- endpoints ----------------------------------------------------------------------------

    def create(self, given: Parameters) -> Json:
        amount, currency = int(given["amount"]), given["currency"]
        check_amount(amount, currency)
        kept = metadata(given)
        if len(kept) > METADATA_MAX:
            raise invalid("metadata")
        wants = given.get("payment_method_options[card][request_multicapture]", "never")
        intent = {
            "id": f"pi_{next(self._ids):024d}",
            "object": "payment_intent",
            "amount": amount,
            "amount_capturable": 0,
            "amount_received": 0,
            "cancellation_reason": None,
            "capture_method": given.get("capture_method", "automatic"),
            "created": int(self._clock()),
            "currency": currency,
            "last_payment_error": None,
            "latest_charge": None,
            "livemode": False,
            "metadata": kept,
            "payment_method_options": {"card": {"request_multicapture": wants}},
            "status": "requires_payment_method",
        }
        self.intents[intent["id"]] = intent
        self._tell("payment_intent.created", intent)
        return intent

    def confirm(self, intent_id: str, given: Parameters) -> Json:
        intent = self._found(intent_id)
        self._must_be(intent, "requires_payment_method", "requires_confirmation")
        method = given.get("payment_method", "")
        if "payment_method_data[type]" in given:
            method = TOKENS.get(given.get("payment_method_data[card][token]", ""), "")
        if method in DECLINES:
            raise self._failed(intent, *DECLINES[method])
        if method == THREE_D_SECURE:
            if given.get("error_on_requires_action") == "true":
                raise self._failed(intent, "authentication_required", "authentication_required")
            intent["status"] = "requires_action"
            self._tell("payment_intent.requires_action", intent)
            return intent
        if method not in GOOD:
            raise Rejection(400, "invalid_request_error", "resource_missing", "payment_method")
        self._hold(intent, method)
        return intent

    def capture(self, intent_id: str, given: Parameters) -> Json:
        intent = self._found(intent_id)
        self._must_be(intent, "requires_capture")
        card = intent["latest_charge"]["payment_method_details"]["card"]
        if "final_capture" in given and card["multicapture"]["status"] != "available":
            raise invalid("final_capture")
        amount = int(given.get("amount_to_capture", intent["amount_capturable"]))
        check_amount(amount, intent["currency"])
        if amount > intent["amount_capturable"]:
            raise Rejection(400, "invalid_request_error", "amount_too_large", "amount_to_capture")
        kept = {**intent["metadata"], **metadata(given)}
        if len(kept) > METADATA_MAX:
            raise invalid("metadata")
        intent["captures"] = intent.get("captures", 0) + 1
        if intent["captures"] > CAPTURES_MAX:
            raise invalid("final_capture")
        intent["metadata"] = kept
        intent["amount_received"] += amount
        intent["amount_capturable"] -= amount
        self.captures_made += 1
        if given.get("final_capture", "true") == "true" or not intent["amount_capturable"]:
            intent["amount_capturable"] = 0
            intent["status"] = "succeeded"
            self._tell("payment_intent.succeeded", intent)
        else:
            self._tell("payment_intent.amount_capturable_updated", intent)
        self._tell("charge.captured", {**intent["latest_charge"], "payment_intent": intent["id"]})
        return intent

    def cancel(self, intent_id: str, given: Parameters) -> Json:
        intent = self._found(intent_id)
        waiting = ("requires_payment_method", "requires_confirmation", "requires_action")
        self._must_be(intent, *waiting, "requires_capture")
        self._end(intent, given.get("cancellation_reason"))
        return intent

    def refund(self, given: Parameters) -> Json:
        intent = self._found(given.get("payment_intent", ""))
        if intent["status"] != "succeeded" and not intent["amount_received"]:
            raise invalid("payment_intent", "payment_intent_unexpected_state")
        left = intent["amount_received"] - self.refunded(intent["id"])
        if not left:
            raise invalid("", "charge_already_refunded")
        amount = int(given.get("amount", left))
        if not 0 < amount <= left:
            raise invalid("amount")
        check_amount(amount, intent["currency"], 1)
        method = self._methods[intent["id"]]
        refund = {
            "id": f"re_{next(self._ids):024d}",
            "object": "refund",
            "amount": amount,
            "created": int(self._clock()),
            "currency": intent["currency"],
            "metadata": metadata(given),
            "payment_intent": intent["id"],
            "status": "pending" if method in (PENDING_REFUND, FAILED_REFUND) else "succeeded",
        }
        self.refunds[refund["id"]] = refund
        self._tell("refund.created", refund)
        return refund

    def read(self, intent_id: str) -> Json:
        return self._found(intent_id)

    def read_refund(self, refund_id: str) -> Json:
        if refund_id not in self.refunds:
            raise Rejection(404, "invalid_request_error", "resource_missing", "refund")
        return self.refunds[refund_id]

    def list_refunds(self, given: Parameters) -> Json:
        limit = int(given.get("limit", 10))
        if not 1 <= limit <= 100:
            raise invalid("limit", "parameter_invalid_integer")
        wanted = given.get("payment_intent")
        newest = [
            each
            for each in reversed(self.refunds.values())
            if wanted in (None, each["payment_intent"])
        ]
        if after := given.get("starting_after"):
            newest = newest[[each["id"] for each in newest].index(after) + 1 :]
        page = newest[:limit]
        return {"object": "list", "data": page, "has_more": len(newest) > limit}

    def search(self, given: Parameters) -> Json:
        match = re.fullmatch(r'metadata\["([^"]+)"\]:"([^"]*)"', given["query"])
        if match is None:
            raise invalid("query")
        seen_until = self._clock() - self.search_lag_seconds
        found = [
            each
            for each in self.intents.values()
            if each["metadata"].get(match[1]) == match[2] and each["created"] <= seen_until
        ]
        return {"object": "search_result", "data": found[: int(given.get("limit", 10))]}

    # -- what happens by itself ---------------------------------------------------------------

    def expire(self, intent_id: str) -> None:
        """The hold runs out."""
        self._end(self.intents[intent_id], "automatic")

    def settle_refund(self, refund_id: str, status: str, failure: str | None = None) -> None:
        """A pending refund comes to an end."""
        refund = self.refunds[refund_id]
        refund["status"] = status
        if failure is not None:
            refund["failure_reason"] = failure
        for kind in ("refund.updated", "charge.refund.updated"):
            self._tell(kind, refund)
        if status == "failed":
            self._tell("refund.failed", refund)

    def refunded(self, intent_id: str) -> int:
        """What goes back of an intent, or has gone."""
        return sum(
            each["amount"]
            for each in self.refunds.values()
            if each["payment_intent"] == intent_id and each["status"] not in ("failed", "canceled")
        )

    # -- steps --------------------------------------------------------------------------------

    def _hold(self, intent: Json, method: str) -> None:
        wants = intent["payment_method_options"]["card"]["request_multicapture"]
        available = self.multicapture and wants == "if_available"
        card = {
            "capture_before": int(self._clock()) + WEEK_SECONDS,
            "multicapture": {"status": "available" if available else "unavailable"},
        }
        intent["latest_charge"] = {
            "id": f"ch_{next(self._ids):024d}",
            "object": "charge",
            "payment_method_details": {"type": "card", "card": card},
        }
        intent |= {"amount_capturable": intent["amount"], "status": "requires_capture"}
        intent["last_payment_error"] = None
        self._methods[intent["id"]] = method
        self.holds_made += 1
        self._tell("payment_intent.amount_capturable_updated", intent)

    def _failed(self, intent: Json, code: str, decline: str) -> Rejection:
        rejection = Rejection(402, "card_error", code, "", decline)
        intent["last_payment_error"] = rejection.error
        intent["status"] = "requires_payment_method"
        self._tell("payment_intent.payment_failed", intent)
        return rejection

    def _end(self, intent: Json, reason: str | None) -> None:
        if intent["amount_received"]:
            intent |= {"amount_capturable": 0, "status": "succeeded"}
            self._tell("payment_intent.succeeded", intent)
            return
        intent |= {"amount_capturable": 0, "status": "canceled", "cancellation_reason": reason}
        self._tell("payment_intent.canceled", intent)

    def _found(self, intent_id: str) -> Json:
        if intent_id not in self.intents:
            raise Rejection(404, "invalid_request_error", "resource_missing", "intent")
        return self.intents[intent_id]

    def _must_be(self, intent: Json, *statuses: str) -> None:
        if intent["status"] not in statuses:
            raise invalid("", "payment_intent_unexpected_state")

    def _tell(self, kind: str, subject: Json) -> None:
        self.events.append(
            {
                "id": f"evt_{next(self._ids):024d}",
                "object": "event",
                "created": int(self._clock()),
                "type": kind,
                "livemode": False,
                "data": {"object": dict(subject)},
            }
        )


def invalid(param: str, code: str = "") -> Rejection:
    return Rejection(400, "invalid_request_error", code, param)


def check_amount(amount: int, currency: str, least: int = 50) -> None:
    """Raises Rejection."""
    if currency in UNKNOWN_CURRENCIES:
        raise invalid("currency")
    digits = 100 if currency in WHOLE_ONLY else 10 if currency in THREE_DECIMALS else 1
    if amount % digits:
        raise Rejection(400, "invalid_request_error", "invalid_amount", "amount")
    if amount < (1 if currency in ZERO_DECIMALS else least):
        raise Rejection(400, "invalid_request_error", "amount_too_small", "amount")
    if amount > AMOUNT_MAX:
        raise Rejection(400, "invalid_request_error", "amount_too_large", "amount")
