"""SQL: a query for DuckDB, or a table or query of a DuckDB or SQLite file."""

from __future__ import annotations

import re
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from kinfolk.data.columns import flatten_table, table_of_columns
from kinfolk.data.source import Source
from kinfolk.errors import ConfigurationError, DataError

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_QUERY = re.compile(r"^\s*(select|with|from)\s", re.I)


def is_query(source: str) -> bool:
    """Whether a source is SQL rather than the name of a file."""
    return bool(_QUERY.match(source))


def read_query(query: str) -> Source:
    """Run a query in a DuckDB of its own; files can be named in it: ``SELECT * FROM 'left.parquet'``.

    Raises:
        DataError: DuckDB cannot run the query.
    """
    import duckdb

    try:
        with duckdb.connect() as connection:
            return flatten_table(_run(connection, query), "query")
    except (duckdb.Error, OSError) as error:
        raise DataError(f"The query cannot be run: {_first_line(error)}. Query: {_short(query)}") from error


def read_database(path: Path, query: str | None, *, sqlite: bool) -> Source:
    """Read a database file without changing it.

    Args:
        path: of the file.
        query: SQL to run; None reads the only table.
        sqlite: whether it is SQLite's format, else DuckDB's.

    Raises:
        DataError: the file or the query is broken.
        ConfigurationError: no query, and not exactly one table.
    """
    return _read_sqlite(path, query) if sqlite else _read_duckdb(path, query)


def _read_duckdb(path: Path, query: str | None) -> Source:
    import duckdb

    try:
        with duckdb.connect(str(path), read_only=True) as connection:
            tables = [str(row[0]) for row in connection.execute("SHOW TABLES").fetchall()]
            table = _run(connection, query or _only_table(tables, path))
    except (duckdb.Error, OSError) as error:
        raise DataError(f"{path.name} cannot be read: {_first_line(error)}.") from error
    return flatten_table(table, path.name)


def _run(connection: DuckDBPyConnection, query: str) -> pa.Table:
    relation = connection.sql(query)
    if relation is None:
        raise DataError(f"A query that returns rows is needed. Got: {_short(query)}")
    return relation.to_arrow_table()


def _read_sqlite(path: Path, query: str | None) -> Source:
    try:
        connection = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)
        connection.text_factory = lambda data: data.decode("utf-8", "replace")
        try:
            names = "SELECT name FROM sqlite_master WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite_%'"
            tables = [str(row[0]) for row in connection.execute(names)]
            cursor = connection.execute(query or _only_table(tables, path))
            if cursor.description is None:
                raise DataError(f"{path.name}: a query that returns rows is needed. Got: {_short(query or '')}")
            rows = cursor.fetchall()
        finally:
            connection.close()
    except (sqlite3.Error, sqlite3.Warning) as error:
        raise DataError(f"{path.name} cannot be read: {_first_line(error)}.") from error
    columns = [(field[0], [row[i] for row in rows]) for i, field in enumerate(cursor.description)]
    return table_of_columns(columns, path.name)


def _only_table(tables: list[str], path: Path) -> str:
    if len(tables) != 1:
        found = f"It holds {', '.join(tables)}" if tables else "It holds no table"
        raise ConfigurationError(f"{path.name}: give query= to say what to read. {found}.")
    return 'SELECT * FROM "{}"'.format(tables[0].replace('"', '""'))


def _first_line(error: Exception) -> str:
    return str(error).strip().split("\n")[0].rstrip(".")


def _short(query: str) -> str:
    flat = " ".join(query.split())
    return flat if len(flat) <= 120 else flat[:119] + "…"
