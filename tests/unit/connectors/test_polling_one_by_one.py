"""What one source does that no other does: acknowledgements, signatures, tokens used up."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from connectors.polling import ebay, magento, square, walmart
from connectors.polling.etsy import EtsyReceipts, RefreshFile
from connectors.polling.magento import MagentoOrders, OAuth
from connectors.polling.source import Refused, Unwanted
from connectors.polling.walmart import WalmartOrders
from tests.fakes.clock import Clock, rounds
from tests.fakes.marketplaces import Ebay, Walmart
from tests.fakes.service import CLIENT, REFRESH, SECRET
from tests.fakes.stores import BEARER, LOCATION, OAUTH, SHOP, Etsy, Magento, Square


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(name="there")
def walmart_there(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Iterator[Walmart]:
    monkeypatch.setattr(walmart, "PAGE", 2)
    with Walmart(clock=clock.seconds) as fake:
        yield fake


def at_walmart(fake: Walmart, clock: Clock, acknowledge: bool = True) -> WalmartOrders:
    return WalmartOrders(
        "w",
        fake.url,
        CLIENT,
        SECRET,
        acknowledge=acknowledge,
        clock_ms=clock.now_ms,
        clock=clock.seconds,
    )


def test_walmart_is_acknowledged_only_what_is_durable_and_all_of_it(
    there: Walmart, clock: Clock
) -> None:
    cursor = at_walmart(there, clock).first_cursor(clock.ms)
    for number in range(5):
        there.put(number, clock.seconds())
    clock.go(600)
    found: list[str] = []
    while True:
        # As after a kill behind every page: what is due stands in the cursor alone.
        page = at_walmart(there, clock).page(cursor)
        if not page.more:
            break
        if page.payloads:
            assert there.acknowledged == [], "none before its page is committed"
        cursor = page.cursor
        found += ["page" for _ in page.payloads]
    assert len(found) == 3 and there.acknowledged == [0, 1, 2, 3, 4]


def test_a_fault_amid_acknowledgements_repeats_none_and_forgets_none(
    there: Walmart, clock: Clock
) -> None:
    source = at_walmart(there, clock)
    cursor = source.first_cursor(clock.ms)
    for number in range(2):
        there.put(number, clock.seconds())
    there.shipped.add(7)
    there.put(7, clock.seconds())
    clock.go(600)
    there.troubles = {4: 500}
    rounds(source, cursor, clock)
    assert there.acknowledged == [0, 1]


def test_what_was_shipped_meanwhile_does_not_hold_up_the_rest(there: Walmart, clock: Clock) -> None:
    source = at_walmart(there, clock)
    cursor = source.first_cursor(clock.ms)
    there.put(1, clock.seconds())
    there.put(2, clock.seconds())
    clock.go(600)
    page = source.page(cursor)
    there.shipped.add(1)
    rounds(source, page.cursor, clock)
    assert there.acknowledged == [2]


def test_walmart_is_not_acknowledged_where_somebody_else_does_it(
    there: Walmart, clock: Clock
) -> None:
    source = at_walmart(there, clock, acknowledge=False)
    there.put(1, clock.seconds())
    cursor = source.first_cursor(clock.ms)
    clock.go(600)
    assert rounds(source, cursor, clock)[0] and there.acknowledged == []


def test_after_days_off_walmart_is_read_a_day_at_a_time(there: Walmart, clock: Clock) -> None:
    source = at_walmart(there, clock)
    cursor = source.first_cursor(clock.ms)
    for day in range(4):
        there.put(day, clock.seconds() + day * 86_400 + 7_000)
    clock.go(4 * 86_400)
    payloads, _ = rounds(source, cursor, clock)
    assert len(payloads) == 4


def test_ebay_asks_for_the_last_page_first(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ebay, "PAGE", 2)
    with Ebay(clock=clock.seconds) as fake:
        account = ebay.Credentials(CLIENT, SECRET, REFRESH)
        source = ebay.EbayOrders("b", fake.url, account, clock_ms=clock.now_ms, clock=clock.seconds)
        cursor = source.first_cursor(clock.ms)
        for number in range(5):
            fake.put(number, clock.seconds())
        clock.go(600)
        rounds(source, cursor, clock)
        asked = [one.query["offset"] for one in fake.asked_for("/order?")]
    assert asked == ["0", "4", "2", "0"]


@pytest.mark.parametrize("right", [True, False])
def test_magento_takes_a_signature_by_oauth(clock: Clock, right: bool) -> None:
    with Magento(clock=clock.seconds) as fake:
        fake.put(1, clock.seconds())
        access = OAuth(*OAUTH[:3], OAUTH[3] if right else "wrong")
        source = MagentoOrders("m", fake.url, access)
        cursor = source.first_cursor(clock.ms)
        if right:
            assert len(rounds(source, cursor, clock)[0]) == 1
        else:
            with pytest.raises(Refused):
                source.page(cursor)


def test_an_oauth_signature_is_that_of_its_standard() -> None:
    query = [("a", "b c"), ("a[0]", "ü&=")]
    access = OAuth("key", "secret&", "token", "other")
    told = magento.signed(
        "GET",
        "https://store.example/rest/V1/orders",
        query,
        access,
        now=lambda: 7,
        nonce=lambda: "n",
    )
    assert told.startswith('OAuth oauth_consumer_key="key", oauth_nonce="n"')
    assert "oauth_signature=" in told and "secret" not in told


def test_a_cursor_that_square_has_forgotten_goes_on_at_its_moment_however_often(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(square, "PAGE", 2)
    with Square(clock=clock.seconds) as fake:
        source = square.SquareOrders("s", fake.url, BEARER, [LOCATION])
        for number in range(7):
            fake.put(number, clock.seconds())
        cursor = source.first_cursor(clock.ms)
        found: list[str] = []
        faults = 0
        for turn in range(40):
            try:
                page = source.page(cursor)
            except Unwanted:
                faults += 1
                continue
            found += [one["id"] for each in page.payloads for one in json.loads(each)["orders"]]
            # The first few that it gives are gone when they are used.
            cursor = page.cursor.replace("|", "|gone") if turn in (0, 2, 5) else page.cursor
            if not page.more:
                break
        assert sorted(found) == [f"sq-{number}" for number in range(7)]
        assert faults >= 1, "the second time in a round it is told"


def at_etsy(fake: Etsy, clock: Clock, file: Path) -> EtsyReceipts:
    refresh = RefreshFile(file)
    return EtsyReceipts("e", fake.url, (CLIENT, SECRET), SHOP, refresh, clock=clock.seconds)


def test_etsys_new_refresh_token_is_kept_where_only_we_may_read_it(
    clock: Clock, tmp_path: Path
) -> None:
    file = tmp_path / "token"
    file.write_text(REFRESH)
    with Etsy(clock=clock.seconds) as fake:
        for _ in range(3):
            source = at_etsy(fake, clock, file)
            source.page(source.first_cursor(clock.ms))
            clock.go(3600)
        assert file.read_text().strip() == fake.refreshes[-1] == "refresh-secret-3"
    assert file.stat().st_mode & 0o077 == 0
    assert [each.name for each in tmp_path.iterdir()] == ["token"]


@pytest.mark.parametrize("content", [None, "", "\n"])
def test_without_a_refresh_token_etsy_is_refused_and_not_asked(
    clock: Clock, tmp_path: Path, content: str | None
) -> None:
    file = tmp_path / "token"
    if content is not None:
        file.write_text(content)
    with Etsy(clock=clock.seconds) as fake:
        source = at_etsy(fake, clock, file)
        with pytest.raises(Refused, match="refresh token"):
            source.page(source.first_cursor(clock.ms))
        assert fake.requests == []
