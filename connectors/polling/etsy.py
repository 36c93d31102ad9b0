"""Source: Etsy's Open API v3.

Receipts are found by when they were last modified, sorted by it, so that they are read as
`Ascending` in seam.py says; an offset is used only within one second. A receipt has its
transactions in it.

Etsy gives a new refresh token with every access token and may not take the old one any more. It is
kept in a file that is replaced before the access token is used: a crash in between loses nothing,
and a file that cannot be written is a fault that is told while the old token is still good.

Source: Etsy Open API v3, "Authentication", "getShopReceipts", "Rate limits".
"""

from __future__ import annotations

import os
import tempfile
import time
import urllib.parse
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import msgspec

from connectors.polling import seam
from connectors.polling.fetching import Fetcher, read_as
from connectors.polling.pace import Bucket
from connectors.polling.seam import Answered, Ascending, Told
from connectors.polling.source import Refused, SourceError
from connectors.polling.tokens import Granted, Tokens, granted

PAGE = 100
RATE = (0.1, 20)
"""An application may make 10,000 requests a day and 10 a second; this is less than one of both, for
it has other work."""
MAXIMUM_TOKEN_BYTES = 4096


class RefreshFile:
    """The refresh token, in a file that only we may read."""

    def __init__(self, path: Path) -> None:
        """The file has the token that its owner was given, or the last one that was kept."""
        self._path = path

    def read(self) -> str:
        """Raises Refused: somebody must mend it."""
        try:
            with self._path.open("rb") as source:
                text = source.read(MAXIMUM_TOKEN_BYTES).decode().strip()
        except (OSError, UnicodeDecodeError) as error:
            raise Refused(f"the refresh token cannot be read: {_why(error)}") from error
        if not text:
            raise Refused("the file of the refresh token is empty")
        return text

    def check(self) -> None:
        """Raises Refused where a new token could not be kept."""
        if not os.access(self._path.parent, os.W_OK):
            raise Refused("the folder of the refresh token cannot be written to")

    def keep(self, token: str) -> None:
        """Replace the token, durably and at once. Raises SourceError."""
        try:
            number, name = tempfile.mkstemp(prefix=".token-", dir=self._path.parent)
            with os.fdopen(number, "w") as file:
                file.write(f"{token}\n")
                file.flush()
                os.fsync(file.fileno())
            Path(name).replace(self._path)
        except OSError as error:
            raise SourceError(f"the new refresh token cannot be kept: {_why(error)}") from error


def _why(error: Exception) -> str:
    return (error.strerror or "unknown") if isinstance(error, OSError) else "is not text"


class _Found(msgspec.Struct):
    count: int
    results: list[msgspec.Raw]


class EtsyReceipts(Ascending):
    """Every receipt of a shop that was created or changed, oldest change first."""

    channel = "etsy"

    def __init__(
        self,
        name: str,
        url: str,
        keys: tuple[str, str],
        shop: int,
        refresh: RefreshFile,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`url` is https://api.etsy.com; `keys` are the application's keystring and its shared
        secret; `shop` is the shop's number."""
        self.name = name
        self._url = url.rstrip("/")
        self._shop = shop
        self._keystring = keys[0]
        self._refresh = refresh
        self._fetcher = Fetcher({"x-api-key": ":".join(keys)})
        self._bucket = Bucket(*RATE, clock)
        self._tokens = Tokens(self._granted, clock)

    def _granted(self) -> Granted:
        self._refresh.check()
        form = {
            "grant_type": "refresh_token",
            "client_id": self._keystring,
            "refresh_token": self._refresh.read(),
        }
        told = granted(self._fetcher, f"{self._url}/v3/public/oauth/token", form)
        if told.refresh_token:
            self._refresh.keep(told.refresh_token)
        return told

    def _ask(self, since: str, following: str) -> Answered:
        offset = int(following or "0")
        query = urllib.parse.urlencode(
            {
                "min_last_modified": int(datetime.fromisoformat(since).timestamp()),
                "sort_on": "updated",
                "sort_order": "asc",
                "limit": PAGE,
                "offset": offset,
            }
        )
        address = f"{self._url}/v3/application/shops/{self._shop}/receipts?{query}"
        with self._bucket.asking():
            answer = self._tokens.asked_with(
                lambda token: self._fetcher.get(address, {"Authorization": f"Bearer {token}"})
            )
        found = read_as(answer.body, _Found)
        orders = [seam.told(raw, "receipt_id", _changed) for raw in found.results]
        behind = offset + len(orders)
        return Answered(orders, str(behind) if orders and behind < found.count else "")

    def _payloads(self, orders: list[Told]) -> list[bytes]:
        return seam.listed(b'{"results":[', orders, b"]}")


def _changed(receipt: dict[str, object]) -> object:
    """Older answers call it update_timestamp."""
    return receipt.get("updated_timestamp") or receipt.get("update_timestamp")
