"""A file of accounts is read, or every fault of it is told with its line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from deploy.availability import BadAvailability, load
from deploy.cli import cli
from deploy.local import Options

EXAMPLE = Path(__file__).parents[3] / "deploy" / "examples" / "availability.toml"
SECRETS = {
    "SHOPIFY_DE_TOKEN": "a",
    "SQUARE_TOKEN": "a",
    "MAGENTO_TOKEN": "a",
    "WOOCOMMERCE_AT_KEYS": "a\nb",
    "WALMART_KEYS": "a\nb",
    "EBAY_KEYS": "a\nb\nc",
    "AMAZON_DE_KEYS": "a\nb\nc",
    "COMMERCETOOLS_KEYS": "a\nb",
    "SALEOR_TOKEN": "a",
}
GOOD = (
    '[[account]]\nname = "de"\nchannel = "shopify"\nurl = "https://de.example"\n'
    'secret_variable = "KEY"\nlocation = "1"\n'
)


def faults(tmp_path: Path, text: str, secret: str = "a") -> list[str]:
    file = tmp_path / "availability.toml"
    file.write_text(text)
    with pytest.raises(BadAvailability) as caught:
        load(file, {"KEY": secret})
    return [line.removeprefix(f"{file}:") for line in str(caught.value).splitlines()]


def test_the_example_has_an_account_of_every_channel() -> None:
    served = load(EXAMPLE, SECRETS)
    assert [one.account.channel for one in served] == [
        "shopify",
        "woocommerce",
        "square",
        "ebay",
        "walmart",
        "amazon",
        "magento",
        "commercetools",
        "saleor",
    ]
    shopify = served[0]
    assert (shopify.per_minute, shopify.settings.share, shopify.settings.low_at) == (100, 0.05, 3)
    assert shopify.settings.read_back_seconds == 120


def test_check_tells_how_each_account_is_served() -> None:
    result = CliRunner().invoke(cli, ["availability", "check", str(EXAMPLE), "--json"], env=SECRETS)
    assert result.exit_code == 0
    first = json.loads(result.output.splitlines()[0])
    assert first == {
        "account": "shopify-de",
        "channel": "shopify",
        "batch": 50,
        "per_minute": 100,
        "read_back_percent": 5,
    }


def test_every_fault_of_a_file_is_told_with_its_line(tmp_path: Path) -> None:
    text = GOOD + GOOD.replace("https://", "http://").replace('location = "1"\n', "") + "x = 1\n"
    told = "\n".join(faults(tmp_path, text))
    assert "there are two accounts called de" in told
    assert "is not encrypted" in told
    assert "location is missing: the number of the location" in told
    assert "there is no such key" in told


def test_a_file_without_accounts_or_with_the_wrong_secrets_is_refused(tmp_path: Path) -> None:
    assert "has 0 [[account]]" in faults(tmp_path, "")[0]
    assert "has 2 lines; it needs the access token" in faults(tmp_path, GOOD, "a\nb")[0]
    assert "is not one of shopify" in faults(tmp_path, GOOD.replace("shopify", "fax"))[0]
    amazon = GOOD.replace("shopify", "amazon")
    assert "is not the seller's id" in faults(tmp_path, amazon, "a\nb\nc")[0]
    assert faults(tmp_path, "[[account")[0].startswith("1: is not TOML")


def test_a_rate_of_nothing_is_refused(tmp_path: Path) -> None:
    assert "per_minute" in faults(tmp_path, GOOD + "per_minute = 0\n")[0]


def test_up_listens_for_the_probes_of_availability_where_it_is_configured(tmp_path: Path) -> None:
    ports = (9492, 8470, 8471, 8472, 8480)
    without = Options(tmp_path, "127.0.0.1", "", 1, "", *ports)
    assert 8474 not in without.ports()
    told = Options(tmp_path, "127.0.0.1", "", 1, "", *ports, availability=EXAMPLE)
    assert told.ports()[8474] == "--availability-port"
