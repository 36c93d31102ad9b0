"""All accounts in one process, a thread for each, and one that follows inventory.levels."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from connectors.availability.account import Account
from connectors.availability.book import KafkaBook
from connectors.availability.pusher import Pusher, Settings
from connectors.availability.stock import WatchedStore
from connectors.levels.follower import Follower


class Availability:
    """Every account of a file."""

    def __init__(
        self,
        bootstrap: str,
        accounts: Sequence[tuple[Account, Settings]],
        kafka: Mapping[str, str | int] | None = None,
    ) -> None:
        """Raises KafkaException for a setting that librdkafka does not know."""
        store = WatchedStore()
        self.pushers = {
            account.name: Pusher(
                account, store, KafkaBook(bootstrap, account.name, kafka), settings
            )
            for account, settings in accounts
        }
        self._follower = Follower(bootstrap, store, kafka=kafka)

    def waiting_for(self) -> str:
        """What is still to be done before accounts are told; empty when it is."""
        left = [name for name, pusher in self.pushers.items() if not pusher.ready.is_set()]
        if left:
            return f"reading what {left[0]} was told"
        return self._follower.waiting_for()

    def start(
        self, begin: Callable[[str, Callable[[], None]], threading.Thread], stop: threading.Event
    ) -> list[threading.Thread]:
        """Have every part run in a thread that `begin` makes of a name and what it does."""
        return [
            begin("follower", lambda: self._follower.run(stop)),
            *(
                begin(f"availability {name}", partial(pusher.run, stop, self._caught_up))
                for name, pusher in self.pushers.items()
            ),
        ]

    def _caught_up(self) -> bool:
        return not self._follower.waiting_for()
