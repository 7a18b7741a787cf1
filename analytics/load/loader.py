"""Load: one batch, one transaction. Reads as the stages it goes through."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Final

from analytics.dead_letters import append_dead_letters
from analytics.errors import StoreBusy
from analytics.load.append import append_attempts, append_events
from analytics.load.deduplicate import drop_known, drop_repeated
from analytics.load.ledger import advance, read_positions
from analytics.load.price import price
from analytics.load.rollups import append_rollups, count_load
from analytics.load.stage import refused_lines, stage
from analytics.maintenance import tidy
from analytics.ratecard.table import CardReader
from analytics.types import LoadResult

if TYPE_CHECKING:
    from collections.abc import Sequence

    from analytics.store import Store
    from analytics.types import Batch, Clock

TIDY_EVERY: Final = 64
"""Commits after which their small files are put together."""


class Loader:
    """Stores batches, exactly once. One thread uses one loader."""

    def __init__(self, store: Store, clock: Clock, *, tidy_every: int = TIDY_EVERY) -> None:
        self._store = store
        self._clock = clock
        self._tidy_every = tidy_every
        self._connection = store.cursor()
        self._cards = CardReader(self._connection, clock)
        self._commits = 0

    def positions(self, source: str) -> dict[str, int]:
        """How far each partition of a source is stored."""
        return read_positions(self._connection, source)

    def load(self, batch: Batch) -> LoadResult:
        """Store a batch: its events, what they cost, its dead letters, and its positions.

        Raises:
            BadLines: a line is no event; take it out (`refused_lines`) and try again.
            LedgerConflict: a partition is not where the batch says; read `positions` again.
            StoreBusy: somebody else was writing; try again.
        Nothing was written when it raises.
        """
        now = self._clock.now()
        connection = self._connection
        stage(connection, batch.lines, validated=batch.validated)
        repeated = drop_repeated(connection)
        meters = price(connection, self._cards.current())
        with self._store.transaction(connection):
            advance(connection, batch.advances, now)
            duplicates = repeated + drop_known(connection)
            stored = append_events(connection, now)
            append_attempts(connection)
            append_rollups(connection, meters)
            append_dead_letters(connection, batch.dead_letters, now)
            result = LoadResult(stored, duplicates, len(batch.dead_letters))
            count_load(connection, result, now)
        self._keep_tidy()
        return result

    def refused_lines(self, lines: Sequence[bytes]) -> dict[int, str]:
        """Which of `lines` `load` does not take, by index, and why; never quotes a line."""
        return refused_lines(self._connection, lines)

    def _keep_tidy(self) -> None:
        """Once in a while merge the small files that commits leave; the batch is stored already."""
        self._commits += 1
        if self._commits % self._tidy_every == 0:
            with contextlib.suppress(StoreBusy):  # the next time will do
                tidy(self._store, self._clock)
