"""Settings: millrace.toml, over it MILLRACE_* variables, over them the command's flags."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

FILE = "millrace.toml"
DEFAULTS = {
    "brokers": "127.0.0.1:9492",
    "data": "data",
    "host": "127.0.0.1",
    "dashboard": "http://127.0.0.1:8470",
    "clickhouse_url": "",
    "workers": str(min(4, os.cpu_count() or 1)),
}
DASHBOARD_PORT = 8470
INTAKE_PORT = 8471
GATEWAY_PORT = 8472
WORKER_PORT = 8480


class ConfigError(Exception):
    """A setting cannot be used; the message names it and where it stands."""


@dataclass(frozen=True, slots=True)
class Config:
    """Every setting, with where it stands lost but whether it was set kept."""

    brokers: str
    data: Path
    host: str
    dashboard: str
    clickhouse_url: str
    workers: int
    named: frozenset[str]
    """settings that somebody set"""


def load(
    flags: Mapping[str, str | None] | None = None, environment: Mapping[str, str] | None = None
) -> Config:
    """The settings as they apply. Raises ConfigError."""
    environment = os.environ if environment is None else environment
    named = _file(Path(environment.get("MILLRACE_CONFIG", FILE)), "MILLRACE_CONFIG" in environment)
    for name in DEFAULTS:
        value = environment.get(f"MILLRACE_{name.upper()}")
        if value:
            named[name] = value
    named |= {name: value for name, value in (flags or {}).items() if value}
    values = {**DEFAULTS, **named}
    if not values["workers"].isascii() or not values["workers"].isdigit():
        raise ConfigError(f"workers: {values['workers']!r} is not a whole number")
    workers = int(values["workers"])
    if not 1 <= workers <= 64:
        raise ConfigError(f"workers: {workers} is not between 1 and 64")
    return Config(
        brokers=values["brokers"],
        data=Path(values["data"]),
        host=values["host"],
        dashboard=values["dashboard"].rstrip("/"),
        clickhouse_url=values["clickhouse_url"],
        workers=workers,
        named=frozenset(named),
    )


def _file(path: Path, required: bool) -> dict[str, str]:
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        if required:
            raise ConfigError(f"{path}: there is no such file") from None
        return {}
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path}: {error}") from None
    for name, value in content.items():
        if name not in DEFAULTS:
            raise ConfigError(f"{path}: {name} is not a setting; there are {', '.join(DEFAULTS)}")
        if isinstance(value, bool) or not isinstance(value, str | int):
            raise ConfigError(f"{path}: {name} is neither text nor a whole number")
    return {name: str(value) for name, value in content.items()}


def secret(name: str, environment: Mapping[str, str] | None = None) -> str:
    """MILLRACE_<name>, or what the file in MILLRACE_<name>_FILE holds; empty where neither is."""
    environment = os.environ if environment is None else environment
    value = environment.get(f"MILLRACE_{name}", "")
    path = environment.get(f"MILLRACE_{name}_FILE", "")
    if value or not path:
        return value
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except (OSError, ValueError) as error:
        raise ConfigError(f"MILLRACE_{name}_FILE: {error}") from None


def channel_secrets(environment: Mapping[str, str] | None = None) -> dict[str, str]:
    """The intake's secrets by channel. Raises ConfigError."""
    token = secret("INTAKE_TOKEN", environment)
    return {"shopify": secret("SHOPIFY_SECRET", environment), "json": token, "csv": token}
