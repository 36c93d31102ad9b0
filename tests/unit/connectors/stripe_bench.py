"""A fake of Stripe with a gateway before it, for the time of a block."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import pytest

from connectors.payment_gateways.stripe import Stripe
from connectors.payment_gateways.stripe_api import StripeApi, StripeError, StripeSettings
from schemas.payments import (
    AuthorizationRequested,
    CaptureRequested,
    RefundRequested,
    VoidRequested,
)
from tests.fakes.stripe import SECRET_KEY, StripeFake
from tests.fakes.stripe_ledger import APPROVED

Value = TypeVar("Value")


@asynccontextmanager
async def bench(key: str = SECRET_KEY) -> AsyncIterator[tuple[StripeFake, Stripe]]:
    """The fake, and a gateway that asks it."""
    fake = StripeFake()
    await fake.start()
    gateway = Stripe(StripeApi(StripeSettings(key, url=fake.url)))
    try:
        yield fake, gateway
    finally:
        await gateway.close()
        await fake.stop()


def played(scene: Callable[[StripeFake, Stripe], Awaitable[Value]], **options: Any) -> Value:
    """What a scene between the two comes to."""

    async def main() -> Value:
        async with bench(**options) as (fake, gateway):
            return await scene(fake, gateway)

    return asyncio.run(main())


def wish(
    token: str = APPROVED,
    amount_minor: int = 1999,
    currency: str = "EUR",
    *,
    order_id: str = "json-1",
    inquiry: bool = False,
    **others: Any,
) -> AuthorizationRequested:
    others = {"attempt": 1, **others}
    return AuthorizationRequested(
        order_id=order_id,
        idempotency_key=f"{order_id}/1/1",
        amount_minor=amount_minor,
        currency=currency,
        token=token,
        inquiry=inquiry,
        at_ms=time.time_ns() // 1_000_000,
        **others,
    )


def void_of(authorization_id: str, order_id: str = "json-1") -> VoidRequested:
    return VoidRequested(order_id, authorization_id, f"{order_id}/void/{authorization_id}", 1, 1)


def capture_of(
    authorization_id: str,
    amount_minor: int = 1999,
    capture_id: str = "s-1/1",
    *,
    currency: str = "EUR",
    final: bool = False,
    inquiry: bool = False,
    order_id: str = "json-1",
) -> CaptureRequested:
    key = f"{order_id}/capture/{capture_id}"
    return CaptureRequested(
        order_id, "1", authorization_id, capture_id, key, amount_minor, currency, final, inquiry,
        1, 1,
    )  # fmt: skip


def refund_of(
    authorization_id: str,
    amount_minor: int = 1999,
    refund_id: str = "r-1/1",
    *,
    currency: str = "EUR",
    inquiry: bool = False,
    order_id: str = "json-1",
) -> RefundRequested:
    key = f"{order_id}/refund/{refund_id}"
    return RefundRequested(
        order_id, "1", authorization_id, "s-1/1", refund_id, key, amount_minor, currency, inquiry,
        1, 1,
    )  # fmt: skip


async def approved(gateway: Stripe, **options: Any) -> str:
    """The id of what is held by then."""
    answer = await gateway.authorize(wish(**options))
    assert answer.outcome == "approved", answer
    return answer.authorization_id


async def unknown(work: Awaitable[object]) -> None:
    """What the connector answers with "unknown"."""
    with pytest.raises(StripeError):
        await work
