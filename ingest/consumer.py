"""The loop that moves events from the log into the store: poll, load, acknowledge.

Exactly once comes from the store's transaction, which holds the rows and the positions they came
from; the loop only has to read on from the positions that the ledger says. So every step may be
interrupted: what was not committed is read again, what was committed is not.
"""

from __future__ import annotations

import contextlib
import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, TypeVar

from analytics.errors import BadLines, LedgerConflict, StoreBusy
from ingest.batch import PendingBatch
from ingest.errors import CountsDisagree, LedgerContested, PathsDisagree, StoreStayedBusy
from ingest.retries import Backoff
from ingest.totals import Totals
from ingest.types import Partition, Position

if TYPE_CHECKING:
    from collections.abc import Callable

    from analytics.types import Batch, LoadResult
    from ingest.clock import Clock
    from ingest.destination import Destination
    from ingest.shutdown import Shutdown
    from ingest.source import Source
    from ingest.types import Fault

POLL_SECONDS = 0.05
_GROWTH = 5
_MAX_CONFLICTS = 10

T = TypeVar("T")
logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class BatchLimits:
    """When a batch is committed: when it is full, or when its first line has waited long enough.

    It is full at `rows` when nothing more waits, and else at five times as many: what a commit
    costs by itself is shared by its rows, so a backlog is drained in large ones.
    """

    rows: int = 20_000
    seconds: float = 1.0
    size_bytes: int = 96 << 20


class Progress(Protocol):
    """Told by the consumer how it goes, between any two steps; shows it or does not."""

    def tick(self, consumer: Consumer) -> None:
        """Called many times a second while the consumer waits, and after every commit."""


