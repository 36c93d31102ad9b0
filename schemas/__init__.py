"""The language of millrace: topics, commands, events, state records and their Avro contract.

No network and no rule lives here, and nothing else of the project is imported.
"""
