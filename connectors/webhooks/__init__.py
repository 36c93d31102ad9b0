"""Tells downstream teams of events over HTTP.

Guarantee: each committed event that a subscription asks for is delivered at least once, in the
order of its partition; an event that cannot be delivered holds up its own subscription alone. What
a shop refuses for what stands in it is set aside after SET_ASIDE_ATTEMPTS, and shown as failed.
Idempotency key: `webhook-id`, the event's place on its topic, the same for every attempt.
"""
