"""One ClickHouse, embedded (chDB) or a server, for the sink and the dashboard of one process.

chDB is one engine a process, and its connection is not made for several threads at once. Every
call therefore holds one lock, and whoever shares a process shares the `Database`.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import clickhouse_connect

TABLES = Path(__file__).parent / "tables.sql"
QUERY_SECONDS_MAX = 20
Row = dict[str, Any]
INSERT_SETTINGS = {
    "async_insert": 0,
    # By default 256 MiB of rows end a part, and an insert of two parts is not atomic.
    "min_insert_block_size_bytes": 0,
}


def statements(text: str) -> list[str]:
    """The statements of a `.sql` file, without its comments."""
    code = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("--"))
    return [part.strip() for part in code.split(";") if part.strip()]


class Database:
    """Errors are clickhouse_connect's. Any thread may call anything."""

    def __init__(self, *, path: Path | None = None, url: str | None = None) -> None:
        """Open the embedded engine on `path`, or the server at `url`, and make the tables."""
        if (path is None) == (url is None):
            raise ValueError("a path or a URL, and not both")
        self._lock = threading.Lock()
        if path is not None:
            path.mkdir(parents=True, exist_ok=True)
            self._client = clickhouse_connect.get_client(interface="chdb", path=str(path))
        else:
            self._client = clickhouse_connect.get_client(dsn=url, autogenerate_session_id=False)
        for statement in statements(TABLES.read_text(encoding="utf-8")):
            self._client.command(statement)

    def query(self, sql: str, parameters: Mapping[str, Any] | None = None) -> list[Row]:
        """Rows by column name. Parameters stand in the SQL as `{name:Type}`."""
        with self._lock:
            result = self._client.query(
                sql,
                parameters=dict(parameters or {}),
                settings={"max_execution_time": QUERY_SECONDS_MAX},
            )
            names = result.column_names
            return [dict(zip(names, row, strict=True)) for row in result.result_rows]

    def insert(self, table: str, columns: Mapping[str, Sequence[Any]], token: str = "") -> None:
        """Insert one block of at least one row; with a token, unless that has been inserted."""
        settings: dict[str, Any] = dict(INSERT_SETTINGS)
        if token:
            settings["insert_deduplication_token"] = token
        with self._lock:
            self._client.insert(
                table,
                list(columns.values()),
                column_names=list(columns),
                column_oriented=True,
                settings=settings,
            )

    def close(self) -> None:
        """End the connection; the embedded engine's files can then be opened again."""
        with self._lock:
            self._client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()
