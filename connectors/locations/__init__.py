"""What locations are to send, over HTTP, and what they say of it: `millrace locations`.

answers.py   what is told of a fulfillment order, also behind `millrace fulfillment`; pure
store.py     fulfillment orders in memory, by location and status
follower.py  Kafka: keeps the store as fulfillment.state says, and hears fulfillment.events
requests.py  what may be asked of a fulfillment order: bodies, and the commands that they become
outcomes.py  what came of what was asked
callers.py   whose token it is, and what that lets them see and do
server.py    HTTP
documented.py  the routes as OpenAPI has them, also in openapi.json

Guarantee: 202 means that every in-sync replica has the command. Idempotency key: the command
itself, for the fulfillment room knows what is the case already, beside the Idempotency-Key, under
which a running process answers the same again. A duplicate changes nothing.
"""
