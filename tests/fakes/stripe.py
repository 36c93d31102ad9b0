"""A local server that behaves as Stripe's documentation says, and breaks where it is told to.

Sources: Stripe, "API reference", "Idempotent requests", "Advanced error handling", "Testing",
"Receive Stripe events in your webhook endpoint".
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import random
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from aiohttp import web

from tests.fakes import stripe_forms as forms
from tests.fakes.stripe_forms import Parameters, Rejection
from tests.fakes.stripe_ledger import Json, Ledger

SECRET_KEY = "sk_test_51FakeOfMillrace"
WEBHOOK_SECRET = "whsec_fake"
VERSIONS = frozenset({"2024-06-20"})
KEY_LENGTH_MAX = 255
KEY_SECONDS = 24 * 3600.0

LOST_REQUEST = "lost request"
LOST_ANSWER = "lost answer"
FAILED = "failed"
"""500, nothing done, and the answer is kept for the key"""
FAILED_BUT_DONE = "failed but done"
UNAVAILABLE = "unavailable"
"""503 from in front of the API: nothing done, nothing kept"""
LIMITED = "limited"
SLOW = "slow"
Fault = str


@dataclass(slots=True)
class Kept:
    """What is known of an idempotency key."""

    request: tuple[str, str]
    at: float
    answer: tuple[int, Json] | None = None
    """None while the first request is under way"""


@dataclass(slots=True)
class Seen:
    """A request that arrived."""

    method: str
    path: str
    key: str
    given: Parameters = field(default_factory=dict)


class StripeFake:
    """The account and its server. Everything happens on the loop that `start` is called on."""

    def __init__(self) -> None:
        self.ahead_seconds = 0.0
        """by which its clock is before ours"""
        self.ledger = Ledger(self.now)
        self.faults: deque[tuple[str, Fault]] = deque()
        """(step, fault), each for the next request of that step"""
        self.any_fault: Callable[[str], Fault | None] = lambda _step: None
        self.slow_seconds = 30.0
        self.latency_seconds = 0.0
        self.seen: list[Seen] = []
        self.tampered: bytes | None = None
        """what is answered instead of JSON"""
        self.url = ""
        self._keys: dict[str, Kept] = {}
        self._runner: web.AppRunner | None = None

    def now(self) -> float:
        return time.time() + self.ahead_seconds

    async def start(self) -> str:
        """Serve; the address."""
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._serve)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self.url

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    def forget_keys(self) -> None:
        """As Stripe may after a day."""
        self.ahead_seconds += KEY_SECONDS + 1

    def steps(self, step: str) -> list[Seen]:
        """The requests that arrived of a step."""
        return [each for each in self.seen if _step(each.method, each.path)[0] == step]

    # -- requests -----------------------------------------------------------------------------

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        body = (await request.read()).decode()
        step, subject = _step(request.method, request.path)
        key = request.headers.get("Idempotency-Key", "")
        self.seen.append(Seen(request.method, request.path, key, {}))
        await asyncio.sleep(self.latency_seconds)
        fault = self._fault(step)
        if fault == LOST_REQUEST:
            return self._drop(request)
        if fault == UNAVAILABLE:
            return _answer(503, {"error": {"type": "api_error"}})
        if fault == LIMITED:
            error = {"type": "invalid_request_error", "code": "rate_limit"}
            return _answer(429, {"error": error}, {"Stripe-Should-Retry": "true"})
        try:
            status, content, replayed = await self._worked(request, body, step, subject, key, fault)
        except Rejection as rejection:
            status, content, replayed = rejection.status, {"error": rejection.error}, False
        if fault == LOST_ANSWER:
            return self._drop(request)
        headers = {"Idempotent-Replayed": "true"} if replayed else {}
        if status == 500:
            headers["Stripe-Should-Retry"] = "false"
        if self.tampered is not None:
            return web.Response(body=self.tampered, status=status)
        return _answer(status, content, headers)

    async def _worked(
        self,
        request: web.Request,
        body: str,
        step: str,
        subject: str,
        key: str,
        fault: Fault | None,
    ) -> tuple[int, Json, bool]:
        """Status, content, and whether it is what was kept. Raises Rejection."""
        self._admit(request)
        if request.method == "GET":
            given = forms.read(request.rel_url.raw_query_string, _WANTED[step])
            return 200, self._do(step, subject, given), False
        content_type = request.headers.get("Content-Type", "")
        if body and content_type != "application/x-www-form-urlencoded":
            raise Rejection(400, "invalid_request_error")
        if not 0 < len(key) <= KEY_LENGTH_MAX:
            raise Rejection(400, "invalid_request_error", "", "Idempotency-Key")
        given = forms.read(body, _WANTED[step])
        self.seen[-1].given = given
        kept = self._keys.get(key)
        if kept is not None and self.now() - kept.at < KEY_SECONDS:
            if kept.request != (request.path, body):
                raise Rejection(400, "idempotency_error")
            if kept.answer is None:
                raise Rejection(409, "idempotency_error", "idempotency_key_in_use")
            return *kept.answer, True
        kept = self._keys[key] = Kept((request.path, body), self.now())
        if fault == SLOW:
            # The work goes on when the client has gone.
            await asyncio.shield(asyncio.ensure_future(asyncio.sleep(self.slow_seconds)))
        kept.answer = self._kept(step, subject, given, fault)
        return *kept.answer, False

    def _kept(
        self, step: str, subject: str, given: Parameters, fault: Fault | None
    ) -> tuple[int, Json]:
        failure = 500, {"error": {"type": "api_error"}}
        if fault == FAILED:
            return failure
        try:
            done = 200, self._do(step, subject, given)
        except Rejection as rejection:
            done = rejection.status, {"error": rejection.error}
        # As it is now: a repeat has the same answer, whatever has happened since.
        return failure if fault == FAILED_BUT_DONE else json.loads(json.dumps(done))

    def _admit(self, request: web.Request) -> None:
        if request.headers.get("Authorization") != f"Bearer {SECRET_KEY}":
            raise Rejection(401, "invalid_request_error")
        if request.headers.get("Stripe-Version") not in VERSIONS:
            raise Rejection(400, "invalid_request_error", "", "Stripe-Version")

    def _do(self, step: str, subject: str, given: Parameters) -> Json:
        ledger = self.ledger
        match step:
            case "create":
                done = ledger.create(given)
            case "confirm":
                done = ledger.confirm(subject, given)
            case "capture":
                done = ledger.capture(subject, given)
            case "cancel":
                done = ledger.cancel(subject, given)
            case "read":
                done = ledger.read(subject)
            case "search":
                return _shortened(ledger.search(given))
            case "refund":
                return ledger.refund(given)
            case "read_refund":
                return ledger.read_refund(subject)
            case _:
                return ledger.list_refunds(given)
        whole = any(name.startswith("expand[") for name in given)
        return done if whole else _short(done)

    def _fault(self, step: str) -> Fault | None:
        for place, (wanted, fault) in enumerate(self.faults):
            if wanted == step:
                del self.faults[place]
                return fault
        return self.any_fault(step)

    def _drop(self, request: web.Request) -> web.StreamResponse:
        if request.transport is not None:
            request.transport.abort()
        return web.Response()

    # -- webhooks -----------------------------------------------------------------------------

    async def tell(
        self,
        address: str,
        *,
        secrets: Sequence[str] = (WEBHOOK_SECRET,),
        shuffled: random.Random | None = None,
        times: int = 1,
    ) -> list[int]:
        """Send every event so far, each `times` times; the statuses of the answers."""
        events = list(self.ledger.events) * times
        if shuffled is not None:
            shuffled.shuffle(events)
        statuses = []
        async with aiohttp.ClientSession() as session:
            for event in events:
                body = json.dumps(event).encode()
                headers = {"Stripe-Signature": signature(body, secrets, self.now())}
                async with session.post(address, data=body, headers=headers) as response:
                    statuses.append(response.status)
        return statuses


def signature(body: bytes, secrets: Sequence[str] = (WEBHOOK_SECRET,), at: float = 0.0) -> str:
    """The header, with one signature for each secret, and one of a scheme that does not count."""
    seconds = int(at or time.time())
    signed = b"%d." % seconds + body
    marks = [hmac.new(each.encode(), signed, hashlib.sha256).hexdigest() for each in secrets]
    return ",".join([f"t={seconds}", *(f"v1={mark}" for mark in marks), "v0=6ffbb59b2300aae63"])


_WANTED = {
    "create": forms.CREATE,
    "confirm": forms.CONFIRM,
    "capture": forms.CAPTURE,
    "cancel": forms.CANCEL,
    "read": forms.READ,
    "search": forms.SEARCH,
    "refund": forms.REFUND,
    "list_refunds": forms.LIST_REFUNDS,
    "read_refund": {},
}


def _step(method: str, path: str) -> tuple[str, str]:
    """The step, and the object that it is about. Raises HTTPNotFound."""
    match method, path.strip("/").split("/"):
        case "POST", ["v1", "payment_intents"]:
            return "create", ""
        case "POST", ["v1", "payment_intents", subject, ("confirm" | "capture" | "cancel") as step]:
            return step, subject
        case "GET", ["v1", "payment_intents", "search"]:
            return "search", ""
        case "GET", ["v1", "payment_intents", subject]:
            return "read", subject
        case "POST", ["v1", "refunds"]:
            return "refund", ""
        case "GET", ["v1", "refunds"]:
            return "list_refunds", ""
        case "GET", ["v1", "refunds", subject]:
            return "read_refund", subject
    raise web.HTTPNotFound


def _short(intent: Json) -> Json:
    """With the charge's id where nobody has asked for all of it."""
    charge: Any = intent["latest_charge"]
    return {**intent, "latest_charge": charge and charge["id"]}


def _shortened(page: Json) -> Json:
    return {**page, "data": [_short(each) for each in page["data"]]}


def _answer(status: int, content: Json, headers: dict[str, str] | None = None) -> web.Response:
    return web.json_response(content, status=status, headers=headers or {})
