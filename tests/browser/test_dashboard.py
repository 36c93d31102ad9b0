"""The numbers on the page are the numbers in the database, in a real browser."""

import asyncio
import re
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from aiohttp import web
from playwright.sync_api import Browser, Page, expect, sync_playwright

from connectors.api.forms import OrderSummary
from connectors.api.reading import Analytics, Place, Wanted, place
from connectors.clickhouse.database import Database
from connectors.clickhouse.rows import Block, Entry, rows
from dashboards.server import application
from schemas.channels import PayloadRejected
from schemas.codec import encode
from schemas.inventory import StockRefused, StockReserved
from schemas.orders import (
    AmendmentRefused,
    HoldEnded,
    OrderAmended,
    OrderAuthorized,
    OrderBackordered,
    OrderCancelled,
    OrderHeld,
    OrderLine,
    OrderPlaced,
    OrderRefunded,
    OrderRefused,
    OrderReleased,
    OrderReserved,
    OrderShipped,
    ShippedLine,
)
from schemas.payments import (
    PaymentAuthorized,
    PaymentCaptured,
    PaymentDeclined,
    PaymentReceived,
    PaymentRefunded,
)
from schemas.records import Record
from schemas.stock import StockSet

pytestmark = [
    pytest.mark.browser,
    # Closing a browser leaves sockets of its driver to the garbage collector.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

CHROMIUM = "/usr/bin/chromium"
ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip
LAG = 1234
CHANNELS = {"shopify": 40, "amazon": 25, "pos": 15, "edi": 7}
ENDED_AT = {"released": 60, "refused": 9, "cancelled": 4, "backordered": 5, "ready": 3}
RESERVING = sum(CHANNELS.values()) - sum(ENDED_AT.values())
CHANGED = {
    "held": 2, "authorizing": 1, "cancelled": 1, "released": 1, "partly_shipped": 1, "shipped": 2,
}  # fmt: skip
"""Steps of the orders of `changed`, all of the channel b2b."""
STEPS = {
    step: {**ENDED_AT, "reserving": RESERVING}.get(step, 0) + CHANGED.get(step, 0)
    for step in {*ENDED_AT, "reserving", *CHANGED}
}
ORDERS = sum(STEPS.values())


def placed(order_id: str, channel: str, at_ms: int) -> OrderPlaced:
    line = OrderLine(line_id="1", sku="TEA", quantity=2, unit_price_minor=500)
    return OrderPlaced(
        order_id=order_id, channel=channel, external_id="1", currency="EUR", total_minor=1000,
        total_difference_minor=0, lines=[line], country="DE", placed_at_ms=at_ms, raw_id="r",
        at_ms=at_ms,
    )  # fmt: skip


def shipped(order_id: str, shipment_id: str, pieces: int, status: str, at_ms: int) -> Record:
    return OrderShipped(
        order_id, shipment_id, [ShippedLine("1", pieces)], "berlin", "", "", status, "EUR",
        500 * pieces, "", at_ms,
    )  # fmt: skip


def amended(order_id: str, revision: int, pieces: int, difference: int, at_ms: int) -> Record:
    line = OrderLine(line_id="1", sku="TEA", quantity=pieces, unit_price_minor=500)
    return OrderAmended(
        order_id, f"n-{revision}", revision, [line], [], [], ["1"], [], "EUR", 500 * pieces,
        difference, "", "ada", at_ms,
    )  # fmt: skip


def held(order_id: str, kind: str, at_ms: int) -> Record:
    return OrderHeld(order_id, kind, kind, "", 0, "", "", "ada", at_ms)


def changed(now: int) -> list[Record]:
    """Orders that are held, amended, shipped and refunded. What is amended is so just now."""
    at = now - 3_000_000
    told: dict[str, list[Record]] = {
        "b2b-suspect": [held("b2b-suspect", "fraud", at + 2)],
        "b2b-ready": [
            OrderReserved("b2b-ready", at + 1),
            OrderAuthorized("b2b-ready", 1000, "EUR", at + 2),
            held("b2b-ready", "fraud", now - 60_500),
            held("b2b-ready", "cut_off", now - 120_500),
        ],
        "b2b-cleared": [
            held("b2b-cleared", "address", at + 1),
            HoldEnded("b2b-cleared", "address", "address", "", "ada", at + 2),
            OrderReserved("b2b-cleared", at + 3),
        ],
        "b2b-given-up": [
            held("b2b-given-up", "manual", at + 1),
            OrderCancelled("b2b-given-up", "customer", at + 2),
        ],
        "b2b-amended": [
            OrderReserved("b2b-amended", at + 1),
            OrderAuthorized("b2b-amended", 1000, "EUR", at + 2),
            amended("b2b-amended", 1, 4, 1000, now),
            OrderReleased("b2b-amended", 1, now + 1),
            AmendmentRefused("b2b-amended", "n-2", "", "too_late", "", "ada", now + 2),
        ],
        "b2b-part": [
            OrderReleased("b2b-part", 1, at + 3),
            amended("b2b-part", 1, 2, 0, now),
            shipped("b2b-part", "s1", 1, "partly_shipped", now),
        ],
        "b2b-cut": [
            OrderReleased("b2b-cut", 1, at + 3),
            shipped("b2b-cut", "s1", 1, "partly_shipped", at + 4),
            amended("b2b-cut", 1, 1, -500, now),
        ],
        "b2b-refunded": [
            OrderReleased("b2b-refunded", 1, at + 3),
            shipped("b2b-refunded", "s1", 1, "partly_shipped", at + 4),
            shipped("b2b-refunded", "s2", 1, "shipped", at + 5),
            OrderRefunded("b2b-refunded", "r1", [], "EUR", 205, 0, "late", "ada", now),
        ],
    }
    records: list[Record] = []
    for order_id, each in told.items():
        records += [placed(order_id, "b2b", at), *each]
    return records


def money(now: int) -> list[Record]:
    """What was taken and given back; an invoice brings nothing before it is paid."""

    def taken(method: str, amount: int, currency: str, part: int, at_ms: int = now) -> Record:
        return PaymentCaptured("b2b-refunded", "1", "s", part, "x", method, amount, currency, at_ms)

    return [
        taken("card", 123_456_789, "EUR", 1),
        taken("card", 1, "EUR", 2),
        taken("card", 77, "EUR", 3, now - 86_400_000),
        taken("gift_card", 5, "EUR", 4),
        taken("invoice", 9_900, "EUR", 5),
        taken("cash_on_delivery", 1_200, "JPY", 6),
        taken("card", 1_500, "JPY", 7),
        taken("card", 10_250, "KWD", 8),
        PaymentReceived("b2b-part", "1", "r", "invoice", 4_000, "EUR", "", "ada", now),
        PaymentRefunded(
            "b2b-refunded", "1", "r1", 1, "s", "x", "card", 205, "EUR", "late", now,
            paid_back_minor=205,
        ),
    ]  # fmt: skip


def story() -> dict[str, list[Record]]:
    """Records of each topic; the first order's reach from its placing to its release."""
    now = time.time_ns() // 1_000_000
    orders: list[Record] = []
    payments: list[Record] = []
    fates = [fate for fate, number in ENDED_AT.items() for _ in range(number)]
    names = [(channel, i) for channel, number in CHANNELS.items() for i in range(number)]
    for number, (channel, i) in enumerate(names):
        order_id, at = f"{channel}-{i}", now - 60_000 * (1 + (i * 7 + len(channel)) % 50)
        orders.append(placed(order_id, channel, at))
        fate = fates[number] if number < len(fates) else "reserving"
        if fate in ("released", "ready"):
            orders.append(OrderReserved(order_id, at + 5))
            payments.append(PaymentAuthorized(order_id, "x", 1000, "EUR", "card", at + 6))
            orders.append(OrderAuthorized(order_id, 1000, "EUR", at + 7))
        if fate == "released":
            orders.append(OrderReleased(order_id, 1, at + 9))
        if fate == "refused":
            payments.append(PaymentDeclined(order_id, "card_declined", 1000, "EUR", at + 6))
            orders.append(OrderRefused(order_id, "", "payment_declined", at + 8))
        if fate == "cancelled":
            orders.append(OrderCancelled(order_id, "customer", at + 8))
        if fate == "backordered":
            orders.append(OrderBackordered(order_id, "1", "out_of_stock", 1, at, at + 8))
    orders += changed(now)
    payments += money(now)
    return {
        "orders.events": orders,
        "payments.events": payments,
        "inventory.events": [
            StockSet("TEA", "berlin", 10, 0, 2, "count", now),
            StockSet("MUG", "berlin", 900, 0, 2, "count", now),
            StockReserved("TEA", "shopify-0", "1", "berlin", 7, 10, 7, now, now - 3_000_000),
            StockRefused("POT", "edi-0", "1", 1, "unknown_sku", now),
        ],
        "channels.rejected": [
            PayloadRejected("r1", "edi", "missing_field", "lines[0].sku", "is missing", 0, 1, now)
        ],
    }


def fill(database: Database, records: dict[str, list[Record]]) -> None:
    for topic, each in records.items():
        entries = [Entry(i, 0, encode(record)) for i, record in enumerate(each)]
        block = Block(topic, 0, entries)
        made = rows(block)
        for table, columns in (
            ("orders_current", made.orders),
            ("holds_current", made.holds),
            ("stock_current", made.stock),
            ("allocated_current", made.allocated),
            ("safety_stock_current", made.safety_stock),
        ):
            if columns["_offset"]:
                database.insert(table, columns)
        database.insert("events", made.events, block.token)


def serve(database: Database) -> tuple[str, threading.Thread, asyncio.AbstractEventLoop]:
    loop = asyncio.new_event_loop()
    address: list[str] = []
    listening = threading.Event()

    async def start() -> web.AppRunner:
        runner = web.AppRunner(application(database.query, lambda: LAG), shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        address.append(f"http://127.0.0.1:{runner.addresses[0][1]}")
        listening.set()
        return runner

    def run() -> None:
        runner = loop.run_until_complete(start())
        loop.run_forever()
        loop.run_until_complete(runner.cleanup())
        loop.close()

    thread = threading.Thread(target=run)
    thread.start()
    assert listening.wait(10)
    return address[0], thread, loop


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server over a database that holds the story."""
    with Database(path=tmp_path_factory.mktemp("clickhouse")) as database:
        fill(database, story())
        url, thread, loop = serve(database)
        try:
            yield url
        finally:
            loop.call_soon_threadsafe(loop.stop)
            thread.join(20)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One browser for the module."""
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield running
        running.close()


@pytest.fixture(params=[(1440, "light"), (390, "light"), (1440, "dark"), (390, "dark")], ids=str)
def page(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Page]:
    """A page of a width and a colour scheme; an error on its console fails the test."""
    width, scheme = request.param
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    made = context.new_page()
    errors: list[str] = []
    made.on("pageerror", lambda error: errors.append(str(error)))
    made.on("console", lambda said: errors.append(said.text) if said.type == "error" else None)
    yield made
    context.close()
    assert [error for error in errors if "404" not in error] == []


def shown(page: Page, name: str, text: str) -> None:
    expect(page.get_by_test_id(name)).to_have_text(text)


def test_the_page_shows_the_numbers_that_were_put_in(address: str, page: Page) -> None:
    page.goto(address)
    expect(page.get_by_test_id("connection")).to_have_attribute("data-state", "live")
    shown(page, "orders", str(ORDERS))
    shown(page, "released", str(STEPS["released"] + STEPS["partly_shipped"] + STEPS["shipped"]))
    still_open = ("reserving", "authorizing", "ready", "held", "backordered")
    shown(page, "open", str(sum(STEPS[step] for step in still_open)))
    shown(page, "lag", "1,234")
    authorized = ENDED_AT["released"] + ENDED_AT["ready"]
    shown(page, "approval", f"{100 * authorized / (authorized + ENDED_AT['refused']):.1f}%")
    shown(page, "rejected", "1")
    for step, number in STEPS.items():
        expect(page.locator(f"[data-step={step}] .orders")).to_have_text(str(number))
    for channel, number in CHANNELS.items():
        expect(page.locator(f"[data-channel={channel}] b")).to_have_text(str(number))
    expect(page.get_by_test_id("chart").locator("canvas")).to_be_visible()
    refusals = page.get_by_test_id("refusals").locator("tbody tr")
    expect(refusals).to_have_count(3)
    expect(refusals.filter(has_text="too late")).to_contain_text("Amendment")
    expect(refusals.filter(has_text="payment declined")).to_contain_text("9")
    low = page.get_by_test_id("low-stock").locator("tbody tr")
    expect(low).to_have_count(1)
    expect(low.locator("td")).to_have_text(["TEA", "berlin", "10", "7", "0", "1"])


def cells_of(page: Page, table: str) -> list[list[str]]:
    rows = page.get_by_test_id(table).locator("tbody tr")
    return [rows.nth(i).locator("td").all_inner_texts() for i in range(rows.count())]


def test_the_page_shows_what_is_held_and_what_was_amended(address: str, page: Page) -> None:
    page.goto(address)
    shown(page, "orders", str(ORDERS))
    kinds = cells_of(page, "held")
    assert [[kind, orders, which] for kind, orders, _, which in kinds] == [
        ["Fraud", "2", "b2b-suspect"],
        ["Cut off", "1", "b2b-ready"],
    ]
    assert [kinds[0][2], kinds[1][2]] == ["50 min", "2 min"]
    expect(page.locator("[data-step=held] .oldest")).to_have_text("50 min")
    shown(page, "amended", "3")
    shown(page, "amendments-refused", "1")
    shown(page, "difference", "+5.00 EUR")
    page.get_by_test_id("held").get_by_role("link", name="b2b-suspect").click()
    happened = page.get_by_test_id("timeline").locator("strong")
    expect(happened).to_have_text(["OrderPlaced", "OrderHeld"])


def test_the_page_shows_money_by_currency_and_method_to_the_minor_unit(
    address: str, page: Page
) -> None:
    page.goto(address)
    shown(page, "orders", str(ORDERS))
    assert cells_of(page, "money") == [
        ["EUR", "Card", "1,234,567.90", "2.05"],
        ["EUR", "Invoice", "40.00", "–"],
        ["EUR", "Gift card", "0.05", "–"],
        ["JPY", "Card", "1,500", "–"],
        ["KWD", "Card", "10.250", "–"],
    ]


def test_nothing_is_wider_than_the_window(address: str, page: Page) -> None:
    page.goto(f"{address}/#shopify-0")
    shown(page, "orders", str(ORDERS))
    expect(page.get_by_test_id("timeline").locator("li")).to_have_count(6)
    page.get_by_test_id("timeline").locator("summary").first.click()
    wide = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert page.evaluate(wide) == 0


def test_an_order_shows_its_timeline(address: str, page: Page) -> None:
    page.goto(address)
    page.get_by_test_id("order-id").fill("shopify-0")
    page.get_by_test_id("find").click()
    happened = page.get_by_test_id("timeline").locator("strong")
    expect(happened).to_have_text(
        ["StockReserved", "OrderPlaced", "OrderReserved", "PaymentAuthorized", "OrderAuthorized",
         "OrderReleased"]
    )  # fmt: skip
    page.get_by_test_id("order-id").fill("nobody")
    page.get_by_test_id("find").click()
    shown(page, "timeline-empty", "No order nobody is known.")


def test_the_page_says_when_the_connection_is_lost(address: str, page: Page) -> None:
    page.route("**/events", lambda route: route.fulfill(status=204))
    page.goto(address)
    expect(page.get_by_test_id("connection")).to_have_attribute("data-state", "lost")


def test_the_api_answers(address: str, page: Page) -> None:
    ask = page.request
    assert ask.get(f"{address}/health").ok
    assert ask.get(f"{address}/ready").ok
    assert "millrace_dashboard_viewers" in ask.get(f"{address}/metrics").text()
    found = ask.get(f"{address}/api/orders/shopify-0").json()["events"]
    assert set(found[0]) == {"at", "room", "event", "why", "detail"}
    assert [each["at"] for each in found] == sorted(each["at"] for each in found)
    counts = ask.get(f"{address}/api/counts").json()
    assert counts == {topic: [len(each)] * 2 for topic, each in story().items()}
    position = ask.get(f"{address}/api/stock/TEA").json()["positions"][0]
    assert (position["available"], position["safety_stock"]) == (1, 2)
    waiting = ask.get(f"{address}/api/rejected").json()["rejected"]
    assert [each["field"] for each in waiting] == ["lines[0].sku"]
    assert ask.get(f"{address}/api/stock/none").status == 404
    headers = ask.get(address).headers
    assert "script-src 'self'" in headers["content-security-policy"]
    assert not re.search(r"<script(?![^>]*src=)|style=|onclick", ask.get(address).text())


def test_the_api_reads_orders_page_by_page_and_one_by_one(address: str) -> None:
    async def main() -> None:
        reader = Analytics(address)
        try:
            found: list[OrderSummary] = []
            behind = Place()
            while True:
                page = await reader.page(Wanted(channel="b2b"), behind, 3)
                found += page.orders
                if page.next is None:
                    break
                behind = place(page.next)
            ids = [one.order_id for one in found]
            assert len(ids) == len(set(ids)) == sum(CHANGED.values())
            assert ids == sorted(ids, reverse=True)  # all of one moment
            for step, number in STEPS.items():
                of_step = (await reader.page(Wanted(status=step), Place(), 90)).orders
                assert (len(of_step), {one.status for one in of_step}) == (number, {step})
                told = await reader.order(of_step[0].order_id)
                assert told is not None and told.status == step
            order = await reader.order("b2b-part")
            assert order is not None
            assert (order.status, order.total, order.revision) == ("partly_shipped", "10.00", 1)
            assert [(line.sku, line.quantity, line.shipped) for line in order.lines] == [
                ("TEA", 2, 1)
            ]
            assert await reader.order("nobody-1") is None
        finally:
            await reader.close()

    with ThreadPoolExecutor(1) as pool:  # the browser's driver has a loop of its own in this thread
        pool.submit(asyncio.run, main()).result(60)
