"""Payment gateways: work comes from payments.events, answers go to payments.commands.

gateway.py     what a gateway must be able to do; start here to write one
sandbox.py     the gateway that charges nobody
desk.py        puts requests to a gateway, in order per order_id, and collects the answers
window.py      how far a partition's work is done
stripe*.py     the gateway that is shaped like Stripe: its steps, API, objects, words, amounts
webhooks*.py   the door for what a gateway tells without being asked
connector.py   Kafka: reads, writes, commits
"""
