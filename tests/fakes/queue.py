"""A queue on loopback as Amazon SQS has them: hidden messages, deliveries again, signatures.

Sources: Amazon SQS API Reference, "AWS JSON protocol", ReceiveMessage, DeleteMessageBatch; "Create
a signed AWS API request". The signature is computed here anew.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.fakes.loopback import Asked, Loopback, Reply, told

KEY_ID, SECRET_KEY, REGION = "AKIDEXAMPLE", "queue-secret-1", "eu-west-1"
_AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 Credential=(\S+), SignedHeaders=(\S+), Signature=([0-9a-f]{64})"
)


@dataclass
class Message:
    """A message that is not deleted yet."""

    body: str
    visible_at: float = 0.0
    receipt: str = ""


@dataclass
class Queue(Loopback):
    """One queue."""

    clock: Callable[[], float] = time.time
    messages: list[Message] = field(default_factory=list)
    deleted: int = 0
    received: int = 0
    deaf: bool = False
    """deletes nothing of what it is told to"""

    @property
    def queue_url(self) -> str:
        """The address of the queue."""
        return f"{self.url}/1/orders"

    def notify(self, number: str, kind: str = "ORDER_CHANGE") -> None:
        """An order has changed."""
        change = {"AmazonOrderId": number, "OrderChangeType": "OrderStatusChange"}
        notice = {"NotificationType": kind, "Payload": {"OrderChangeNotification": change}}
        self.put(json.dumps(notice))

    def put(self, body: str) -> None:
        """Any message."""
        self.messages.append(Message(body))

    def reply(self, asked: Asked) -> Reply:
        """See Loopback."""
        if not self._is_signed(asked):
            return Reply(403, b'{"__type":"InvalidSignatureException"}')
        content = json.loads(asked.body)
        if content["QueueUrl"] != self.queue_url:
            return Reply(400, b'{"__type":"QueueDoesNotExist"}')
        if asked.headers["X-Amz-Target"] == "AmazonSQS.ReceiveMessage":
            return self._receive(content)
        return self._delete(content["Entries"])

    def _receive(self, content: dict[str, Any]) -> Reply:
        now = self.clock()
        found = [one for one in self.messages if one.visible_at <= now]
        for one in found[: content["MaxNumberOfMessages"]]:
            self.received += 1
            one.visible_at = now + content["VisibilityTimeout"]
            one.receipt = f"receipt-{self.received}"
        shown = found[: content["MaxNumberOfMessages"]]
        messages = [{"ReceiptHandle": one.receipt, "Body": one.body} for one in shown]
        return told({"Messages": messages} if messages else {})

    def _delete(self, entries: list[dict[str, str]]) -> Reply:
        assert 0 < len(entries) <= 10
        receipts = {each["ReceiptHandle"] for each in entries}
        if self.deaf:
            return told({"Successful": [], "Failed": [{"Id": each["Id"]} for each in entries]})
        before = len(self.messages)
        self.messages = [one for one in self.messages if one.receipt not in receipts]
        self.deleted += before - len(self.messages)
        return told({"Successful": [{"Id": each["Id"]} for each in entries], "Failed": []})

    def _is_signed(self, asked: Asked) -> bool:
        found = _AUTHORIZATION.fullmatch(asked.headers["Authorization"] or "")
        if found is None:
            return False
        credential, names, signature = found.groups()
        key_id, day, *scope = credential.split("/")
        if key_id != KEY_ID or scope != [REGION, "sqs", "aws4_request"]:
            return False
        lines = [f"{name}:{asked.headers[name]}" for name in names.split(";")]
        digest = hashlib.sha256(asked.body).hexdigest()
        request = "\n".join([asked.method, asked.path, "", *lines, "", names, digest])
        moment = asked.headers["X-Amz-Date"] or ""
        hashed = hashlib.sha256(request.encode()).hexdigest()
        text = f"AWS4-HMAC-SHA256\n{moment}\n{day}/{'/'.join(scope)}\n{hashed}"
        key = f"AWS4{SECRET_KEY}".encode()
        for part in (day, *scope):
            key = hmac.digest(key, part.encode(), "sha256")
        return hmac.compare_digest(hmac.new(key, text.encode(), "sha256").hexdigest(), signature)
