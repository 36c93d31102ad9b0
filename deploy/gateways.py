"""Which payment gateway is used, with its secrets, and the door for what it tells by itself."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import click
from aiohttp import web

from connectors.call_centre.links import PaymentLinks, SandboxLinks, StripeLinks
from connectors.payment_gateways.gateway import Gateway, InstantGateway
from connectors.payment_gateways.sandbox import Sandbox
from connectors.payment_gateways.stripe import Stripe
from connectors.payment_gateways.stripe_api import BadStripeSettings, StripeApi, StripeSettings
from connectors.payment_gateways.stripe_webhooks import StripeTeller
from connectors.payment_gateways.webhooks import Teller, application
from connectors.payment_gateways.webhooks_delivery import KafkaDelivery
from deploy.configuration import secrets

WATCH_SECONDS = 0.5
SHUTDOWN_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class Choice:
    """The gateway, and who tells what happens at it; no teller: nobody is listened to."""

    gateway: Callable[[], Gateway | InstantGateway]
    teller: Callable[[], Teller] | None = field(default=None)
    webhook_port: int = 0


def sandbox() -> Choice:
    """The gateway that charges nobody."""
    return Choice(Sandbox)


def stripe(
    *,
    live: bool,
    url: str,
    secret_key_file: Path | None,
    webhook_secret_file: Path | None,
    webhook_port: int,
) -> Choice:
    """Stripe, by the secrets of files or of the environment. Raises click.UsageError.

    Each user of the API has its own, for each has its own event loop.
    """
    settings = _stripe_settings("gateway", live, url, secret_key_file)
    signing = secrets("MILLRACE_STRIPE_WEBHOOK_SECRET", webhook_secret_file)

    def teller() -> Teller:
        return StripeTeller(StripeApi(settings), signing, live=live)

    return Choice(lambda: Stripe(StripeApi(settings)), teller if signing else None, webhook_port)


def links(
    kind: str, live: bool, url: str, secret_key_file: Path | None, address: str
) -> PaymentLinks:
    """Who takes payments over links for the desk at `address`. Raises click.UsageError."""
    if kind == "sandbox":
        return SandboxLinks()
    settings = _stripe_settings("api", live, url, secret_key_file)
    return StripeLinks(StripeApi(settings), f"{address.rstrip('/')}/desk/thanks")


def _stripe_settings(
    table: str, live: bool, url: str, secret_key_file: Path | None
) -> StripeSettings:
    keys = secrets("MILLRACE_STRIPE_SECRET_KEY", secret_key_file)
    if len(keys) != 1:
        raise click.UsageError("MILLRACE_STRIPE_SECRET_KEY or its file must hold one key")
    try:
        return StripeSettings(keys[0], live, url)
    except BadStripeSettings as error:
        raise click.UsageError(f"[{table}]: {error}") from error


def listen(
    teller: Teller, delivery: KafkaDelivery, host: str, port: int, stop: threading.Event
) -> None:
    """Serve the door for a gateway's notices until `stop` is set, on a loop of its own.

    Raises RuntimeError when nothing can be delivered any more.
    """
    asyncio.run(_listening(teller, delivery, host, port, stop))


async def _listening(
    teller: Teller, delivery: KafkaDelivery, host: str, port: int, stop: threading.Event
) -> None:
    runner = web.AppRunner(
        application(teller, delivery), access_log=None, shutdown_timeout=SHUTDOWN_SECONDS
    )
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
        while not stop.is_set():
            if delivery.failed.is_set():
                raise RuntimeError("what gateways tell can be delivered no more")
            await asyncio.sleep(WATCH_SECONDS)
    finally:
        await runner.cleanup()
        delivery.close()
