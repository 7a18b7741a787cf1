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
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from ingest.event_hubs.mailbox import Mailbox, Message
from ingest.event_hubs.owners import LedgerStarts
from ingest.types import Partition

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine

    from azure.eventhub import EventData
    from azure.eventhub.aio import CheckpointStore, EventHubConsumerClient, PartitionContext

    from ingest.event_hubs.mailbox import Subscription

PREFETCH: Final = (8, 300)
"""Fewest and most messages on the way in a partition: few when they are packed, many when not."""
PREFETCH_BYTES: Final = 8 << 20
"""What they should hold together; the SDK has as much again in its own buffer."""
RECYCLE_AFTER_MESSAGES: Final = 200_000
"""About 20 MB of remembered deliveries."""
RECYCLE_AFTER_SECONDS: Final = 6 * 3600.0
"""A client knows only the partitions that there were when it was made."""
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
        self.reconnects = 0
        self.last_error: str | None = None
        """Why nothing is received right now; None when something may be."""
        self.fatal: str | None = None
        """Why nothing can be received whatever is tried; for the operator."""
        self._connect = connect
        self._make_owners = owners
        self._mailbox = mailbox
        self._read_positions = read_positions
        self._owners: CheckpointStore | None = None
        self._client: EventHubConsumerClient | None = None
        self._starts: dict[str, int] = {}
        self._subscriptions: dict[Partition, Subscription] = {}
        self._next: dict[Partition, tuple[int, float]] = {}
        self._received = self._received_here = 0
        self._received_bytes = 0
        self._prefetch = PREFETCH[0]
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
        while not self._stopping.is_set():
            self._again.clear()
            self._mailbox.clear()
            before = self._received
            try:
                await _first_of(self._use_a_client(), self._stopping.wait())
            except Exception as error:  # noqa: BLE001 - the SDK raises what its layers raise
                self._note(error)
            await self._let_go()
            self.reconnects += 1
            pause = _FIRST_PAUSE_SECONDS if self._received > before else pause * 2
            if self.last_error is not None:
                await self._wait(self._stopping, min(pause, _LONGEST_PAUSE_SECONDS))
        if self._owners is not None:
            await _close(self._owners)

    async def _use_a_client(self) -> None:
        if self._owners is None:
            self._owners = await self._make_owners()
        self._client = self._connect(LedgerStarts(self._owners, self._refresh_starts))
        await self._learn_ends(self._client)
        await self._receive(self._client)

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
        found = {partition: await _newest(client, partition) for partition in ids}
        self._refuse_other_hub(found, await self._read_positions())
        self.ends = {
            name: -1 if newest.is_empty else newest.sequence for name, newest in found.items()
        }

    def _refuse_other_hub(self, found: dict[str, _Newest], stored: dict[str, int]) -> None:
        """A hub that never had what the ledger says was read from it is another of its name."""
        for name, newest in found.items():
            if stored.get(name, 0) > newest.sequence + 1:
                self.fatal = (
                    f"partition {name} ends at sequence number {newest.sequence}, but the store "
                    f"has it up to {stored[name] - 1}: the hub was made anew. Read it as a new "
                    "consumer group (GATEMETER_EVENT_HUB_CONSUMER_GROUP), which the ledger does "
                    "not know yet"
                )

    async def _receive(self, client: EventHubConsumerClient) -> None:
        """Until the client fails, is stuck or old, or somebody wants another."""
        self._received_here = 0
        self._prefetch = self._wanted_prefetch()
        receiving = client.receive_batch(
            on_event_batch=self._take,
            max_batch_size=self._prefetch,
            prefetch=self._prefetch,
            starting_position=self._starts,
            on_error=self._on_error,
            on_partition_initialize=self._on_partition,
            on_partition_close=self._on_close,
        )
        await _first_of(receiving, self._again.wait(), self._watch(client))

    async def _take(self, context: PartitionContext, events: list[EventData]) -> None:
        partition = Partition(context.partition_id)
        subscription = self._subscriptions.get(partition)
        self.last_error = None
        for event in events:
            sequence = event.sequence_number
            if subscription is None or sequence is None:
                return
            at, body = event.enqueued_time or datetime.now(UTC), _body_of(event)
            if not await self._mailbox.put(subscription, Message(partition, sequence, body, at)):
                return
            self._next[partition] = (sequence + 1, self._loop.time())
            self._received += 1
            self._received_here += 1
            self._received_bytes += len(body)

    def _wanted_prefetch(self) -> int:
        """By the usual size of the messages; few while that is not known."""
        if self._received == 0:
            return PREFETCH[0]
        usual = max(1, self._received_bytes // self._received)
        return min(max(PREFETCH_BYTES // usual, PREFETCH[0]), PREFETCH[1])

    async def _on_partition(self, context: PartitionContext) -> None:
        partition = Partition(context.partition_id)
        behind = self._starts.get(partition)
        start = None if behind is None else behind + 1
        self._subscriptions[partition] = self._mailbox.subscribe(partition, start)
        self._next[partition] = (start or 0, self._loop.time())
        self.last_error = None

    async def _on_close(self, context: PartitionContext, reason: object) -> None:
        logger.info("partition %s closed: %s", context.partition_id, reason)
        partition = Partition(context.partition_id)
        self._subscriptions.pop(partition, None)
        self._next.pop(partition, None)
        self._mailbox.clear(partition)

    async def _on_error(self, _context: PartitionContext | None, error: Exception) -> None:
        self._note(error)

    def _note(self, error: Exception) -> None:
        """Keep what went wrong; said once, until something was received again."""
        words = f"{type(error).__name__}: {str(error).partition(chr(10))[0][:200]}".rstrip(": ")
        if self.last_error is None:
            logger.warning("the hub cannot be read, trying again: %s", words)
        self.last_error = words

    async def _watch(self, client: EventHubConsumerClient) -> None:
        """Return when the client should be replaced.

        It is old, or takes too few messages at once, or is silent when it should not be: a hub
        that accepts connections and says nothing looks like one without messages.
        """
        made_at = self._loop.time()
        while self._received_here < RECYCLE_AFTER_MESSAGES:
            await asyncio.sleep(CHECK_SECONDS / 4)
            now = self._loop.time()
            if now - made_at > RECYCLE_AFTER_SECONDS:
                return
            if self._wanted_prefetch() >= 4 * self._prefetch and not self._mailbox.is_full:
                return
            if await self._is_stuck(client, now):
                return

    async def _is_stuck(self, client: EventHubConsumerClient, now: float) -> bool:
        """Whether some partition has something that we are not given."""
        if self._mailbox.is_full:
            return False
        for partition, (following, at) in list(self._next.items()):
            if now - at < CHECK_SECONDS or self._mailbox.first(partition):
                continue
            newest = await _newest(client, partition)
            if newest.sequence >= following and not newest.is_empty:
                logger.warning("partition %s is stuck, connecting again", partition)
                return True
            self._next[partition] = (following, now)
        return False

    async def _let_go(self) -> None:
        self._subscriptions.clear()
        self._next.clear()
        client, self._client = self._client, None
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


@dataclass(frozen=True, slots=True)
class _Newest:
    """The last message that a partition ever had, and whether any is left."""

    sequence: int
    is_empty: bool


async def _newest(client: EventHubConsumerClient, partition: str) -> _Newest:
    """Ask the hub; sequence number -1 when there was never a message."""
    found = await asyncio.wait_for(client.get_partition_properties(partition), _CALL_SECONDS)
    return _Newest(int(found["last_enqueued_sequence_number"]), bool(found["is_empty"]))


def _body_of(event: EventData) -> bytes:
    """A message's bytes. What no feed sends (AMQP's typed bodies) becomes a text that says so."""
    try:
        body = event.body
        if isinstance(body, str):
            return body.encode()
        return body if isinstance(body, bytes) else b"".join(body)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return f"(AMQP body of type {event.body_type})".encode()


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
