"""The payments room: is the order's total authorized, in its currency, to the minor unit.

Reads payments.commands: what orders ask for and what payment gateways answer.
Writes payments.events, which is also the gateways' work list, and replies to orders.
Invariant: what a gateway holds is exactly the total of a living order, once, or is being given back
until the gateway says that it is. Why and how: DECISIONS.md.
"""
