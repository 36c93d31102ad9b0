"""The purchasing room: what suppliers offer, and purchase orders from the proposal to their end.

Reads purchasing.commands: offers, suggestions of inventory, drop-shipped parts of orders from
fulfillment, what buyers and receiving locations say of purchase orders, and inventory's answers.
Writes purchasing.events, and to inventory what is expected and what has come.
Invariant: of no line more is received than was ordered, nothing is received that inventory has not
taken in, and what inventory was told to expect of a purchase order is what is open of it while it
is sent, and nothing before and after.

- rules.py, deliveries.py, told.py: purchase orders, what comes of them, and what is written of both
- offers.py: what suppliers offer of a SKU, and which of them is asked
"""
