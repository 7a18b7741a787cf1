"""Bring a store's tables up to date: numbered migrations, recorded in the store itself.

A migration is a file `migrations/NNN_<what>.sql`, applied whole or not at all; it never changes
once released. The views are the analysts' contract and hold no data, so they are made anew
with the last one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING, Final

from analytics.errors import StoreError

if TYPE_CHECKING:
    import duckdb

_FILE = re.compile(r"^(?P<version>\d{3})_(?P<name>\w+)\.sql$")
_TABLE: Final = "schema_migrations"
_OPTION: Final = "ducklake_set_option"


@dataclass(frozen=True, slots=True, order=True)
class Migration:
    """One step from a version of the tables to the next."""

    version: int
    name: str
    sql: str


def migrations() -> list[Migration]:
    """Every migration of this gatemeter, in order."""
    found = []
    for file in resources.files("analytics.migrations").iterdir():
        match = _FILE.match(file.name)
        if match:
            found.append(Migration(int(match["version"]), match["name"], file.read_text("utf-8")))
    return sorted(found)


def stored_version(connection: duckdb.DuckDBPyConnection) -> int:
    """The version of the store's tables; 0 for a store that has none yet."""
    known = connection.execute(
        "SELECT count(*) FROM duckdb_tables() WHERE database_name = current_database() "
        "AND table_name = ?",
        [_TABLE],
    ).fetchall()
    if known == [(0,)]:
        return 0
    rows = connection.execute(f"SELECT max(version) FROM {_TABLE}").fetchall()  # noqa: S608 - our name
    return int(rows[0][0])


def needs_migration(connection: duckdb.DuckDBPyConnection) -> bool:
    """Whether a step is missing.

    Raises:
        StoreError: the store was written by a newer gatemeter.
    """
    newest = migrations()[-1].version
    return _supported(stored_version(connection), newest) < newest


def migrate_some(connection: duckdb.DuckDBPyConnection) -> int:
    """Apply missing steps inside the caller's transaction; how many were applied.

    A new store gets nearly all of them at once, since each commit of a catalog costs more than the
    steps. A step that sets options of tables begins a transaction: DuckLake takes none for tables
    that are not committed yet.

    Raises:
        StoreError: the store was written by a newer gatemeter.
    """
    steps = migrations()
    version = _supported(stored_version(connection), steps[-1].version)
    applied = 0
    for step in steps:
        if step.version <= version:
            continue
        if applied and _OPTION in step.sql:
            break
        connection.execute(step.sql)
        connection.execute(
            f"INSERT INTO {_TABLE} VALUES (?, ?, now())",  # noqa: S608 - our name
            [step.version, step.name],
        )
        applied += 1
        if step == steps[-1]:
            connection.execute(
                resources.files("analytics").joinpath("views.sql").read_text("utf-8")
            )
    return applied


def check_version(connection: duckdb.DuckDBPyConnection) -> None:
    """Refuse a store whose tables are not those of this gatemeter.

    Raises:
        StoreError: it is older (a writer has to bring it up to date first) or newer.
    """
    if needs_migration(connection):
        raise StoreError("the store is of an older gatemeter: run `gatemeter maintain` once")


def _supported(version: int, newest: int) -> int:
    if version > newest:
        raise StoreError(
            f"the store is of a newer gatemeter (tables of version {version}, this one knows "
            f"{newest}): upgrade gatemeter"
        )
    return version
