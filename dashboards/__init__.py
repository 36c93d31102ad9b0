"""The live page over ClickHouse: `queries/*.sql`, `server.py` and the static page in `web/`."""
