"""What is there of each SKU, over HTTP, out of memory: `millrace levels`.

store.py     the latest record of each SKU, as bytes
follower.py  Kafka: keeps the store as inventory.levels says
answers.py   what is told of a SKU, also behind `millrace stock show`; pure
server.py    HTTP
"""
