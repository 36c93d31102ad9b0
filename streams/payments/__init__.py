"""The payments room: is the order's total authorized, in its currency, to the minor unit.

Reads payments.commands: what orders ask for and what payment gateways answer.
Writes payments.events, which is also the gateways' work list, and replies to orders.
Invariant: an authorization is either covered by a living order or voided, exactly once.
"""
