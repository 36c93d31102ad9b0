"""Which location serves which lines, at the least cost. Pure and deterministic.

Given for each line the locations that can serve it, choose one for each. A location that is used
costs `opening` once, and each of its lines what that line costs there. That is facility location
without capacities, small: an order has few lines. It is solved by branch and bound from a greedy
start: exactly where the search ends within MAXIMUM_STEPS, which it does for orders of ten lines at
twenty locations; else the best found by then stands.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import islice, product
from typing import NamedTuple

MAXIMUM_STEPS = 5_000
"""nodes of the search for one order"""
MAXIMUM_ASSIGNMENTS = 1_024
"""ways to serve lines from the same locations that are tried where the cheapest may not be used"""

Costs = Mapping[str, int]
Valid = Callable[[Sequence[str]], bool]
"""whether the locations, one for each line, may be used so"""


class Choice(NamedTuple):
    """From where the lines are served."""

    locations: tuple[str, ...]
    """one for each line, in the order of the lines"""
    cost: int
    is_exact: bool
    """no cheaper choice exists"""


def consolidated(
    opening: Costs,
    lines: Sequence[Costs],
    at_most: int = 0,
    valid: Valid | None = None,
) -> Choice | None:
    """The cheapest choice of at most so many locations (0 for any number); None where there is
    none, or none was found.

    `lines` gives for each line the locations that can serve it, with what it costs there; each of
    them stands in `opening`. Costs are 0 or more. Of several choices at the same cost that counts
    which is found first: locations are tried in the order of `opening`.
    """
    if not lines or not all(lines):
        return None
    if at_most == 0 and valid is None:
        alone = _each_at_its_best(opening, lines)
        if alone is not None:
            return alone
    search = _Search(opening, lines, at_most or len(lines), valid)
    return search.best()


def _each_at_its_best(opening: Costs, lines: Sequence[Costs]) -> Choice | None:
    """The cheapest location of every line, where it is the same one: nothing can be cheaper."""
    found = ""
    for costs in lines:
        best = min(costs, key=lambda name: opening[name] + costs[name])
        if found and best != found:
            return None
        found = best
    if any(costs[found] > min(costs.values()) for costs in lines):
        return None
    cost = opening[found] + sum(costs[found] for costs in lines)
    return Choice((found,) * len(lines), cost, True)


class _Search:
    """Branch and bound over which locations are used. Locations and lines are numbers in here, and
    sets of them are bits."""

    def __init__(
        self, opening: Costs, lines: Sequence[Costs], at_most: int, valid: Valid | None
    ) -> None:
        able = set().union(*lines)
        names = [name for name in opening if name in able]
        if valid is None and len(names) > 1:
            names = _undominated(opening, lines, names)
        self._names = names
        self._opening = [opening[name] for name in names]
        self._lines = [
            {number: costs[name] for number, name in enumerate(names) if name in costs}
            for costs in lines
        ]
        self._serves = [
            sum(1 << line for line, costs in enumerate(self._lines) if number in costs)
            for number in range(len(names))
        ]
        # The cheapest first, so that a good choice is found early.
        self._able = [
            sorted(costs, key=lambda number, costs=costs: self._opening[number] + costs[number])  # type: ignore[misc]
            for costs in self._lines
        ]
        # A line with few locations decides more; of equals the earlier one.
        self._order = sorted(range(len(lines)), key=lambda line: len(self._able[line]))
        # A location serves at most so many lines: each line bears its share of opening one.
        self._share = [
            min(self._opening[number] // self._serves[number].bit_count() for number in costs)
            for costs in self._lines
        ]
        self._cheapest = sum(min(costs.values()) for costs in self._lines)
        self._at_most, self._valid = at_most, valid
        self._seen: set[int] = set()
        self._found: tuple[str, ...] | None = None
        self._cost = 0

    def best(self) -> Choice | None:
        """The choice, or None."""
        everything = (1 << len(self._lines)) - 1
        self._greedy(everything)
        self._branch([], 0, everything, 0)
        if self._found is None:
            return None
        is_exact = len(self._seen) < MAXIMUM_STEPS and self._valid is None
        return Choice(self._found, self._cost, is_exact)

    def _take(self, used: list[int]) -> None:
        """Keep what these locations come to, where it is allowed and the best so far."""
        chosen, cost = [], 0
        for costs in self._lines:
            there = min([number for number in used if number in costs], key=costs.__getitem__)
            chosen.append(there)
            cost += costs[there]
        cost += sum([self._opening[number] for number in set(chosen)])
        if self._found is not None and cost >= self._cost:
            return
        names = tuple([self._names[number] for number in chosen])
        if self._valid is None or self._valid(names):
            self._found, self._cost = names, cost
        else:
            self._take_otherwise(used)

    def _take_otherwise(self, used: list[int]) -> None:
        """Keep the cheapest of the further ways to serve the lines from these locations that may be
        used, where it is the best so far."""
        assert self._valid is not None, "else the cheapest of all may be used"
        ways = product(*([number for number in used if number in costs] for costs in self._lines))
        for chosen in islice(ways, MAXIMUM_ASSIGNMENTS):
            cost = sum([self._opening[number] for number in set(chosen)])
            cost += sum([costs[at] for costs, at in zip(self._lines, chosen, strict=True)])
            if self._found is not None and cost >= self._cost:
                continue
            names = tuple([self._names[number] for number in chosen])
            if self._valid(names):
                self._found, self._cost = names, cost

    def _greedy(self, left: int) -> None:
        """Open the location at which lines that are left cost least each, until none is left."""
        used: list[int] = []
        while left and len(used) < self._at_most:
            best, best_rate = -1, 0.0
            for number, cost in enumerate(self._opening):
                served = self._serves[number] & left
                if served:
                    rate = cost / served.bit_count()
                    if best < 0 or rate < best_rate:
                        best, best_rate = number, rate
            used.append(best)
            left &= ~self._serves[best]
        if not left:
            self._take(used)

    def _branch(self, used: list[int], bits: int, left: int, spent: int) -> None:
        """Go on from the locations in use, whose opening costs `spent`; `left` are the lines that
        none of them serves."""
        if bits in self._seen or len(self._seen) >= MAXIMUM_STEPS:
            return
        self._seen.add(bits)
        if not left:
            self._take(used)
        if len(used) == self._at_most:
            return
        if left:
            open_lines = [line for line in self._order if left >> line & 1]
            least = spent + self._cheapest + sum([self._share[line] for line in open_lines])
            if self._found is not None and least >= self._cost:
                return
            # Every choice opens one of the locations of the line at hand.
            names = self._able[open_lines[0]]
        else:
            if self._found is not None and spent + self._cheapest >= self._cost:
                return
            names = self._cheaper(used)
        for number in names:
            self._branch(
                [*used, number],
                bits | 1 << number,
                left & ~self._serves[number],
                spent + self._opening[number],
            )

    def _cheaper(self, used: list[int]) -> list[int]:
        """Locations that save more on lines than their opening costs. Where there is none, no set
        of them does: what each saves only shrinks beside others."""
        now = [min([costs[number] for number in used if number in costs]) for costs in self._lines]
        return [
            number
            for number, cost in enumerate(self._opening)
            if number not in used
            and sum(
                max(0, before - costs[number])
                for before, costs in zip(now, self._lines, strict=True)
                if number in costs
            )
            > cost
        ]


def _undominated(opening: Costs, lines: Sequence[Costs], names: list[str]) -> list[str]:
    """The locations without those that another one can replace at no more cost."""
    serves = {name: [line for line, costs in enumerate(lines) if name in costs] for name in names}
    bits = {name: sum([1 << line for line in served]) for name, served in serves.items()}
    kept: list[str] = []
    for name in sorted(names, key=opening.__getitem__):
        mine, served = bits[name], serves[name]
        for other in kept:
            if mine & ~bits[other] == 0 and all(
                [lines[line][other] <= lines[line][name] for line in served]
            ):
                break
        else:
            kept.append(name)
    return kept
