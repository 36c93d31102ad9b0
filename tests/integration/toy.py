"""A room small enough to check by eye: it counts, per key, the pieces that it was told of.

`python -m tests.integration.toy BOOTSTRAP INSTANCE STATE_DIRECTORY NAME PORT` runs it in the
engine; it is what the engine's own tests start, kill and stop.
"""

from __future__ import annotations

import sys
from pathlib import Path

from schemas.engine import DeadLetter
from schemas.inventory import StockState
from schemas.messages import Inbound, Send, States
from schemas.orders import OrderState
from schemas.stock import PositionAt, SetStock, StockSet
from schemas.topics import Topic

POISON = "poison"


class ToyRoom:
    """Counts SetStock.on_hand per SKU; `poison` raises."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.commands = Topic(f"{name}.commands", "sku", (SetStock,), "test", name, "")
        self.events = Topic(f"{name}.events", "sku", (StockSet,), name, "test", "")
        self.state = Topic(
            f"{name}.state", "sku", (StockState, OrderState), name, name, "", compacted=True
        )
        self.dead_letter = Topic(f"{name}.dead-letter", "key", (DeadLetter,), name, "test", "")

    @property
    def topics(self) -> tuple[Topic, ...]:
        return self.commands, self.events, self.state, self.dead_letter

    def decide(self, inbound: Inbound, states: States, now_ms: int) -> list[Send]:
        command = inbound.record
        assert isinstance(command, SetStock)
        before = states.get(command.sku)
        count = before.positions[0].on_hand if isinstance(before, StockState) else 0
        count += command.on_hand
        states.put(command.sku, StockState(command.sku, [PositionAt("x", count, 0, 0)]))
        if command.sku == POISON:
            raise ValueError("poison")
        event = StockSet(command.sku, "x", count, 0, 0, command.cause, now_ms)
        return [Send(self.events, command.sku, event)]

    def wake(self, key: str, states: States, now_ms: int) -> list[Send]:
        raise NotImplementedError


def main() -> None:
    from streams.app import run
    from streams.engine.settings import Settings

    bootstrap, instance, directory, name, port = sys.argv[1:]
    run(
        [ToyRoom(name)],
        Settings(
            bootstrap,
            instance,
            Path(directory),
            group=f"{name}-workers",
            web_port=int(port),
            checkpoint_seconds=0.5,
        ),
    )


if __name__ == "__main__":
    main()
