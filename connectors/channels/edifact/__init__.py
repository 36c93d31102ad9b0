"""Purchase orders as UN/EDIFACT messages: ORDERS.

syntax.py    the interchange: UNA, UNB to UNZ, UNH to UNT, counted and checked
reading.py   readers of single values, and of what stands in groups of segments
lines.py     LIN groups
order.py     one message as an order
channel.py   the channel `edifact`
"""
