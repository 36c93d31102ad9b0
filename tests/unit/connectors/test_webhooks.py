"""Downstream webhooks: signatures, what is sent, and what follows from an answer."""

from __future__ import annotations

import base64
import random
from pathlib import Path

import pytest

from connectors.webhooks import signing
from connectors.webhooks.posting import (
    LONGEST_PAUSE_SECONDS,
    MAXIMUM_ATTEMPTS,
    Answer,
    Poster,
    gives_up,
    pause_seconds,
)
from connectors.webhooks.subscriptions import Subscription, body, message_id, place_in
from deploy.webhooks import check
from schemas.orders import OrderReleased
from tests.fakes.receiver import Receiver

KEY = b"k" * 32
SECRET = signing.PREFIX + base64.b64encode(KEY).decode()
EVENT = OrderReleased("json-1", 2, 1_700_000_000_000)
BODY = body(EVENT, 1_700_000_000_123)


def subscription(url: str, *keys: bytes) -> Subscription:
    return Subscription("erp", url, keys or (KEY,), frozenset({"OrderReleased"}), False)


def file(text: str, **environment: str) -> list[str]:
    found = check(text, Path("."), {"SECRET": SECRET, **environment})
    return [problem.text("w.toml") for problem in found.problems]


GOOD = """
[[subscription]]
name = "erp"
url = "https://erp.example/hooks"
secret_variable = "SECRET"
events = ["OrderReleased", "payments.events"]
"""


def test_the_signature_is_that_of_the_specification() -> None:
    # The worked example of Standard Webhooks' own libraries.
    key = signing.secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    headers = signing.headers(
        "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}', [key]
    )
    expected = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    assert headers["webhook-signature"] == expected


def test_every_good_secret_signs() -> None:
    headers = signing.headers("m", 1, b"{}", [KEY, b"o" * 32])
    assert len(headers["webhook-signature"].split(" ")) == 2


@pytest.mark.parametrize("text", ["", "whsec_!!", "whsec_" + base64.b64encode(b"short").decode()])
def test_what_is_no_secret_is_refused_unquoted(text: str) -> None:
    with pytest.raises(signing.BadSecret) as caught:
        signing.secret(text)
    assert not text or text not in str(caught.value)


def test_a_made_secret_is_good() -> None:
    assert len(signing.secret(signing.generated())) == signing.SECRET_BYTES


def test_an_event_is_told_with_its_type_and_the_fields_of_the_contract() -> None:
    assert b'"type":"OrderReleased"' in BODY
    assert b'"timestamp":"2023-11-14T22:13:20.123Z"' in BODY
    assert b'"order_id":"json-1"' in BODY


def test_a_message_id_leads_back_to_the_event() -> None:
    assert place_in(message_id("orders.events", 1, 23)) == ("orders.events", 1, 23)
    for bad in ("x", "orders.commands-1-2", "orders.events-a-b"):
        with pytest.raises(ValueError):
            place_in(bad)


def test_a_receiver_gets_a_signed_event() -> None:
    with Receiver(KEY) as receiver:
        poster = Poster(subscription(receiver.url))
        answers = [poster.post(f"orders.events-0-{number}", BODY) for number in range(3)]
        poster.close()
    assert [answer.delivered for answer in answers] == [True] * 3
    assert receiver.forged == 0
    assert [known_as for known_as, _, _ in receiver.seen] == [
        f"orders.events-0-{number}" for number in range(3)
    ]


@pytest.mark.parametrize("status", [301, 400, 410, 429, 500])
def test_everything_but_2xx_is_a_failure(status: int) -> None:
    with Receiver(KEY, lambda _: status, {"Retry-After": "7", "Location": "/x"}) as receiver:
        poster = Poster(subscription(receiver.url))
        answer = poster.post("m", BODY)
        poster.close()
    assert (answer.status, answer.delivered) == (status, False)
    assert answer.retry_after_seconds == 7
    assert len(receiver.seen) == 1


def test_nobody_there_is_a_failure_without_a_status() -> None:
    with Receiver(KEY) as receiver:
        url = receiver.url
    poster = Poster(subscription(url))
    answer = poster.post("m", BODY)
    poster.close()
    assert (answer.status, answer.delivered) == (0, False)


def test_pauses_grow_with_jitter_within_a_bound() -> None:
    chance = random.Random(1)
    failed = Answer(500, "answered 500")
    pauses = [pause_seconds(attempt, failed, chance) for attempt in range(1, MAXIMUM_ATTEMPTS)]
    assert 2.5 <= pauses[0] <= 5
    assert max(pauses) <= LONGEST_PAUSE_SECONDS
    assert 60 * 3600 < sum(pauses) < 80 * 3600
    assert pause_seconds(1, Answer(429, "x", 60.0), chance) == 60
    assert pause_seconds(1, Answer(429, "x", 1e6), chance) == LONGEST_PAUSE_SECONDS


def test_a_subscription_is_given_up_after_gone_or_too_many_attempts() -> None:
    assert gives_up(1, Answer(410, "answered 410"))
    assert gives_up(MAXIMUM_ATTEMPTS, Answer(500, "answered 500"))
    assert not gives_up(MAXIMUM_ATTEMPTS - 1, Answer(0, "no answer"))
    assert not gives_up(MAXIMUM_ATTEMPTS, Answer(200, ""))


def test_a_file_says_who_is_told_of_what() -> None:
    found = check(GOOD, Path("."), {"SECRET": f"{SECRET}\n{SECRET}\n"})
    [one] = found.subscriptions
    assert found.problems == []
    assert (one.name, len(one.keys), one.from_beginning) == ("erp", 2, False)
    assert {"OrderReleased", "PaymentCaptured"} <= one.events
    assert [topic.name for topic in one.topics] == ["orders.events", "payments.events"]


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("https://erp", "http://erp", "w.toml:4: subscription[1].url: is not encrypted"),
        ("https://erp", "https://a:b@erp", "has a password in it"),
        ("https://erp.example", "https://[", "is no URL"),
        ('"erp"', '"ERP!"', "w.toml:3: subscription[1].name: is no name"),
        ("OrderReleased", "OrderRelaesed", "did you mean OrderReleased?"),
        ('"SECRET"', '"NOTHING"', "w.toml:5: subscription[1].secret_variable: has 0 secrets"),
        ("secret_variable", "secret_file", "cannot be read: No such file"),
        ('events = ["OrderReleased", "payments.events"]', "events = []", "is empty"),
        ("events", "evnets", "events is missing"),
        ("[[subscription]]", "[[subscriptions]]", "there is no such key"),
    ],
)
def test_what_is_wrong_in_a_file_is_told_with_its_line(before: str, after: str, said: str) -> None:
    assert said in "\n".join(file(GOOD.replace(before, after)))


def test_http_is_good_on_this_machine_and_two_names_are_not_the_same() -> None:
    assert file(GOOD.replace("https://erp.example", "http://127.0.0.1:80")) == []
    assert "two subscriptions called erp" in "\n".join(file(GOOD + GOOD))
