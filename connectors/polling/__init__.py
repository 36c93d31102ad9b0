"""Fetches orders from channels that do not send them, or as a net below those that do.

Guarantee: each page is on channels.raw exactly once, because its payloads and the cursor behind it
are one transaction; a crash neither skips nor repeats. What a source tells twice by itself maps to
the same order. Idempotency key: the cursor of the source on channels.cursors. What is acknowledged
to a source is durable before: at least once.

poller.py      one source in one thread: pages, transactions, pauses
source.py      what a source is, and its errors
seam.py        how what has changed is read round by round, so that nothing is skipped
pace.py        rate limits as token buckets, and pauses with jitter
fetching.py    HTTP, bounded
tokens.py      access tokens
DECISIONS.md   why it is so

The others are one source each.
"""
