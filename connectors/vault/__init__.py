"""What is personal, encrypted so that erasing a key erases the person. No Kafka but in `ring`.

A master key (`master`) wraps data keys (`sealing`); the wrapped ones stand on customers.keys, from
which `ring` finds them. A payload is encrypted as a whole before it is written, an order's
schemas.customers.Personal before it leaves the channels room. Without the data key, nobody can read
either; without the master key, nobody can read a data key. Why and how: DECISIONS.md.
"""
