"""Packing keeps every line whole, in its order, and in the same partition each time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway_hooks.event_hubs.pack import pack

if TYPE_CHECKING:
    from gateway_hooks.event_hubs.pack import PartitionBy
    from tests.queue_samples import MakeLine

LINES = st.lists(st.binary(max_size=40).map(lambda text: text.replace(b"\n", b"") + b"\n"))


@given(lines=LINES, max_bytes=st.integers(41, 200))
def test_messages_hold_the_lines_and_no_more_than_allowed(
    lines: list[bytes], max_bytes: int
) -> None:
    """Put together again, the messages are what was packed."""
    messages = list(pack(b"".join(lines), "a-1", "segment", max_bytes))
    assert b"".join(message.body for message in messages) == b"".join(lines)
    assert all(0 < len(message.body) <= max_bytes for message in messages)
    assert sum(message.rows for message in messages) == len(lines)
    assert {message.partition_key for message in messages} <= {"a-1"}


def test_by_key_each_key_has_messages_of_its_own(event_line: MakeLine) -> None:
    """A key's events stay together and in order; events without a key share one."""
    keys = ["k_000000000000000a", "k_000000000000000b", None]
    lines = [event_line(number, key_id=keys[number % 3]) for number in range(9)]
    messages = list(pack(b"".join(lines), "a-1", "key", 1 << 20))
    packed = {message.partition_key: message.body for message in messages}
    assert packed == {key or "none": b"".join(lines[at::3]) for at, key in enumerate(keys)}


def test_a_damaged_line_stays_one_line(event_line: MakeLine) -> None:
    """A carriage return ends no line."""
    lines = event_line(1) + b'{"odd":"\r","more":"\x0b\x1c"}\n' + event_line(2)
    messages = list(pack(lines, "a-1", "key", 1 << 20))
    assert sorted(line for m in messages for line in m.body.split(b"\n")[:-1]) == sorted(
        lines.split(b"\n")[:-1]
    )


@pytest.mark.parametrize("by", ["segment", "key"])
def test_an_event_has_the_same_partition_key_wherever_a_message_begins(
    event_line: MakeLine, by: PartitionBy
) -> None:
    """Sent again after a restart, in other company, it goes to the same partition."""
    lines = [event_line(number, key_id=f"k_{number % 4:016x}") for number in range(40)]

    def placed(first: int, max_bytes: int) -> dict[bytes, str]:
        messages = pack(b"".join(lines[first:]), "a-1", by, max_bytes)
        return {
            line: message.partition_key
            for message in messages
            for line in message.body.splitlines()
        }

    whole = placed(0, 1 << 20)
    assert placed(0, 900) == whole
    assert placed(7, 2000).items() <= whole.items()
