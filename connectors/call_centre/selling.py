"""From a draft to an order: changed, quoted, waiting for its payment, placed.

    draft ──► quoted ──► awaiting_payment ──► placing ──► placed
      └──────────┴───────────────┴──────────────▲

An order is made once, kept with its draft, and then published: whoever has no answer sends the very
same order again, which the orders room takes once. Its id is the draft's.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from msgspec.structs import replace

from connectors.api import places
from connectors.call_centre import forms
from connectors.call_centre.drafts import (
    MAXIMUM_DRAFTS,
    OPEN,
    Draft,
    Drafts,
    Full,
    Outdated,
    State,
    TooLarge,
)
from connectors.call_centre.links import NoLink, PaymentLinks
from connectors.http_api import Fault, Problem

QUOTED_MS = 7 * 86_400_000
"""A quote is good for so long, unless the agent says less."""
MAXIMUM_QUOTED_DAYS = 13
"""Less than a draft is kept."""
SWEEP_SECONDS = 20.0
"""Between two looks for links that have been paid."""
ErasedAt = Callable[[dict[str, Any]], int]
log = logging.getLogger("millrace.desk")


class Desk:
    """What agents do with drafts. Raises Problem for whatever cannot be."""

    def __init__(
        self,
        drafts: Drafts,
        links: PaymentLinks,
        publisher: places.Publisher,
        erased_at_ms: ErasedAt = lambda form: 0,
    ) -> None:
        """`erased_at_ms` says when whom a form names was erased; 0 for never."""
        self.drafts, self.links, self._publisher = drafts, links, publisher
        self._erased_at_ms = erased_at_ms

    async def make(self, agent_id: str, form: dict[str, Any]) -> Draft:
        """A new draft."""
        _check_writable(form)
        try:
            return await asyncio.to_thread(self.drafts.make, agent_id, form)
        except Full:
            why = "there are as many drafts as may be; delete some"
            raise Problem(409, why, kind="too_many_drafts") from None
        except TooLarge as error:
            raise Problem(413, str(error)) from None

    async def find(self, draft_id: str) -> Draft:
        """A draft by its id."""
        draft = await asyncio.to_thread(self.drafts.get, draft_id)
        if draft is None:
            raise Problem(404, "there is no such draft any more", kind="unknown_draft")
        return draft

    async def change(self, draft: Draft, agent_id: str, form: dict[str, Any]) -> Draft:
        """Another form. What was quoted is a draft again where anything changed."""
        _check_open(draft)
        _check_writable(form)
        if form == draft.form:
            return draft
        return await self._put(replace(
            draft, form=form, agent_id=agent_id, state=State.DRAFT, total="", currency="",
            quoted_at_ms=0, quoted_until_ms=0,
        ))  # fmt: skip

    async def quote(self, draft: Draft, agent_id: str, days: int) -> Draft:
        """Hold the total for the customer for some days."""
        _check_open(draft)
        found = _sum(draft, agent_id)
        now_ms = self.drafts.now_ms()
        return await self._put(replace(
            draft, agent_id=agent_id, state=State.QUOTED, total=found.total,
            currency=found.currency, quoted_at_ms=now_ms,
            quoted_until_ms=now_ms + days * 86_400_000,
        ))  # fmt: skip

    async def ask_payment(self, draft: Draft, agent_id: str) -> Draft:
        """A payment link for the total. The form stays as it is from then on."""
        _check_open(draft)
        self._check_in_time(draft)
        found = _sum(draft, agent_id)
        if _method(draft) != forms.LINK:
            why = "is not payment_link"
            raise Problem(422, f"payment.method {why}", [Fault(why, "/payment/method")])
        if not found.total_minor:
            raise Problem(422, "there is nothing to pay", [Fault("is nothing to pay", "/lines")])
        now_ms = self.drafts.now_ms()
        try:
            link = await self.links.create(
                draft.draft_id, found.total_minor, found.currency, now_ms, draft.quoted_until_ms
            )
        except NoLink as error:
            raise Problem(503, str(error), kind="no_link") from None
        waiting = replace(
            draft, agent_id=agent_id, state=State.AWAITING_PAYMENT, total=found.total,
            currency=found.currency, link=link.name, link_url=link.url,
            quoted_until_ms=link.until_ms,
        )  # fmt: skip
        return await self._put(waiting)

    async def withdraw(self, draft: Draft) -> Draft:
        """A draft again, whose link can be paid no more; refused once its order is made."""
        if draft.state in (State.PLACING, State.PLACED):
            raise _placed(draft)
        if draft.state != State.AWAITING_PAYMENT:
            return draft
        await self._end_link(draft)
        return await self._put(
            replace(draft, state=State.DRAFT, total="", link="", link_url="", quoted_until_ms=0)
        )

    async def forget(self, draft: Draft) -> None:
        """Delete a draft; refused while its order is being placed."""
        if draft.state == State.PLACING:
            raise _placed(draft)
        if draft.state == State.AWAITING_PAYMENT:
            await self._end_link(draft)
        await asyncio.to_thread(self.drafts.delete, draft.draft_id)

    async def _end_link(self, draft: Draft) -> None:
        try:
            await self.links.withdraw(draft.link)
        except NoLink as error:
            raise Problem(409, str(error), kind="no_link") from None

    async def place(self, draft: Draft, agent_id: str) -> Draft:
        """Place the order; of one that is being placed, or is placed, the same again."""
        if draft.state == State.PLACED:
            return draft
        if draft.state == State.PLACING:
            return await self._publish(draft)
        if draft.state == State.AWAITING_PAYMENT:
            return await self.settle(draft)
        self._check_in_time(draft)
        if _method(draft) == forms.LINK:
            why = "is payment_link, and nobody has paid yet: send the link first"
            raise Problem(409, f"payment.method {why}", [Fault(why, "/payment/method")])
        return await self._publish(await self._ordered(draft, agent_id))

    async def settle(self, draft: Draft) -> Draft:
        """Place the order of a link that is paid. Raises Problem: 409 where it is not."""
        if not await self._is_paid(draft):
            raise Problem(409, "the payment link is not paid yet", kind="not_paid")
        return await self._publish(await self._ordered(draft, draft.agent_id))

    async def _is_paid(self, draft: Draft) -> bool:
        amount = _sum(draft, draft.agent_id).total_minor
        try:
            return await self.links.is_paid(draft.link, amount, draft.currency)
        except NoLink as error:
            raise Problem(503, str(error), kind="no_link") from None

    async def pay(self, draft: Draft) -> Draft:
        """The sandbox's page says that the customer has paid."""
        if draft.state == State.AWAITING_PAYMENT:
            self._check_in_time(draft)
            draft = await self._ordered(draft, draft.agent_id)
        return await self._publish(draft) if draft.state == State.PLACING else draft

    async def sweep(self) -> None:
        """See to all drafts, again and again."""
        while True:
            await asyncio.sleep(SWEEP_SECONDS)
            for draft in await asyncio.to_thread(self.drafts.latest, MAXIMUM_DRAFTS):
                try:
                    await self.see_to(draft)
                except Problem as problem:
                    if problem.status >= 500:
                        log.warning("draft %s: %s", draft.draft_id, problem.detail)
                except Exception:
                    log.exception("draft %s", draft.draft_id)

    async def see_to(self, draft: Draft) -> None:
        """Place an order whose link is paid, publish one that is made, forget who is erased."""
        if draft.state == State.PLACING:
            await self._publish(draft)
        elif draft.state == State.AWAITING_PAYMENT and await self._is_paid(draft):
            await self._publish(await self._ordered(draft, draft.agent_id))
        elif self._erased_at_ms(draft.form) >= draft.changed_ms:
            await self.forget(draft)

    async def sandbox_link(self, name: str) -> Draft | None:
        """The draft of a link that the desk's own page pays."""
        draft = await asyncio.to_thread(self.drafts.of_link, name)
        return draft if draft is not None and not draft.link_url else None

    def in_time(self, draft: Draft) -> bool:
        """What was quoted, or asked for over a link, is still good."""
        return not draft.quoted_until_ms or self.drafts.now_ms() < draft.quoted_until_ms

    def _check_in_time(self, draft: Draft) -> None:
        if not self.in_time(draft):
            raise Problem(409, "the quote is no longer good; quote again", kind="expired")

    async def _ordered(self, draft: Draft, agent_id: str) -> Draft:
        """The draft with its order, kept before anybody else knows of it."""
        found = _sum(draft, agent_id)
        if draft.total and (found.total, found.currency) != (draft.total, draft.currency):
            raise Problem(409, "the total is not the one that was told; quote again")
        order = forms.order_of(
            draft.form, draft.draft_id, agent_id, self.drafts.now_ms(), found.total
        )
        mapped = forms.mapped(order)
        if isinstance(mapped, Fault):
            raise _not_taken(mapped)
        return await self._put(replace(
            draft, agent_id=agent_id, state=State.PLACING, total=found.total,
            currency=found.currency, order=order, order_id=mapped.order_id,
        ))  # fmt: skip

    async def _publish(self, draft: Draft) -> Draft:
        body = forms.written(draft.order)
        await places.publish(self._publisher, forms.CHANNEL.name, body)
        placed = replace(draft, state=State.PLACED, form=forms.impersonal(draft.form), order={})
        try:
            return await asyncio.to_thread(self.drafts.put, placed)
        except Outdated:  # somebody else has published the same order
            return await self.find(draft.draft_id)

    async def _put(self, draft: Draft) -> Draft:
        try:
            return await asyncio.to_thread(self.drafts.put, draft)
        except Outdated:
            raise outdated() from None
        except TooLarge as error:
            raise Problem(413, str(error)) from None


