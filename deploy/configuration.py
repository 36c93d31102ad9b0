"""Configuration: a TOML file, the environment and flags, in rising precedence.

A key of the file is the name of a flag with underscores. At the top stand the options that have
one meaning in every command (brokers, data, host, …); a table of a command's name holds options
of that command alone and wins over the top. `[kafka]` is passed on to librdkafka.

    brokers = "kafka-1:9093,kafka-2:9093"

    [up]
    workers = 4

    [kafka]
    security.protocol = "SASL_SSL"
    sasl.mechanism = "SCRAM-SHA-512"
    sasl.username = "millrace"
    sasl.password_file = "/run/secrets/kafka"

Errors: `click.UsageError`, which names the file and the key; exit status 2.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click

DEFAULT_FILE = Path("millrace.toml")
KAFKA_PREFIX = "MILLRACE_KAFKA_"
NOT_KAFKA = frozenset({"MILLRACE_KAFKA_JARS"})
"""Where Kafka's own jars are; nothing of librdkafka's."""
OUR_OWN = frozenset(
    {
        "acks",
        "auto.offset.reset",
        "bootstrap.servers",
        "enable.auto.commit",
        "enable.auto.offset.store",
        "enable.idempotence",
        "enable.partition.eof",
        "group.id",
        "group.instance.id",
        "isolation.level",
        "metadata.broker.list",
        "partitioner",
        "request.required.acks",
        "transactional.id",
    }
)
"""librdkafka settings on which the guarantees rest."""

KafkaSettings = Mapping[str, str | int]


class SharedOption(click.Option):
    """An option that several commands have, with the same meaning; a top-level key of the file."""


@dataclass(frozen=True, slots=True)
class Configuration:
    """What the file and the environment say; flags are click's own matter."""

    file: Path | None = None
    options: dict[str, Any] = field(default_factory=dict)
    """by command, as click's default_map wants it"""
    kafka: KafkaSettings = field(default_factory=dict, repr=False)
    """may hold secrets"""


