"""The policy that holds, partition by partition, and putting another one into force."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import NamedTuple

from msgspec.structs import replace

from deploy.cluster import Cluster
from deploy.options import Unavailable
from deploy.records import partitions, read, send
from deploy.stock import everywhere
from schemas.policies import POLICY_KEY, Policy, PolicyState, SetPolicy
from schemas.topics import ORDERS_COMMANDS, ORDERS_POLICIES

PATIENCE_SECONDS = 30.0
"""How long a room has to take what is set."""
LOOK_SECONDS = 0.3


class Standing(NamedTuple):
    """What each partition of the orders room decides by."""

    states: dict[int, PolicyState]
    partitions: int
    """how many there are; those without a state decide by no policy"""

    @property
    def latest(self) -> PolicyState | None:
        """The latest one that a partition has; None where no policy was ever set."""
        states = self.states.values()
        return max(states, key=lambda state: _mark(state.policy)) if states else None

    @property
    def behind(self) -> list[int]:
        """Partitions that do not have the latest one yet."""
        latest = self.latest
        if latest is None:
            return []
        return [number for number in range(self.partitions) if not self.has(number, latest.policy)]

    def has(self, partition: int, policy: Policy) -> bool:
        """Whether a partition has this policy, or a later one."""
        state = self.states.get(partition)
        return state is not None and _mark(state.policy) >= _mark(policy)


def _mark(policy: Policy) -> tuple[int, int]:
    return policy.version, policy.text_hash


def standing(cluster: Cluster) -> Standing:
    """What holds now. Raises KafkaException and Unavailable."""
    states: dict[int, PolicyState] = {}
    for found in read(cluster, [ORDERS_POLICIES]):
        if isinstance(found.record, PolicyState):
            number = found.key.decode().removeprefix(f"{POLICY_KEY}/")
            states[int(number)] = found.record
    return Standing(states, partitions(cluster, ORDERS_COMMANDS))


def put_in_force(
    cluster: Cluster,
    policy: Policy,
    actor: str,
    now_ms: int,
    look: Callable[[Cluster], Standing],
    patience_seconds: float = PATIENCE_SECONDS,
) -> Policy | None:
    """Send the policy to every partition and wait until each decides by it; return it with its
    version, or None where it held everywhere already. `look` tells what holds, as `standing` does.

    Raises KafkaException, and Unavailable where the orders room does not take it in time: it stays
    sent, and may hold later.
    """
    before = look(cluster)
    latest = before.latest
    if (
        latest is not None
        and not before.behind
        and replace(policy, version=latest.policy.version) == latest.policy
    ):
        return None
    version = max(now_ms, latest.policy.version + 1 if latest is not None else 0)
    versioned = replace(policy, version=version)
    command = SetPolicy(versioned, actor, now_ms)
    send(cluster, everywhere(POLICY_KEY, command, [(ORDERS_COMMANDS, before.partitions)]))

    def left() -> list[int]:
        after = look(cluster)
        return [number for number in range(after.partitions) if not after.has(number, versioned)]

    wait_until_taken(left, "orders", patience_seconds)
    return versioned


def wait_until_taken(
    left: Callable[[], list[int]], room: str, patience_seconds: float, group: str = "policy"
) -> None:
    """Wait until no partition of the room is left. Raises Unavailable, and names those that are;
    `millrace <group> show` tells what holds."""
    deadline = time.monotonic() + patience_seconds
    while behind := left():
        if time.monotonic() > deadline:
            names = ", ".join(map(str, behind))
            raise Unavailable(
                f"sent, but partition {names} of the {room} room has not taken it in"
                f" {patience_seconds:.0f} s; see millrace {group} show"
            )
        time.sleep(LOOK_SECONDS)
