"""Messages on their way from the hub's event loop to the consumer's thread, bounded in bytes."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from ingest.types import Partition


@dataclass(frozen=True, slots=True)
class Message:
    """One message of the hub."""

    partition: Partition
    sequence: int
    body: bytes
    enqueued_at: datetime


@dataclass(slots=True)
class _Queue:
    messages: deque[Message] = field(default_factory=deque)
    taken_to: int | None = None
    """The sequence number behind the last message that was taken out; None when none was."""


class Mailbox:
    """Filled in one event loop, emptied in one other thread; what it refuses waits in the hub."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._lock = threading.Lock()
        self._queues: dict[Partition, _Queue] = {}
        self._size_bytes = 0
        self._waiting: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []

    async def put(self, message: Message) -> None:
        """Add a message; waits while the mailbox is full."""
        while True:
            with self._lock:
                if self._size_bytes < self._max_bytes:
                    queue = self._queues.setdefault(message.partition, _Queue())
                    queue.messages.append(message)
                    self._size_bytes += len(message.body)
                    return
                room = asyncio.Event()
                self._waiting.append((asyncio.get_running_loop(), room))
            await room.wait()

    def first(self, partition: Partition) -> Message | None:
        """The next message of a partition; it stays."""
        with self._lock:
            queue = self._queues.get(partition)
            return queue.messages[0] if queue and queue.messages else None

    def take(self, message: Message) -> None:
        """Take out a message that was the first, unless the partition was cleared meanwhile."""
        with self._lock:
            queue = self._queues.get(message.partition)
            if queue and queue.messages and queue.messages[0] is message:
                queue.messages.popleft()
                queue.taken_to = message.sequence + 1
                self._size_bytes -= len(message.body)
                self._make_room()

    def taken_to(self) -> dict[Partition, int]:
        """By partition, the message after those that were taken out since it was cleared."""
        with self._lock:
            queues = self._queues.items()
            return {name: q.taken_to for name, q in queues if q.taken_to is not None}

    def partitions(self) -> list[Partition]:
        """Those with messages."""
        with self._lock:
            return [name for name, queue in self._queues.items() if queue.messages]

    def clear(self, partition: Partition | None = None) -> None:
        """Forget one partition, or all."""
        with self._lock:
            for name in list(self._queues) if partition is None else [partition]:
                queue = self._queues.pop(name, _Queue())
                self._size_bytes -= sum(len(message.body) for message in queue.messages)
            self._make_room()

    @property
    def size_bytes(self) -> int:
        """What is in it."""
        return self._size_bytes

    def oldest(self) -> datetime | None:
        """When the oldest message reached the hub."""
        with self._lock:
            waiting = [queue.messages[0] for queue in self._queues.values() if queue.messages]
            return min((message.enqueued_at for message in waiting), default=None)

    def _make_room(self) -> None:
        """Wake who waits; under the lock."""
        waiting, self._waiting = self._waiting, []
        for loop, room in waiting:
            loop.call_soon_threadsafe(room.set)
