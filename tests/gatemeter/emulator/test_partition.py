"""A partition: numbers grow, room is bounded."""

from __future__ import annotations

from gatemeter.emulator.partition import Partition
from gatemeter.emulator.sections import DATA, encode_section
from gatemeter.emulator.stored_message import IncomingMessage

BODY = IncomingMessage.parse(encode_section(DATA, b"x" * 1000))


def test_a_full_partition_drops_the_oldest() -> None:
    """What is held stays under the limit, and the newest message is always there."""
    partition = Partition("0", retention_bytes=20_000)
    for _ in range(100):
        partition.append([BODY], 1_000)
        assert sum(message.size_bytes for message in partition.messages) <= 20_000
    held = partition.messages
    assert held[-1].sequence_number == 99
    assert [one.sequence_number for one in held] == list(range(100 - len(held), 100))
    assert partition.first_sequence == held[0].sequence_number


def test_one_message_larger_than_the_limit_is_kept() -> None:
    """Retention never drops what was sent last."""
    partition = Partition("0", retention_bytes=10)
    partition.append([BODY], 1_000)
    partition.append([BODY], 1_000)
    assert [one.sequence_number for one in partition.messages] == [1]


def test_time_does_not_run_backwards() -> None:
    """A clock that is set back makes no partition whose times fall: selectors rely on it."""
    partition = Partition("0", retention_bytes=1 << 20)
    for now_ms in (5_000, 3_000, 6_000):
        partition.append([BODY], now_ms)
    assert [one.enqueued_ms for one in partition.messages] == [5_000, 5_000, 6_000]


def test_reading_from_behind_a_trim_jumps_ahead() -> None:
    """A reader that was too slow gets the oldest message that is left."""
    partition = Partition("0", retention_bytes=1 << 20)
    partition.append([BODY] * 10, 1_000)
    partition.trim(3)
    assert [one.sequence_number for one in partition.since(2, 2)] == [7, 8]
    partition.trim(0)
    assert partition.since(2, 2) == []
    assert partition.first_sequence == partition.next_sequence == 10
