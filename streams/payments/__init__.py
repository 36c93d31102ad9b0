"""The payments room: is the order's total covered, in its currency, to the minor unit, and paid.

Reads payments.commands: what orders and people ask for and what payment gateways answer.
Writes payments.events, which is also the gateways' work list, replies to orders, and tells
accounting of each sum that is taken, given back or received.
Invariant: what a gateway holds or has taken is what a living order costs, once, or is being given
back until the gateway says that it is. Nothing is taken beyond the total, nothing refunded beyond
what was taken. Why and how: DECISIONS.md.
"""
