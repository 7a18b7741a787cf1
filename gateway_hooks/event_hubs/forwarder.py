"""The forwarder: moves what gateways have appended to the file queue into a hub.

It runs beside the gateway, in a process of its own (`gatemeter forward`), so that neither the
SDK's CPU nor a hub that is away is felt by a request. It has the queue to itself, as a consumer
would, and promises:

- A segment is deleted only when the hub has acknowledged every line of it.
- Whatever fails is repeated for ever, with growing pauses; each kind of failure has a counter.
- Lines that no message can hold are set aside in the queue's folder, counted, and not lost.
- A writer's lines reach a partition in order, except when they are sent again.
"""

from __future__ import annotations

import asyncio
import logging
import os
import random
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from gateway_hooks.errors import GatewayHooksError
from gateway_hooks.event_hubs.failures import SendFailed, Trouble
from gateway_hooks.event_hubs.pack import Message, PartitionBy, pack
from gateway_hooks.event_hubs.progress import Progress
from gateway_hooks.queue.orphans import seal_orphan
from gateway_hooks.queue.reader_lock import ReaderLock
from gateway_hooks.queue.segment_folder import SegmentFolder, unusable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path
    from typing import Protocol

    from gateway_hooks.queue.segment_folder import OpenedSegment
    from gateway_hooks.segments import SegmentName

    class Sender(Protocol):
        """What is used of `HubSender`."""

        async def max_bytes(self) -> int:
            """The longest body; raises `SendFailed`."""

        async def send(self, message: Message) -> None:
            """Send one message; raises `SendFailed`."""

        async def close(self) -> None:
            """Disconnect."""


SET_ASIDE: Final = "set-aside.ndjson"
IDLE_SECONDS: Final = 0.5
_READ_BYTES: Final = 4 << 20
"""Or more, when a message may be longer."""
_FIRST_PAUSE_SECONDS: Final = 0.5
_THROTTLED_PAUSE_SECONDS: Final = 4.0
"""Azure's own advice after `server-busy`."""
_LONGEST_PAUSE_SECONDS: Final = 30.0

logger = logging.getLogger(__name__)


class HubStayedAway(GatewayHooksError):
    """The hub took nothing for as long as we were told to try."""


@dataclass(slots=True)
class ForwardCounts:
    """What a forwarder did since it was made."""

    events: int = 0
    """Lines the hub has acknowledged."""
    messages: int = 0
    size_bytes: int = 0
    segments_freed: int = 0
    segments_missing: int = 0
    segments_damaged: int = 0
    set_aside: int = 0
    """Lines too long for any message, now in `set-aside.ndjson`."""
    troubles: dict[str, int] = field(default_factory=dict)
    """Failed sends by kind; each was repeated."""

    def failed(self, trouble: Trouble) -> None:
        """A send has failed."""
        self.troubles[trouble.value] = self.troubles.get(trouble.value, 0) + 1


@dataclass(frozen=True, slots=True)
class _Piece:
    """Whole lines of a segment, and what is left behind them."""

    lines: bytes
    end: int
    finished: bool
    too_long: bytes = b""


