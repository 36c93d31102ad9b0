"""Tells channels how many pieces of each SKU they may sell: `millrace availability`.

account.py    what an account at a channel is to the rest, and its rate limit
shopify.py …  one channel each
stock.py      inventory.levels in memory, and what a channel may sell by it
pending.py    what is still to be told, most urgent first; pure
book.py       Kafka: what was told, and the attempts
pusher.py     one account's life
process.py    all accounts

Guarantee: the latest quantity of each SKU reaches each account at least once; quantities before it
may be left out. Idempotency key: the SKU at its account, for quantities are absolute. A duplicate,
such as after a crash between telling and noting, sets the same quantity again.
"""
