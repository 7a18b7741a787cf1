"""Every form of a selector leads to the right message."""

from __future__ import annotations

import pytest

from gatemeter.emulator.errors import Refusal
from gatemeter.emulator.partition import Partition
from gatemeter.emulator.sections import DATA, encode_section
from gatemeter.emulator.start_position import StartPosition
from gatemeter.emulator.stored_message import IncomingMessage

A = "amqp.annotation.x-opt-"


@pytest.fixture
def partition() -> Partition:
    """Messages 0 to 5, enqueued at 1000, 2000, ... 6000 ms; 0 and 1 were trimmed away."""
    partition = Partition("0", 1 << 30)
    for number in range(6):
        body = encode_section(DATA, b"x" * number)
        partition.append([IncomingMessage.parse(body)], 1000 * (number + 1))
    partition.trim(4)
    return partition


@pytest.mark.parametrize(
    ("selector", "first"),
    [
        (f"{A}offset > '-1'", 2),
        (f"{A}offset >= '-1'", 2),
        (f"{A}offset > '@latest'", 6),
        (f"{A}sequence-number > '-1'", 2),
        (f"{A}sequence-number > '0'", 2),
        (f"{A}sequence-number > '3'", 4),
        (f"{A}sequence-number >= '3'", 3),
        (f"{A}sequence-number > '5'", 6),
        (f"{A}sequence-number >= '6'", 6),
        (f"{A}sequence-number > 3", 4),
        (f"{A}enqueued-time > '0'", 2),
        (f"{A}enqueued-time > '4000'", 4),
        (f"{A}enqueued-time >= '4000'", 3),
        (f"{A}enqueued-time >= '4001'", 4),
        (f"{A}enqueued-time > '9000'", 6),
    ],
)
def test_selectors(partition: Partition, selector: str, first: int) -> None:
    """Offset, sequence number and time, with and without the value itself, before and after all."""
    assert StartPosition.parse(selector).sequence_in(partition) == first


def test_offsets_of_messages(partition: Partition) -> None:
    """The offset of a message leads to it or to the one after it."""
    for message in partition.messages:
        at = StartPosition.parse(f"{A}offset >= '{message.offset}'")
        after = StartPosition.parse(f"{A}offset > '{message.offset}'")
        assert at.sequence_in(partition) == message.sequence_number
        assert after.sequence_in(partition) == message.sequence_number + 1


@pytest.mark.parametrize(
    "selector",
    [
        f"{A}sequence-number > '7'",
        f"{A}offset > '1000000'",
        f"{A}offset > 'soon'",
        f"{A}colour > '1'",
        f"{A}offset < '1'",
        "",
    ],
)
def test_what_cannot_be_is_refused(partition: Partition, selector: str) -> None:
    """A checkpoint of another hub, and selectors that Event Hubs does not know."""
    with pytest.raises(Refusal):
        StartPosition.parse(selector).sequence_in(partition)
