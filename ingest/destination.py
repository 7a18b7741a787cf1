"""Where events go: the border between consumer and store; `analytics.Loader` is the real one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from analytics.types import Batch, LoadResult


class Destination(Protocol):
    """Stores batches, each in one transaction with the positions it moves."""

    def positions(self, source: str) -> Mapping[str, int]:
        """How far each partition of a source is stored. May wait for the store.

        Raises:
            StoreBusy: try again.
        """

    def load(self, batch: Batch) -> LoadResult:
        """Store a batch, or nothing of it. May wait for the store.

        Raises:
            BadLines: a line is no event.
            LedgerConflict: a partition is not where the batch begins.
            StoreBusy: try again.
        """

    def release_overdue(self) -> LoadResult:
        """Store what has waited too long for its other half; quick when nothing has.

        Called when there is nothing to read; may wait for the store.

        Raises:
            StoreBusy: try again.
        """

    def refused_lines(self, lines: Sequence[bytes]) -> Mapping[int, str]:
        """Which of `lines`, without newlines, `load` does not take, by index, and why.

        The reasons never quote a line.
        """
