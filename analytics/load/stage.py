"""Stage: read a batch's NDJSON into temporary tables and refuse it when a line is no event.

`staged` holds the events as they were written, with their attempts as lists; `staged_attempts`
holds the attempts one by one, with the row they belong to. Both live in the connection, outside
the store's transaction.
"""

from __future__ import annotations

import os
import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

import duckdb

from analytics.address import quoted
from analytics.errors import BadLines
from analytics.load import shape
from analytics.load.price import USE_KEY

if TYPE_CHECKING:
    from collections.abc import Sequence

_LONGEST_LINE: Final = 16 << 20
_PART_BYTES: Final = 2 << 20
_NUL: Final = rb"\u0000"
_ESCAPED_NUL: Final = re.compile(rb"(?<!\\)((?:\\\\)*)\\u0000")


def stage(connection: duckdb.DuckDBPyConnection, lines: bytes, *, validated: bool = False) -> None:
    """Read `lines` into `staged` and `staged_attempts`.

    Args:
        connection: where the tables are made.
        lines: events as NDJSON.
        validated: each line is an event for sure. Otherwise a text that looks like JSON is
            refused, because DuckDB reads an object where a text belongs as its own text.

    Raises:
        BadLines: a line is no JSON object, or not an event.
    """
    with tempfile.TemporaryDirectory(prefix="gatemeter-") as folder:
        _read(connection, _write(Path(folder), _without_nul(lines)))
    _unnest(connection)
    # DuckDB passes over blank lines; a line that is not counted would be lost in silence.
    events, attempts = shape.event_checks(), shape.attempt_checks()
    if not validated:
        events, attempts = events + shape.event_doubts(), attempts + shape.attempt_doubts()
    if _count_good(connection, events) != _count_lines(lines) or _has_bad(connection, attempts):
        raise BadLines("the batch holds lines that are no events")


def refused_lines(connection: duckdb.DuckDBPyConnection, lines: Sequence[bytes]) -> dict[int, str]:
    """Which of `lines` the store does not take, by index, and why. Halves until it knows."""
    return dict(_search(connection, list(enumerate(lines))))


def _search(
    connection: duckdb.DuckDBPyConnection, numbered: list[tuple[int, bytes]]
) -> list[tuple[int, str]]:
    if not numbered:
        return []
    try:
        stage(connection, b"\n".join(line for _, line in numbered), validated=True)
    except BadLines:
        if len(numbered) > 1:
            middle = len(numbered) // 2
            return _search(connection, numbered[:middle]) + _search(connection, numbered[middle:])
        return [(numbered[0][0], _reason(connection, numbered[0][1]))]
    return []


def _reason(connection: duckdb.DuckDBPyConnection, line: bytes) -> str:
    """Why a single refused line is no event. Never quotes the line, which may hold a secret."""
    rows = connection.execute("SELECT count(*) FROM staged").fetchall()
    if rows != [(1,)]:
        return "is not one JSON object with values of the right kinds"
    for checks, table in (
        (shape.event_checks(), "staged"),
        (shape.attempt_checks(), "staged_attempts"),
    ):
        for check in checks:
            query = f"SELECT count(*) FROM {table} WHERE {check.fails}"  # noqa: S608 - our own texts
            if connection.execute(query).fetchall() != [(0,)]:
                return check.reason
    return f"is refused by the store ({len(line)} bytes)"


def _write(folder: Path, lines: bytes) -> list[Path]:
    """Write the lines to a few files, because DuckDB gives each of its threads a file."""
    size = max(_PART_BYTES, len(lines) // (os.cpu_count() or 1) + 1)
    paths: list[Path] = []
    start = 0
    while start < len(lines) or not paths:
        end = lines.find(b"\n", start + size) + 1 or len(lines)
        paths.append(folder / f"{len(paths)}.ndjson")
        paths[-1].write_bytes(memoryview(lines)[start:end])
        start = end
    return paths


def _read(connection: duckdb.DuckDBPyConnection, paths: Sequence[Path]) -> None:
    spec = ", ".join(f"{name}: {quoted(kind)}" for name, kind in shape.columns().items())
    files = ", ".join(quoted(str(path)) for path in paths)
    connection.execute("CREATE OR REPLACE TEMP TABLE staged (nothing INTEGER)")
    try:
        connection.execute(
            f"""
            CREATE OR REPLACE TEMP TABLE staged AS
            SELECT *, TRY_CAST(started_at AS TIMESTAMPTZ) AS started, {USE_KEY} AS use_key
            FROM read_json([{files}], format = 'newline_delimited',
                           columns = {{{spec}}}, maximum_object_size = {_LONGEST_LINE})
            """  # noqa: S608 - our own texts and quoted paths
        )
    except duckdb.InvalidInputException:
        # DuckDB's message quotes the value that it stumbled over; ours must not.
        raise BadLines("the batch holds lines that are no events") from None


def _unnest(connection: duckdb.DuckDBPyConnection) -> None:
    fields = ", ".join(f"a.{name} AS {name}" for name in shape.attempt_columns())
    connection.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE staged_attempts AS
        SELECT row, attempt, {fields}
        FROM (SELECT rowid AS row, generate_subscripts(attempts, 1) AS attempt,
                     unnest(attempts) AS a
              FROM staged)
        """  # noqa: S608 - our own names
    )


def _count_lines(lines: bytes) -> int:
    return lines.count(b"\n") + (lines != b"" and not lines.endswith(b"\n"))


def _count_good(connection: duckdb.DuckDBPyConnection, checks: Sequence[shape.Check]) -> int:
    query = f"SELECT count(*) FROM staged WHERE NOT COALESCE({_any(checks)}, FALSE)"  # noqa: S608 - our own texts
    return int(connection.execute(query).fetchall()[0][0])


def _has_bad(connection: duckdb.DuckDBPyConnection, checks: Sequence[shape.Check]) -> bool:
    query = f"SELECT count(*) FROM staged_attempts WHERE {_any(checks)}"  # noqa: S608 - our own texts
    return connection.execute(query).fetchall() != [(0,)]


def _any(checks: Sequence[shape.Check]) -> str:
    return f"({' OR '.join(f'({check.fails})' for check in checks)})"


def _without_nul(lines: bytes) -> bytes:
    """Databases cannot hold U+0000 in a text; a client may still have written it into a name."""
    if _NUL not in lines:
        return lines
    return _ESCAPED_NUL.sub(rb"\1\\ufffd", lines)
