"""Known deployments as the store keeps them."""

from __future__ import annotations

from dataclasses import fields
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from analytics.types import Deployment

if TYPE_CHECKING:
    from collections.abc import Iterable

    import duckdb

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_FIELDS: Final = tuple(field.name for field in fields(Deployment))
_COLUMNS: Final = tuple(
    {"name": "deployment", "version": "model_version"}.get(n, n) for n in _FIELDS
)
_TIMES: Final = ("valid_from", "valid_to")
_READ: Final = (
    f"SELECT {', '.join(f'epoch_us({n})' if n in _TIMES else n for n in _COLUMNS)} "  # noqa: S608 - our own names
    "FROM usage.deployments ORDER BY deployment, backend, valid_from"
)
_ADD: Final = (
    f"INSERT INTO usage.deployments ({', '.join(_COLUMNS)}) "  # noqa: S608 - our own names
    f"VALUES ({', '.join('?' for _ in _COLUMNS)})"
)


def read_deployments(connection: duckdb.DuckDBPyConnection) -> list[Deployment]:
    """Every entry, past ones too, in the order of names."""
    return [_entry(row) for row in connection.execute(_READ).fetchall()]


def replace_configured(
    connection: duckdb.DuckDBPyConnection, entries: Iterable[Deployment]
) -> None:
    """Let the settings' entries be these; what was imported stays."""
    connection.execute("DELETE FROM usage.deployments WHERE source = 'settings'")
    add_deployments(connection, entries)


def replace_imported(
    connection: duckdb.DuckDBPyConnection, name: str, backend: str, entries: Iterable[Deployment]
) -> None:
    """Let the imported entries of one deployment be these."""
    connection.execute(
        "DELETE FROM usage.deployments WHERE source = 'az' AND deployment = ? AND backend = ?",
        [name, backend],
    )
    add_deployments(connection, entries)


def add_deployments(connection: duckdb.DuckDBPyConnection, entries: Iterable[Deployment]) -> None:
    """Store entries."""
    for entry in entries:
        connection.execute(_ADD, [getattr(entry, name) for name in _FIELDS])


def _entry(row: tuple[object, ...]) -> Deployment:
    values = dict(zip(_FIELDS, row, strict=True))
    for name in _TIMES:
        at = values[name]
        # DuckDB hands out times only together with a package of time zones.
        values[name] = _EPOCH + timedelta(microseconds=at) if isinstance(at, int) else None
    return Deployment(**values)  # type: ignore[arg-type] # the columns are its fields
