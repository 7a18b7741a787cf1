"""Where lines come from: the border between the log and the consumer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ingest.types import Chunk, Lag, Partition, Position, SourceCounts


class Source(Protocol):
    """A set of partitions, read by one consumer from one thread.

    A source keeps no memory of how far it was read: the consumer passes the positions, which come
    from the store's ledger, plus what it has read but not yet committed. So the same chunk can be
    had again by asking again from the same positions.
    """

    @property
    def name(self) -> str:
        """The source's name in the ledger; the same over restarts."""

    @property
    def counts(self) -> SourceCounts:
        """What was done besides handing out lines."""

    def poll(
        self, positions: Mapping[Partition, Position], *, max_rows: int, max_bytes: int
    ) -> Chunk | None:
        """The next lines of some partition, or None when there is nothing new anywhere.

        At most `max_rows` lines and `max_bytes` bytes, but always at least one line. Partitions
        take turns. Does not wait for lines to come; may wait for the disk or the network.

        Raises:
            SourceFailed, QueueError: the source cannot be read; stop.
        """

    def at_end(self, positions: Mapping[Partition, Position]) -> bool:
        """Whether nothing is left of what was there when the source was opened.

        Called after `poll` has given None for `positions`, by a run that is to end; may wait for
        the network.

        Raises:
            SourceFailed: the end cannot be reached.
        """

    def acknowledge(self, positions: Mapping[Partition, Position]) -> None:
        """What lies before `positions` is committed and may be thrown away.

        Called after a commit and when the consumer starts; may wait for the disk or the network.
        """

    def lag(self, positions: Mapping[Partition, Position]) -> Lag:
        """How much lies behind `positions`; for people, so it may be a little off."""

    def close(self) -> None:
        """Let go of the source, so that another consumer may have it. May be called twice."""
