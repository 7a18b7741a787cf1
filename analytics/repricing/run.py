"""A run: find what changes, and unless it is only asked for, write it and keep who changed what.

Charges are written first, in one transaction with the record of the run: reports of money are right
from then on. Events follow day by day. A run that was cut short is finished by running it again,
because events are compared with what they should cost and not with what the run did.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING, Final

from analytics.load.kept_sheet import rewrite_sheets
from analytics.load.turn import take_turn
from analytics.ratecard.table import read_card
from analytics.repricing.differences import find_differences
from analytics.repricing.rename import read_names, rename
from analytics.repricing.rewrite import rewrite_charges, rewrite_events
from analytics.repricing.uses import days_used, find_uses

if TYPE_CHECKING:
    import duckdb
    import polars as pl

    from analytics.maintenance import Progress
    from analytics.store import Store
    from analytics.types import Clock

_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Repricing:
    """What a run changed, or would change.

    `changes` has a row for each day, key, deployment, model and meter whose charge differs: the
    columns of the table `price_changes`. `run_id` is None when nothing was written.
    """

    since: datetime
    until: datetime
    changes: pl.DataFrame
    run_id: str | None = None
    charges: int = 0
    events: int = 0


def reprice(
    store: Store,
    clock: Clock,
    *,
    since: datetime,
    until: datetime,
    reason: str = "",
    dry_run: bool = False,
    progress: Progress = lambda _step, _done, _total: None,
) -> Repricing:
    """Charge the whole UTC days from `since` to `until` by what the rate card says now.

    Args:
        store: open for writing, and its rates up to date.
        clock: tells when the run was.
        since: aware; the UTC day it is in is the first.
        until: aware; the UTC day before it, or that it is in, is the last.
        reason: kept with the run.
        dry_run: only tell what would change.
        progress: told about each step.

    Raises:
        StoreBusy: other writers were in the way; run it again.
    """
    since, until = whole_days(since, until)
    connection = store.cursor()
    try:
        progress("charges", 0, 1)
        if dry_run:
            find_uses(connection, since, until, read_card(connection))
            return Repricing(since, until, find_differences(connection, since, until))
        run = _charge(store, connection, _Order(clock.now(), since, until, reason))
        days, events = days_used(connection), 0
        for number, day in enumerate(days, start=1):
            progress(f"events of {day:%Y-%m-%d}", number, len(days) + 1)
            with store.transaction(connection):
                events += rewrite_events(connection, day, day + _DAY)
        if run.run_id is not None:
            with store.transaction(connection):
                connection.execute(
                    "UPDATE usage.price_runs SET events = ? WHERE run_id = ?", [events, run.run_id]
                )
        progress("done", len(days) + 1, len(days) + 1)
        return Repricing(since, until, run.changes, run.run_id, run.charges, events)
    finally:
        connection.close()


def whole_days(since: datetime, until: datetime) -> tuple[datetime, datetime]:
    """The UTC days that a span touches: rates are chosen by the day."""
    first = datetime.combine(since.astimezone(UTC).date(), time(), UTC)
    last = datetime.combine(until.astimezone(UTC).date(), time(), UTC)
    return first, last if last == until else last + _DAY


@dataclass(frozen=True, slots=True)
class _Order:
    """What is asked of a run."""

    at: datetime
    since: datetime
    until: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class _Charged:
    """What became of the charges."""

    changes: pl.DataFrame
    run_id: str | None
    charges: int


def _charge(store: Store, connection: duckdb.DuckDBPyConnection, order: _Order) -> _Charged:
    span = order.since, order.until
    with store.transaction(connection):
        take_turn(connection, order.at)
        card = read_card(connection)
        find_uses(connection, *span, card)
        changes = find_differences(connection, *span)
        read_names(connection, *span)
        charges = rewrite_charges(connection, *span)
        rename(connection, *span)
        rewrite_sheets(connection, *span, card)
        run_id = None if changes.is_empty() else _keep(connection, order, charges, changes)
    return _Charged(changes, run_id, charges)


def _keep(
    connection: duckdb.DuckDBPyConnection, order: _Order, charges: int, changes: pl.DataFrame
) -> str:
    """Write down the run and what it changed; its id."""
    run_id = uuid.uuid4().hex[:12]
    sources = connection.execute(
        "SELECT string_agg(source || ' ' || source_version, ', ' ORDER BY source) "
        "FROM usage.rate_sources"
    ).fetchall()[0][0]
    connection.execute(
        "INSERT INTO usage.price_runs VALUES (?, ?, ?, ?, ?, ?, ?, NULL)",
        [run_id, order.at, order.since, order.until, order.reason, sources, charges],
    )
    connection.register("changes", changes.to_arrow())
    connection.execute(
        "INSERT INTO usage.price_changes BY NAME SELECT $1 AS run_id, * FROM changes", [run_id]
    )
    connection.unregister("changes")
    return run_id
