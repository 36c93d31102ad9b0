"""The fulfillment room: from where each order is served.

Reads fulfillment.commands: locations and who sells from them, orders to rank for and to route,
replies of inventory and orders, what locations and carriers say of fulfillment orders (work.py).
Writes fulfillment.events, reservations to inventory, purchase orders of what suppliers send to
customers to purchasing, and replies to orders.
Invariant: every line of a routed order stands in exactly one of its fulfillment orders, or in the
queue of those without a location; a location that gave the order back is not asked again.
"""
