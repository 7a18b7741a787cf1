"""A hub as a source: partitions shared with other consumers, positions from the store's ledger.

- A message is read from where the ledger says, and only by whoever owns its partition. Should two
  consumers believe they do, the ledger lets only one of them commit.
- A message counts as read row by row, so a commit may end inside it.
- Messages that fell out of the hub's retention before they were read are counted and reported as a
  fault; reading goes on behind them.
- Messages of other gateways are read as what they are (`ingest.feeds`); kinds may be mixed.
- Memory is bounded: what does not fit waits in the hub.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from analytics.errors import StoreBusy
from ingest.errors import SourceFailed
from ingest.event_hubs.mailbox import Mailbox
from ingest.event_hubs.positions import position_of, split
from ingest.event_hubs.receiver import Receiver
from ingest.types import Chunk, Fault, Lag, Partition, Position, SourceCounts

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from azure.eventhub.aio import CheckpointStore, EventHubConsumerClient

    from analytics.types import FeedPart
    from ingest.clock import Clock
    from ingest.event_hubs.mailbox import Message
    from ingest.feeds import FeedReader


@dataclass(frozen=True, slots=True)
class HubLimits:
    """Bounds of a source."""

    mailbox_bytes: int = 64 << 20
    """Messages that wait for the consumer."""
    patience_seconds: float = 60.0
    """How long a run with an end waits for a hub that gives nothing."""


@dataclass(frozen=True, slots=True)
class _Content:
    """The events of one message."""

    message: Message
    lines: bytes
    rows: int
    faults: tuple[Fault, ...]
    parts: tuple[FeedPart, ...]


class EventHubsSource:
    """Reads a hub's partitions, as many of them as are its share."""

    def __init__(
        self,
        name: str,
        *,
        connect: Callable[[CheckpointStore], EventHubConsumerClient],
        owners: Callable[[], Awaitable[CheckpointStore]],
        ledger: Callable[[], Mapping[str, int]],
        feeds: FeedReader,
        clock: Clock,
        limits: HubLimits | None = None,
    ) -> None:
        """Begin to receive, in a thread.

        Args:
            name: the source's in the ledger: which hub, which consumer group.
            connect: makes a client of the SDK over a checkpoint store.
            owners: makes the store in which consumers see whose a partition is.
            ledger: the store's positions of this source; called in the consumer's thread.
            feeds: makes events of what other gateways send.
            clock: for lag.
            limits: bounds.
        """
        self.name = name
        self.counts = SourceCounts()
        self._ledger = ledger
        self._feeds = feeds
        self._clock = clock
        self._limits = limits or HubLimits()
        self._mailbox = Mailbox(self._limits.mailbox_bytes)
        self._requests: list[_Request] = []
        self._lock = threading.Lock()
        self._known: dict[Partition, Position] = {}
        self._contents: dict[Partition, _Content] = {}
        self._turns: list[Partition] = []
        self._quiet_since = time.monotonic()
        self._receiver = Receiver(connect, owners, self._mailbox, self._positions)

    def poll(
        self, positions: Mapping[Partition, Position], *, max_rows: int, max_bytes: int
    ) -> Chunk | None:
        """See `Source`."""
        if self._receiver.fatal is not None:
            raise SourceFailed(self._receiver.fatal)
        self._answer_requests()
        self.counts.hub_reconnects = self._receiver.reconnects
        if self._was_dropped(positions):
            self._mailbox.clear()
            self._receiver.read_again()
            return None
        for partition in self._in_turn():
            chunk = self._next_chunk(partition, positions.get(partition), max_rows, max_bytes)
            if chunk is not None:
                self._quiet_since = time.monotonic()
                return chunk
        return None

    def at_end(self, positions: Mapping[Partition, Position]) -> bool:
        """See `Source`; what other consumers have stored counts, too.

        Raises:
            SourceFailed: the hub gives nothing of what it should have, for too long.
        """
        ends = self._receiver.ends
        if ends is not None:
            stored = self._ledger()
            missing = [
                name
                for name, last in ends.items()
                if split(self._reached(Partition(name), positions, stored))[0] <= last
            ]
            if not missing:
                return True
        if time.monotonic() - self._quiet_since > self._limits.patience_seconds:
            reason = self._receiver.last_error or (
                "it does not answer" if ends is None else "others may hold its partitions"
            )
            raise SourceFailed(
                f"the hub gave nothing for {self._limits.patience_seconds:.0f} s ({reason}): "
                "check GATEMETER_EVENT_HUB and the other consumers, then start this one again"
            )
        return False

    def acknowledge(self, positions: Mapping[Partition, Position]) -> None:  # noqa: ARG002 - Protocol
        """See `Source`. A hub keeps its messages for its own time; there is nothing to say."""
        self._quiet_since = time.monotonic()

    def lag(self, positions: Mapping[Partition, Position]) -> Lag:  # noqa: ARG002 - as the Protocol
        """See `Source`; knows only what has come over the wire."""
        # Asked while the store is busy, too: partitions need not wait for it.
        self._answer_requests()
        oldest = self._mailbox.oldest()
        now = self._clock.now()
        seconds = max(0.0, (now - oldest).total_seconds()) if oldest else 0.0
        return Lag(self._mailbox.size_bytes, seconds)

    def close(self) -> None:
        """See `Source`."""
        self._receiver.close()

    def _reached(
        self,
        partition: Partition,
        positions: Mapping[Partition, Position],
        stored: Mapping[str, int],
    ) -> Position:
        return Position(max(positions.get(partition, Position(0)), stored.get(partition, 0)))

    def _in_turn(self) -> list[Partition]:
        """Partitions with messages, the one that was served last at the end."""
        present = self._mailbox.partitions()
        self._turns = [name for name in self._turns if name in present]
        self._turns += [name for name in present if name not in self._turns]
        return list(self._turns)

    def _next_chunk(
        self, partition: Partition, asked: Position | None, max_rows: int, max_bytes: int
    ) -> Chunk | None:
        """The next rows of a partition, or its next step over a gap."""
        before = self._before(partition, asked)
        while (message := self._mailbox.first(partition)) is not None:
            sequence, row = (message.sequence, 0) if before is None else split(before)
            if message.sequence < sequence:
                self._mailbox.take(message)
            elif message.sequence > sequence:
                return _step_over_gap(message, before, sequence)
            else:
                self._turns.remove(partition)
                self._turns.append(partition)
                return self._rows_of(message, before, row, max_rows, max_bytes)
        return None

    def _before(self, partition: Partition, asked: Position | None) -> Position | None:
        """Where the partition stands: the consumer's word may be older than the ledger's."""
        known = self._known.get(partition)
        if asked is None or known is None:
            return known if asked is None else asked
        return max(asked, known)

    def _was_dropped(self, positions: Mapping[Partition, Position]) -> bool:
        """Whether the consumer has dropped what it was given, because it could not commit it."""
        for partition, reads_from in self._mailbox.reads_from().items():
            before = self._before(partition, positions.get(partition))
            if before is None or split(before)[0] < reads_from:
                return True
        return False

    def _rows_of(
        self, message: Message, before: Position | None, row: int, max_rows: int, max_bytes: int
    ) -> Chunk:
        """Rows of a message from `row` on, as many as are wanted."""
        content = self._content_of(message)
        lines, rows = _rows(content.lines, row, max_rows, max_bytes)
        # What is not a line goes with the message's first piece, and is told apart when it comes
        # again: dead letters by their position, halves by their own keys.
        faults, parts = (content.faults, content.parts) if row == 0 else ((), ())
        if row + rows >= content.rows:
            self._mailbox.take(message)
            after = position_of(message.sequence + 1)
        else:
            after = position_of(message.sequence, row + rows)
        start = position_of(message.sequence, row)
        return Chunk(
            message.partition, before, start, after, lines, rows, faults, parts, by_row=True
        )

    def _content_of(self, message: Message) -> _Content:
        """What is in a message; kept while it is read piece by piece."""
        content = self._contents.get(message.partition)
        if content is None or content.message is not message:
            found = self._feeds.translate(message.body, received_at=message.enqueued_at)
            faults = tuple(
                Fault("bad_line", position_of(message.sequence, one.row), one.reason, one.line)
                for one in found.rejected
            )
            content = _Content(message, found.lines, found.rows, faults, found.parts)
            self._contents[message.partition] = content
        return content

    async def _positions(self) -> dict[str, int]:
        """The ledger's sequence numbers, for the hub's thread, read in the consumer's."""
        request = _Request(asyncio.get_running_loop().create_future())
        with self._lock:
            self._requests.append(request)
        return await request.answer

    def _answer_requests(self) -> None:
        """Read the ledger for partitions that have just become ours."""
        with self._lock:
            requests, self._requests = self._requests, []
        if not requests:
            return
        try:
            stored = {Partition(name): Position(at) for name, at in self._ledger().items()}
        except StoreBusy:
            with self._lock:
                self._requests += requests
            return
        self._known = stored
        sequences = {str(name): split(at)[0] for name, at in stored.items()}
        for request in requests:
            request.give(sequences)


