"""One partition: an append-only row of messages with numbers that only grow."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from gatemeter.emulator.log_files import LogFiles
    from gatemeter.emulator.stored_message import IncomingMessage, StoredMessage

_MIN_TRIM_SHARE: Final = 10


class Partition:
    """Messages in memory, with a copy on disk when there is a folder.

    It is used by the event loop's thread alone; `messages` may be read from any.

    Args:
        identifier: the partition id.
        retention_bytes: the oldest messages go when more is held, a tenth at a time.
        files: where messages are also written, if anywhere.
    """

    def __init__(
        self, identifier: str, retention_bytes: int, files: LogFiles | None = None
    ) -> None:
        self.identifier = identifier
        self.on_append: set[Callable[[], None]] = set()
        self._retention_bytes = retention_bytes
        self._files = files
        self._messages: list[StoredMessage] = []
        self.next_sequence = 0
        self.next_offset = 0
        self._held_bytes = 0
        if files is not None:
            recovered = files.recover()
            self._messages = recovered.messages
            self.next_sequence = recovered.next_sequence
            self.next_offset = recovered.next_offset
            self._held_bytes = sum(message.size_bytes for message in self._messages)

    @property
    def messages(self) -> list[StoredMessage]:
        """What is there now, oldest first: a copy."""
        return self._messages[:]

    @property
    def first_sequence(self) -> int:
        """The oldest message that is still there; the next one's number when there is none."""
        return self._messages[0].sequence_number if self._messages else self.next_sequence

    @property
    def last(self) -> StoredMessage | None:
        """The newest message."""
        return self._messages[-1] if self._messages else None

    def append(self, incoming: Iterable[IncomingMessage], now_ms: int) -> None:
        """Store messages, then tell whoever waits for them.

        Raises:
            OSError: they could not be written; none of them is stored.
        """
        now_ms = max(now_ms, self._messages[-1].enqueued_ms if self._messages else 0)
        sequence, offset = self.next_sequence, self.next_offset
        placed: list[StoredMessage] = []
        for message in incoming:
            placed.append(message.placed(sequence, offset, now_ms))
            sequence += 1
            offset += placed[-1].size_bytes
        if self._files is not None:
            self._files.append(placed)
        self._messages += placed
        self._held_bytes += offset - self.next_offset
        self.next_sequence, self.next_offset = sequence, offset
        if self._held_bytes > self._retention_bytes:
            self._make_room()
        for notify in tuple(self.on_append):
            notify()

    def trim(self, keep: int) -> None:
        """Drop the oldest messages until `keep` are left: readers behind them see a gap."""
        gone = len(self._messages) - keep
        if gone <= 0:
            return
        self._held_bytes -= sum(message.size_bytes for message in self._messages[:gone])
        del self._messages[:gone]
        if self._files is not None:
            self._files.trim(self.first_sequence, self.next_sequence, self.next_offset)

    def since(self, sequence: int, limit: int) -> Sequence[StoredMessage]:
        """Up to `limit` messages from a sequence number on, later ones after a gap."""
        start = max(0, sequence - self.first_sequence)
        return self._messages[start : start + limit]

    def sequence_at_offset(self, offset_bytes: int, *, inclusive: bool) -> int:
        """The first sequence number at or after an offset."""
        find = bisect_left if inclusive else bisect_right
        return self.first_sequence + find(
            self._messages, offset_bytes, key=lambda message: message.offset_bytes
        )

    def sequence_at_time(self, enqueued_ms: int, *, inclusive: bool) -> int:
        """The first sequence number enqueued at or after a time."""
        find = bisect_left if inclusive else bisect_right
        return self.first_sequence + find(
            self._messages, enqueued_ms, key=lambda message: message.enqueued_ms
        )

    def close(self) -> None:
        """Let the files go."""
        if self._files is not None:
            self._files.close()

    def _make_room(self) -> None:
        """Drop at least a tenth, so that a full partition is not trimmed at every send."""
        limit = self._retention_bytes - self._retention_bytes // _MIN_TRIM_SHARE
        held, gone = self._held_bytes, 0
        while held > limit and gone < len(self._messages) - 1:
            held -= self._messages[gone].size_bytes
            gone += 1
        self.trim(len(self._messages) - gone)
