"""A reader's own SQL: one query that reads the store, and nothing else.

Four fences, because SQL is large: the store is attached read-only; DuckDB may open only the store's
own files and its settings are locked; the text must be a single query that DuckDB itself can take
apart; and of what it names, only the store's tables and views, `information_schema` and a few
functions without side effects are allowed. A query that takes too long is interrupted.
"""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING, Any, Final

import duckdb

from analytics.errors import QueryError
from analytics.store import NAME, Store

if TYPE_CHECKING:
    from collections.abc import Iterator

    import polars as pl

DEFAULT_LIMIT: Final = 10_000
DEFAULT_SECONDS: Final = 30.0
_MEMORY: Final = "2GB"
_FUNCTIONS: Final = frozenset(
    {
        "duckdb_columns", "duckdb_functions", "duckdb_keywords", "duckdb_tables", "duckdb_types",
        "duckdb_views", "generate_series", "json_each", "json_tree", "pg_timezone_names", "range",
        "repeat", "summary", "unnest",
    }
)  # fmt: skip
_OWN_SCHEMAS: Final = frozenset({"", "main", NAME})
_LISTINGS: Final = frozenset({'"tables"', '"views"', "__show_tables_expanded", ""})


def read_only_query(
    url: str,
    sql: str,
    limit: int = DEFAULT_LIMIT,
    timeout_seconds: float = DEFAULT_SECONDS,
) -> pl.DataFrame:
    """The first `limit` rows of one reading query's answer.

    Raises:
        QueryError: it is no single reading query, it is wrong, or it took too long.
        StoreError: the store cannot be opened.
    """
    with Store.open(url, read_only=True) as store:
        cursor = store.cursor()
        _check(sql, cursor)
        _fence(cursor, store)
        return _run(cursor, sql, limit, timeout_seconds)


def _run(
    cursor: duckdb.DuckDBPyConnection, sql: str, limit: int, timeout_seconds: float
) -> pl.DataFrame:
    late = threading.Event()

    def interrupt() -> None:
        late.set()
        cursor.interrupt()

    timer = threading.Timer(timeout_seconds, interrupt)
    timer.start()
    try:
        return cursor.sql(sql).limit(limit).pl()
    except duckdb.Error as error:
        if late.is_set():
            raise QueryError(f"the query took longer than {timeout_seconds:g} s") from None
        raise QueryError(_message(error)) from None
    finally:
        timer.cancel()


def _fence(cursor: duckdb.DuckDBPyConnection, store: Store) -> None:
    address = store.address
    allowed = [f"{address.data_path}/"] if address.data_path else []
    for setting, value in (
        ("allowed_directories", allowed),
        ("allowed_paths", _catalog_files(store)),
        ("memory_limit", _MEMORY),
        ("python_enable_replacements", False),
        ("autoload_known_extensions", False),
        ("autoinstall_known_extensions", False),
        ("enable_external_access", False),
        ("lock_configuration", True),
    ):
        cursor.execute(f"SET GLOBAL {setting} = {_literal(value)}")


def _catalog_files(store: Store) -> list[str]:
    if store.address.kind != "sqlite":
        return []
    return [f"{store.address.catalog}{suffix}" for suffix in ("", "-wal", "-shm", "-journal")]


def _literal(value: object) -> str:
    if isinstance(value, list):
        return f"[{', '.join(_literal(item) for item in value)}]"
    if isinstance(value, bool):
        return str(value).lower()
    return "'" + str(value).replace("'", "''") + "'"


def _check(sql: str, cursor: duckdb.DuckDBPyConnection) -> None:
    """Refuse everything but a single query over what a reader may see."""
    text = cursor.execute(
        "SELECT json_serialize_sql($1::VARCHAR, skip_null := true, skip_empty := true)", [sql]
    ).fetchall()[0][0]
    tree = json.loads(text)
    if tree.get("error"):
        if tree.get("error_type") == "not implemented":
            raise QueryError(
                "only a query is allowed here: SELECT, FROM, WITH, DESCRIBE, SUMMARIZE"
            )
        raise QueryError(tree.get("error_message", "the query cannot be read"))
    if len(tree["statements"]) != 1:
        raise QueryError("give one query at a time")
    known = _names(cursor) | {name.lower() for name in _local_names(tree)}
    for node in _nodes(tree):
        _check_node(node, known)


def _check_node(node: dict[str, Any], known: set[str]) -> None:
    kind = node.get("type")
    if kind == "BASE_TABLE":
        catalog, schema = node.get("catalog_name", ""), node.get("schema_name", "")
        name = str(node.get("table_name", ""))
        if schema == "information_schema" and catalog in {"", NAME}:
            return
        own = catalog in {"", NAME} and schema in _OWN_SCHEMAS and name.lower() in known
        if not own:
            raise QueryError(f"there is no table or view {name!r}; SHOW TABLES lists them")
    elif kind == "TABLE_FUNCTION":
        function = node.get("function", {}).get("function_name", "")
        if function.lower() not in _FUNCTIONS:
            raise QueryError(f"the function {function} is not allowed here")
    elif kind == "SHOW_REF" and node.get("table_name", "") not in _LISTINGS:
        raise QueryError("SHOW is allowed for TABLES only")


def _nodes(tree: object) -> Iterator[dict[str, Any]]:
    if isinstance(tree, dict):
        yield tree
        for part in tree.values():
            yield from _nodes(part)
    elif isinstance(tree, list):
        for part in tree:
            yield from _nodes(part)


def _local_names(tree: object) -> Iterator[str]:
    """Names that the query gives to parts of itself."""
    for node in _nodes(tree):
        for entry in node.get("cte_map", {}).get("map", ()):
            yield str(entry["key"])


def _names(cursor: duckdb.DuckDBPyConnection) -> set[str]:
    rows = cursor.execute(
        """
        SELECT lower(table_name) FROM duckdb_tables() WHERE database_name = $1
        UNION ALL
        SELECT lower(view_name) FROM duckdb_views() WHERE database_name = $1 AND NOT internal
        """,
        [NAME],
    ).fetchall()
    return {str(row[0]) for row in rows}


def _message(error: duckdb.Error) -> str:
    """DuckDB's own words without its drawing of the place."""
    return " ".join(str(error).split("\n\nLINE")[0].split())