@dataclass(slots=True)
class Consumer:
    """Reads one source into one destination, in one thread."""

    source: Source
    destination: Destination
    clock: Clock
    shutdown: Shutdown
    limits: BatchLimits = field(default_factory=BatchLimits)
    backoff: Backoff = field(default_factory=Backoff)
    progress: Progress | None = None
    totals: Totals = field(default_factory=Totals)
    positions: dict[Partition, Position] = field(default_factory=dict)
    """How far each partition is stored."""
    _conflicts_in_a_row: int = 0

    def run(self, *, once: bool = False) -> Totals:
        """Consume until asked to stop, or with `once` until there is nothing left.

        Raises:
            IngestError: see `ingest.errors`; nothing is lost, a restart goes on from the ledger.
        """
        self._read_ledger()
        self.source.acknowledge(self.positions)
        while True:
            batch = self._collect(wait=not once)
            if batch:
                self._commit(batch)
            if self.shutdown.requested or (once and not batch):
                return self.totals

    def _read_ledger(self) -> None:
        stored = self._until_not_busy(lambda: self.destination.positions(self.source.name))
        self.positions = {Partition(name): Position(at) for name, at in (stored or {}).items()}

    def _collect(self, *, wait: bool) -> PendingBatch:
        """Gather lines until the batch is full or old enough, or nothing is left to read."""
        batch = PendingBatch(self.source.name)
        reading = dict(self.positions)
        deadline = float("inf")
        while not self.shutdown.requested and self.clock.monotonic() < deadline:
            max_bytes = self.limits.size_bytes - batch.size_bytes
            max_rows = self.limits.rows * _GROWTH - batch.rows
            if max_rows <= 0 or max_bytes <= 0:
                break
            chunk = self.source.poll(reading, max_rows=max_rows, max_bytes=max_bytes)
            if chunk is not None:
                if not batch:
                    deadline = self.clock.monotonic() + self.limits.seconds
                batch.add(chunk)
                reading[chunk.partition] = chunk.after
            elif batch.rows >= self.limits.rows or (not wait and self.source.at_end(reading)):
                break
            else:
                if not batch:
                    self._release_overdue()
                self._wait(min(POLL_SECONDS, deadline - self.clock.monotonic()))
        return batch

    def _release_overdue(self) -> None:
        """Nothing is to be read: time for requests whose other half has not come."""
        with contextlib.suppress(StoreBusy):
            self.destination.release_overdue()

    def _commit(self, batch: PendingBatch) -> None:
        """Store a batch and let the source forget it; or read the ledger again and drop it."""
        try:
            result = self._store(batch)
        except LedgerConflict:
            self._meet_conflict()
            return
        if result is None:
            return
        self._conflicts_in_a_row = 0
        self.positions.update(batch.reached)
        self._count(batch, result)
        self.source.acknowledge(batch.reached)
        self._tick()

    def _store(self, batch: PendingBatch) -> LoadResult | None:
        """Try the fast path, then the slow one; None when asked to stop before either could."""
        try:
            return self._load(batch.as_read())
        except BadLines:
            decoded = batch.decoded()
        try:
            return self._load(decoded)
        except BadLines:
            refused = self.destination.refused_lines([line[:-1] for _, _, line in batch.good])
            places = [
                f"{batch.good[index][0]}@{batch.good[index][1]} {reason}"
                for index, reason in refused.items()
            ]
            raise PathsDisagree(
                f"the store refuses {len(places)} lines that are valid events, first "
                f"{''.join(places[:1])}; nothing was stored or lost: please report this, and "
                "upgrade or downgrade gatemeter to go on"
            ) from None

    def _load(self, batch: Batch) -> LoadResult | None:
        return self._until_not_busy(lambda: self.destination.load(batch))

    def _until_not_busy(self, call: Callable[[], T]) -> T | None:
        """Repeat a call until the store takes it; None when asked to stop while it was busy."""
        tries, give_up_at = 0, self.clock.monotonic() + self.backoff.give_up_after_seconds
        while True:
            try:
                return call()
            except StoreBusy as error:
                tries += 1
                self.totals.busy_retries += 1
                wake_at = self.clock.monotonic() + self.backoff.delay(tries)
                if wake_at > give_up_at:
                    raise StoreStayedBusy(
                        f"gave up after {tries} tries: {error}; the events are safe in the queue: "
                        "end what blocks the store, then start the consumer again"
                    ) from error
                logger.info("store busy", extra={"tries": tries})
            while (left := wake_at - self.clock.monotonic()) > 0:
                if self.shutdown.requested:
                    return None
                self._wait(min(POLL_SECONDS, left))

    def _meet_conflict(self) -> None:
        self.totals.ledger_conflicts += 1
        self._conflicts_in_a_row += 1
        if self._conflicts_in_a_row >= _MAX_CONFLICTS:
            raise LedgerContested(
                f"the ledger moved under this consumer {_MAX_CONFLICTS} times in a row: "
                f"end the other consumer of {self.source.name}, then start this one again"
            )
        logger.warning("ledger conflict, reading positions again")
        self._read_ledger()

    def _count(self, batch: PendingBatch, result: LoadResult) -> None:
        self.totals.add(batch.size_bytes, result, [fault for _, fault in batch.faults])
        for partition, fault in _worth_logging(batch.faults):
            logger.warning(
                "dead letter at %s@%d: %s",
                partition,
                fault.position,
                fault.reason,
                extra={"kind": fault.kind, "partition": partition, "position": fault.position},
            )
        if result.stored + result.duplicates != batch.rows:
            raise CountsDisagree(
                f"the store took {result.stored + result.duplicates} of {batch.rows} lines in a "
                "commit that has ended: please report this; a restart goes on after that commit"
            )

    def _wait(self, seconds: float) -> None:
        self._tick()
        self.clock.sleep(max(0.0, seconds))

    def _tick(self) -> None:
        if self.progress is not None:
            self.progress.tick(self)


def _worth_logging(faults: list[tuple[Partition, Fault]]) -> list[tuple[Partition, Fault]]:
    """Every damaged or missing segment, but of the bad lines of one commit only the first."""
    lines = [each for each in faults if each[1].kind == "bad_line"]
    return [each for each in faults if each[1].kind != "bad_line"] + lines[:1]
