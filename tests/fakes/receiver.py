"""A receiver of webhooks on loopback, which answers as a test says and checks signatures."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from email.message import Message
from typing import Any

from tests.fakes.loopback import Asked, Loopback, Reply


@dataclass
class Receiver(Loopback):
    """Keeps what was sent and answers with `answer(number of the request)`."""

    key: bytes
    answer: Callable[[int], int] = lambda _number: 200
    headers: dict[str, str] = field(default_factory=dict)
    seen: list[tuple[str, dict[str, Any], int]] = field(default_factory=list)
    """webhook-id, body and the status that was answered"""
    forged: int = 0

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"{super().url}/hooks"

    def reply(self, asked: Asked) -> Reply:
        """See Loopback."""
        if not self.signed(asked.headers, asked.body):
            self.forged += 1
        status = self.answer(len(self.seen))
        self.seen.append((asked.headers["webhook-id"], json.loads(asked.body), status))
        return Reply(status, b"ok", self.headers)

    def signed(self, headers: Message, content: bytes) -> bool:
        """By the scheme of Standard Webhooks, computed here anew."""
        text = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + content
        digest = hmac.new(self.key, text, hashlib.sha256).digest()
        expected = f"v1,{base64.b64encode(digest).decode()}"
        return expected in headers["webhook-signature"].split(" ")
