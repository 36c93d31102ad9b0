"""Every event, in ClickHouse, exactly once: `tables.sql`, `rows.py`, `sink.py`, `database.py`.

Reads the event topics, rejected payloads and dead letters of every room. A row is a record: the
position on Kafka stands with it, and no position stands there twice. `DECISIONS.md` says how.
"""
