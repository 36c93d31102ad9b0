"""The inventory room: how much of each SKU is where, what is on its way, and who it is held for.

Reads inventory.commands: counts and movements, supply, and what orders and fulfillment ask for.
Writes inventory.events, inventory.levels, and replies to orders, fulfillment and purchasing. A
kit's partition and those of its components write to each other through inventory.commands.
Invariant: at every location 0 <= reserved + allocated <= on hand, and both are the sums of the
reservations that stand. A reservation with an end of its own is given back then; any other is
released by whoever reserved it. No stock lies idle that a waiting line could have whole.

- account.py: the records of one SKU while a command is decided; it holds the invariant
- reservations.py, holds.py, quotas.py, answers.py: who gets stock, and how it is given back
- queue.py, promises.py: who waits for it, and what is promised to them
- kits.py: SKUs that are made of others
- movements.py, lots.py, handling.py: what is there and on its way, and how a SKU is handled
- levels.py, sweep.py, replenishment.py: what that means for channels and for purchasing
"""
