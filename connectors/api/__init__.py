"""Orders and stock for mobile apps and headless shops, as JSON over HTTP: `millrace api`.

forms.py     what is sent, what is answered, and the examples of both in the document
places.py    placing, cancelling and amending: what reaches Kafka
reading.py   orders as analytics has them; and the opaque cursor
told.py      one order out of its events; pure
server.py    the routes, which are also the OpenAPI document
client.py    a Python client

The service needs no state of its own: orders go out through channels.raw and orders.commands and
are read from analytics, stock from inventory.levels.
"""
