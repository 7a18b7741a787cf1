"""The mailbox between the hub's thread and the consumer's: bounded, in order, cleared at once."""

from __future__ import annotations

import asyncio
import threading
from datetime import UTC, datetime, timedelta

from ingest.event_hubs.mailbox import Mailbox, Message
from ingest.types import Partition

START = datetime(2026, 11, 21, tzinfo=UTC)
ZERO, ONE = Partition("0"), Partition("1")


def message(sequence: int, partition: Partition = ZERO, size: int = 10) -> Message:
    """A message that reached the hub `sequence` seconds after the start."""
    return Message(partition, sequence, b"x" * size, START + timedelta(seconds=sequence))


async def test_a_full_mailbox_makes_the_hub_wait() -> None:
    """Not more than the bound and one message is held; taking one lets the next in."""
    mailbox = Mailbox(max_bytes=25)
    for sequence in range(3):
        await mailbox.put(message(sequence))
    fourth = asyncio.create_task(mailbox.put(message(3)))
    await asyncio.sleep(0.01)
    assert not fourth.done()
    first = mailbox.first(ZERO)
    assert first is not None
    threading.Thread(target=mailbox.take, args=(first,)).start()
    await asyncio.wait_for(fourth, 5)
    assert mailbox.size_bytes == 30
    waiting = mailbox.first(ZERO)
    assert waiting is not None
    assert waiting.sequence == 1


async def test_clearing_frees_who_waits_and_forgets_what_was_taken() -> None:
    """A partition that begins anew knows nothing of how far it was read before."""
    mailbox = Mailbox(max_bytes=5)
    await mailbox.put(message(7))
    old = mailbox.first(ZERO)
    assert old is not None
    mailbox.take(old)
    assert mailbox.taken_to() == {ZERO: 8}
    await mailbox.put(message(8))
    blocked = asyncio.create_task(mailbox.put(message(1, ONE)))
    await asyncio.sleep(0.01)
    mailbox.clear(ZERO)
    await asyncio.wait_for(blocked, 5)
    assert mailbox.taken_to() == {}
    assert (mailbox.partitions(), mailbox.size_bytes) == ([ONE], 10)


async def test_what_was_cleared_meanwhile_is_not_taken_for_another() -> None:
    """The consumer may still hold a message of before; taking it leaves the new ones alone."""
    mailbox = Mailbox(max_bytes=100)
    await mailbox.put(message(1))
    held = mailbox.first(ZERO)
    assert held is not None
    mailbox.clear(ZERO)
    await mailbox.put(message(1))
    mailbox.take(held)
    assert mailbox.first(ZERO) is not None
    assert mailbox.taken_to() == {}


async def test_the_oldest_message_of_all_partitions_is_known() -> None:
    """It is what the lag is counted from."""
    mailbox = Mailbox(max_bytes=100)
    assert mailbox.oldest() is None
    await mailbox.put(message(5))
    await mailbox.put(message(2, ONE))
    assert mailbox.oldest() == START + timedelta(seconds=2)
