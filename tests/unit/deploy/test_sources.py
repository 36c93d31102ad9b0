"""The file that says which shops and marketplaces are polled."""

from __future__ import annotations

from pathlib import Path

import pytest

from connectors.channels.registry import CHANNELS
from connectors.polling.amazon import AmazonOrders, AmazonOrdersV0
from connectors.polling.seam import Reader, read
from connectors.polling.source import Source
from deploy.source_kinds import KINDS
from deploy.sources import BadSources, load

EXAMPLE = Path(__file__).parents[3] / "deploy/examples/sources.toml"
AMAZON = """
[[source]]
name = "us"
channel = "amazon"
url = "https://sellingpartnerapi-na.amazon.com"
marketplaces = ["ATVPDKIKX0DER"]
secret_variable = "KEYS"
"""


def loaded(tmp_path: Path, text: str, keys: str = "a\nb\nc") -> list[Source]:
    file = tmp_path / "sources.toml"
    file.write_text(text)
    return load(file, {"KEYS": keys})


def test_the_example_has_every_kind_and_can_be_used() -> None:
    keys = {
        "SHOPIFY_DE_TOKEN": "a",
        "WOOCOMMERCE_AT_KEYS": "a\nb",
        "MAGENTO_KEYS": "a\nb\nc\nd",
        "AMAZON_EU_KEYS": "a\nb\nc",
        "AMAZON_EU_NOTICES_KEYS": "a\nb\nc\nd\ne",
        "EBAY_KEYS": "a\nb\nc",
        "WALMART_KEYS": "a\nb",
        "SQUARE_TOKEN": "a",
        "ETSY_KEYS": "a\nb",
        "COMMERCETOOLS_KEYS": "a\nb",
        "SALEOR_TOKEN": "a",
    }
    sources = load(EXAMPLE, keys)
    assert {one.channel for one in sources} == set(KINDS)


def test_what_is_polled_is_a_channel() -> None:
    assert set(KINDS) <= set(CHANNELS)


def test_a_source_begins_now_or_where_it_is_told_to(tmp_path: Path) -> None:
    [now] = loaded(tmp_path, AMAZON)
    [then] = loaded(tmp_path, f'{AMAZON}begin = "2026-01-31T01:00:00+01:00"\n')
    assert read(now.first_cursor(1_800_000_000_000)).since == "2027-01-15T08:00:00Z"
    assert read(then.first_cursor(1_800_000_000_000)).since == "2026-01-31T00:00:00Z"
    assert isinstance(now, Reader)


def test_amazon_is_read_by_its_latest_version_unless_told_otherwise(tmp_path: Path) -> None:
    assert isinstance(loaded(tmp_path, AMAZON)[0], AmazonOrders)
    assert isinstance(loaded(tmp_path, f'{AMAZON}version = "v0"\n')[0], AmazonOrdersV0)


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ('marketplaces = ["ATVPDKIKX0DER"]\n', "", "marketplaces is missing"),
        ('["ATVPDKIKX0DER"]', '"ATVPDKIKX0DER"', ":6: source[1].marketplaces"),
        ('channel = "amazon"', 'channel = "amazon"\nversion = "v1"', "is not one of 2026-01-01"),
        ('channel = "amazon"', 'channel = "amazon"\npersonal = ["email"]', "buyerInfo"),
        ('channel = "amazon"', 'channel = "amazon"\ntoken_url = "http://a.b"', "not encrypted"),
        ('channel = "amazon"', 'channel = "amazon"\nshop = 7', "there is no such key"),
        ('channel = "amazon"', 'channel = "amazon"\nbegin = "soon"', "is no moment of the past"),
        (
            'channel = "amazon"',
            'channel = "amazon"\nbegin = "2199-01-01T00:00:00Z"',
            "is no moment of the past",
        ),
        (
            'channel = "amazon"',
            'channel = "amazon"\nbegin = "2026-01-01T00:00:00"',
            "is no moment of the past",
        ),
        ('channel = "amazon"', 'channel = "amazon"\nqueue = "https://q.b/1"', "region is missing"),
        ('"amazon"', '"square"', "locations is missing"),
        ('"amazon"', '"etsy"', "token_file is missing"),
        ('"amazon"', '"magento"', "it needs the access token, or for OAuth"),
    ],
)
def test_what_is_wrong_with_a_source_is_told(
    tmp_path: Path, before: str, after: str, said: str
) -> None:
    with pytest.raises(BadSources) as caught:
        loaded(tmp_path, AMAZON.replace(before, after))
    assert said in str(caught.value)


def test_no_secret_is_ever_quoted(tmp_path: Path) -> None:
    with pytest.raises(BadSources) as caught:
        loaded(tmp_path, AMAZON, "hidden-1\nhidden-2")
    assert "hidden" not in str(caught.value)
    assert "has 2 lines; it needs the client's id" in str(caught.value)
