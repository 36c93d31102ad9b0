"""`millrace payment`: what an order's payment comes to, and moving its money by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from deploy import output
from deploy.options import NotFound, actor_option, identifiers, json_option, on_kafka, own

if TYPE_CHECKING:
    from deploy.cluster import Cluster
    from schemas.payments import PaymentState
    from schemas.records import Record


@click.group()
def payment() -> None:
    """Show what orders' payments come to, and move money by hand.

    What moves money is asked for and not waited for: `millrace payment show` tells what came of
    it. The same id again changes nothing.

    \b
    Examples:
      millrace payment show json-1001
      millrace payment capture json-1001 --id parcel-1 --amount 12.50
      millrace payment refund json-1001 --id return-7 --amount 5.00 --reason "came broken"
      millrace payment receipt json-1002 --id bank-20240301-7 --amount 40.99
    """


def _about(command: Callable[..., Any]) -> Callable[..., Any]:
    """ORDER_ID, --json and Kafka."""
    return click.argument("order_id")(json_option(on_kafka(command)))


@payment.command("show")
@_about
def payment_show(cluster: Cluster, order_id: str, as_json: bool) -> None:
    """Show an order's payment: its tenders and sums, and what happened to it."""
    from deploy import payments

    one = _known(cluster, order_id)
    events = payments.history(cluster, order_id)
    if as_json:
        output.line({**payments.as_json(one), "events": events})
        return
    output.told(payments.sums(one))
    columns = ("held_minor", "captured_minor", "refunded_minor", "received_minor")
    output.table(
        ("tender", "method", *(name.removesuffix("_minor") for name in columns)),
        [
            (
                tender["tender_id"],
                tender["method"],
                *(_money(tender[name], one.currency) for name in columns),
            )
            for tender in payments.tenders(one)
        ],
        right=4,
    )
    output.table(
        ("time (UTC)", "event", "what"),
        [
            (
                str(event["at"] or "").replace("T", " ").removesuffix("Z"),
                event["event"],
                event["why"],
            )
            for event in events
        ],
    )


@payment.command("capture")
@own("--id", "capture_id", required=True, help="The capture's id, e.g. that of the shipment.")
@own("--amount", default="", help="In major units; all that can be captured when not given.")
@own("--final", is_flag=True, help="Nothing more will be taken: the rest is given back.")
@_about
def payment_capture(
    cluster: Cluster, order_id: str, capture_id: str, amount: str, final: bool, as_json: bool
) -> None:
    """Take money that is authorized; of an invoice or a delivery: say that it is due."""
    from deploy import payments
    from schemas.payments import CapturePayment

    identifiers({"--id": capture_id})
    one = _known(cluster, order_id)
    taken = _minor(amount, one) if amount else payments.capturable(one, capture_id)
    record = CapturePayment(order_id, capture_id, taken, final)
    _ask(cluster, order_id, record, as_json, capture_id=capture_id)


@payment.command("refund")
@own("--id", "refund_id", required=True, help="The refund's id, e.g. that of the return.")
@own("--amount", default="", help="In major units; all that can be refunded when not given.")
@own("--reason", required=True, help="Why it is given back.")
@_about
def payment_refund(
    cluster: Cluster, order_id: str, refund_id: str, amount: str, reason: str, as_json: bool
) -> None:
    """Give money back that was taken."""
    from deploy import payments
    from schemas.payments import RefundPayment

    identifiers({"--id": refund_id})
    one = _known(cluster, order_id)
    back = _minor(amount, one) if amount else payments.refundable(one, refund_id)
    record = RefundPayment(order_id, refund_id, back, reason)
    _ask(cluster, order_id, record, as_json, refund_id=refund_id)


@payment.command("receipt")
@own("--id", "receipt_id", required=True, help="The receipt's id, e.g. the bank statement's line.")
@own("--amount", required=True, help="In major units.")
@own("--tender", default="", help="Whose money it is; the first that lacks some when not given.")
@own("--reference", default="", help="Number of the invoice, tour or statement; no name.")
@actor_option
@_about
def payment_receipt(
    cluster: Cluster, order_id: str, receipt_id: str, amount: str, tender: str, reference: str,
    actor: str, as_json: bool,
) -> None:  # fmt: skip
    """Record money that has come in for an invoice or a delivery."""
    from schemas.payments import RecordReceipt

    identifiers({"--id": receipt_id})
    one = _known(cluster, order_id)
    came = _minor(amount, one)
    record = RecordReceipt(order_id, receipt_id, came, one.currency, tender, reference, actor)
    _ask(cluster, order_id, record, as_json, receipt_id=receipt_id)


def _known(cluster: Cluster, order_id: str) -> PaymentState:
    """The payment. Raises NotFound."""
    from deploy import payments

    identifiers({"ORDER_ID": order_id})
    one = payments.state(cluster, order_id)
    if one is None:
        raise NotFound(f"no payment of order {order_id}")
    return one


def _minor(amount: str, one: PaymentState) -> int:
    """An amount in minor units of the payment's currency. Raises click.BadParameter."""
    from schemas.money import InvalidMoney, minor

    try:
        return minor(amount, one.currency, "--amount")
    except InvalidMoney as error:
        raise click.BadParameter(str(error), param_hint="--amount") from error


def _money(amount_minor: int, currency: str) -> str:
    from schemas.money import text

    return text(amount_minor, currency)


def _ask(cluster: Cluster, order_id: str, record: Record, as_json: bool, **named: str) -> None:
    from deploy.records import send
    from schemas.messages import Send
    from schemas.topics import PAYMENTS_COMMANDS

    send(cluster, [Send(PAYMENTS_COMMANDS, order_id, record)])
    asked = type(record).__name__
    if as_json:
        amount = getattr(record, "amount_minor", 0)
        output.line({"asked": asked, "order_id": order_id, "amount_minor": amount, **named})
    else:
        output.told(f"asked: {asked}; see millrace payment show {order_id}")
