"""The fulfillment room: from where each order is served.

Reads fulfillment.commands: locations and who sells from them, orders to rank for and to route,
replies of inventory.
Writes fulfillment.events, reservations to inventory, purchase orders of what suppliers send to
customers to purchasing, and replies to orders.
Invariant: every line of a routed order stands in exactly one of its fulfillment orders.
"""
