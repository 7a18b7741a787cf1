"""Keys: what comes in is counted for the team that its key was given to, whatever its event says.

A gateway writes the name and the team of its own settings into an event. An assignment of the store
wins over them, for events that started within it. The assignments are read again whenever there are
new ones, which a commit sees in the ledger: inside its transaction, so that of a commit and an
assignment at the same time either the commit knows the assignment, or the assignment moves what
the commit stored.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

import pyarrow as pa

from analytics.keys.periods import periods_of
from analytics.keys.table import read_assignments, read_version

if TYPE_CHECKING:
    from collections.abc import Sequence

    import duckdb

    from analytics.keys.periods import Period

_TIME: Final = pa.timestamp("us", "UTC")
_APPLY: Final = """
    UPDATE {table} AS s SET team = p.team, key_name = COALESCE(p.key_name, s.key_name)
    FROM key_periods AS p
    WHERE s.key_id = p.key_id AND s.started >= p.valid_from
      AND (p.valid_to IS NULL OR s.started < p.valid_to)
"""


class KeyPeriods:
    """The assignments of the store, kept at hand on one connection."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection
        self._version = 0
        self._any = False

    def refresh(self) -> bool:
        """Read the assignments if there are new ones; whether there were."""
        version = read_version(self._connection)
        if version == self._version:
            return False
        periods = periods_of(read_assignments(self._connection))
        self._connection.register("key_periods", _table(periods))
        self._version, self._any = version, bool(periods)
        return True

    def apply(self, table: Literal["staged", "facts"]) -> None:
        """Let the rows of a table of this batch say whose they are. May be done again and again."""
        if self._any:
            self._connection.execute(_APPLY.format(table=table))


def _table(periods: Sequence[Period]) -> pa.Table:
    return pa.table(
        {
            "key_id": pa.array([one.key_id for one in periods], pa.string()),
            "key_name": pa.array([one.key_name for one in periods], pa.string()),
            "team": pa.array([one.team for one in periods], pa.string()),
            "valid_from": pa.array([one.valid_from for one in periods], _TIME),
            "valid_to": pa.array([one.valid_to for one in periods], _TIME),
        }
    )
