"""A destination in memory, with the store's promises: for tests of the consumer."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from pydantic import ValidationError

from analytics.errors import BadLines, LedgerConflict
from analytics.types import LoadResult
from ingest.decode import NotStorable, decode_line

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from analytics.types import Advance, Batch, DeadLetter


class MemoryDestination:
    """Keeps events by id, dead letters by position, and the ledger; takes a batch or nothing.

    `fail_next` holds errors to raise at the next calls of `load`, the first one first.
    """

    def __init__(self) -> None:
        self.events: dict[str, bytes] = {}
        self.dead_letters: dict[tuple[str, str, int], DeadLetter] = {}
        self.ledger: dict[tuple[str, str], int] = {}
        self.batches: list[Batch] = []
        self.fail_next: list[Exception] = []

    def positions(self, source: str) -> Mapping[str, int]:
        """See `Destination`."""
        return {partition: at for (name, partition), at in self.ledger.items() if name == source}

    def load(self, batch: Batch) -> LoadResult:
        """See `Destination`."""
        if self.fail_next:
            raise self.fail_next.pop(0)
        lines = batch.lines.split(b"\n")[:-1]
        identities = [_identity(line) for line in lines]
        for advance in batch.advances:
            self._check(advance)
        new = dict(zip(identities, lines, strict=True))
        fresh = {key: line for key, line in new.items() if key not in self.events}
        self.events |= fresh
        for letter in batch.dead_letters:
            self.dead_letters[letter.source, letter.partition, letter.position] = letter
        for advance in batch.advances:
            self.ledger[advance.source, advance.partition] = advance.after
        self.batches.append(batch)
        return LoadResult(len(fresh), len(lines) - len(fresh), len(batch.dead_letters))

    def release_overdue(self) -> LoadResult:
        """See `Destination`; nothing waits here."""
        return LoadResult(0, 0, 0)

    def refused_lines(self, lines: Sequence[bytes]) -> Mapping[int, str]:
        """See `Destination`."""
        refused = {}
        for index, line in enumerate(lines):
            try:
                _identity(line)
            except BadLines as error:
                refused[index] = str(error)
        return refused

    def _check(self, advance: Advance) -> None:
        if self.ledger.get((advance.source, advance.partition)) != advance.before:
            raise LedgerConflict(f"partition {advance.partition} is not at {advance.before}")


def _identity(line: bytes) -> str:
    try:
        # The store's reader ignores keys that it does not know, as the slow path does.
        return str(json.loads(decode_line(line))["event_id"])
    except (ValidationError, NotStorable):
        raise BadLines("a line is no event") from None
