"""The `millrace` command: its groups, where its configuration comes from, and how it ends."""

from __future__ import annotations

import errno
import os
import sys
from pathlib import Path

import click

from deploy import cli_changes, cli_orders, cli_processes, configuration
from deploy.cli_accounting import entity, invoice, journal
from deploy.cli_api import api
from deploy.cli_audit import audit
from deploy.cli_availability import availability
from deploy.cli_carriers import carriers
from deploy.cli_customers import customer
from deploy.cli_edi import edi
from deploy.cli_fulfillment import fulfillment
from deploy.cli_holds import holds
from deploy.cli_import import import_orders
from deploy.cli_locations import locations
from deploy.cli_payments import payment
from deploy.cli_policy import policy
from deploy.cli_poll import poll
from deploy.cli_purchase import purchase
from deploy.cli_reconcile import reconcile
from deploy.cli_refund import refund
from deploy.cli_rejected import rejected
from deploy.cli_routing import routing
from deploy.cli_ship import ship
from deploy.cli_stock import stock
from deploy.cli_webhooks import webhooks
from deploy.options import EXIT_STATUSES, INTERRUPTED, SOME_REJECTED, Unreadable
from schemas.partitions import InvalidPartitions

SECTIONS = {
    "Run": (
        "up",
        "worker",
        "gateway",
        "analytics",
        "intake",
        "levels",
        "api",
        "locations",
        "carriers",
        "poll",
        "webhooks",
        "availability",
        "topics",
    ),
    "Orders": (
        "submit",
        "import",
        "order",
        "amend",
        "cancel",
        "hold",
        "release",
        "holds",
        "fulfillment",
        "ship",
        "refund",
        "payment",
        "policy",
        "routing",
        "demo",
        "channels",
        "edi",
    ),
    "Customers": ("customer",),
    "Stock": ("stock", "purchase", "audit"),
    "Accounting": ("entity", "invoice", "journal", "reconcile"),
    "Trouble": ("rejected",),
}


class Sections(click.Group):
    """The root group, with its commands by what they are for."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """See click.Group."""
        for title, names in SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl(
                    [(name, self.commands[name].get_short_help_str(80)) for name in names]
                )

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The exit statuses, as they stand."""
        formatter.write_paragraph()
        formatter.write_text(EXIT_STATUSES)


@click.group(
    cls=Sections,
    context_settings={
        "help_option_names": ["-h", "--help"],
        "auto_envvar_prefix": "MILLRACE",
        "max_content_width": 100,
    },
)
@click.option(
    "--config",
    envvar="MILLRACE_CONFIG",
    show_envvar=True,
    type=click.Path(path_type=Path, dir_okay=False),
    help="A TOML file; ./millrace.toml when there is one.",
)
@click.version_option(package_name="millrace")
@click.pass_context
def cli(context: click.Context, config: Path | None) -> None:
    """An order management system as a stream on Kafka.

    Options come from a TOML file, the environment and flags; the later wins. `millrace COMMAND
    --help` names the variables; a key of the file is a flag's name with underscores, at the top
    or in a table of the command's name. [kafka] is passed on to librdkafka.

    \b
    Examples:
      millrace up
      millrace stock load deploy/examples/stock.csv
      millrace submit deploy/examples/order.json --channel json
      millrace order json-1001
    """
    group = context.command
    assert isinstance(group, click.Group)
    loaded = configuration.load(config, group, os.environ)
    context.obj = loaded
    context.default_map = loaded.options


for command in (
    cli_processes.up,
    cli_processes.worker,
    cli_processes.gateway,
    cli_processes.analytics,
    cli_processes.intake,
    cli_processes.levels,
    cli_processes.topics,
    cli_orders.submit,
    import_orders,
    cli_orders.order,
    cli_changes.amend,
    cli_changes.cancel,
    cli_changes.hold,
    cli_changes.release,
    holds,
    fulfillment,
    ship,
    refund,
    cli_orders.demo,
    cli_orders.channels,
    edi,
    payment,
    policy,
    routing,
    customer,
    entity,
    invoice,
    journal,
    reconcile,
    stock,
    purchase,
    rejected,
    audit,
    webhooks,
    api,
    locations,
    carriers,
    availability,
    poll,
):
    cli.add_command(command)


def _run() -> object:
    try:
        return cli.main(prog_name="millrace", standalone_mode=False)
    except InvalidPartitions as error:  # out of the import of whatever needs the topics
        raise Unreadable(str(error)) from error


def main() -> None:
    """Entry point."""
    try:
        status = _run()
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        click.echo("stopped", err=True)
        sys.exit(INTERRUPTED)
    except OSError as error:
        if error.errno != errno.EPIPE:
            raise
        # The reader has seen enough (`| head`); Python would complain again at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(SOME_REJECTED)
    sys.exit(status if isinstance(status, int) else 0)


if __name__ == "__main__":
    main()
