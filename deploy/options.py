"""What the commands share: options, exit statuses, and errors that are one line.

Imports nothing slow: every command is made of it, and `millrace --help` must be quick.
"""

from __future__ import annotations

import getpass
from collections.abc import Callable, Mapping
from functools import partial, wraps
from pathlib import Path
from typing import Any

import click

from deploy.configuration import Configuration, SharedOption

SOME_REJECTED = 1
UNREADABLE = 2
UNAVAILABLE = 69
"""EX_UNAVAILABLE of sysexits.h, as START_AGAIN is EX_SOFTWARE."""
START_AGAIN = 70
INTERRUPTED = 130
"""128 and the number of SIGINT, as shells have it."""

EXIT_STATUSES = """\b
Exit status:
  0    done
  1    some orders or rows were rejected, nothing was found, or a proof failed
  2    unreadable input, wrong usage or wrong configuration
  69   Kafka, the dashboard, a port or the data directory cannot be had
  70   a process that has given up and must be started again
  130  stopped by Ctrl-C before it was done
"""

BROKERS = "127.0.0.1:9492"
DASHBOARD = "http://127.0.0.1:8470"
LEVELS = "http://127.0.0.1:8472"

AnyCommand = Callable[..., Any]
Decorator = Callable[[AnyCommand], AnyCommand]


class Unavailable(click.ClickException):
    """Something that the command needs cannot be reached."""

    exit_code = UNAVAILABLE


class Unreadable(click.ClickException):
    """The input is not what it should be, as a whole."""

    exit_code = UNREADABLE


class NotFound(click.ClickException):
    """What the command was asked about does not exist."""

    exit_code = SOME_REJECTED


def shared(flag: str, *names: str, **settings: Any) -> Decorator:
    """An option that has one name in every command, in the environment and in the file."""
    variable = "MILLRACE_" + flag.removeprefix("--").replace("-", "_").upper()
    return click.option(
        flag,
        *names,
        cls=SharedOption,
        envvar=variable,
        show_envvar=True,
        allow_from_autoenv=False,
        **settings,
    )


class OwnOption(click.Option):
    """An option of one command."""

    def __init__(self, *names: Any, **settings: Any) -> None:
        """See click.Option. That nothing is the default goes without saying."""
        if settings.get("default") == "":
            settings["show_default"] = False
        super().__init__(*names, **settings)

    def get_error_hint(self, ctx: click.Context) -> str:
        """See click.Option, which names only variables that are spelled out."""
        hint = super().get_error_hint(ctx)
        if self.envvar is not None:
            return hint
        return f"{hint} (env var: '{ctx.auto_envvar_prefix}_{(self.name or '').upper()}')"


own = partial(click.option, cls=OwnOption, show_envvar=True, show_default=True)
"""An option of one command; in the environment it is MILLRACE_<COMMAND>_<OPTION>."""
existing_file = click.Path(path_type=Path, exists=True, dir_okay=False, readable=True)
port_number = click.IntRange(1, 65_535)

data_option = shared(
    "--data",
    default="data",
    show_default=True,
    type=click.Path(path_type=Path, file_okay=False),
    help="Where this machine keeps its data.",
)
dashboard_option = shared(
    "--dashboard-url",
    "--dashboard",
    "dashboard",
    default=DASHBOARD,
    show_default=True,
    help="Address of the dashboard.",
)
levels_option = shared(
    "--levels-url",
    "levels",
    default=LEVELS,
    show_default=True,
    help="Address of `millrace levels`; where it does not answer, Kafka is read.",
)
json_option = shared("--json", "as_json", is_flag=True, help="JSON Lines, for scripts.")
actor_option = shared(
    "--actor",
    default="",
    callback=lambda _context, _option, value: value or whoever(),
    help="Who does it; the user of this machine when not given.",
)
host_option = shared(
    "--host", default="127.0.0.1", show_default=True, help="The address to listen on."
)
clickhouse_option = shared(
    "--clickhouse-url",
    default="",
    help="A ClickHouse server; an embedded one when not given.",
)


vault_key_option = shared(
    "--vault-key-file",
    default=None,
    type=click.Path(path_type=Path, dir_okay=False),
    help="Master keys of what is personal, one a line; vault.key in --data when not given.",
)


def with_vault(command: AnyCommand) -> AnyCommand:
    """Give the command a `vault` by --vault-key-file and --data. Raises click.UsageError."""

    @wraps(command)
    def wrapped(*positional: Any, vault_key_file: Path | None, data: Path, **options: Any) -> Any:
        from deploy.vault import opened

        return command(*positional, vault=opened(vault_key_file, data), **options)

    given: AnyCommand = wrapped
    return vault_key_option(data_option(given))


def whoever() -> str:
    """The user's name on this machine; empty where the machine does not know one."""
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):
        return ""


def brokers_option(default: str, help_text: str) -> Decorator:
    """--brokers, which only `millrace up` may leave out."""
    return shared("--brokers", default=default, show_default=bool(default), help=help_text)


def port_option(default: int) -> Decorator:
    """--port with a default."""
    return own("--port", default=default, type=port_number, help="The port to listen on.")


def on_kafka(command: AnyCommand) -> AnyCommand:
    """Give the command a `cluster` by --brokers and [kafka]; say it in a line when it is away."""

    @wraps(command)
    def wrapped(configuration: Configuration, /, brokers: str, **options: Any) -> Any:
        from confluent_kafka import KafkaException

        from deploy.cluster import BadSettings, Cluster

        try:
            return command(cluster=Cluster(brokers, configuration.kafka), **options)
        except BadSettings as error:
            raise click.UsageError(f"[kafka]: {error}") from error
        except KafkaException as error:
            raise Unavailable(
                f"Kafka at {brokers} does not answer: {error.args[0].str()}"
            ) from error

    # wraps() makes it look like `command`, whose first parameter is not what pass_obj gives.
    given: AnyCommand = wrapped
    return brokers_option(BROKERS, "Kafka bootstrap servers.")(click.pass_obj(given))


class Moment(click.ParamType):
    """A day, to its end, or a time, in milliseconds since 1970; 0 where none is given."""

    name = "date"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> int:
        """See click.ParamType."""
        if isinstance(value, int):
            return value
        from connectors.levels.answers import moment

        try:
            return moment(str(value)) if value else 0
        except ValueError as error:
            self.fail(str(error), param, ctx)


def moment_option(flag: str, help_text: str, required: bool = False) -> Decorator:
    """A date: 2025-03-01, to the end of that day, or 2025-03-01T12:00:00Z."""
    needed: dict[str, Any] = {"required": True} if required else {"default": ""}
    return own(
        flag,
        type=Moment(),
        **needed,
        show_default=False,
        metavar="DATE",
        help=f"{help_text} 2025-03-01, to its end, or 2025-03-01T12:00:00Z.",
    )


def identifiers(named: Mapping[str, str]) -> None:
    """Each of them can identify something. Raises click.UsageError."""
    from schemas.identifiers import InvalidIdentifier, checked

    for name, value in named.items():
        try:
            if checked(value, name) != value:
                raise click.UsageError(f"{name}: has blanks around it")
        except InvalidIdentifier as error:
            raise click.UsageError(str(error)) from error
