"""One attempt to deliver, and what follows from its answer."""

from __future__ import annotations

import random
import time
from typing import NamedTuple, Protocol

import urllib3

from connectors.webhooks import signing
from connectors.webhooks.subscriptions import Subscription, body
from schemas.records import Record

TIMEOUT_SECONDS = 15.0
"""For the whole of one attempt. Source: Standard Webhooks 1.0.0 recommends 15 to 30 s."""
ANSWER_BYTES = 64 * 1024
"""What is read of an answer; nobody looks at it."""
GONE = 410
"""The receiver wants nothing more. Source: Standard Webhooks 1.0.0, "HTTP status codes"."""
TOO_MANY = 429
FIRST_PAUSE_SECONDS = 5.0
LONGEST_PAUSE_SECONDS = 3600.0
MAXIMUM_ATTEMPTS = 100
"""Some three days with these pauses, a weekend and more; then the subscription is switched off."""

SET_ASIDE_ATTEMPTS = 10
"""Of an event that is refused for what stands in it: an hour or so, in which somebody may mend the
cause at the shop. Then it is set aside, so that the events behind it are not held up."""


class Answer(NamedTuple):
    """How an attempt went."""

    status: int
    """0 where nothing came"""
    reason: str
    """empty where it was delivered"""
    retry_after_seconds: float = 0.0
    """what the receiver asked for; 0 for nothing"""
    of_event: bool = False
    """it is this event that is refused, and would be again; others may be taken"""

    @property
    def delivered(self) -> bool:
        """Any 2xx."""
        return not self.reason


class Receiver(Protocol):
    """Whom a sender delivers to; of one thread."""

    def deliver(self, message_id: str, event: Record, timestamp_ms: int) -> Answer:
        """Try once. Never raises for what the other side does."""

    def close(self) -> None:
        """Let go of the connection."""


class Poster:
    """Sends events as webhooks, over connections that stay open. See Receiver."""

    def __init__(self, subscription: Subscription) -> None:
        """Nothing is connected before the first attempt."""
        self._subscription = subscription
        self._pool = urllib3.PoolManager(
            num_pools=1,
            maxsize=1,
            retries=False,
            timeout=urllib3.Timeout(total=TIMEOUT_SECONDS),
        )

    def deliver(self, message_id: str, event: Record, timestamp_ms: int) -> Answer:
        """See Receiver."""
        return self.post(message_id, body(event, timestamp_ms))

    def post(self, message_id: str, content: bytes) -> Answer:
        """Try once. A redirect is a failure: the address is the operator's to change."""
        headers = signing.headers(message_id, int(time.time()), content, self._subscription.keys)
        try:
            response = self._pool.request(
                "POST",
                self._subscription.url,
                body=content,
                headers=headers,
                redirect=False,
                preload_content=False,
            )
            response.read(ANSWER_BYTES)
            if response.length_remaining:
                response.drain_conn()
            response.release_conn()
        except (urllib3.exceptions.HTTPError, OSError) as error:
            return Answer(0, f"no answer: {type(error).__name__}")
        if 200 <= response.status < 300:
            return Answer(response.status, "")
        asked = retry_after(response.headers.get("Retry-After", ""))
        return Answer(response.status, f"answered {response.status}", asked)

    def close(self) -> None:
        """Let go of the connection."""
        self._pool.clear()


def pause_seconds(attempt: int, answer: Answer, chance: random.Random) -> float:
    """How long to wait after a failed attempt: twice as long each time, with jitter, and no
    shorter than the receiver asks for, within bounds."""
    longest = min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2.0 ** (attempt - 1))
    spread = longest * (0.5 + chance.random() / 2)
    return min(LONGEST_PAUSE_SECONDS, max(spread, answer.retry_after_seconds))


def gives_up(attempt: int, answer: Answer) -> str:
    """Why the subscription is switched off after this attempt; empty where it is not."""
    if answer.delivered:
        return ""
    if answer.status == GONE and not answer.of_event:
        return "the receiver answered 410 Gone"
    if attempt >= MAXIMUM_ATTEMPTS:
        return f"{attempt} attempts failed, the last one: {answer.reason}"
    return ""


def sets_aside(attempt: int, answer: Answer) -> bool:
    """Whether the event is passed over after this attempt; it can be sent again by hand."""
    return answer.of_event and not answer.delivered and attempt >= SET_ASIDE_ATTEMPTS


def retry_after(text: str) -> float:
    """Retry-After in seconds; a date counts as nothing said."""
    return float(text) if text.isascii() and text.isdigit() and len(text) < 7 else 0.0
