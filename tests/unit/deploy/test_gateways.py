"""The gateway is chosen by the configuration; its secrets come from files or the environment."""

from __future__ import annotations

from pathlib import Path

import click
import pytest

from connectors.payment_gateways.sandbox import Sandbox
from connectors.payment_gateways.stripe import Stripe
from deploy import gateways
from deploy.gateways import Choice

KEY, SIGNING = "MILLRACE_STRIPE_SECRET_KEY", "MILLRACE_STRIPE_WEBHOOK_SECRET"


def stripe(
    key: Path | None = None, webhook: Path | None = None, *, live: bool = False, url: str = ""
) -> Choice:
    return gateways.stripe(
        live=live,
        url=url or "https://api.stripe.com",
        secret_key_file=key,
        webhook_secret_file=webhook,
        webhook_port=8473,
    )


@pytest.fixture(autouse=True)
def no_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (KEY, SIGNING):
        monkeypatch.delenv(name, raising=False)


def test_without_a_choice_nobody_is_charged_and_nobody_listened_to() -> None:
    choice = gateways.sandbox()
    assert isinstance(choice.gateway(), Sandbox) and choice.teller is None


def test_secrets_come_from_files(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("sk_test_1234abcd\n")
    (tmp_path / "signing").write_text("whsec_1\nwhsec_2\n")
    choice = stripe(tmp_path / "key", tmp_path / "signing")
    assert isinstance(choice.gateway(), Stripe)
    assert choice.teller is not None and choice.teller().name == "stripe"
    assert "1234abcd" not in repr(choice) and "whsec" not in repr(choice)


def test_without_a_webhook_secret_no_webhooks_are_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KEY, "rk_test_1234abcd")
    assert stripe().teller is None
    monkeypatch.setenv(SIGNING, "whsec_1")
    assert stripe().teller is not None


@pytest.mark.parametrize(
    ("key", "live", "said"),
    [
        ("", False, "must hold one key"),
        ("sk_test_1234abcd\nsk_test_5678abcd", False, "must hold one key"),
        ("sk_live_1234abcd", False, "live = true"),
        ("sk_test_1234abcd", True, "live key"),
        ("1234abcd", False, "does not begin with"),
    ],
)
def test_a_key_that_cannot_be_meant_is_wrong_usage(
    key: str, live: bool, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(KEY, key)
    with pytest.raises(click.UsageError) as caught:
        stripe(live=live)
    assert said in caught.value.message and "1234abcd" not in caught.value.message


def test_a_key_is_not_sent_in_clear(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KEY, "sk_test_1234abcd")
    with pytest.raises(click.UsageError, match="https"):
        stripe(url="http://stripe.example.com")
