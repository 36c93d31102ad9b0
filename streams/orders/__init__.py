"""The orders room: one saga per order, from placed to shipped.

Reads orders.commands: orders, changes, holds and cancellations from outside, replies of the other
rooms, shipments, the policy.
Writes orders.events, and commands to fulfillment, inventory, payments, customers and accounting.
Invariant: an order that ends refused or cancelled has given back every reservation, every place in
a queue for stock and every authorization that was made for it, and one that is changed all that it
has no more. Only this room releases what an order has reserved. No order is released whose total is
more than what payments covers, and none while a hold keeps it. What is billed is what is taken, and
no more is given back than was billed.
"""