@dataclass(frozen=True, slots=True)
class _Request:
    """Somebody in the hub's thread waits for positions."""

    answer: asyncio.Future[dict[str, int]]

    def give(self, sequences: dict[str, int]) -> None:
        """Answer, unless nobody waits any more."""

        def set_result() -> None:
            if not self.answer.done():
                self.answer.set_result(dict(sequences))

        with contextlib.suppress(RuntimeError):  # the loop has ended
            self.answer.get_loop().call_soon_threadsafe(set_result)


def _step_over_gap(message: Message, before: Position | None, sequence: int) -> Chunk:
    """The messages between `sequence` and this one have left the hub."""
    count = message.sequence - sequence
    reason = (
        f"missing: {count} messages of partition {message.partition}, from sequence number "
        f"{sequence} on, left the hub before they were read: raise its retention"
    )
    at, after = position_of(sequence), position_of(message.sequence)
    fault = Fault("missing_messages", at, reason, count=count)
    return Chunk(message.partition, before, at, after, b"", 0, (fault,), by_row=True)


def _rows(lines: bytes, first: int, max_rows: int, max_bytes: int) -> tuple[bytes, int]:
    """Up to `max_rows` lines and `max_bytes` from line `first` on, and at least one."""
    start = 0
    for _ in range(first):
        start = lines.index(b"\n", start) + 1
    end, rows = start, 0
    if lines.count(b"\n", start) <= max_rows and len(lines) - start <= max_bytes:
        return lines[start:], lines.count(b"\n", start)
    while rows < max_rows and end < len(lines):
        newline = lines.index(b"\n", end) + 1
        if rows and newline - start > max_bytes:
            break
        end, rows = newline, rows + 1
    return lines[start:end], rows
