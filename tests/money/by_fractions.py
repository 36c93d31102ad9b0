"""The sums of an order in exact fractions of its currency, apart from the project's own arithmetic.

It reads the generic channel's JSON, knows nothing of minor units or of `schemas`, and rounds only
where the rules below say so. It wrote the sums and the words in orders.toml; a test holds the two
together, so that a change to an order there has to be worked out again.

1. A line is quantity x price, rounded half up, less its own discount; what that discount is more
   than the line counts as the order's.
2. The order's discount goes by the lines, gift cards left out while others can bear it; what the
   lines cannot bear comes off shipping, then off what is on top.
3. Shipping goes by the lines, gift cards left out while there are others.
4. Tax is what the channel gives by line, or else its rate on (or in) the sum of that rate's lines
   and shipping, rounded once, and goes by their sums. What is on top beyond tax goes as shipping.
5. What is divided is divided exactly, cut off to whole units, and the units left go to the largest
   rests, of equal ones to the first.
6. Of a line of q pieces, the first n are worth n/q of it, rounded; the next ones what is then more.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

DECIMALS = {"EUR": 2, "USD": 2, "GBP": 2, "JPY": 0, "KRW": 0, "KWD": 3, "BHD": 3, "CLF": 4}
NOTHING = Fraction(0)


class Working:
    """One order being worked out. All sums are fractions of the currency's main unit."""

    def __init__(self, order: dict[str, Any]) -> None:
        self.order = order
        self.words: list[str] = []
        self.decimals = DECIMALS[order["currency"]]
        self.unit = Fraction(1, 10**self.decimals)
        self.lines: list[dict[str, Any]] = order["lines"]
        self.ids = [line.get("line_id", str(n)) for n, line in enumerate(self.lines, 1)]
        self.included = order.get("prices_include_tax", False)
        self.goods, discount = self._goods()
        self.weights = self._weights(self.goods)
        self.discounts, left = self._discounts(discount)
        shipping = Fraction(order.get("shipping", "0"))
        self.shipping = max(NOTHING, shipping - left)
        left -= shipping - self.shipping
        self.added = max(NOTHING, Fraction(order.get("tax", "0")) - left)
        self.shippings = self._say_divided("Shipping", self.shipping, self.weights)
        self.nets = [a - b for a, b in zip(self.goods, self.discounts, strict=True)]
        self.taxes, self.shipping_tax = self._charged()
        self.shipping_taxes = self.divide(self.shipping_tax, self.shippings)
        self.extras = self._extras()
        self.tops = [
            extra if self.included else extra + tax + on_shipping
            for extra, tax, on_shipping in zip(
                self.extras, self.taxes, self.shipping_taxes, strict=True
            )
        ]
        self.totals = [
            net + top + ship
            for net, top, ship in zip(self.nets, self.tops, self.shippings, strict=True)
        ]
        self.total = sum(self.totals, NOTHING)
        self._say_total()

    def text(self, amount: Fraction) -> str:
        """A whole number of units with the currency's decimals."""
        units = amount / self.unit
        assert units.denominator == 1, f"{amount} is not rounded"
        digits = f"{abs(units.numerator):0{self.decimals + 1}d}"
        sign = "-" if amount < 0 else ""
        if not self.decimals:
            return sign + digits
        return f"{sign}{digits[: -self.decimals]}.{digits[-self.decimals :]}"

    def exact(self, amount: Fraction) -> str:
        """An exact amount in words: its decimals, cut after two more than the currency has."""
        places = self.decimals + 2
        scaled = amount * 10**places
        digits = f"{math.floor(scaled):0{places + 1}d}"
        shown = f"{digits[:-places]}.{digits[-places:]}"
        return f"{shown}.." if scaled.denominator != 1 else shown

    def half_up(self, amount: Fraction) -> Fraction:
        """Rounded to the unit; half goes up. Amounts here are not below nothing."""
        return math.floor(amount / self.unit + Fraction(1, 2)) * self.unit

    def divide(self, amount: Fraction, weights: list[Fraction]) -> list[Fraction]:
        """Rule 5."""
        if not any(weights):
            weights = [Fraction(1)] * len(weights)
        exact = [amount * weight / sum(weights) for weight in weights]
        cut = [math.floor(each / self.unit) * self.unit for each in exact]
        rests = [(each - whole, -n) for n, (each, whole) in enumerate(zip(exact, cut, strict=True))]
        for _, n in sorted(rests, reverse=True)[: int((amount - sum(cut)) / self.unit)]:
            cut[-n] += self.unit
        return cut

    def upto(self, line_id: str, pieces: int) -> Fraction:
        """Rule 6: what the first `pieces` of a line are worth."""
        at = self.ids.index(line_id)
        whole = self.lines[at]["quantity"]
        assert pieces <= whole
        return self.half_up(self.totals[at] * pieces / whole)

    def part(self, line_id: str, pieces: int, already: int) -> Fraction:
        """What `pieces` of a line are worth when `already` went before."""
        return self.upto(line_id, already + pieces) - self.upto(line_id, already)

    def rates(self) -> list[tuple[str, Fraction, Fraction]]:
        """Rate in percent, net and tax, the highest rate first; what has no rate is at 0."""
        sums: dict[Fraction, list[Fraction]] = {}

        def add(rate: Any, net: Fraction, tax: Fraction) -> None:
            nets, taxes = sums.get(Fraction(rate), [NOTHING, NOTHING])
            sums[Fraction(rate)] = [nets + net, taxes + tax]

        for n, line in enumerate(self.lines):
            within = self.taxes[n] if self.included else NOTHING
            add(line.get("tax_rate", 0), self.nets[n] - within, self.taxes[n])
        within = self.shipping_tax if self.included else NOTHING
        add(self.order.get("shipping_tax_rate", 0), self.shipping - within, self.shipping_tax)
        add(0, sum(self.extras, NOTHING), NOTHING)
        return [
            (percent(rate), *sums[rate]) for rate in sorted(sums, reverse=True) if any(sums[rate])
        ]

    def _goods(self) -> tuple[list[Fraction], Fraction]:
        goods = []
        discount = Fraction(self.order.get("discount", "0"))
        for line_id, line in zip(self.ids, self.lines, strict=True):
            exact = Fraction(line["quantity"]) * Fraction(line["unit_price"]) / line.get("per", 1)
            amount = self.half_up(exact)
            own = Fraction(line.get("discount", "0"))
            per = f" / {line['per']}" if "per" in line else ""
            told = f"Line {line_id}: {line['quantity']} x {line['unit_price']}{per}"
            if exact != amount:
                told += f" = {self.exact(exact)}, rounded"
            told += f" = {self.text(amount)}"
            if own:
                told += (
                    f", less {self.text(own)} of its own = {self.text(max(NOTHING, amount - own))}"
                )
            if own > amount:
                told += f"; {self.text(own - amount)} of that discount is left for the others"
            self.words.append(f"{told}.")
            discount += max(NOTHING, own - amount)
            goods.append(max(NOTHING, amount - own))
        if len(goods) > 1:
            self.words.append(f"Together {self.text(sum(goods, NOTHING))}.")
        return goods, discount

    def _weights(self, amounts: list[Fraction]) -> list[Fraction]:
        weights = [
            NOTHING if line.get("kind") == "gift_card" else amount
            for line, amount in zip(self.lines, amounts, strict=True)
        ]
        return weights if any(weights) else amounts

    def _discounts(self, discount: Fraction) -> tuple[list[Fraction], Fraction]:
        taken = min(discount, sum(self.weights, NOTHING))
        discounts = self._say_divided("The discount", taken, self.weights)
        rest = [a - b for a, b in zip(self.goods, discounts, strict=True)]
        more = min(discount - taken, sum(rest, NOTHING))
        if more:
            self.words.append(f"{self.text(more)} of it are left for the gift cards.")
            again = self.divide(more, rest)
            discounts = [a + b for a, b in zip(discounts, again, strict=True)]
        left = discount - taken - more
        if left:
            self.words.append(
                f"{self.text(left)} of it no line can bear: it comes off shipping, then off tax."
            )
        return discounts, left

    def _say_divided(self, what: str, amount: Fraction, weights: list[Fraction]) -> list[Fraction]:
        parts = self.divide(amount, weights)
        if amount and len(parts) > 1:
            whole = sum(weights, NOTHING)
            exact = [amount * weight / whole if whole else NOTHING for weight in weights]
            self.words.append(
                f"{what}, {self.text(amount)}, by the lines: "
                f"{', '.join(self.exact(each) for each in exact)}; "
                f"in whole units {', '.join(self.text(each) for each in parts)}."
            )
        elif amount:
            self.words.append(f"{what}: {self.text(amount)}.")
        return parts

    def _charged(self) -> tuple[list[Fraction], Fraction]:
        taxes = [NOTHING] * len(self.lines)
        on_shipping = NOTHING
        own_rate = Fraction(self.order.get("shipping_tax_rate", 0))
        rates = {Fraction(line.get("tax_rate", 0)) for line in self.lines} | {own_rate}
        for rate in sorted(rates, reverse=True):
            at = [
                n for n, line in enumerate(self.lines) if Fraction(line.get("tax_rate", 0)) == rate
            ]
            shipping = self.shipping if rate == own_rate else NOTHING
            if any(Fraction(self.lines[n].get("tax", 0)) for n in at):
                for n in at:
                    taxes[n] = Fraction(self.lines[n].get("tax", 0)) or self._tax(
                        self.nets[n], rate
                    )
                on_shipping += self._tax(shipping, rate)
                given = ", ".join(self.text(taxes[n]) for n in at)
                self.words.append(
                    f"Tax at {percent(rate)} % by line, as the channel gives it: {given}."
                )
                continue
            whole = sum((self.nets[n] for n in at), shipping)
            tax = self._tax(whole, rate)
            parts = self.divide(tax, [*(self.nets[n] for n in at), shipping])
            for n, part in zip(at, parts, strict=False):
                taxes[n] = part
            on_shipping += parts[-1]
            if tax:
                way = (
                    f"{percent(rate)}/{percent(100 + rate)} of"
                    if self.included
                    else f"{percent(rate)} % on"
                )
                self.words.append(
                    f"Tax: {way} {self.text(whole)} = {self.exact(self._exact_tax(whole, rate))}, "
                    f"rounded {self.text(tax)}."
                )
        return taxes, on_shipping

    def _exact_tax(self, amount: Fraction, rate: Fraction) -> Fraction:
        return amount * rate / (100 + rate if self.included else 100)

    def _tax(self, amount: Fraction, rate: Fraction) -> Fraction:
        return self.half_up(self._exact_tax(amount, rate))

    def _extras(self) -> list[Fraction]:
        """What is on top beyond tax. Rule 4."""
        if self.included:
            over = self.added
        else:
            over = self.added - sum(self.taxes, NOTHING) - self.shipping_tax
            if over == self.added:
                # Nobody says at what rate: all of it is tax.
                self.taxes = self._say_divided(
                    "Tax at a rate unknown", over, self._weights(self.nets)
                )
                return [NOTHING] * len(self.lines)
            if over < 0 or over <= self.unit * (len(self.lines) + 1):
                *self.taxes, self.shipping_tax = self.divide(
                    self.added, [*self.taxes, self.shipping_tax]
                )
                self.shipping_taxes = self.divide(self.shipping_tax, self.shippings)
                return [NOTHING] * len(self.lines)
        return self._say_divided("What is on top beyond tax", over, self.weights)

    def _say_total(self) -> None:
        steps = [self.text(sum(self.goods, NOTHING))]
        for word, amount in (
            ("-", sum(self.discounts, NOTHING)),
            ("+", self.shipping),
            ("+", self.added),
        ):
            if amount:
                steps.append(f"{word} {self.text(amount)}")
        sum_of = f"{' '.join(steps)} = " if len(steps) > 1 else ""
        self.words.append(f"Total: {sum_of}{self.text(self.total)}.")


