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
    link = mailbox.subscribe(ZERO, None)
    for sequence in range(3):
        assert await mailbox.put(link, message(sequence))
    fourth = asyncio.create_task(mailbox.put(link, message(3)))
    await asyncio.sleep(0.01)
    assert not fourth.done()
    assert mailbox.is_full
    first = mailbox.first(ZERO)
    assert first is not None
    threading.Thread(target=mailbox.take, args=(first,)).start()
    assert await asyncio.wait_for(fourth, 5)
    assert mailbox.size_bytes == 30
    waiting = mailbox.first(ZERO)
    assert waiting is not None
    assert waiting.sequence == 1


async def test_a_link_that_was_given_up_cannot_add_anything() -> None:
    """What it still says, also what it said while it had to wait, would look like a gap."""
    mailbox = Mailbox(max_bytes=5)
    old = mailbox.subscribe(ZERO, 0)
    assert await mailbox.put(old, message(0))
    blocked = asyncio.create_task(mailbox.put(old, message(1)))
    await asyncio.sleep(0.01)
    new = mailbox.subscribe(ZERO, 0)
    assert await asyncio.wait_for(blocked, 5) is False
    assert await mailbox.put(old, message(2)) is False
    assert await mailbox.put(new, message(0))
    mailbox.clear()
    assert await mailbox.put(new, message(1)) is False
    assert (mailbox.partitions(), mailbox.size_bytes) == ([], 0)


async def test_what_a_subscription_cannot_give_is_known() -> None:
    """It is what lies before its start, and what was taken out of it."""
    mailbox = Mailbox(max_bytes=100)
    mailbox.subscribe(ONE, None)
    link = mailbox.subscribe(ZERO, 7)
    assert mailbox.reads_from() == {ZERO: 7}
    assert await mailbox.put(link, message(7))
    taken = mailbox.first(ZERO)
    assert taken is not None
    mailbox.take(taken)
    assert mailbox.reads_from() == {ZERO: 8}
    mailbox.subscribe(ZERO, 7)
    assert mailbox.reads_from() == {ZERO: 7}


async def test_what_was_cleared_meanwhile_is_not_taken_for_another() -> None:
    """The consumer may still hold a message of before; taking it leaves the new ones alone."""
    mailbox = Mailbox(max_bytes=100)
    assert await mailbox.put(mailbox.subscribe(ZERO, None), message(1))
    held = mailbox.first(ZERO)
    assert held is not None
    assert await mailbox.put(mailbox.subscribe(ZERO, None), message(1))
    mailbox.take(held)
    assert mailbox.first(ZERO) is not None
    assert mailbox.reads_from() == {}


async def test_the_oldest_message_of_all_partitions_is_known() -> None:
    """It is what the lag is counted from."""
    mailbox = Mailbox(max_bytes=100)
    assert mailbox.oldest() is None
    assert await mailbox.put(mailbox.subscribe(ZERO, None), message(5))
    assert await mailbox.put(mailbox.subscribe(ONE, None), message(2, ONE))
    assert mailbox.oldest() == START + timedelta(seconds=2)
