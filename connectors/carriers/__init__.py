"""Carriers: what they tell of a shipment, as commands to the fulfillment room; and cartons.

carrier.py   what a carrier is to millrace
sandbox.py   one that moves nothing, and tells what real ones tell
tracker.py   follows what has left, asks its carriers, and tells the room
journal.py   the tracker's side of Kafka
cartons.py   which cartons pieces go into

Guarantee: the tracker tells each notice exactly once. Who asks a carrier by hand, as `millrace
fulfillment simulate` does, may tell it again. Idempotency key: the fulfillment order and the
notice's id, which a carrier repeats with the notice; for one without an id, what it says and when.
A duplicate changes nothing, and neither does an older notice after a newer one: the room goes by
the carrier's clock, and delivered stays delivered.
"""
