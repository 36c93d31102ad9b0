"""Why an event about a customer happened, in words. Nothing personal stands in any of them."""

from __future__ import annotations

from schemas import customers
from schemas.money import text as money
from schemas.records import Record


def of_customer(record: Record) -> str:
    """One sentence for an event of the customers room; empty for any other."""
    match record:
        case customers.CustomerChanged():
            wishes = ", ".join(f"{one.name} {one.value}" for one in record.preferences)
            return f"the profile is set; preferences: {wishes or 'none'}"
        case customers.CustomerOrderRecorded():
            counts = money(record.total_minor, record.currency)
            lifetime = money(record.lifetime_minor, record.currency)
            return (
                f"order {record.order_id} is {record.outcome} and counts for {counts};"
                f" {lifetime} over {record.lifetime_orders} orders"
            )
        case customers.SegmentChanged():
            before = f", before {record.previously}" if record.previously else ""
            return f"in segment {record.segment or 'none'}{before}"
        case customers.CustomerMerged():
            return f"{record.into} stands for this id from now on"
        case customers.CustomerAbsorbed():
            sums = ", ".join(money(one.total_minor, one.currency) for one in record.figures)
            return f"the orders of {record.merged_id} count here: {sums or 'none yet'}"
        case customers.CustomerErased():
            return "what is personal is erased"
        case customers.SegmentRulesSet():
            return f"rules for {', '.join(one.segment for one in record.rules)}"
        case customers.CustomerCommandRefused():
            return f"{record.command}: {record.reason.replace('_', ' ')}"
    return ""
