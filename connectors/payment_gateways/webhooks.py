"""Takes what a gateway tells without being asked, and answers once Kafka has it.

Guarantee: 200 means that what follows from it is durable on payments.commands, or that nothing
does. Anything else may be sent again, and gateways do. Idempotency key: the notice's id, of which
the last ones are remembered. A duplicate that is not remembered writes the same records again, and
the payments room takes each of them once.

A notice is a hint: what is written is what the gateway says when it is then asked. So notices that
come late or in another order tell nothing that is no longer so.

    GET  /health                         the process answers
    POST /gateways/{gateway}/webhooks    a notice
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import orjson
from aiohttp import web
from prometheus_client import Counter

from connectors.payment_gateways.gateway import Answer

log = logging.getLogger("millrace.gateway_webhooks")
NOTICE_BYTES_MAX = 1024 * 1024
NOTICE_SECONDS = 15.0
"""for reading, asking and writing; gateways wait for longer"""
MAXIMUM_CONCURRENT_NOTICES = 64
REMEMBERED = 20_000
"""ids of notices"""
RETRY_AFTER_SECONDS = 5
NOTICES = Counter(
    "millrace_gateway_webhooks_total", "Notices of gateways by what came of them", ["result"]
)


class NotAuthentic(Exception):
    """Nobody knows who has sent it, or when."""


class Malformed(Exception):
    """It is from the gateway, and cannot be read."""


@dataclass(frozen=True, slots=True)
class Notice:
    """What a gateway tells, once it is known to come from there."""

    notice_id: str
    kind: str
    subject_id: str
    """what it is about; empty where it is about nothing that is followed here"""


class Teller(Protocol):
    """A gateway that sends notices. Belongs to one event loop."""

    name: str
    """in the address"""

    def notice(self, headers: Mapping[str, str], body: bytes) -> Notice:
        """Who sends it, and what. Raises NotAuthentic, Malformed."""

    async def answers(self, notice: Notice) -> Sequence[Answer]:
        """What follows from it, by what the gateway says now; nothing where it is not ours."""

    async def close(self) -> None:
        """Let go of connections."""


class Delivery(Protocol):
    """Where answers go."""

    async def deliver(self, answers: Sequence[Answer]) -> None:
        """Return once all are durable. Raises Undelivered."""


class Undelivered(Exception):
    """Kafka does not take it now."""


class _Refused(Exception):
    def __init__(self, status: int, detail: str) -> None:
        super().__init__(status, detail)
        self.status, self.detail = status, detail


class _Door:
    """What one application remembers."""

    def __init__(self, teller: Teller, delivery: Delivery) -> None:
        self._teller = teller
        self._delivery = delivery
        self._known: OrderedDict[str, None] = OrderedDict()
        self._places = MAXIMUM_CONCURRENT_NOTICES

    async def take(self, request: web.Request) -> web.Response:
        """One notice."""
        if request.match_info["gateway"] != self._teller.name:
            raise _Refused(404, "there is no such gateway")
        if not self._places:
            NOTICES.labels("full").inc()
            raise _Refused(503, "too much is in flight; send it again")
        self._places -= 1
        try:
            async with asyncio.timeout(NOTICE_SECONDS):
                result = await self._result(request)
        except TimeoutError:
            NOTICES.labels("failed").inc()
            raise _Refused(503, "it takes too long; send it again") from None
        finally:
            self._places += 1
        NOTICES.labels(result).inc()
        return _json({"result": result})

    async def _result(self, request: web.Request) -> str:
        body = await request.read()
        try:
            notice = self._teller.notice(request.headers, body)
        except NotAuthentic as error:
            NOTICES.labels("refused").inc()
            raise _Refused(401, str(error)) from None
        except Malformed as error:
            NOTICES.labels("malformed").inc()
            raise _Refused(400, str(error)) from None
        if notice.notice_id in self._known:
            return "duplicate"
        if not notice.subject_id:
            return "passed_over"
        answers = await self._answers(notice)
        self._known[notice.notice_id] = None
        if len(self._known) > REMEMBERED:
            self._known.popitem(last=False)
        return "delivered" if answers else "foreign"

    async def _answers(self, notice: Notice) -> Sequence[Answer]:
        """What follows, once it is durable. Raises _Refused."""
        try:
            answers = await self._teller.answers(notice)
            if answers:
                await self._delivery.deliver(answers)
        except Exception as error:
            NOTICES.labels("failed").inc()
            log.warning("%s %s: %s", notice.kind, notice.notice_id, type(error).__name__)
            log.debug("the fault", exc_info=error)
            raise _Refused(503, "it cannot be seen to now; send it again") from None
        return answers


def application(teller: Teller, delivery: Delivery) -> web.Application:
    """The door for the notices of one gateway."""
    door = _Door(teller, delivery)
    app = web.Application(middlewares=[_problems], client_max_size=NOTICE_BYTES_MAX)
    app.router.add_post("/gateways/{gateway}/webhooks", door.take)
    app.router.add_get("/health", _health)

    async def close(_app: web.Application) -> None:
        await teller.close()

    app.on_cleanup.append(close)
    return app


@web.middleware
async def _problems(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Every failure as application/problem+json (RFC 9457), with nothing of the inside in it."""
    try:
        return await handler(request)
    except _Refused as error:
        status, detail = error.status, error.detail
    except web.HTTPException as error:
        status, detail = error.status, error.reason
    except Exception:
        log.exception("%s %s", request.method, request.path)
        status, detail = 500, "the door failed"
    response = _json({"type": "about:blank", "status": status, "detail": detail}, status)
    response.content_type = "application/problem+json"
    if status == 503:
        response.headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
    response.force_close()
    return response


async def _health(_request: web.Request) -> web.Response:
    return _json({"status": "ok"})


def _json(value: object, status: int = 200) -> web.Response:
    return web.Response(body=orjson.dumps(value), status=status, content_type="application/json")
