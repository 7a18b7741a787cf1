"""Giving a key to a team: noted for what comes, and moved in what is stored, in one transaction.

What is stored carries the team that was known when it came. Whoever moves a key as of a day moves
its rows from then on: totals stay, to the last digit. Beside it consumers append, perhaps with the
team of before: with a SQLite catalog writers take turns, and with any catalog this touches every
row of the ledger, so that it collides with every commit that goes on at the same time. Whoever is
later tries again, and then sees what the other did.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from analytics.keys.periods import Assignment, overlaid, periods_of
from analytics.keys.strays import mark_strays, move_strays
from analytics.keys.table import add_assignment, read_assignments
from analytics.load.ledger import collide_with_all

if TYPE_CHECKING:
    from collections.abc import Sequence
    from decimal import Decimal

    import duckdb

    from analytics.store import Store

_FOREVER: Final = datetime(9999, 1, 1, tzinfo=UTC)
_APART: Final = timedelta(days=1)
"""An attempt may begin so long after its request."""
_MICROSECOND: Final = timedelta(microseconds=1)
_DIFFERS: Final = (
    "(team IS DISTINCT FROM $team OR key_name IS DISTINCT FROM COALESCE($name, key_name))"
)
_SET: Final = "SET team = $team, key_name = COALESCE($name, key_name)"
_MOVES: Final = {
    table: f"UPDATE usage.{table} {_SET} "
    f"WHERE key_id = $key AND {time} >= $start AND {time} < $end AND {_DIFFERS}"
    for table, time in {
        "events": "started_at",
        "charges_hourly": "hour",
        "traffic_hourly": "hour",
    }.items()
}
# Attempts belong to whom their request belongs to, however late they began.
_MOVE_ATTEMPTS: Final = f"""
    UPDATE usage.attempts {_SET}
    WHERE key_id = $key AND started_at >= $start AND started_at < $end + $apart AND {_DIFFERS}
      AND event_id IN (SELECT event_id FROM usage.events
                       WHERE key_id = $key AND started_at >= $start AND started_at < $end)
"""  # noqa: S608 - our own texts
_REQUESTS: Final = f"""
    SELECT team, key_name, sum(requests)::BIGINT FROM usage.traffic_hourly
    WHERE key_id = $key AND hour >= $start AND hour < $end AND {_DIFFERS}
    GROUP BY ALL ORDER BY ALL
"""  # noqa: S608 - our own texts
_COSTS: Final = f"""
    SELECT team, key_name, currency, sum(cost) FROM usage.charges
    WHERE key_id = $key AND hour >= $start AND hour < $end AND {_DIFFERS} AND cost IS NOT NULL
    GROUP BY ALL HAVING sum(cost) <> 0 ORDER BY ALL
"""  # noqa: S608 - our own texts


@dataclass(frozen=True, slots=True)
class Moved:
    """What of a key was stored under another team or name, and is moved."""

    team: str | None
    key_name: str | None
    requests: int
    cost: dict[str, Decimal]
    """By currency."""


@dataclass(frozen=True, slots=True)
class Assigned:
    """What an assignment does."""

    assignment: Assignment
    is_new: bool
    """Whether it says anything that did not hold before."""
    moved: tuple[Moved, ...]


_Whose = tuple[str | None, str | None]


def assign(store: Store, wanted: Assignment, *, dry: bool) -> Assigned:
    """Note an assignment and move what is stored accordingly; the same again changes nothing.

    Args:
        store: where the key's usage is.
        wanted: `noted_at` is the time now.
        dry: only tell what it would do.

    Raises:
        StoreBusy: somebody else was writing; nothing was written.
    """
    outcome = _outcome(store.cursor(), wanted)
    if dry or not (outcome.is_new or outcome.moved):
        return outcome
    with store.transaction() as connection:
        outcome = _outcome(connection, wanted)
        collide_with_all(connection)
        if outcome.is_new:
            add_assignment(connection, outcome.assignment)
        _move(connection, wanted)
    return outcome


def _outcome(connection: duckdb.DuckDBPyConnection, wanted: Assignment) -> Assigned:
    known = read_assignments(connection)
    # What is said later counts, also when the clocks of two machines disagree.
    latest = max((one.noted_at for one in known), default=wanted.noted_at - _MICROSECOND)
    wanted = replace(wanted, noted_at=max(wanted.noted_at, latest + _MICROSECOND))
    held = periods_of(one for one in known if one.key_id == wanted.key_id)
    return Assigned(wanted, overlaid(held, wanted) != held, tuple(_moved(connection, wanted)))


def _moved(connection: duckdb.DuckDBPyConnection, wanted: Assignment) -> Sequence[Moved]:
    values = _values(wanted)
    requests: dict[_Whose, int] = {}
    for team, name, count in connection.execute(_REQUESTS, values).fetchall():
        requests[team, name] = int(count or 0)
    costs: dict[_Whose, dict[str, Decimal]] = {}
    for team, name, currency, cost in connection.execute(_COSTS, values).fetchall():
        costs.setdefault((team, name), {})[currency] = cost
    whose: list[_Whose] = [*requests, *(one for one in costs if one not in requests)]
    moved = [
        Moved(team, name, requests.get((team, name), 0), costs.get((team, name), {}))
        for team, name in whose
    ]
    return [one for one in moved if one.requests or one.cost]


def _move(connection: duckdb.DuckDBPyConnection, wanted: Assignment) -> None:
    values = _values(wanted)
    mark_strays(connection, wanted.key_id, wanted.valid_from, wanted.valid_to or _FOREVER)
    connection.execute(_MOVE_ATTEMPTS, values | {"apart": _APART})
    for statement in _MOVES.values():
        connection.execute(statement, values)
    move_strays(connection, wanted.team, wanted.key_name)


def _values(wanted: Assignment) -> dict[str, object]:
    return {
        "key": wanted.key_id,
        "team": wanted.team,
        "name": wanted.key_name,
        "start": wanted.valid_from,
        "end": wanted.valid_to or _FOREVER,
    }
