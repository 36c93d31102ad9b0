"""Fetches orders from channels that do not send them, or as a net below those that do.

Guarantee: each page is on channels.raw exactly once, because its payloads and the cursor behind it
are one transaction; a crash neither skips nor repeats. What a source tells twice by itself maps to
the same order. Idempotency key: the cursor of the source on channels.cursors.
"""
