"""The orders room: one saga per order, from placed to released.

Reads orders.commands: orders and cancellations from outside, replies of the other rooms.
Writes orders.events, and commands to fulfillment, inventory and payments.
Invariant: an order that ends refused or cancelled has given back every reservation, every place in
a queue for stock and every authorization that was made for it. Only this room releases what an
order has reserved.
"""
