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


@dataclass(slots=True, eq=False)
class Subscription:
    """What one link gave of a partition; another link to it is another subscription."""

    partition: Partition
    start: int | None
    """The sequence number it was asked to begin with; None: with whatever is the first."""
    messages: deque[Message] = field(default_factory=deque)
    taken_to: int | None = None
    """The sequence number behind the last message that was taken out; None when none was."""

    @property
    def reads_from(self) -> int | None:
        """What lies before this it cannot give (any more)."""
        return self.start if self.taken_to is None else self.taken_to


class Mailbox:
    """Filled in one event loop, emptied in one other thread; what it refuses waits in the hub."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._lock = threading.Lock()
        self._current: dict[Partition, Subscription] = {}
        self._size_bytes = 0
        self._waiting: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []

    def subscribe(self, partition: Partition, start: int | None) -> Subscription:
        """Begin with a partition (again): what an earlier subscription gave is forgotten."""
        self.clear(partition)
        subscription = Subscription(partition, start)
        with self._lock:
            self._current[partition] = subscription
        return subscription

    async def put(self, subscription: Subscription, message: Message) -> bool:
        """Add a message; waits while the mailbox is full.

        False, and not taken, when the subscription has ended: a link that was given up may still
        have something to say, and what it says would stand before what is read anew.
        """
        while True:
            with self._lock:
                if self._current.get(message.partition) is not subscription:
                    return False
                if self._size_bytes < self._max_bytes:
                    subscription.messages.append(message)
                    self._size_bytes += len(message.body)
                    return True
                room = asyncio.Event()
                self._waiting.append((asyncio.get_running_loop(), room))
            await room.wait()

    def first(self, partition: Partition) -> Message | None:
        """The next message of a partition; it stays."""
        with self._lock:
            subscription = self._current.get(partition)
            return subscription.messages[0] if subscription and subscription.messages else None

    def take(self, message: Message) -> None:
        """Take out a message that was the first, unless the partition was cleared meanwhile."""
        with self._lock:
            current = self._current.get(message.partition)
            if current and current.messages and current.messages[0] is message:
                current.messages.popleft()
                current.taken_to = message.sequence + 1
                self._size_bytes -= len(message.body)
                self._make_room()

    def reads_from(self) -> dict[Partition, int]:
        """By partition, the first sequence number that can still be given, where that is known."""
        with self._lock:
            return {
                name: one.reads_from
                for name, one in self._current.items()
                if one.reads_from is not None
            }

    def partitions(self) -> list[Partition]:
        """Those with messages."""
        with self._lock:
            return [name for name, one in self._current.items() if one.messages]

    def clear(self, partition: Partition | None = None) -> None:
        """End the subscription of one partition, or of all."""
        with self._lock:
            for name in list(self._current) if partition is None else [partition]:
                ended = self._current.pop(name, None)
                if ended is not None:
                    self._size_bytes -= sum(len(message.body) for message in ended.messages)
            self._make_room()

    @property
    def is_full(self) -> bool:
        """Whether whoever puts has to wait."""
        return self._size_bytes >= self._max_bytes

    @property
    def size_bytes(self) -> int:
        """What is in it."""
        return self._size_bytes

    def oldest(self) -> datetime | None:
        """When the oldest message reached the hub."""
        with self._lock:
            waiting = [one.messages[0] for one in self._current.values() if one.messages]
            return min((message.enqueued_at for message in waiting), default=None)

    def _make_room(self) -> None:
        """Wake who waits; under the lock."""
        waiting, self._waiting = self._waiting, []
        for loop, room in waiting:
            loop.call_soon_threadsafe(room.set)