class Forwarder:
    """Reads a queue folder, which it has to itself until `close`, and sends it to a hub."""

    def __init__(
        self,
        folder: Path,
        sender: Sender,
        *,
        partition_by: PartitionBy = "segment",
        give_up_after_seconds: float | None = None,
    ) -> None:
        """Take the queue.

        Args:
            folder: the queue's.
            sender: to the hub; closed with the forwarder.
            partition_by: what decides a message's partition.
            give_up_after_seconds: how long one message may be refused before `run` raises; for
                runs that have an end. None: for ever.

        Raises:
            QueueLocked: a consumer or another forwarder has it.
            QueueUnusable: the folder cannot be used.
        """
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise unusable(folder, error) from None
        self.counts = ForwardCounts()
        self.trouble: SendFailed | None = None
        """Why nothing moves right now; None when it does."""
        self._folder = folder
        self._lock = ReaderLock(folder)
        self._segments = SegmentFolder(folder)
        self._progress = Progress(folder)
        self._sender = sender
        self._partition_by = partition_by
        self._give_up_after_seconds = give_up_after_seconds
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        """Ask `run` to end after what it is doing. Call it in the loop's thread."""
        self._stopping.set()

    async def run(self, *, once: bool = False) -> None:
        """Forward until asked to stop, or with `once` until what is there now is in the hub.

        Raises:
            QueueUnusable: a file of the queue cannot be read or deleted.
            HubStayedAway: see `give_up_after_seconds`.
        """
        self._free_leftover()
        ends = self._ends() if once else {}
        while not self._stopping.is_set():
            moved = await self._round()
            if once and (not moved or self._reached(ends)):
                break
            if not moved:
                await self._pause(IDLE_SECONDS)
        self._keep_progress()

    async def close(self) -> None:
        """Disconnect and let another reader have the queue."""
        await self._sender.close()
        self._lock.release()

    def waiting_bytes(self) -> int:
        """What is in the queue and not in the hub."""
        total = 0
        for writer, names in self._segments.names().items():
            number, offset = self._place_of(writer, names)
            sizes = {name.number: self._segments.size_of(name) for name in names}
            total += sum(size for at, size in sizes.items() if at >= number)
            total -= min(offset, sizes.get(number, 0))
        return total

    def _ends(self) -> dict[str, tuple[int, int]]:
        """Where each writer's lines end now: segment number and size."""
        return {
            writer: (names[-1].number, self._segments.size_of(names[-1]))
            for writer, names in self._segments.names().items()
        }

    def _reached(self, ends: dict[str, tuple[int, int]]) -> bool:
        """Whether all that lay before is in the hub."""
        present = self._segments.names()
        return all(
            writer not in present or self._place_of(writer, present[writer]) >= end
            for writer, end in ends.items()
        )

    def _place_of(self, writer: str, names: Sequence[SegmentName]) -> tuple[int, int]:
        """Segment number and offset where a writer goes on; a new one with its first segment."""
        return self._progress.of(writer) or (names[0].number, 0)

    async def _round(self) -> bool:
        """A piece of each writer; false when none had anything."""
        moved = False
        for writer, names in self._segments.names().items():
            for name in names:
                if name.is_open:
                    seal_orphan(self._folder, name)
            if self._stopping.is_set():
                break
            moved |= await self._forward_piece(writer, *self._place_of(writer, names))
        self._keep_progress()
        return moved

    async def _forward_piece(self, writer: str, number: int, offset: int) -> bool:
        """Send a writer's next lines; false when there is nothing to do for it."""
        with self._segments.opened(writer, number) as segment:
            if segment is None:
                return self._step_over_gap(writer, number)
            max_bytes = await self._max_bytes()
            if max_bytes is None:
                return False
            piece = _read_piece(segment, offset, max_bytes)
            name = segment.name.sealed().filename
            for message in pack(piece.lines, name, self._partition_by, max_bytes):
                if not await self._deliver(message):
                    return True
            self._put_aside(piece.too_long)
            if piece.finished:
                self._check(segment)
        if piece.finished:
            self._free(segment.name)
        elif piece.end > offset:
            self._progress.move(writer, number, piece.end)
        return piece.finished or piece.end > offset

    async def _max_bytes(self) -> int | None:
        """None when asked to stop before the hub could be asked."""
        for number in _from_one():
            try:
                found = await self._sender.max_bytes()
            except SendFailed as failure:
                if not await self._wait_out(failure, number):
                    return None
            else:
                self.trouble = None
                return found
        return None

    async def _deliver(self, message: Message) -> bool:
        """Send until the hub has it; false when asked to stop before."""
        for number in _from_one():
            try:
                await self._sender.send(message)
            except SendFailed as failure:
                if failure.trouble is Trouble.OVERSIZE:
                    self.counts.failed(failure.trouble)
                    return await self._deliver_in_halves(message)
                if not await self._wait_out(failure, number):
                    return False
            else:
                self.trouble = None
                self.counts.messages += 1
                self.counts.events += message.rows
                self.counts.size_bytes += len(message.body)
                return True
        return False

    async def _deliver_in_halves(self, message: Message) -> bool:
        """The hub's limit was lowered under us: shorter messages, and at last single lines."""
        lines = [line + b"\n" for line in message.body.split(b"\n")[:-1]]
        if len(lines) <= 1:
            self._put_aside(message.body)
            return True
        middle = len(lines) // 2
        for half in (lines[:middle], lines[middle:]):
            if not await self._deliver(Message(b"".join(half), message.partition_key)):
                return False
        return True

    async def _wait_out(self, failure: SendFailed, number: int) -> bool:
        """Count a failure and pause; false when asked to stop meanwhile."""
        self.counts.failed(failure.trouble)
        now = time.monotonic()
        if self.trouble is None:
            self._trouble_since = now
            logger.warning("the hub takes nothing (%s), trying again: %s", *_words(failure))
        self.trouble = failure
        patience = self._give_up_after_seconds
        if patience is not None and now - self._trouble_since > patience:
            raise HubStayedAway(
                f"the hub took nothing for {patience:.0f} s ({failure}); the events are safe in "
                f"{self._folder}: mend the connection and run this again"
            )
        await self._pause(_pause_seconds(failure.trouble, number))
        return not self._stopping.is_set()

    async def _pause(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self._stopping.wait(), seconds)
        except TimeoutError:
            return

    def _step_over_gap(self, writer: str, number: int) -> bool:
        """Go on behind segments that are gone; false when nothing came after them yet."""
        following = self._segments.next_after_gap(writer, number)
        if following is None:
            return False
        self.counts.segments_missing += following - number
        logger.warning("segments %d to %d of %s are missing", number, following - 1, writer)
        self._progress.move(writer, following, 0)
        return True

    def _free(self, segment: SegmentName) -> None:
        """Delete what the hub has all of, once it is noted that this was us."""
        try:
            self._progress.finish(segment)
        except OSError as error:
            # On a full disk nothing can be noted, and this is what makes room.
            logger.warning("cannot note what is sent: %s", error.strerror)
        self.counts.segments_freed += self._segments.delete(segment)

    def _free_leftover(self) -> None:
        """Delete what a forwarder before us had sent and noted, and died before it could delete."""
        sent = self._progress.sent
        if sent is not None:
            self.counts.segments_freed += self._segments.delete(sent)

    def _check(self, segment: OpenedSegment) -> None:
        """Hold a sealed segment against its trailer; its lines are in the hub either way."""
        if segment.trailer != segment.content_trailer():
            self.counts.segments_damaged += 1
            logger.warning(
                "segment %s does not fit its trailer; its lines were sent as they are",
                segment.name.filename,
            )

    def _put_aside(self, lines: bytes) -> None:
        """Keep what no message can hold, on the disk before anything moves on."""
        if not lines:
            return
        path = self._folder / SET_ASIDE
        try:
            with path.open("ab") as file:
                file.write(lines if lines.endswith(b"\n") else lines + b"\n")
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise unusable(path, error) from None
        self.counts.set_aside += max(1, lines.count(b"\n"))
        logger.warning("a line of %d bytes is too long for the hub: see %s", len(lines), path)

    def _keep_progress(self) -> None:
        try:
            self._progress.keep(self._segments.names())
        except OSError as error:
            raise unusable(self._folder, error) from None


