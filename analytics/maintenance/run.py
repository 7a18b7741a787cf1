"""Maintenance as a whole. Each step is a transaction of its own, so a consumer waits little."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Final, Protocol, TypeVar

from analytics.errors import StoreBusy
from analytics.maintenance.catalog import expire_snapshots, fold_loads, prune_inlined
from analytics.maintenance.files import LARGE_BYTES, data_files, remove_old_files, rewrite, runs
from analytics.maintenance.retention import delete_older
from analytics.maintenance.tables import REWRITES

if TYPE_CHECKING:
    from collections.abc import Callable

    import duckdb

    from analytics.store import Store
    from analytics.types import Clock

T = TypeVar("T")

GRACE: Final = timedelta(minutes=15)
"""How long a replaced file and a past state are kept for queries that began before."""
_SMALL_BYTES: Final = 4 << 20
_FEW_FILES: Final = 8
_TRIES: Final = 20
_PAUSE_SECONDS: Final = 0.25
_STEPS: Final = 4


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
    rewritten_files: int
    folded_rows: int
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
    """Apply retention, fold the rollups and put files in order. Safe at any time.

    Raises:
        StoreBusy: other writers were in the way for too long; what was done is done.
    """
    now = clock.now()
    progress("retention", 0, _STEPS)
    deleted = (
        _patiently(store, partial(delete_older, before=now - older_than)) if older_than else {}
    )
    progress("rewrite", 1, _STEPS)
    rewritten, folded = _rewrite_all(store, smaller_than=LARGE_BYTES, at_least=2)
    _patiently(store, fold_loads)
    progress("expire", 2, _STEPS)
    expired = _patiently(store, partial(expire_snapshots, before=now - grace))
    pruned = _patiently(store, prune_inlined)
    progress("remove", 3, _STEPS)
    removed = _patiently(store, partial(remove_old_files, store=store, before=now - grace))
    progress("done", _STEPS, _STEPS)
    return Summary(
        deleted_events=deleted.get("events", 0),
        deleted_attempts=deleted.get("attempts", 0),
        deleted_dead_letters=deleted.get("dead_letters", 0),
        rewritten_files=rewritten,
        folded_rows=folded,
        expired_snapshots=expired,
        pruned_rows=pruned,
        removed_files=removed,
    )


def tidy(store: Store, clock: Clock) -> None:
    """The part that keeps up with a busy consumer: put its newest, small files together. Quick.

    Raises:
        StoreBusy: somebody else was writing; the next time will do.
    """
    before = clock.now() - GRACE
    _rewrite_all(store, smaller_than=_SMALL_BYTES, at_least=_FEW_FILES)
    _patiently(store, fold_loads)
    _patiently(store, partial(expire_snapshots, before=before))
    _patiently(store, prune_inlined)
    _patiently(store, partial(remove_old_files, store=store, before=before))


def _rewrite_all(store: Store, *, smaller_than: int, at_least: int) -> tuple[int, int]:
    """Write small files anew; how many there were, and how many rows folding saved."""
    files = rows = 0
    for how in REWRITES:
        listed = _patiently(store, partial(data_files, table=how.table))
        for run in runs(listed, smaller_than=smaller_than, at_least=at_least):
            rows += _patiently(store, partial(rewrite, how=how, files=run))
            files += len(run)
    return files, rows


def _patiently(store: Store, action: Callable[[duckdb.DuckDBPyConnection], T]) -> T:
    """Do one step, again when another writer was in its way."""
    tries = 0
    while True:
        try:
            with store.transaction() as connection:
                return action(connection)
        except StoreBusy:
            tries += 1
            if tries == _TRIES:
                raise
            time.sleep(_PAUSE_SECONDS)