def outdated() -> Problem:
    """Somebody else was faster."""
    return Problem(409, "somebody else has changed this draft; load it again", kind="outdated")


def _check_writable(form: dict[str, Any]) -> None:
    """Raise Problem: 422 for what JSON can say and no order can, such as a number of 30 digits."""
    try:
        forms.written(form)
    except (forms.Unwritable, RecursionError):
        fault = Fault("holds a number or a text that cannot be kept", "/form")
        raise Problem(422, "the form cannot be taken", [fault]) from None


def _check_open(draft: Draft) -> None:
    if draft.state in OPEN:
        return
    if draft.state == State.AWAITING_PAYMENT:
        why = "a payment link is out for this draft; withdraw it first"
        raise Problem(409, why, kind="awaiting_payment")
    raise _placed(draft)


def _placed(draft: Draft) -> Problem:
    return Problem(409, f"this draft is order {draft.order_id}", kind="placed")


def _sum(draft: Draft, agent_id: str) -> forms.Sum:
    found = forms.read(draft.form, draft.draft_id, agent_id)
    if isinstance(found, Fault):
        raise _not_taken(found)
    return found


def _not_taken(fault: Fault) -> Problem:
    return Problem(422, "the form is not complete", [fault], kind="not_taken")


def _method(draft: Draft) -> object:
    payment = draft.form.get("payment")
    return payment.get("method") if isinstance(payment, dict) else None
