"""What `millrace api` is told: tokens, where they come from and who may read them, and products."""

from __future__ import annotations

from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from deploy import tokens
from deploy.cli import cli

VARIABLE = tokens.DESK_VARIABLE


@pytest.fixture(autouse=True)
def no_tokens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)


def test_a_token_is_made_once_and_read_by_its_owner_alone(tmp_path: Path) -> None:
    file = tmp_path / tokens.DESK_FILE
    assert tokens.opened(VARIABLE, None, file).names() == set()
    tokens.provide(file, "agent")
    made = file.read_text()
    tokens.provide(file, "agent")
    assert file.read_text() == made
    assert oct(file.stat().st_mode & 0o777) == "0o600"
    assert len(made.partition(":")[2].strip()) >= 32
    assert tokens.opened(VARIABLE, None, file).names() == {"agent"}


def test_a_named_file_and_the_environment_outweigh_the_usual_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual = tmp_path / tokens.DESK_FILE
    tokens.provide(usual, "agent")
    monkeypatch.setenv(VARIABLE, "ada:one\nbob:two")
    assert tokens.opened(VARIABLE, None, usual).names() == {"ada", "bob"}
    named = tmp_path / "named"
    named.write_text("eve:three\n")
    assert tokens.opened(VARIABLE, named, usual).names() == {"eve"}


def test_a_line_that_is_no_token_is_an_error_without_the_token(tmp_path: Path) -> None:
    named = tmp_path / "named"
    named.write_text("no name:secret-word\n")
    with pytest.raises(click.UsageError, match="line 1") as error:
        tokens.opened(VARIABLE, named, tmp_path / "none")
    assert "secret-word" not in str(error.value)


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["--products", "{}/products.csv"], "row 2: sku: is empty"),
        (["--token-file", "{}/tokens"], "line 1: what stands before the colon is no name"),
        (["--desk-token-file", "{}/absent"], "No such file"),
        (["--links", "stripe"], "must hold one key"),
    ],
)
def test_what_the_api_cannot_take_is_one_line_and_2(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], why: str
) -> None:
    monkeypatch.delenv("MILLRACE_STRIPE_SECRET_KEY", raising=False)
    (tmp_path / "products.csv").write_text("sku,name\n,x\n")
    (tmp_path / "tokens").write_text("no name:secret-word\n")
    given = [word.format(tmp_path) for word in arguments]
    result = CliRunner().invoke(cli, ["api", "--data", str(tmp_path), *given])
    assert result.exit_code == 2, result.output
    assert why in result.output and "secret-word" not in result.output
