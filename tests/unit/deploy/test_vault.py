"""Where the master keys come from, and what is said where there are none."""

from __future__ import annotations

import stat
from pathlib import Path

import click
import pytest

from connectors.vault.master import generated
from deploy import local
from deploy.cli_customers import segment_rules
from deploy.options import Unreadable
from deploy.vault import key_file, opened
from schemas.customers import SegmentRule


@pytest.fixture(autouse=True)
def without_a_key(nothing_configured: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MILLRACE_VAULT_KEY")


def options(data: Path, brokers: str = "", named: Path | None = None) -> local.Options:
    ports = dict.fromkeys(
        ("broker_port", "dashboard_port", "intake_port", "levels_port", "probe_port"), 1
    )
    return local.Options(
        data=data, host="127.0.0.1", clickhouse_url="", workers=1, brokers=brokers,
        vault_key_file=named, **ports,
    )  # fmt: skip


def test_everything_on_one_machine_makes_its_own_key_and_finds_it_again(tmp_path: Path) -> None:
    local._provide_key(options(tmp_path))
    file = tmp_path / "vault.key"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    before = file.read_text()
    local._provide_key(options(tmp_path))
    assert file.read_text() == before
    opened(None, tmp_path)


def test_for_a_cluster_no_key_is_made_because_others_have_one(tmp_path: Path) -> None:
    with pytest.raises(local.Failed, match="name a copy of that file with --vault-key-file"):
        local._provide_key(options(tmp_path, brokers="kafka:9092"))
    assert not (tmp_path / "vault.key").exists()


def test_a_process_without_a_key_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(click.UsageError, match=r"no vault key .*vault\.key; `millrace up` makes"):
        opened(None, tmp_path)


def test_a_named_file_goes_before_the_environment_and_that_before_the_data(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert key_file(None, tmp_path) == tmp_path / "vault.key"
    monkeypatch.setenv("MILLRACE_VAULT_KEY", generated())
    assert key_file(None, tmp_path) is None
    opened(None, tmp_path)
    named = tmp_path / "named"
    assert key_file(named, tmp_path) == named


def test_a_file_that_holds_something_else_is_refused_by_its_line(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text(f"{generated()}\nnonsense!\n")
    with pytest.raises(click.UsageError, match="key: line 2 is not base64"):
        opened(file, tmp_path)


def test_rules_for_segments_come_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "segments.toml"
    file.write_text(
        '[[segment]]\nname = "vip"\nrecency_days = 30\nfrequency = 3\nvalue = "10.50"\n'
        'currency = "EUR"\n[[segment]]\nname = "all"\n'
    )
    assert segment_rules(file) == [SegmentRule("vip", 30, 3, 1050, "EUR"), SegmentRule("all")]


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ("", r"there is no \[\[segment\]\]"),
        ("[[segment]]\nfrequency = 1", "segment 1: name is missing"),
        ('[[segment]]\nname = "a"\nfrequency = -1', "segment 1: frequency is not a whole number"),
        ('[[segment]]\nname = "a"\nvalue = "1.00"', "segment 1: value needs a currency"),
        ('[[segment]]\nname = "a"\nvalue = "1.005"\ncurrency = "EUR"', "segment 1: value"),
        ('[[segment]]\nname = "a"\ncolour = 1', "segment 1: there is no colour"),
        ("[[segment", "Expected"),
    ],
)
def test_a_rule_that_is_wrong_is_named(tmp_path: Path, rule: str, said: str) -> None:
    file = tmp_path / "segments.toml"
    file.write_text(rule)
    with pytest.raises(Unreadable, match=said):
        segment_rules(file)
