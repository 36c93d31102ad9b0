"""The file, the environment and flags, in rising precedence; mistakes name the file and the key."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

from deploy import cli_orders, configuration
from deploy.cli import cli

AWAY = "http://127.0.0.1:1"
"""Nothing listens there, so that the answer names the address that was asked."""


def load(text: str, environment: Mapping[str, str] | None = None) -> configuration.Configuration:
    file = Path("millrace.toml")
    file.write_text(text, encoding="utf-8")
    return configuration.load(None, cli, environment or {})


def asked(*arguments: str, env: dict[str, str] | None = None) -> str:
    """Which dashboard `millrace order` asks."""
    result = CliRunner().invoke(cli, [*arguments, "order", "o-1"], env=env)
    assert result.exit_code == 69, result.output
    return result.output


def test_a_flag_wins_over_the_environment_and_that_over_the_file(tmp_path: Path) -> None:
    named = tmp_path / "other.toml"
    named.write_text(f'dashboard_url = "{AWAY}/file"')
    environment = {"MILLRACE_DASHBOARD_URL": f"{AWAY}/env"}
    assert f"{AWAY}/file" in asked("--config", str(named))
    assert f"{AWAY}/file" in asked(env={"MILLRACE_CONFIG": str(named)})
    assert f"{AWAY}/env" in asked("--config", str(named), env=environment)
    command = ["--config", str(named), "order", "o-1", "--dashboard-url", f"{AWAY}/flag"]
    assert f"{AWAY}/flag" in CliRunner().invoke(cli, command, env=environment).output


def test_the_file_of_the_working_directory_is_read_unless_another_is_named() -> None:
    Path("millrace.toml").write_text(f'dashboard_url = "{AWAY}/here"')
    assert f"{AWAY}/here" in asked()
    Path("other.toml").write_text("")
    result = CliRunner().invoke(cli, ["--config", "other.toml", "order", "--help"])
    assert result.exit_code == 0


def test_a_commands_own_table_wins_over_the_top() -> None:
    loaded = load('brokers = "a:1"\n[worker]\nbrokers = "b:1"\nport = 7\n[stock.load]\njson = true')
    assert loaded.options["worker"] == {"brokers": "b:1", "port": 7}
    assert loaded.options["submit"] == {"brokers": "a:1"}
    assert loaded.options["stock"]["load"] == {"brokers": "a:1", "as_json": True}


def test_every_option_has_a_variable() -> None:
    def said(command: click.Command, path: list[str]) -> None:
        if isinstance(command, click.Group):
            for name, below in command.commands.items():
                said(below, [*path, name])
            return
        text = CliRunner().invoke(cli, [*path, "--help"], terminal_width=300).output
        for option in command.params:
            if isinstance(option, click.Option) and option.name != "help":
                own = "_".join(["MILLRACE", *path, option.name or ""]).upper().replace("-", "_")
                assert f"env var: {option.envvar or own}" in text

    said(cli, [])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('broker = "a:1"', "broker: there is no such key"),
        ("[up]\nport = 1", "up.port: there is no such key"),
        ("[upp]\nport = 1", "upp: there is no such key"),
        ("[stock]\nlod = {}", "stock.lod: there is no such key"),
        ("up = 1", "up: is a command, so it must be a table"),
        ("brokers = 9092", "brokers: must be text, not 9092"),
        ('[up]\nworkers = "2"', "up.workers: must be a whole number, not '2'"),
        ("[up]\nworkers = true", "up.workers: must be a whole number, not True"),
        ("[up]\nworkers = 0", "up.workers: 0 is not in the range"),
        ("[demo]\nrate = 'fast'", "demo.rate: must be a number"),
        ("json = 1", "json: must be true or false"),
        ("[worker]\ncompression = 'zip'", "worker.compression: 'zip' is not one of"),
        ("kafka = 1", "kafka: must be a table"),
        ("[kafka]\nacks = '1'", "kafka.acks: is millrace's own"),
        ("[kafka]\ngroup.id = 'x'", "kafka.group.id: is millrace's own"),
        ("[kafka]\nx = [1]", "kafka.x: must be text, a number or true or false"),
        ("[kafka]\nsasl.password_file = 'none'", "kafka.sasl.password_file: none: No such file"),
        ("brokers =", "is not TOML"),
    ],
)
def test_a_mistake_names_the_file_and_the_key_and_is_a_usage_error(text: str, words: str) -> None:
    Path("millrace.toml").write_text(text)
    result = CliRunner().invoke(cli, ["channels"])
    assert result.exit_code == 2
    assert "millrace.toml: " in result.output
    assert words in result.output


def test_a_file_that_is_named_must_be_there() -> None:
    result = CliRunner().invoke(cli, ["--config", "absent.toml", "channels"])
    assert (result.exit_code, "absent.toml: No such file" in result.output) == (2, True)


def test_a_wrong_value_in_the_environment_names_the_variable() -> None:
    result = CliRunner().invoke(cli, ["up"], env={"MILLRACE_UP_WORKERS": "many"})
    assert result.exit_code == 2
    assert "MILLRACE_UP_WORKERS" in result.output


def test_kafka_settings_are_passed_on_with_or_without_quotes() -> None:
    Path("secret").write_text("from the file\n")
    loaded = load(
        '[kafka]\nsecurity.protocol = "SASL_SSL"\n"sasl.username" = "m"\n'
        'sasl.password_file = "secret"\nsocket.keepalive.enable = true\nsocket.timeout.ms = 5000\n'
    )
    assert loaded.kafka == {
        "security.protocol": "SASL_SSL",
        "sasl.username": "m",
        "sasl.password": "from the file",
        "socket.keepalive.enable": "true",
        "socket.timeout.ms": 5000,
    }
    assert "from the file" not in repr(loaded)


def test_kafka_settings_of_the_environment_win_over_the_file() -> None:
    Path("secret").write_text("newer")
    loaded = load(
        '[kafka]\nsasl.username = "file"\nsasl.password = "old"',
        {
            "MILLRACE_KAFKA_SASL_USERNAME": "env",
            "MILLRACE_KAFKA_SASL_PASSWORD_FILE": "secret",
            "MILLRACE_KAFKA_JARS": "/not/librdkafka",
        },
    )
    assert loaded.kafka == {"sasl.username": "env", "sasl.password": "newer"}


def test_a_setting_that_librdkafka_does_not_know_is_a_usage_error() -> None:
    Path("millrace.toml").write_text('[kafka]\nsecurity.protocl = "SSL"')
    result = CliRunner().invoke(cli, ["rejected", "list"])
    assert result.exit_code == 2
    assert "security.protocl" in result.output


def test_an_own_broker_takes_no_security_settings() -> None:
    Path("millrace.toml").write_text('[kafka]\nsecurity.protocol = "SSL"')
    result = CliRunner().invoke(cli, ["up"])
    assert (result.exit_code, "--brokers" in result.output) == (2, True)


def test_secrets_come_from_a_file_before_the_environment_a_line_each(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MILLRACE_TEST", "from the environment")
    assert configuration.secrets("MILLRACE_TEST", None) == ("from the environment",)
    path = tmp_path / "secret"
    path.write_text("new\n\n  old \n")
    assert configuration.secrets("MILLRACE_TEST", path) == ("new", "old")
    path.write_text("\n")
    with pytest.raises(click.UsageError, match=r"MILLRACE_TEST_FILE: .*is empty"):
        configuration.secrets("MILLRACE_TEST", path)
    with pytest.raises(click.UsageError, match="No such file"):
        configuration.secrets("MILLRACE_TEST", tmp_path / "absent")


def test_help_costs_no_slow_import() -> None:
    import subprocess
    import sys

    code = (
        "import sys, deploy.cli; heavy = {'confluent_kafka', 'rich', 'aiohttp', 'fastavro',"
        " 'schemas.codec', 'faust'} & set(sys.modules); sys.exit(str(heavy) if heavy else 0)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_settings_reach_the_clients(monkeypatch: pytest.MonkeyPatch) -> None:
    """A broker that wants TLS is spoken to in TLS: the producer is made with [kafka]."""
    made: dict[str, Any] = {}

    class Publisher:
        def __init__(self, brokers: str, kafka: dict[str, Any], _vault: object) -> None:
            made.update(brokers=brokers, kafka=kafka)

        def publish_all(self, payloads: object) -> None: ...

        def close(self) -> None: ...

    monkeypatch.setattr("connectors.channels.publisher.RawPublisher", Publisher)
    Path("millrace.toml").write_text('brokers = "k:1"\n[kafka]\nsecurity.protocol = "SSL"')
    order = Path(cli_orders.__file__).parent / "examples" / "order.json"
    result = CliRunner().invoke(cli, ["submit", str(order), "--channel", "json"])
    assert result.exit_code == 0, result.output
    assert made == {"brokers": "k:1", "kafka": {"security.protocol": "SSL"}}


def test_the_example_is_good() -> None:
    example = Path(cli_orders.__file__).parent / "examples" / "millrace.toml"
    loaded = configuration.load(example, cli, {})
    assert loaded.options["up"]["workers"] == 4
    assert loaded.options["intake"]["host"] == "0.0.0.0"
    assert loaded.kafka["security.protocol"] == "SASL_SSL"
