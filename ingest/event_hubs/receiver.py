"""Keeps a client of the SDK receiving, in an event loop of its own thread.

Of the SDK's consumers the asyncio one is the fast one with many partitions. It is made anew when
it has failed, when a partition has to be read again from further back, when it is stuck, and now
and then in any case, because it remembers every delivery it ever had.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from ingest.event_hubs.mailbox import Mailbox, Message
from ingest.event_hubs.owners import LedgerStarts
from ingest.types import Partition

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine

    from azure.eventhub import EventData
    from azure.eventhub.aio import CheckpointStore, EventHubConsumerClient, PartitionContext

PREFETCH: Final = 100
RECYCLE_AFTER_MESSAGES: Final = 200_000
"""About 20 MB of remembered deliveries."""
CHECK_SECONDS: Final = 60.0
"""How long a partition may say nothing before the hub is asked whether it has something."""
_CALL_SECONDS: Final = 10.0
_CLOSE_SECONDS: Final = 8.0
_FIRST_PAUSE_SECONDS: Final = 1.0
_LONGEST_PAUSE_SECONDS: Final = 30.0

logger = logging.getLogger("ingest.event_hubs")


class Receiver:
    """Receives into a mailbox until it is closed."""

    def __init__(
        self,
        connect: Callable[[CheckpointStore], EventHubConsumerClient],
        owners: Callable[[], Awaitable[CheckpointStore]],
        mailbox: Mailbox,
        read_positions: Callable[[], Awaitable[dict[str, int]]],
    ) -> None:
        """Start the thread.

        Args:
            connect: makes a client over a checkpoint store.
            owners: makes the store of the partitions' owners.
            mailbox: takes the messages.
            read_positions: tells the sequence number to go on from, by partition.
        """
        self.ends: dict[str, int] | None = None
        """Sequence number of each partition's last message when the hub was first reached."""
        self.owned: set[Partition] = set()
        self.reconnects = 0
        self.last_error: str | None = None
        """Why nothing is received right now; None when something may be."""
        self._connect = connect
        self._make_owners = owners
        self._mailbox = mailbox
        self._read_positions = read_positions
        self._starts: dict[str, int] = {}
        self._next: dict[str, tuple[int, float]] = {}
        self._received = self._received_here = 0
        self._loop = asyncio.new_event_loop()
        self._stopping = asyncio.Event()
        self._again = asyncio.Event()
        self._thread = threading.Thread(target=self._run, name="gatemeter-event-hubs", daemon=True)
        self._thread.start()

    def read_again(self) -> None:
        """Start over from the ledger's positions; what is in the mailbox is forgotten."""
        self._loop.call_soon_threadsafe(self._again.set)

    def close(self) -> None:
        """Give the partitions back and end the thread. May be called twice."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stopping.set)
            self._mailbox.clear()
            self._thread.join(_CLOSE_SECONDS + 4)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_until_complete(self._serve())
        finally:
            self._loop.close()

    async def _serve(self) -> None:
        """One client after the other."""
        pause = _FIRST_PAUSE_SECONDS
        owners: CheckpointStore | None = None
        while not self._stopping.is_set():
            self._again.clear()
            self._mailbox.clear()
            before = self._received
            client: EventHubConsumerClient | None = None
            try:
                owners = owners or await self._make_owners()
                client = self._connect(LedgerStarts(owners, self._refresh_starts))
                await self._learn_ends(client)
                await self._receive(client)
            except Exception as error:  # noqa: BLE001 - the SDK raises what its layers raise
                self._note(error)
            await self._let_go(client)
            self.reconnects += 1
            pause = _FIRST_PAUSE_SECONDS if self._received > before else pause * 2
            if self.last_error is not None:
                await self._wait(self._stopping, min(pause, _LONGEST_PAUSE_SECONDS))
        if owners is not None:
            await _close(owners)

    async def _refresh_starts(self) -> None:
        """Tell the SDK behind which message to begin; it looks when it begins with a partition."""
        for partition, sequence in (await self._read_positions()).items():
            if sequence > 0:  # else from whatever is the first
                self._starts[partition] = sequence - 1

    async def _learn_ends(self, client: EventHubConsumerClient) -> None:
        """Ask once what is there, so that a run with an end knows it; also a test of the line."""
        if self.ends is not None:
            return
        ids = await asyncio.wait_for(client.get_partition_ids(), _CALL_SECONDS)
        ends = {}
        for partition in ids:
            ends[partition] = await _last_sequence(client, partition)
        self.ends = ends

    async def _receive(self, client: EventHubConsumerClient) -> None:
        """Until the client fails, is stuck or old, or somebody wants another."""
        self._received_here = 0
        receiving = client.receive_batch(
            on_event_batch=self._take,
            max_batch_size=PREFETCH,
            prefetch=PREFETCH,
            starting_position=self._starts,
            on_error=self._on_error,
            on_partition_initialize=self._on_partition,
            on_partition_close=self._on_close,
        )
        await _first_of(receiving, self._stopping.wait(), self._again.wait(), self._watch(client))

    async def _take(self, context: PartitionContext, events: list[EventData]) -> None:
        partition = Partition(context.partition_id)
        self.last_error = None
        for event in events:
            sequence = event.sequence_number
            if sequence is None:
                continue
            at = event.enqueued_time or datetime.now(UTC)
            body = b"".join(event.body)  # type: ignore[arg-type]  # a data section's pieces
            await self._mailbox.put(Message(partition, sequence, body, at))
            self._next[partition] = (sequence + 1, self._loop.time())
        self._received += len(events)
        self._received_here += len(events)

    async def _on_partition(self, context: PartitionContext) -> None:
        partition = Partition(context.partition_id)
        self._mailbox.clear(partition)
        self.owned.add(partition)
        self._next[partition] = (self._starts.get(partition, -1) + 1, self._loop.time())
        self.last_error = None

    async def _on_close(self, context: PartitionContext, reason: object) -> None:
        logger.info("partition %s closed: %s", context.partition_id, reason)
        self.owned.discard(Partition(context.partition_id))
        self._next.pop(context.partition_id, None)

    async def _on_error(self, _context: PartitionContext | None, error: Exception) -> None:
        self._note(error)

    def _note(self, error: Exception) -> None:
        """Keep what went wrong; said once, until something was received again."""
        words = f"{type(error).__name__}: {str(error).partition(chr(10))[0][:200]}".rstrip(": ")
        if self.last_error is None:
            logger.warning("the hub cannot be read, trying again: %s", words)
        self.last_error = words

    async def _watch(self, client: EventHubConsumerClient) -> None:
        """Return when the client should be replaced: it is old, or silent when it should not be.

        A hub that accepts connections and says nothing looks like one without messages.
        """
        while self._received_here < RECYCLE_AFTER_MESSAGES:
            await asyncio.sleep(CHECK_SECONDS / 4)
            now = self._loop.time()
            for partition, (following, at) in list(self._next.items()):
                if now - at < CHECK_SECONDS or self._mailbox.first(Partition(partition)):
                    continue
                if await _last_sequence(client, partition) >= following:
                    logger.warning("partition %s is stuck, connecting again", partition)
                    return
                self._next[partition] = (following, now)

    async def _let_go(self, client: EventHubConsumerClient | None) -> None:
        self.owned.clear()
        self._next.clear()
        if client is not None:
            with contextlib.suppress(Exception):
                await asyncio.wait_for(client.close(), _CLOSE_SECONDS)

    async def _wait(self, event: asyncio.Event, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(event.wait(), seconds)


async def _close(owners: CheckpointStore) -> None:
    """Disconnect from where owners are kept; the SDK's stores do it as context managers."""
    leave = getattr(owners, "__aexit__", None)
    if leave is not None:
        with contextlib.suppress(Exception):
            await asyncio.wait_for(leave(None, None, None), _CLOSE_SECONDS)


async def _last_sequence(client: EventHubConsumerClient, partition: str) -> int:
    """Sequence number of the newest message of a partition; -1 when there was never any."""
    found = await asyncio.wait_for(client.get_partition_properties(partition), _CALL_SECONDS)
    return int(found["last_enqueued_sequence_number"])


async def _first_of(*coroutines: Coroutine[Any, Any, Any]) -> None:
    """Run all until one ends; its error is raised, the others are cancelled."""
    tasks = [asyncio.ensure_future(one) for one in coroutines]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
