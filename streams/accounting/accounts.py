"""Which account a sum goes to.

| Purpose | Kind | Default | Split by | Debited by | Credited by |
|---|---|---|---|---|---|
| clearing | asset | 1100 | method | money that comes in | money that goes back |
| receivables | asset | 1200 | | invoices, refunds | credit notes, money that comes in |
| tax_payable | liability | 2200 | tax rate | credit notes | invoices |
| gift_card_liability | liability | 2300 | | gift cards redeemed or taken back | gift cards sold |
| revenue | income | 4000 | tax rate | | invoices |
| shipping_revenue | income | 4100 | tax rate | | invoices |
| refunds | reduces income | 4200 | tax rate | credit notes | |
| rounding | income or cost | 4900 | | roundings down | roundings up |

An account that the legal entity sets for the rate or method comes first, then the one it sets for
the purpose, then the default. Only a default says its rate or method after a slash (`4000/19`,
`1100/card`), so that rates are kept apart before anybody has set anything.

A gift card that is sold is taxed when it is redeemed, for only then is it known what is supplied.
Source: Council Directive 2006/112/EC, Articles 30a and 30b (multi-purpose vouchers).
"""

from __future__ import annotations

from collections.abc import Iterable

from schemas.accounting import AccountNumber, Purpose, percent

DEFAULTS: dict[str, str] = {
    Purpose.CLEARING: "1100",
    Purpose.RECEIVABLES: "1200",
    Purpose.TAX_PAYABLE: "2200",
    Purpose.GIFT_CARD_LIABILITY: "2300",
    Purpose.REVENUE: "4000",
    Purpose.SHIPPING_REVENUE: "4100",
    Purpose.REFUNDS: "4200",
    Purpose.ROUNDING: "4900",
}
BY_RATE = frozenset(
    {Purpose.TAX_PAYABLE, Purpose.REVENUE, Purpose.SHIPPING_REVENUE, Purpose.REFUNDS}
)
BY_METHOD = frozenset({Purpose.CLEARING})
NO_RATE = -1


def account(
    accounts: Iterable[AccountNumber], purpose: str, rate_ppm: int = NO_RATE, method: str = ""
) -> str:
    """The number of the account for a purpose, and for a rate or a method of it."""
    general = ""
    for each in accounts:
        if each.purpose != purpose:
            continue
        if each.tax_rate_ppm == NO_RATE and not each.method:
            general = each.account
        elif each.tax_rate_ppm == rate_ppm and each.method == method:
            return each.account
    if general:
        return general
    part = percent(rate_ppm) if rate_ppm != NO_RATE else method
    return f"{DEFAULTS[purpose]}/{part}" if part else DEFAULTS[purpose]