def _read_piece(segment: OpenedSegment, offset: int, max_line_bytes: int) -> _Piece:
    """The next whole lines, up to the first that is too long; that line alone when it is first."""
    buffer = segment.read(offset, max(_READ_BYTES, max_line_bytes + 1))
    whole = buffer[: buffer.rfind(b"\n") + 1]
    lines = _up_to_too_long(whole, max_line_bytes)
    too_long = b""
    if not lines and len(buffer) > max_line_bytes:
        too_long = _long_line(segment, offset)
    elif not lines and buffer and not segment.name.is_open:
        # A sealed segment ends with a whole line; what else is there is damage.
        too_long = buffer
    end = offset + len(lines) + len(too_long)
    finished = not segment.name.is_open and end >= segment.content_end
    return _Piece(lines, end, finished, too_long)


def _up_to_too_long(lines: bytes, max_bytes: int) -> bytes:
    end = 0
    while end < len(lines):
        cut = lines.rfind(b"\n", end, end + max_bytes) + 1
        if cut <= end:
            break
        end = cut
    return lines[:end]


def _long_line(segment: OpenedSegment, offset: int) -> bytes:
    """The whole of a line that is longer than one read, or nothing while it has no end."""
    line = bytearray()
    while block := segment.read(offset + len(line), _READ_BYTES):
        newline = block.find(b"\n")
        if newline >= 0:
            return bytes(line + block[: newline + 1])
        line += block
    return b"" if segment.name.is_open else bytes(line)


def _pause_seconds(trouble: Trouble, number: int) -> float:
    """Doubling from try to try, spread so that many forwarders do not come back at once."""
    first = _THROTTLED_PAUSE_SECONDS if trouble is Trouble.THROTTLED else _FIRST_PAUSE_SECONDS
    longest = min(_LONGEST_PAUSE_SECONDS, first * 2.0 ** min(number - 1, 10))
    return longest * random.uniform(0.5, 1.0)  # noqa: S311 - no secret


def _words(failure: SendFailed) -> tuple[str, str]:
    return failure.trouble.value, str(failure)


def _from_one() -> Iterator[int]:
    number = 0
    while True:
        number += 1
        yield number
