"""Signs requests to AWS.

Source: AWS Identity and Access Management, "Create a signed AWS API request" (Signature Version 4).
"""

from __future__ import annotations

import hashlib
import hmac
import urllib.parse
from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

ALGORITHM = "AWS4-HMAC-SHA256"


class Keys(NamedTuple):
    """Of an identity; the session's token only of one that is temporary."""

    access_key_id: str
    secret_access_key: str
    session_token: str = ""


class Scope(NamedTuple):
    """What a signature is good for."""

    region: str
    service: str


def signed(
    method: str,
    url: str,
    headers: Mapping[str, str],
    body: bytes,
    keys: Keys,
    scope: Scope,
    now: datetime,
) -> dict[str, str]:
    """The headers, and those that sign them. The address has no query and its path nothing that
    must be quoted."""
    parts = urllib.parse.urlsplit(url)
    moment = now.strftime("%Y%m%dT%H%M%SZ")
    own = {**headers, "X-Amz-Date": moment}
    if keys.session_token:
        own["X-Amz-Security-Token"] = keys.session_token
    named = sorted({"host": parts.netloc, **{k.lower(): v.strip() for k, v in own.items()}}.items())
    names = ";".join(name for name, _ in named)
    lines = "".join(f"{name}:{value}\n" for name, value in named)
    digest = hashlib.sha256(body).hexdigest()
    request = "\n".join([method, parts.path or "/", "", lines, names, digest])
    day = moment[:8]
    within = f"{day}/{scope.region}/{scope.service}/aws4_request"
    text = "\n".join([ALGORITHM, moment, within, hashlib.sha256(request.encode()).hexdigest()])
    key = f"AWS4{keys.secret_access_key}".encode()
    for part in (day, scope.region, scope.service, "aws4_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    signature = hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
    credential = f"Credential={keys.access_key_id}/{within}"
    own["Authorization"] = f"{ALGORITHM} {credential}, SignedHeaders={names}, Signature={signature}"
    return own