def load(named: Path | None, root: click.Group, environment: Mapping[str, str]) -> Configuration:
    """Read the named file, or ./millrace.toml if there is one. Raises click.UsageError."""
    file = named or (DEFAULT_FILE if DEFAULT_FILE.is_file() else None)
    if file is None:
        return Configuration(kafka=_kafka_of_environment(environment))
    try:
        content = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise click.UsageError(f"{file}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise click.UsageError(f"{file}: is not TOML: {error}") from error
    tables = _Tables(file)
    kafka = tables.kafka(content.pop("kafka", {}))
    options = tables.group(root, content, "")
    tables.spread(root, options, content)
    return Configuration(file, options, {**kafka, **_kafka_of_environment(environment)})


class _Tables:
    """Checks the tables of one file, so that every error can name the file and the key."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def wrong(self, key: str, why: str) -> click.UsageError:
        return click.UsageError(f"{self._file}: {key}: {why}")

    def group(self, group: click.Group, table: dict[str, Any], path: str) -> dict[str, Any]:
        """The tables of a group's commands, checked."""
        shared = _shared_options(group) if not path else {}
        checked: dict[str, Any] = {}
        for name, value in table.items():
            key = f"{path}{name}"
            command = group.commands.get(name)
            if command is None and name in shared:
                self.value(shared[name], value, key)
            elif command is None:
                raise self.wrong(key, f"there is no such key; {_known(group, shared)}")
            elif not isinstance(value, dict):
                raise self.wrong(key, "is a command, so it must be a table")
            elif isinstance(command, click.Group):
                checked[name] = self.group(command, value, f"{key}.")
            else:
                checked[name] = self.command(command, value, f"{key}.")
        return checked

    def command(self, command: click.Command, table: dict[str, Any], path: str) -> dict[str, Any]:
        """One command's table, by parameter."""
        options = {_key(option): option for option in _options(command)}
        checked = {}
        for name, value in table.items():
            option = options.get(name)
            if option is None:
                known = ", ".join(sorted(options)) or "nothing"
                raise self.wrong(f"{path}{name}", f"there is no such key; there are {known}")
            checked[option.name or name] = self.value(option, value, f"{path}{name}")
        return checked

    def value(self, option: click.Option, value: object, key: str) -> object:
        """The value, if it is of the option's type and within its bounds."""
        wanted, word = _type_of(option)
        if not isinstance(value, wanted) or (isinstance(value, bool) and bool not in wanted):
            raise self.wrong(key, f"must be {word}, not {value!r}")
        try:
            # A path that must exist is looked at when a command wants it, not by all of them.
            if not isinstance(option.type, click.Path):
                option.type.convert(value, option, None)
        except click.BadParameter as error:
            raise self.wrong(key, error.message) from error
        return value

    def spread(self, group: click.Group, options: dict[str, Any], top: dict[str, Any]) -> None:
        """Give the top-level keys to every command that has them and does not say otherwise."""
        for name, command in group.commands.items():
            below = options.setdefault(name, {})
            if isinstance(command, click.Group):
                self.spread(command, below, top)
                continue
            for option in _options(command):
                key = _key(option)
                if isinstance(option, SharedOption) and key in top:
                    below.setdefault(option.name, top[key])

    def kafka(self, table: object) -> dict[str, str | int]:
        """The settings of [kafka]; a name that ends in _file is read from that file."""
        if not isinstance(table, dict):
            raise self.wrong("kafka", "must be a table")
        settings: dict[str, str | int] = {}
        for name, value in _flat(table, ""):
            key = f"kafka.{name}"
            if not isinstance(value, str | int | float):
                raise self.wrong(key, f"must be text, a number or true or false, not {value!r}")
            try:
                settings.update([_kafka_setting(name, value)])
            except ValueError as error:
                raise self.wrong(key, str(error)) from error
        return settings


def _kafka_of_environment(environment: Mapping[str, str]) -> dict[str, str | int]:
    """MILLRACE_KAFKA_SASL_PASSWORD is sasl.password, MILLRACE_KAFKA_SASL_PASSWORD_FILE its file."""
    settings: dict[str, str | int] = {}
    for variable, value in environment.items():
        if not variable.startswith(KAFKA_PREFIX) or variable in NOT_KAFKA or not value:
            continue
        name = variable.removeprefix(KAFKA_PREFIX).lower()
        suffix = "_file" if name.endswith("_file") else ""
        name = name.removesuffix(suffix).replace("_", ".") + suffix
        try:
            settings.update([_kafka_setting(name, value)])
        except ValueError as error:
            raise click.UsageError(f"{variable}: {error}") from error
    return settings


def _kafka_setting(name: str, value: str | int | float) -> tuple[str, str | int]:
    """Raises ValueError for what is not to be set and for a file that cannot be read."""
    if name.endswith("_file"):
        name, value = name.removesuffix("_file"), secret_lines(Path(str(value)))[0]
    if name in OUR_OWN:
        raise ValueError("is millrace's own: its guarantees rest on it")
    if isinstance(value, bool):
        return name, "true" if value else "false"
    return name, value if isinstance(value, str | int) else str(value)


def secret_lines(path: Path) -> tuple[str, ...]:
    """The lines of a file with secrets, blank ones left out. Raises ValueError, with no secret."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "is not text"
        raise ValueError(f"{path}: {reason}") from error
    lines = tuple(line.strip() for line in text.splitlines() if line.strip())
    if not lines:
        raise ValueError(f"{path}: is empty")
    return lines


def secrets(variable: str, file: Path | None) -> tuple[str, ...]:
    """Every secret that is valid now, a line each: of the file, else of the environment.

    Several are for a change of secrets, in which the old one and the new one are good.
    """
    if file is None:
        return tuple(line.strip() for line in os.environ.get(variable, "").splitlines() if line)
    try:
        return secret_lines(file)
    except ValueError as error:
        raise click.UsageError(f"{variable}_FILE: {error}") from error


def _flat(table: dict[str, Any], path: str) -> Iterator[tuple[str, object]]:
    """`security.protocol = …` is a table in TOML, and one name to librdkafka."""
    for name, value in table.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{path}{name}.")
        else:
            yield f"{path}{name}", value


def _options(command: click.Command) -> list[click.Option]:
    return [option for option in command.params if isinstance(option, click.Option)]


def _key(option: click.Option) -> str:
    """The option's name in the file."""
    long = next((flag for flag in option.opts if flag.startswith("--")), option.name or "")
    return long.removeprefix("--").replace("-", "_")


def _shared_options(group: click.Group) -> dict[str, click.Option]:
    found: dict[str, click.Option] = {}
    for command in group.commands.values():
        if isinstance(command, click.Group):
            found.update(_shared_options(command))
        else:
            found |= {_key(o): o for o in _options(command) if isinstance(o, SharedOption)}
    return found


def _known(group: click.Group, shared: Mapping[str, click.Option]) -> str:
    keys = ", ".join(sorted(shared))
    tables = ", ".join(f"[{name}]" for name in sorted(group.commands))
    return f"there are {keys}{' and ' if keys else ''}the tables {tables}"


def _type_of(option: click.Option) -> tuple[tuple[type, ...], str]:
    """What TOML must hold for an option, and how to call it."""
    if option.is_flag:
        return (bool,), "true or false"
    if isinstance(option.type, click.types.FloatParamType):
        return (int, float), "a number"
    if isinstance(option.type, click.types.IntParamType):
        return (int,), "a whole number"
    return (str,), "text"
