"""The desk in a real browser, with the keyboard alone: found, quoted, placed, paid, reloaded."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiohttp import web
from playwright.sync_api import Browser, Page, expect, sync_playwright

from connectors.channels.call_centre import CallCentre
from schemas.orders import PlaceOrder
from tests.browser.test_dashboard import ARGUMENTS, CHROMIUM
from tests.unit.connectors.desk_service import AGENT_TOKEN, DeskService

pytestmark = [
    pytest.mark.browser,
    # Closing a browser leaves sockets of its driver to the garbage collector.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
PICTURES = os.environ.get("MILLRACE_PICTURES", "")
"""A folder for what the pages look like; nothing is kept without one."""
LOOKS = [(1440, "light"), (390, "dark"), (1440, "dark"), (390, "light")]
each_look = pytest.mark.parametrize("page", LOOKS[: 4 if PICTURES else 2], indirect=True, ids=str)
in_pictures = pytest.mark.parametrize(
    "page", LOOKS if PICTURES else LOOKS[:1], indirect=True, ids=str
)
WIDE = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


class Served:
    """A desk that listens, in a thread of its own."""

    def __init__(self, path: Path) -> None:
        self.service = DeskService(path)
        self._loop = asyncio.new_event_loop()
        self._listening = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        assert self._listening.wait(10)

    def _run(self) -> None:
        runner = self._loop.run_until_complete(self._start())
        self._loop.run_forever()
        self._loop.run_until_complete(runner.cleanup())
        self._loop.close()

    async def _start(self) -> web.AppRunner:
        # The port is known only later, so that links are told without a host.
        self.service.address = ""
        runner = web.AppRunner(self.service.app(), shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        self.address = f"http://127.0.0.1:{runner.addresses[0][1]}"
        self._listening.set()
        return runner

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(20)
        self.service.drafts.close()

    def order(self) -> PlaceOrder:
        """The one order that was placed."""
        (raw,) = self.service.kafka.raw
        (order,) = CallCentre().orders(raw.payload, "", raw.raw_id, 1)
        assert isinstance(order, PlaceOrder), order
        return order


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Served]:
    served = Served(tmp_path / "desk.sqlite")
    yield served
    served.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One browser for the module."""
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield running
        running.close()


@pytest.fixture
def page(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Page]:
    """A page of a width and a colour scheme; an error on its console fails the test."""
    width, scheme = getattr(request, "param", (1440, "light"))
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    made = context.new_page()
    errors: list[str] = []
    made.on("pageerror", lambda error: errors.append(str(error)))
    made.on("console", lambda said: errors.append(said.text) if said.type == "error" else None)
    yield made
    context.close()
    assert [error for error in errors if "status of 4" not in error] == []


def sign_in(page: Page, desk: Served) -> None:
    page.goto(f"{desk.address}/desk/")
    expect(page.get_by_test_id("token")).to_be_focused()
    page.keyboard.type(AGENT_TOKEN)
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("who")).to_have_text("ada")
    expect(page.get_by_test_id("product")).to_be_focused()


def add(page: Page, words: str, pieces: str) -> None:
    """Find a product and say how many, with the keyboard."""
    page.keyboard.press("F2")
    page.keyboard.type(words)
    expect(page.get_by_test_id("products").locator("[aria-selected=true]")).to_be_visible()
    page.keyboard.press("Enter")
    page.keyboard.type(pieces)
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("product")).to_be_focused()


def tab_to(page: Page, path: str) -> None:
    """Press Tab until the field has the focus, which must be seen."""
    for _ in range(80):
        page.keyboard.press("Tab")
        focused = "e => e === document.activeElement"
        field = page.locator(f"[data-path='{path}']")
        if field.count() and field.evaluate(focused):
            assert field.evaluate("e => getComputedStyle(e).outlineStyle") == "solid"
            return
    raise AssertionError(f"{path} cannot be reached")


def take_ada(page: Page) -> None:
    page.keyboard.press("F4")
    page.keyboard.type("ada@example.com")
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("customers").locator("button")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("[data-path='/ship_to/city']")).to_have_value("Bremen")


