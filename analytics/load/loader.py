"""Load: one batch, one transaction. Reads as the stages it goes through."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from analytics.dead_letters import append_dead_letters, known_positions
from analytics.errors import StoreBusy
from analytics.horizon import read_horizon
from analytics.load.append import append_attempts, append_events
from analytics.load.deduplicate import drop_known, drop_repeated
from analytics.load.join import HOLD, join, overdue
from analytics.load.keys import KeyPeriods
from analytics.load.ledger import advance, read_positions
from analytics.load.price import price
from analytics.load.rollups import append_rollups, count_load
from analytics.load.stage import refused_lines, stage
from analytics.load.turn import take_turn
from analytics.maintenance import tidy
from analytics.ratecard.table import CardReader
from analytics.types import LoadResult

if TYPE_CHECKING:
    from collections.abc import Sequence

    from analytics.store import Store
    from analytics.types import Batch, Clock, FeedPart

TIDY_EVERY: Final = 64
"""Commits after which their small files are put together."""
LOAD_THREADS: Final = 1
"""Of DuckDB's, while a loader works. A batch is many short statements, at whose ends a second
thread waits by spinning: it doubled the CPU of an event and took a third off the rate where the
other core had work (measured; a receiver has). To use more cores, run more consumers."""
_ASK_EVERY: Final = timedelta(minutes=1)


class Loader:
    """Stores batches, exactly once. One thread uses one loader."""

    def __init__(self, store: Store, clock: Clock, *, tidy_every: int = TIDY_EVERY) -> None:
        self._store = store
        self._clock = clock
        self._tidy_every = tidy_every
        self._connection = store.cursor()
        self._connection.execute(f"SET GLOBAL threads = {LOAD_THREADS}")
        self._cards = CardReader(self._connection, clock)
        self._keys = KeyPeriods(self._connection)
        self._commits = 0
        self._ask_again_at: datetime | None = None

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
        self._keys.apply("staged")
        priced = price(connection, self._cards.current())
        with self._store.transaction(connection):
            if batch.advances:
                advance(connection, batch.advances, now)
            elif batch.lines:
                take_turn(connection, now)  # so that whoever gives keys away sees every commit
            if self._keys.refresh():
                self._keys.apply("staged")
                self._keys.apply("facts")
            duplicates = repeated + drop_known(connection)
            stored = append_events(connection, now)
            append_attempts(connection)
            append_rollups(connection, priced.meters)
            append_dead_letters(connection, batch.dead_letters, now)
            result = LoadResult(stored, duplicates, len(batch.dead_letters))
            count_load(connection, result, now)
            late = self._overdue(now)
            if batch.parts or late:
                result = self._join(result, batch.parts, late, now)
        self._keep_tidy()
        return result

    def release_overdue(self) -> LoadResult:
        """Store requests whose tokens have not come for `HOLD`, without them; for idle times.

        Asks the store at most once a minute; what `load` does by itself when there is work.

        Raises:
            StoreBusy: somebody else was writing; try again.
        """
        now = self._clock.now()
        return self._release(self._overdue(now), now)

    def release_recorded(self) -> LoadResult:
        """The same for all that are older than `HOLD` by their own time, whenever they came.

        For the end of a back-fill, after which nothing more is to come.

        Raises:
            StoreBusy: somebody else was writing; try again.
        """
        now = self._clock.now()
        late = overdue(self._connection, recorded_before=now - HOLD, received_before=now)
        return self._release(late, now)

    def waiting(self) -> dict[str, int]:
        """How many requests wait, by the half that is missing: `gateway` or `llm`."""
        rows = self._connection.execute(
            "SELECT waiting_for, count(*) FROM usage.feed_joins WHERE waiting_for IS NOT NULL "
            "GROUP BY waiting_for"
        ).fetchall()
        return {str(kind): int(count) for kind, count in rows}

    def known_dead_letters(self, source: str, partition: str) -> set[int]:
        """The positions of a partition's dead letters that are stored already."""
        return known_positions(self._connection, source, partition)

    def _overdue(self, now: datetime) -> list[str]:
        asked_lately = (
            self._ask_again_at is not None
            # A clock that was set back must not make this wait until it has caught up.
            and self._ask_again_at - _ASK_EVERY <= now < self._ask_again_at
        )
        if asked_lately:
            return []
        late = overdue(self._connection, recorded_before=now - HOLD, received_before=now - HOLD)
        self._ask_again_at = now + _ASK_EVERY
        return late

    def _release(self, late: list[str], now: datetime) -> LoadResult:
        result = LoadResult(0, 0, 0)
        if late:
            with self._store.transaction(self._connection):
                self._keys.refresh()
                result = self._join(result, (), late, now, commits=1)
            self._keep_tidy()
        return result

    def _join(
        self,
        result: LoadResult,
        parts: Sequence[FeedPart],
        late: list[str],
        now: datetime,
        *,
        commits: int = 0,
    ) -> LoadResult:
        horizon = read_horizon(self._connection)
        kept = [part for part in parts if horizon is None or part.recorded_at >= horizon]
        joined = join(self._connection, self._cards.current(), self._keys, kept, late=late, now=now)
        if joined.stored:
            added = LoadResult(joined.stored - joined.corrected, 0, 0)
            count_load(self._connection, added, now, commits=commits)
        return replace(result, joined=joined.stored, corrected=joined.corrected)

    def refused_lines(self, lines: Sequence[bytes]) -> dict[int, str]:
        """Which of `lines` `load` does not take, by index, and why; never quotes a line."""
        return refused_lines(self._connection, lines)

    def _keep_tidy(self) -> None:
        """Once in a while merge the small files that commits leave; the batch is stored already."""
        self._commits += 1
        if self._commits % self._tidy_every == 0:
            with contextlib.suppress(StoreBusy):  # the next time will do
                tidy(self._store, self._clock)
