"""`millrace locations`, `millrace carriers` and their place in `millrace up`, without a broker."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from connectors.http_api import ANYONE
from deploy import cartons, local, tokens
from deploy.cli import cli
from schemas.fulfillment_work import WorkLine

SIZES = Path(__file__).parents[3] / "deploy" / "examples" / "cartons.toml"


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, list(arguments), catch_exceptions=False)


@pytest.mark.parametrize("line", ["api:secret", "ber lin:secret", "berlin:"])
def test_a_token_file_that_cannot_be_meant_is_refused_without_quoting_it(
    tmp_path: Path, line: str
) -> None:
    file = tmp_path / "tokens"
    file.write_text(f"lyon:other\n{line}\n")
    result = run("locations", "--token-file", str(file))
    assert result.exit_code == 2
    assert str(file) in result.output
    assert "secret" not in result.output


def test_a_token_file_must_be_there_and_have_something_in_it(tmp_path: Path) -> None:
    file = tmp_path / "tokens"
    for _ in range(2):
        result = run("locations", "--token-file", str(file))
        assert result.exit_code == 2
        assert "MILLRACE_LOCATIONS_TOKEN_FILE" in result.output
        file.write_text("\n")


def test_up_makes_a_token_that_may_do_all_and_keeps_it(tmp_path: Path) -> None:
    file = tmp_path / tokens.LOCATIONS_FILE
    for _ in range(2):
        tokens.provide(file, "")
        text = file.read_text()
        assert tokens.of_locations(None, file).names() == {ANYONE}
    assert file.read_text() == text
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_sizes_are_checked_before_anything_starts(tmp_path: Path) -> None:
    file = tmp_path / "sizes.toml"
    file.write_text("[[box]]\n")
    assert run("locations", "--sizes", str(file)).exit_code == 2


@pytest.mark.parametrize("speed", ["0", "-1", "fast", "1000001"])
def test_a_carrier_has_a_speed_within_bounds(speed: str) -> None:
    assert run("carriers", "run", "--speed", speed).exit_code == 2


def test_cartons_are_proposed_for_the_sizes_of_a_file() -> None:
    sizes = cartons.load(SIZES)
    propose = cartons.proposer(sizes)
    sku = next(iter(sizes.skus))
    proposal = propose([WorkLine("1", sku, 1, [])])
    assert [parcel.lines[0].line_id for parcel in proposal.parcels] == ["1"]
    with pytest.raises(LookupError, match="NOPE"):
        propose([WorkLine("1", "NOPE", 1, [])])


def test_the_sandbox_carrier_comes_only_when_it_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local, "Log", lambda _path: None)

    def names(sandbox_carrier: bool) -> set[str]:
        options = local.Options(
            tmp_path, "127.0.0.1", "", 1, "", 9492, 8470, 8471, 8472, 8480,
            sandbox_carrier=sandbox_carrier,
        )  # fmt: skip
        found = local.processes(options, "127.0.0.1:9492", print)
        assert (8469 in options.ports()) == sandbox_carrier
        return {child.name for child in found}

    assert names(True) - names(False) == {"carriers"}
    assert "locations" in names(False)
