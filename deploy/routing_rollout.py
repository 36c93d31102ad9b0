"""The routing rules that hold, partition by partition, and putting others into force."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

from msgspec.structs import replace

from deploy.cluster import Cluster
from deploy.holds import standing
from deploy.policy_rollout import PATIENCE_SECONDS, wait_until_taken
from deploy.records import partitions, send
from deploy.rollout import states_of
from deploy.stock import everywhere
from schemas.messages import Send
from schemas.orders import ReleaseHold
from schemas.policies import HoldKind
from schemas.routing import ROUTING_KEY, RoutingRules, RoutingState, SetRoutingRules
from schemas.topics import FULFILLMENT_COMMANDS, FULFILLMENT_STATE, ORDERS_COMMANDS


class Routing(NamedTuple):
    """What each partition of the fulfillment room routes by."""

    states: dict[int, RoutingState]
    partitions: int
    """how many there are; those without a state rank by country and distance"""

    @property
    def latest(self) -> RoutingState | None:
        """The latest rules that a partition has; None where none were ever set."""
        return max(self.states.values(), key=lambda one: _mark(one.rules), default=None)

    def behind(self, wanted: RoutingRules) -> list[int]:
        """Partitions that have neither these rules nor later ones."""
        return [
            number
            for number in range(self.partitions)
            if number not in self.states or _mark(self.states[number].rules) < _mark(wanted)
        ]


Look = Callable[[], Routing]


def _mark(rules: RoutingRules) -> tuple[int, int]:
    return rules.version, rules.text_hash


@contextmanager
def looking(cluster: Cluster) -> Iterator[Look]:
    """Each call tells what holds then; the first reads all of fulfillment.state, and each later
    one what has come since. Raises KafkaException and Unavailable."""
    number = partitions(cluster, FULFILLMENT_COMMANDS)
    with states_of(cluster, FULFILLMENT_STATE, ROUTING_KEY, RoutingState) as states:
        yield lambda: Routing(states(), number)


def put_in_force(
    cluster: Cluster,
    wanted: RoutingRules,
    actor: str,
    now_ms: int,
    look: Look,
    patience_seconds: float = PATIENCE_SECONDS,
) -> RoutingRules | None:
    """Send the rules to every partition and wait until each routes by them; return them with their
    version, or None where they held everywhere already.

    Raises KafkaException, and Unavailable where the fulfillment room does not take them in time:
    they stay sent, and may hold later.
    """
    before = look()
    latest = before.latest
    if (
        latest is not None
        and not before.behind(latest.rules)
        and replace(wanted, version=latest.rules.version) == latest.rules
    ):
        return None
    version = max(now_ms, latest.rules.version + 1 if latest is not None else 0)
    versioned = replace(wanted, version=version)
    command = SetRoutingRules(versioned, actor, now_ms)
    send(cluster, everywhere(ROUTING_KEY, command, [(FULFILLMENT_COMMANDS, before.partitions)]))
    wait_until_taken(lambda: look().behind(versioned), "fulfillment", patience_seconds, "routing")
    return versioned


def try_again(cluster: Cluster, actor: str, now_ms: int) -> int:
    """Have every order tried again that waits for a person because of the rules; tell how many.

    Raises KafkaException and Unavailable.
    """
    commands = [
        ReleaseHold(one.order_id, one.hold.hold_id, "other rules", actor, now_ms, True)
        for one in standing(cluster, HoldKind.ROUTING)
    ]
    return send(cluster, (Send(ORDERS_COMMANDS, one.order_id, one) for one in commands))
