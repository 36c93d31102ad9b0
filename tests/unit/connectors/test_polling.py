"""Sources of the poller: pages, seams, limits and faults, against a shop on loopback."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from connectors.polling.source import Refused, SourceError, Throttled, listed, next_link
from connectors.polling.stores import ShopifyOrders, WooCommerceOrders
from deploy.sources import BadSources, load
from tests.fakes.shop import TOKEN, Shop

BEGAN_MS = 1_767_225_600_000  # 2026-01-01T00:00:00Z
GOOD = """
[[source]]
name = "de"
channel = "shopify"
url = "https://example.myshopify.com"
secret_variable = "TOKEN"
"""


def ids(payload: bytes) -> list[int]:
    return [order["id"] for order in json.loads(payload)["orders"]]


def all_of(source: ShopifyOrders, cursor: str) -> tuple[list[int], str]:
    """Every order of one round, and the cursor behind it."""
    found: list[int] = []
    while True:
        page = source.page(cursor)
        found += [one for payload in page.payloads for one in ids(payload)]
        cursor = page.cursor
        if not page.more:
            return found, cursor


def test_a_round_reads_page_after_page_and_the_next_only_what_is_new() -> None:
    with Shop() as shop:
        for number in range(1, 8):
            shop.change(number, f"2026-01-01T10:{number:02d}:00Z")
        source = ShopifyOrders("de", shop.url, TOKEN)
        found, cursor = all_of(source, source.first_cursor(BEGAN_MS))
        assert found == list(range(1, 8))
        assert all_of(source, cursor) == ([], cursor)
        shop.change(3, "2026-01-01T11:00:00Z")
        found, cursor = all_of(source, cursor)
        assert 3 in found
        assert all_of(source, cursor)[0] == []


def test_a_change_that_shows_late_at_the_seam_is_not_missed() -> None:
    with Shop() as shop:
        shop.change(1, "2026-01-01T10:00:30Z")
        source = ShopifyOrders("de", shop.url, TOKEN)
        _, cursor = all_of(source, source.first_cursor(BEGAN_MS))
        shop.change(2, "2026-01-01T10:00:05Z")
        assert 2 in all_of(source, cursor)[0]


def test_what_changed_before_the_first_start_is_not_asked_for() -> None:
    with Shop() as shop:
        shop.change(1, "2025-06-01T10:00:00Z")
        source = ShopifyOrders("de", shop.url, TOKEN)
        assert all_of(source, source.first_cursor(BEGAN_MS))[0] == []


@pytest.mark.parametrize(
    ("trouble", "error"),
    [(500, SourceError), (429, Throttled), (503, Throttled), (403, Refused), (None, SourceError)],
)
def test_a_fault_of_the_source_has_its_name(trouble: int | None, error: type[SourceError]) -> None:
    with Shop(troubles={0: trouble}) as shop:
        source = ShopifyOrders("de", shop.url, TOKEN)
        with pytest.raises(error) as caught:
            source.page(source.first_cursor(BEGAN_MS))
        assert TOKEN not in str(caught.value)
        if isinstance(caught.value, Throttled):
            assert caught.value.seconds == 0.05


def test_a_wrong_token_is_refused() -> None:
    with Shop() as shop:
        source = ShopifyOrders("de", shop.url, "other")
        with pytest.raises(Refused):
            source.page(source.first_cursor(BEGAN_MS))


def test_a_next_page_elsewhere_is_not_followed() -> None:
    with Shop() as shop, Shop() as other:
        for number in range(1, 8):
            shop.change(number, "2026-01-01T10:00:00Z")
        source = ShopifyOrders("de", other.url, TOKEN)
        other.page = shop.page  # type: ignore[method-assign]
        with pytest.raises(SourceError, match="another address"):
            source.page(source.first_cursor(BEGAN_MS))


def test_woocommerce_asks_by_change_in_utc(monkeypatch: pytest.MonkeyPatch) -> None:
    with Shop() as shop:
        source = WooCommerceOrders("at", shop.url, "key", "secret")
        with pytest.raises(Refused):
            source.page(source.first_cursor(BEGAN_MS))
        [asked] = shop.requests
    assert "modified_after=2025-12-31T23%3A59%3A00Z" in asked
    assert "dates_are_gmt=true" in asked


@pytest.mark.parametrize("body", [b"", b"{", b"[", b'{"orders": {}}', b"1", b"null"])
def test_an_answer_without_a_list_is_a_fault_and_no_traceback(body: bytes) -> None:
    with pytest.raises(SourceError):
        listed(body, "orders")


def test_the_next_page_is_the_one_that_is_called_so() -> None:
    link = '<https://a/1>; rel="previous", <https://a/3?x=1>; rel="next"'
    assert next_link({"Link": link}) == "https://a/3?x=1"
    assert next_link({"Link": '<https://a/1>; rel="previous"'}) == ""
    assert next_link({}) == ""


def test_a_file_names_shops_and_where_their_secrets_are(tmp_path: Path) -> None:
    file = tmp_path / "sources.toml"
    file.write_text(GOOD)
    [source] = load(file, {"TOKEN": "secret"})
    assert (source.name, source.channel) == ("de", "shopify")


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("https://", "http://", ":5: source[1].url: is not encrypted"),
        ("https://example", "https://a:b@example", "has a password in it"),
        ('"shopify"', '"shopfy"', ":4: source[1].channel"),
        ('"TOKEN"', '"NONE"', "has 0 lines; it needs the access token"),
        ('"de"', '"D E"', ":3: source[1].name: is no name"),
        ("name", "nmae", "name is missing"),
        ("[[source]]", "[[sources]]", "it needs 1 to"),
    ],
)
def test_what_is_wrong_in_a_file_is_told_with_its_line(
    tmp_path: Path, before: str, after: str, said: str
) -> None:
    file = tmp_path / "sources.toml"
    file.write_text(GOOD.replace(before, after))
    with pytest.raises(BadSources) as caught:
        load(file, {"TOKEN": "secret"})
    assert said in str(caught.value)
