"""Sources of the poller: pages, seams, limits and faults, against a shop on loopback."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.polling import fetching, seam
from connectors.polling.fetching import Fetcher, next_link, read_as
from connectors.polling.pace import NotYet
from connectors.polling.poller import Poller
from connectors.polling.source import Page, Refused, SourceError, Throttled
from connectors.polling.stores import ShopifyOrders, WooCommerceOrders
from connectors.vault.master import MasterKeys
from connectors.vault.sealing import Vault
from deploy.sources import BadSources, load
from tests.fakes.loopback import Asked, Loopback, Reply, told
from tests.fakes.shop import TOKEN, Shop
from tests.pipeline import VAULT_KEY

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


@pytest.mark.parametrize(
    "following", ["", "https://elsewhere.example/orders.json?page_info=x", "3"]
)
def test_a_cursor_of_an_earlier_version_goes_on(following: str) -> None:
    old = {"since": "2026-01-01T10:03:00Z", "latest": "2026-01-01T10:05:00Z", "next": following}
    with Shop() as shop:
        for number in range(1, 8):
            shop.change(number, f"2026-01-01T10:{number:02d}:00Z")
        source = ShopifyOrders("de", shop.url, TOKEN)
        cursor = json.dumps({**old, "seen": ["0123456789abcdef"]})
        found, _ = all_of(source, cursor)
        assert sorted(found) == [2, 3, 4, 5, 6, 7]


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
    assert asked.query["modified_after"] == "2025-12-31T23:58:59Z"
    assert asked.query["dates_are_gmt"] == "true"


@pytest.mark.parametrize("body", [b"", b"{", b"[", b'{"orders": {}}', b"1", b"null"])
def test_an_answer_without_a_list_is_a_fault_and_no_traceback(body: bytes) -> None:
    with pytest.raises(SourceError):
        read_as(body, dict[str, list[object]])


@pytest.mark.parametrize(
    ("text", "read"),
    [
        (b'"\\ud83d"', "\ufffd"),
        (b'"\\ude00"', "\ufffd"),
        (b'"a\\ud83dz\\ud83d\\ude00"', "a\ufffdz\U0001f600"),
        (b'"\\ud83d\\ud83d\\ude00"', "\ufffd\U0001f600"),
        (b'"\\\\ud83d \\ud83d"', "\\ud83d \ufffd"),
        (b'"\xff"', "\ufffd"),
        (b'\xef\xbb\xbf"a"', "a"),
    ],
)
def test_half_a_character_stops_no_channel(text: bytes, read: str) -> None:
    told_of = read_as(
        b'{"orders":[{"id":1,"note":' + text.removeprefix(b"\xef\xbb\xbf") + b"}]}", Orders
    )
    [raw] = told_of.orders
    assert fetching.fields(raw)["note"] == read
    assert read_as(text, str) == read


@pytest.mark.parametrize(
    "order", [b"7", b"null", b"[]", b'{"id":1e999}', b'{"id":1,"updated_at":{}}']
)
def test_what_is_no_order_is_passed_on_and_its_mapping_says_so(order: bytes) -> None:
    [raw] = read_as(b'{"orders":[' + order + b"]}", Orders).orders
    told_of = seam.told(raw, "id", lambda fields: fields.get("updated_at"))
    assert told_of.content == order and told_of.changed is None


def test_the_next_page_is_the_one_that_is_called_so() -> None:
    link = '<https://a/1>; rel="previous", <https://a/3?x=1>; rel="next"'
    assert next_link({"Link": link}) == "https://a/3?x=1"
    assert next_link({"Link": '<https://a/1>; rel="previous"'}) == ""
    assert next_link({}) == ""


class Orders(msgspec.Struct):
    """A page."""

    orders: list[msgspec.Raw]


@dataclass
class Slow(Loopback):
    """Answers when nobody waits any more."""

    def reply(self, asked: Asked) -> Reply:
        time.sleep(0.2)
        return told({"orders": "x" * 1000})


def test_a_source_that_does_not_answer_is_given_up() -> None:
    with Slow() as there, pytest.raises(SourceError, match="no answer"):
        Fetcher({}, timeout_seconds=0.05).get(there.url)


@pytest.mark.parametrize(
    ("bound", "value", "said"),
    [
        ("LONGEST_ANSWER_SECONDS", -1.0, "no answer in"),
        ("MAXIMUM_ANSWER_BYTES", 10, "more than 10 bytes"),
    ],
)
def test_an_answer_has_bounds(
    monkeypatch: pytest.MonkeyPatch, bound: str, value: float, said: str
) -> None:
    monkeypatch.setattr(fetching, bound, value)
    with Slow() as there, pytest.raises(SourceError, match=said):
        Fetcher({}).get(there.url)


class Odd:
    """A source that goes wrong in a way that nobody has thought of."""

    name = channel = "odd"

    def __init__(self, error: Exception) -> None:
        self._error = error

    def first_cursor(self, now_ms: int) -> str:
        return ""

    def page(self, cursor: str) -> Page:
        raise self._error


def polling(error: Exception) -> Poller:
    return Poller("127.0.0.1:1", Odd(error), Vault(MasterKeys([VAULT_KEY])))


def test_any_other_exception_is_a_fault_of_that_source_alone_and_quotes_nothing() -> None:
    with pytest.raises(SourceError) as caught:
        polling(KeyError("Ida Holm"))._page("")
    assert str(caught.value) == "could not be read: KeyError"
    with pytest.raises(NotYet):
        polling(NotYet(1.0))._page("")


@pytest.mark.parametrize(
    ("error", "state", "least"),
    [
        (SourceError("answered 500"), "failing", 0.0),
        (Throttled(40.0), "failing", 40.0),
        (Refused("answered 401"), "refused", 150.0),
    ],
)
def test_how_a_failing_source_does_is_told(error: SourceError, state: str, least: float) -> None:
    poller = polling(error)
    pause = poller._failed(error, 3, 7)
    told_of = poller.told()
    assert least <= pause <= 300.0
    assert (told_of["name"], told_of["state"], told_of["why"]) == ("odd", state, str(error))
    assert (told_of["failures"], told_of["payloads"]) == (3, 7)


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=4,
)


@given(order=st.dictionaries(st.sampled_from(["id", "at", "x"]), anything | st.datetimes()))
def test_whatever_an_order_says_of_itself_its_mark_can_be_kept(order: dict[str, object]) -> None:
    raw = msgspec.Raw(json.dumps(order, default=lambda when: when.isoformat()).encode())
    read = seam.told(raw, "id", lambda fields: fields.get("at"))
    place = seam.Place(since="1970-01-01T00:10:00Z")
    assert seam.fresh(place, [read, read]) == [read]
    latest = read.changed or seam.instant(place.since)
    assert latest is not None
    after = seam.Place(since=seam.moment(latest), seen=seam.near(place, [read], latest))
    assert seam.read(seam.written(after)) == after
    assert seam.fresh(after, [read]) == []


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
