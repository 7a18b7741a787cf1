"""Loads exported logs of other gateways into the store; as often as wanted, each request once.

There is no ledger of files: an event's id comes from its record, so a file that is loaded again,
also under another name or after it has grown, adds only what is new. Dead letters are known by the
file's name and the place in it.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Protocol, TypeVar

from pydantic import ValidationError

from analytics.errors import BadLines, StoreBusy
from analytics.types import Batch, DeadLetter
from ingest.decode import decode_line, explain
from ingest.errors import StoreStayedBusy
from ingest.feeds.files import read_messages
from ingest.redact import describe_bytes, redact
from ingest.retries import Backoff

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import IO

    from analytics.types import FeedPart, LoadResult
    from ingest.clock import Clock
    from ingest.feeds.files import FileMessage
    from ingest.feeds.reader import FeedReader

SOURCE: Final = "files"
"""The source that dead letters of files are listed under."""
_BATCH_ROWS: Final = 20_000
_BATCH_BYTES: Final = 32 << 20
_REASONS_NAMED: Final = 20

T = TypeVar("T")


class BackfillStore(Protocol):
    """Where files are loaded to."""

    def load(self, batch: Batch) -> LoadResult:
        """Store a batch, all of it or nothing; see `analytics.load.Loader.load`."""

    def release_recorded(self) -> LoadResult:
        """Store what waited in vain; see `analytics.load.Loader.release_recorded`."""

    def known_dead_letters(self, source: str, partition: str) -> set[int]:
        """The positions of dead letters that are stored already."""


@dataclass(slots=True)
class BackfillTotals:
    """What a back-fill did; `reasons` counts dead letters, the most frequent reasons."""

    files: int = 0
    messages: int = 0
    events_stored: int = 0
    duplicates: int = 0
    joined: int = 0
    corrected: int = 0
    ignored: int = 0
    dead_letters: int = 0
    dead_letters_known: int = 0
    feeds: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)


class Backfill:
    """Reads files one after the other; `finish` stores what is left."""

    def __init__(
        self, reader: FeedReader, store: BackfillStore, clock: Clock, *, rows: int = _BATCH_ROWS
    ) -> None:
        self.totals = BackfillTotals()
        self._reader = reader
        self._store = store
        self._clock = clock
        self._rows_at_once = rows
        self._backoff = Backoff()
        self._clear()

    def read(
        self, name: str, stream: IO[bytes], progress: Callable[[], None] = lambda: None
    ) -> None:
        """Load a file; what its end leaves over goes with the next one.

        Raises:
            StoreStayedBusy: the store could not be written to; load the files again.
        """
        self.totals.files += 1
        known = self._until_not_busy(lambda: self._store.known_dead_letters(SOURCE, name))
        for message in read_messages(stream):
            self._take(name, message, known)
            progress()
            if self._rows >= self._rows_at_once or self._size_bytes >= _BATCH_BYTES:
                self._flush()

    def finish(self) -> BackfillTotals:
        """Store the rest, and the requests whose other half was not in any of the files."""
        self._flush()
        self._count(self._until_not_busy(self._store.release_recorded))
        return self.totals

    def _take(self, name: str, message: FileMessage, known: set[int]) -> None:
        if message.problem is not None:
            line = describe_bytes(message.body, len(message.body))
            self._bury(name, message.position, message.problem, line, known)
            return
        made = self._reader.translate(message.body, received_at=self._clock.now())
        self.totals.messages += made.rows if made.feed == "gatemeter" else 1
        self.totals.ignored += made.ignored
        self.totals.feeds[made.feed] += made.rows + len(made.parts)
        for rejected in made.rejected:
            place = message.position + rejected.row
            self._bury(name, place, rejected.reason, rejected.line, known)
        self._parts += made.parts
        if made.lines:
            self._lines.append((name, message.position, made.lines, known))
        self._rows += made.rows + len(made.parts)
        self._size_bytes += len(made.lines) + sum(len(part.fields) for part in made.parts)

    def _bury(self, name: str, place: int, reason: str, line: str, known: set[int]) -> None:
        if place in known:
            self.totals.dead_letters_known += 1
            return
        self._letters.append(DeadLetter(SOURCE, name, place, reason, line))
        if reason in self.totals.reasons or len(self.totals.reasons) < _REASONS_NAMED:
            self.totals.reasons[reason] += 1

    def _flush(self) -> None:
        if not (self._lines or self._parts or self._letters):
            return
        lines = b"".join(line for _, _, line, _ in self._lines)
        try:
            result = self._load(lines)
        except BadLines:
            result = self._load(self._without_bad_lines())
        self._count(result)
        self._clear()

    def _load(self, lines: bytes) -> LoadResult:
        batch = Batch(lines, (), tuple(self._letters), tuple(self._parts))
        return self._until_not_busy(lambda: self._store.load(batch))

    def _without_bad_lines(self) -> bytes:
        """Our own events pass the reader unread, so only the store finds the bad ones."""
        good = []
        for name, position, lines, known in self._lines:
            place = position
            for line in lines.split(b"\n")[:-1]:
                try:
                    good.append(decode_line(line) + b"\n")
                except ValueError as error:
                    reason = explain(error) if isinstance(error, ValidationError) else str(error)
                    self._bury(name, place, reason, redact(line), known)
                place += len(line) + 1
        return b"".join(good)

    def _count(self, result: LoadResult) -> None:
        self.totals.events_stored += result.stored + result.joined - result.corrected
        self.totals.duplicates += result.duplicates
        self.totals.joined += result.joined
        self.totals.corrected += result.corrected
        self.totals.dead_letters += result.dead_letters

    def _until_not_busy(self, call: Callable[[], T]) -> T:
        tries, give_up_at = 0, self._clock.monotonic() + self._backoff.give_up_after_seconds
        while True:
            try:
                return call()
            except StoreBusy as error:
                tries += 1
                delay = self._backoff.delay(tries)
                if self._clock.monotonic() + delay > give_up_at:
                    raise StoreStayedBusy(
                        f"gave up after {tries} tries: {error}; end what blocks the store, then "
                        "load the files again: what is stored already is not stored twice"
                    ) from error
                self._clock.sleep(delay)

    def _clear(self) -> None:
        self._lines: list[tuple[str, int, bytes, set[int]]] = []
        self._parts: list[FeedPart] = []
        self._letters: list[DeadLetter] = []
        self._rows = 0
        self._size_bytes = 0
