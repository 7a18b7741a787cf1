"""What a consumer did since it started, in the words of its summary."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from analytics.types import LoadResult
    from ingest.types import Fault


@dataclass(slots=True)
class Totals:
    """Counters of one run. Every line read is in exactly one of the first three."""

    events_stored: int = 0
    duplicates: int = 0
    dead_letters: int = 0
    bytes_read: int = 0
    joined: int = 0
    """Events made of two records of a feed; `corrected` of them were stored before, without one."""
    corrected: int = 0
    commits: int = 0
    segments_damaged: int = 0
    segments_missing: int = 0
    messages_missing: int = 0
    busy_retries: int = 0
    ledger_conflicts: int = 0

    def add(self, size_bytes: int, result: LoadResult, faults: Iterable[Fault]) -> None:
        """Count one commit."""
        self.commits += 1
        self.bytes_read += size_bytes
        self.events_stored += result.stored
        self.duplicates += result.duplicates
        self.joined += result.joined
        self.corrected += result.corrected
        for fault in faults:
            if fault.kind == "bad_line":
                self.dead_letters += fault.count
            elif fault.kind == "damaged_segment":
                self.segments_damaged += fault.count
            elif fault.kind == "missing_segment":
                self.segments_missing += fault.count
            else:
                self.messages_missing += fault.count
