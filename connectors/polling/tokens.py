"""Access tokens: fetched with what the source has given us, and again before they end."""

from __future__ import annotations

import base64
import time
import urllib.parse
from collections.abc import Callable, Mapping

import msgspec

from connectors.polling.fetching import FORM, Answer, Fetcher, read_as
from connectors.polling.source import Refused, SourceError, Unwanted

EARLY_SECONDS = 60.0
"""A token is fetched anew so long before it ends, for the request must still arrive."""
UNKNOWN_LIFE_SECONDS = 300.0
"""How long a token holds whose answer does not say so."""


class Granted(msgspec.Struct, frozen=True):
    """A token endpoint's answer. Source: RFC 6749, 5.1."""

    access_token: str
    expires_in: float = UNKNOWN_LIFE_SECONDS
    refresh_token: str = ""
    """the next one, of sources that give a new one each time"""


class Tokens:
    """One access token at a time; of one thread."""

    def __init__(
        self, fetch: Callable[[], Granted], clock: Callable[[], float] = time.monotonic
    ) -> None:
        """`fetch` asks the source, and raises SourceError; `clock` gives seconds."""
        self._fetch = fetch
        self._clock = clock
        self._token = ""
        self._until = 0.0

    def value(self) -> str:
        """The token. Raises SourceError where a new one is due and cannot be fetched."""
        if not self._token or self._clock() >= self._until:
            granted = self._fetch()
            # A life shorter than the margin would make every request fetch one.
            life = max(granted.expires_in - EARLY_SECONDS, granted.expires_in / 2)
            self._token, self._until = granted.access_token, self._clock() + life
        return self._token

    def forget(self) -> None:
        """The source does not take it any more."""
        self._token = ""

    def asked_with(self, ask: Callable[[str], Answer]) -> Answer:
        """The answer to a request that is made with the token, and once more with a new one where
        the source refuses the one that we had. Raises SourceError."""
        was_new = not self._token
        token = self.value()
        try:
            return ask(token)
        except Refused:
            self.forget()
            if was_new:
                raise
        return ask(self.value())


def granted(
    fetcher: Fetcher, url: str, form: Mapping[str, str], headers: Mapping[str, str] | None = None
) -> Granted:
    """Ask a token endpoint. Raises Refused where it does not know us, else SourceError."""
    body = urllib.parse.urlencode(form).encode()
    try:
        answer = fetcher.post(url, body, {"Content-Type": FORM, **(headers or {})})
    except Unwanted as error:
        # RFC 6749, 5.2: a refresh token that has ended is invalid_grant, with 400.
        text = f"answered {error.status}: no access token is given for these credentials"
        raise Refused(text) from error
    told = read_as(answer.body, Granted)
    if not told.access_token or not told.expires_in > 0:
        raise SourceError("answered without an access token")
    return told


def basic(user: str, secret: str) -> str:
    """The value of an Authorization header. Source: RFC 7617."""
    return f"Basic {base64.b64encode(f'{user}:{secret}'.encode()).decode()}"
