"""The customers room: who a customer is, what their orders came to, and what is forgotten of them.

Reads customers.commands: what orders tell and ask, and what people set, merge and erase.
Writes customers.events, and answers orders.
Invariant: the figures of a customer are the sum of what each of their orders counts for, once,
through every merge; ids that were merged lead to one that was not, without a circle; of who is
erased the room keeps nothing personal. Why and how: DECISIONS.md.
"""