def picture(page: Page, name: str) -> None:
    if PICTURES:
        width = page.evaluate("innerWidth")
        scheme = page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : ''")
        page.screenshot(path=f"{PICTURES}/desk-{name}-{width}{scheme}.png", full_page=True)


@each_look
def test_an_order_is_placed_without_a_mouse(desk: Served, page: Page) -> None:
    sign_in(page, desk)
    add(page, "green tea", "3")
    add(page, "POT", "1")
    take_ada(page)
    tab_to(page, "/shipping")
    page.keyboard.type("4.10")
    tab_to(page, "/payment/token")
    page.keyboard.type("4242424242424242")
    expect(page.get_by_test_id("total")).to_have_text("37.50 EUR")
    assert page.evaluate(WIDE) == 0
    picture(page, "order")
    page.keyboard.press("F9")
    expect(page.get_by_test_id("state")).to_have_text("placed")
    told = page.get_by_test_id("order-id").text_content()
    order = desk.order()
    assert told == order.order_id
    assert [(line.sku, line.quantity) for line in order.lines] == [("TEA", 3), ("POT", 1)]
    assert (order.total_minor, order.ship_to.city) == (3750, "Bremen")
    expect(page.get_by_test_id("next")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("product")).to_be_focused()
    expect(page.get_by_test_id("drafts").locator("li")).to_have_count(0)


@in_pictures
def test_a_draft_survives_a_reload_and_its_quote_can_be_shown(desk: Served, page: Page) -> None:
    sign_in(page, desk)
    add(page, "POT", "2")
    take_ada(page)
    page.keyboard.press("F8")
    expect(page.locator("[aria-invalid=true]")).to_be_focused()  # a card needs its token
    page.keyboard.type("tok_1")
    page.keyboard.press("F8")
    expect(page.get_by_test_id("paper")).to_be_focused()
    expect(page.get_by_test_id("paper")).to_contain_text("39.80 EUR")
    picture(page, "quote")
    assert page.evaluate(WIDE) == 0
    page.reload()
    expect(page.get_by_test_id("state")).to_have_text("quoted")
    expect(page.get_by_test_id("lines")).to_contain_text("Teapot")
    expect(page.get_by_test_id("total")).to_have_text("39.80 EUR")
    page.keyboard.press("Shift+F8")
    expect(page.get_by_test_id("state")).to_have_text("")
    page.keyboard.press("Shift+F2")
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("state")).to_have_text("quoted")


@in_pictures
def test_a_payment_link_is_made_and_paid_with_the_keyboard(desk: Served, page: Page) -> None:
    sign_in(page, desk)
    add(page, "TEA", "2")
    take_ada(page)
    tab_to(page, "/payment/method")
    page.keyboard.type("Payment")
    page.keyboard.press("Shift+F9")
    link = page.get_by_test_id("pay-link")
    expect(link).to_be_visible()
    picture(page, "link")
    assert desk.service.kafka.raw == []
    customer = page.context.new_page()
    customer.goto(f"{desk.address}{link.input_value()}")
    expect(customer.locator("button")).to_be_focused()
    picture(customer, "pay")
    customer.keyboard.press("Enter")
    expect(customer.locator("h1")).to_have_text("Thank you")
    customer.close()
    page.reload()
    expect(page.get_by_test_id("state")).to_have_text("placed")
    order = desk.order()
    assert (order.payment_method, order.paid_minor) == ("channel", 900)


def test_every_field_has_a_name_and_the_keys_are_listed(desk: Served, page: Page) -> None:
    sign_in(page, desk)
    add(page, "TEA", "2")
    nameless = """[...document.querySelectorAll('input, select, textarea, button')].filter(e =>
        e.offsetParent && !e.labels?.length && !e.ariaLabel && !e.textContent.trim()).length"""
    assert page.evaluate(nameless) == 0
    page.keyboard.press("F1")
    expect(page.locator("#keys")).to_be_visible()
    for key in ("F2", "F4", "F8", "F9", "Shift+F9"):
        expect(page.locator("#keys")).to_contain_text(key)
    page.keyboard.press("Escape")
    expect(page.locator("#keys")).to_be_hidden()