def percent(rate: Fraction) -> str:
    """A rate without needless decimals."""
    return f"{float(rate):.4f}".rstrip("0").rstrip(".")


def paid_by(order: dict[str, Any], working: Working) -> dict[str, str]:
    """What each tender pays of the total: each up to its amount, in their order."""
    left = working.total
    parts = {}
    for number, tender in enumerate(order.get("tenders", []), 1):
        amount = min(left, Fraction(tender["amount"])) if "amount" in tender else left
        parts[tender.get("tender_id", str(number))] = working.text(amount)
        left -= amount
    return parts


def sums(order: dict[str, Any]) -> dict[str, Any]:
    """Everything that orders.toml says of an order, as text."""
    working = Working(order)

    def texts(amounts: list[Fraction]) -> list[str]:
        return [working.text(each) for each in amounts]

    return {
        "goods": texts(working.goods),
        "discount": texts(working.discounts),
        "shipping": texts(working.shippings),
        "on_top": texts(working.tops),
        "each": texts(working.totals),
        "rates": [
            {"rate": rate, "net": working.text(net), "tax": working.text(tax)}
            for rate, net, tax in working.rates()
        ],
        "total": working.text(working.total),
        "tenders": paid_by(order, working),
    }


def pieces_in_words(order: dict[str, Any], turns: list[dict[str, int]]) -> list[str]:
    """How the lines that are not given back at once are cut."""
    working = Working(order)
    told = []
    for line_id, line in zip(working.ids, working.lines, strict=True):
        cuts = [turn[line_id] for turn in turns if line_id in turn]
        if len(cuts) < 2 or not working.upto(line_id, line["quantity"]):
            continue
        steps = []
        gone = 0
        for pieces in cuts:
            gone += pieces
            steps.append(f"{gone} are worth {working.text(working.upto(line_id, gone))}")
        told.append(f"Of line {line_id}'s {line['quantity']} pieces {', '.join(steps)}.")
    return told


def in_turn(order: dict[str, Any], turns: list[dict[str, int]]) -> list[str]:
    """What each of several shipments or refunds of pieces is worth, one after the other."""
    working = Working(order)
    gone = dict.fromkeys(working.ids, 0)
    worth = []
    for turn in turns:
        amount = NOTHING
        for line_id, pieces in turn.items():
            amount += working.part(line_id, pieces, gone[line_id])
            gone[line_id] += pieces
        worth.append(working.text(amount))
    return worth
