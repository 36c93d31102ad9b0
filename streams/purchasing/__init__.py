"""The purchasing room: what suppliers offer, and purchase orders from the proposal to their end.

Reads purchasing.commands: offers, suggestions of inventory, drop-shipped parts of orders from
fulfillment, and what buyers and receiving locations say of purchase orders.
Writes purchasing.events, and to inventory what is expected and what has come.
Invariant: of no line more is received than was ordered, and what inventory was told to expect of a
purchase order is what is open of it while it is sent, and nothing before and after.
"""
