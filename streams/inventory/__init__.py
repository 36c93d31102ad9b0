"""The inventory room: how much of each SKU is where, and for whom it is held.

Reads inventory.commands: counts, and what orders and fulfillment ask for.
Writes inventory.events, and replies to orders and fulfillment.
Invariant: at every location 0 <= reserved <= on hand, and reserved is the sum of the reservations
that stand. Reservations have no timer here; the orders room releases them.
"""
