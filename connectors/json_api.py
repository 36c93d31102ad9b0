"""JSON over HTTP to a service that is asked with a secret, over connections that stay open."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

import urllib3

from connectors.polling.fetching import retry_after
from connectors.polling.source import Refused, SourceError, Throttled

TIMEOUT_SECONDS = 15.0
"""For the whole of one request."""
MAXIMUM_ANSWER_BYTES = 8 * 1024 * 1024

_OF_CONTENT = frozenset({400, 404, 409, 410, 412, 413, 422})

Headers = Callable[[], Mapping[str, str]]


class ApiFailed(Exception):
    """A request went wrong. The message has no secret and nothing that the service said."""

    def __init__(
        self,
        status: int,
        reason: str,
        retry_after_seconds: float = 0.0,
        problem: Mapping[str, Any] | None = None,
    ) -> None:
        """`status` is 0 where no answer came; `problem` the JSON object that was answered."""
        super().__init__(reason)
        self.status = status
        self.reason = reason
        self.retry_after_seconds = retry_after_seconds
        self.problem: Mapping[str, Any] = problem or {}
        self.of_content = status in _OF_CONTENT
        """what was asked is refused, and would be again; not who asks, nor how often"""


class ApiRefused(ApiFailed):
    """What was asked cannot be done there, as an answer of 200 says."""

    def __init__(self, reason: str) -> None:
        """The status of the answer is 200."""
        super().__init__(200, reason)
        self.of_content = True


class JsonApi:
    """Requests to one service; of one thread."""

    def __init__(
        self,
        url: str,
        headers: Headers,
        before: Callable[[], object] | None = None,
        refused: Callable[[], object] | None = None,
    ) -> None:
        """`headers` are asked for at each request, `before` is called ahead of it: it may wait.
        `refused` hears of a 401, and the request is then made once more."""
        self._url = url.rstrip("/")
        self._headers = headers
        self._before = before
        self._refused = refused
        self._pool = urllib3.PoolManager(
            num_pools=1, maxsize=1, retries=False, timeout=urllib3.Timeout(total=TIMEOUT_SECONDS)
        )

    def ask(
        self,
        method: str,
        path: str,
        content: object = None,
        headers: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        """The object of an answer; a list stands under `list`, nothing is {}. Raises ApiFailed."""
        try:
            return self._once(method, path, content, headers or {})
        except ApiFailed as failed:
            if failed.status != 401 or self._refused is None:
                raise
        self._refused()
        return self._once(method, path, content, headers or {})

    def close(self) -> None:
        """Let go of the connection."""
        self._pool.clear()

    def _credentials(self) -> Mapping[str, str]:
        """What every request has; an access token may have to be fetched for it."""
        try:
            return self._headers()
        except Throttled as error:
            raise ApiFailed(429, f"no access token: {error}", error.seconds) from error
        except Refused as error:
            raise ApiFailed(403, f"no access token: {error}") from error
        except SourceError as error:
            raise ApiFailed(0, f"no access token: {error}") from error

    def _once(
        self, method: str, path: str, content: object, headers: Mapping[str, str]
    ) -> dict[str, Any]:
        if self._before is not None:
            self._before()
        sent = {"Accept": "application/json", **self._credentials(), **headers}
        body = None
        if content is not None:
            sent.setdefault("Content-Type", "application/json")
            body = content if isinstance(content, bytes) else json.dumps(content).encode()
        try:
            response = self._pool.request(
                method,
                f"{self._url}{path}",
                body=body,
                headers=sent,
                redirect=False,
                preload_content=False,
            )
            text = response.read(MAXIMUM_ANSWER_BYTES + 1)
            response.release_conn()
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise ApiFailed(0, f"no answer: {type(error).__name__}") from error
        if not 200 <= response.status < 300:
            wait = retry_after(response.headers.get("Retry-After", ""))
            raise ApiFailed(response.status, f"answered {response.status}", wait, _object(text))
        if not text.strip():
            return {}
        try:
            # An amount must not become a float.
            value = json.loads(text, parse_float=Decimal)
        except ValueError:
            raise ApiFailed(response.status, "answered with no JSON") from None
        return value if isinstance(value, dict) else {"list": value}


def fixed(headers: Mapping[str, str]) -> Headers:
    """Headers that stay as they are."""
    return lambda: headers


def _object(text: bytes) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
