"""The rules for payments that hold, partition by partition, and putting others into force."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

from deploy.cluster import Cluster
from deploy.policy_payments import NO_RULES
from deploy.policy_rollout import PATIENCE_SECONDS, wait_until_taken
from deploy.records import partitions, send
from deploy.rollout import states_of
from deploy.stock import everywhere
from schemas.payments import RULES_KEY, PaymentRulesState, SetPaymentRules
from schemas.topics import PAYMENTS_COMMANDS, PAYMENTS_STATE


class Validating(NamedTuple):
    """What each partition of the payments room validates by."""

    states: dict[int, PaymentRulesState]
    partitions: int
    """how many there are; those without a state have no rules"""

    def others(self, wanted: PaymentRulesState) -> list[int]:
        """Partitions that have other rules."""
        return [
            number
            for number in range(self.partitions)
            if self.states.get(number, NO_RULES) != wanted
        ]


Look = Callable[[], Validating]


@contextmanager
def looking(cluster: Cluster) -> Iterator[Look]:
    """Each call tells what holds then; the first reads all of payments.state, and each later one
    what has come since. Raises KafkaException and Unavailable."""
    number = partitions(cluster, PAYMENTS_COMMANDS)
    with states_of(cluster, PAYMENTS_STATE, RULES_KEY, PaymentRulesState) as states:
        yield lambda: Validating(states(), number)


def put_in_force(
    cluster: Cluster,
    wanted: PaymentRulesState,
    actor: str,
    look: Look,
    patience_seconds: float = PATIENCE_SECONDS,
) -> bool:
    """Send the rules and wait until each partition validates by them; False where all did already.

    Raises KafkaException, and Unavailable where the payments room does not take them in time: they
    stay sent, and may hold later.
    """
    before = look()
    if not before.others(wanted):
        return False
    command = SetPaymentRules(wanted.rules, wanted.refuse_at_points, actor)
    send(cluster, everywhere(RULES_KEY, command, [(PAYMENTS_COMMANDS, before.partitions)]))
    wait_until_taken(lambda: look().others(wanted), "payments", patience_seconds)
    return True
