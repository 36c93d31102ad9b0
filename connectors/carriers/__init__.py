"""Carriers: what they tell of a shipment, as commands to the fulfillment room; and cartons.

Guarantee: none of its own, for nothing here touches a topic. Whoever asks sends the commands, as
`millrace fulfillment simulate` does, and may send them again. Idempotency key: the fulfillment
order and the notice's id, which a carrier repeats with the notice; for one without an id, what it
says and when. A duplicate changes nothing, and neither does an older notice after a newer one: the
room goes by the carrier's clock, and delivered stays delivered.
"""
