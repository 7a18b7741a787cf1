"""Maintenance as a whole. Each step is a transaction of its own, so a consumer waits little."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Final, Protocol, TypeVar

from analytics.errors import StoreBusy
from analytics.maintenance import files
from analytics.maintenance.catalog import expire_snapshots, prune_inlined
from analytics.maintenance.fold import LOADS, ROLLUPS, fold
from analytics.maintenance.retention import delete_older

if TYPE_CHECKING:
    from collections.abc import Callable

    import duckdb

    from analytics.store import Store
    from analytics.types import Clock

T = TypeVar("T")

GRACE: Final = timedelta(hours=1)
"""How long a replaced file and a past state are kept for queries that began before."""
_OPEN_HOURS: Final = timedelta(hours=1)
_TRIES: Final = 20
_STEPS: Final = 6
_PAUSE_SECONDS: Final = 0.25


class Progress(Protocol):
    """Told by maintenance how it goes."""

    def __call__(self, step: str, done: int, total: int) -> None:
        """Step number `done` of `total` begins."""


@dataclass(frozen=True, slots=True)
class Summary:
    """What maintenance did."""

    deleted_events: int
    deleted_attempts: int
    deleted_dead_letters: int
    folded_rows: int
    merged_files: int
    expired_snapshots: int
    pruned_rows: int
    removed_files: int


def _silent(step: str, done: int, total: int) -> None:
    """Show nothing."""


def maintain(
    store: Store,
    clock: Clock,
    *,
    older_than: timedelta | None = None,
    grace: timedelta = GRACE,
    progress: Progress = _silent,
) -> Summary:
    """Apply retention, fold hours that have ended, and put files in order. Safe at any time.

    Raises:
        StoreBusy: other writers were in the way for too long; what was done is done.
    """
    now = clock.now()
    cursor = store.cursor()
    tables = files.tables(cursor)
    cursor.close()
    work = _Work(store, progress)
    work.begin("retention")
    deleted = work.do(partial(delete_older, before=now - older_than)) if older_than else {}
    work.begin("fold")
    ended = now.replace(minute=0, second=0, microsecond=0) - _OPEN_HOURS
    folded = sum(work.do(partial(fold, rollup=rollup, before=ended)) for rollup in ROLLUPS)
    work.begin("rewrite")
    for table in tables:
        work.do(partial(files.drop_deleted_rows, table=table))
    work.begin("merge")
    merged = sum(work.do(partial(files.merge_files, table=table)) for table in tables)
    work.begin("expire")
    expired = work.do(partial(expire_snapshots, before=now - grace))
    pruned = work.do(prune_inlined)
    work.begin("remove")
    removed = work.do(partial(files.remove_old_files, store=store, before=now - grace))
    work.begin("done")
    return Summary(
        deleted_events=deleted.get("events", 0),
        deleted_attempts=deleted.get("attempts", 0),
        deleted_dead_letters=deleted.get("dead_letters", 0),
        folded_rows=folded,
        merged_files=merged,
        expired_snapshots=expired,
        pruned_rows=pruned,
        removed_files=removed,
    )


def tidy(store: Store, clock: Clock) -> None:
    """The part that keeps up with a busy consumer: merge the newest small files. Quick.

    Raises:
        StoreBusy: somebody else was writing; the next time will do.
    """
    now = clock.now()
    for table in files.BUSY_TABLES:
        with store.transaction() as connection:
            files.merge_files(connection, table, small_only=True)
    with store.transaction() as connection:
        fold(connection, LOADS, now + timedelta(hours=1))
    with store.transaction() as connection:
        expire_snapshots(connection, now - GRACE)
        prune_inlined(connection)
    with store.transaction() as connection:
        files.remove_old_files(connection, store, now - GRACE)


class _Work:
    """Does steps one after the other, each again when another writer was in its way."""

    def __init__(self, store: Store, progress: Progress) -> None:
        self._store = store
        self._progress = progress
        self._done = 0

    def begin(self, step: str) -> None:
        self._progress(step, self._done, _STEPS)
        self._done += 1

    def do(self, action: Callable[[duckdb.DuckDBPyConnection], T]) -> T:
        for attempt in range(1, _TRIES + 1):
            try:
                with self._store.transaction() as connection:
                    return action(connection)
            except StoreBusy:
                if attempt == _TRIES:
                    raise
                time.sleep(_PAUSE_SECONDS)
        raise AssertionError("unreachable")
