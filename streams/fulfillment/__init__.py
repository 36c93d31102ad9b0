"""The fulfillment room: from where each order is served.

Reads fulfillment.commands: locations, orders to rank for and to route, replies of inventory.
Writes fulfillment.events, reservations to inventory, and replies to orders.
Invariant: every line of a routed order stands in exactly one of its fulfillment orders.
"""
