"""The forwarder over a hub in memory: what it sends, frees, sets aside and repeats."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway_hooks.errors import QueueLocked
from gateway_hooks.event_hubs import forwarder as module
from gateway_hooks.event_hubs.failures import SendFailed, Trouble
from gateway_hooks.event_hubs.forwarder import SET_ASIDE, Forwarder, HubStayedAway
from gateway_hooks.segments import SegmentName

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from gateway_hooks.event_hubs.pack import Message
    from tests.queue_samples import HandWriter, MakeLine

MAX_BYTES = 2000


@dataclass
class MemoryHub:
    """Takes messages, unless it is told to fail."""

    messages: list[Message] = field(default_factory=list)
    failures: Iterator[tuple[Trouble, bool]] = field(default_factory=lambda: iter(()))
    """Trouble, and whether the message was stored all the same."""
    after_send: Callable[[], None] = lambda: None
    closed: int = 0

    async def max_bytes(self) -> int:
        """The longest body."""
        return MAX_BYTES

    async def send(self, message: Message) -> None:
        """Store, fail, or both."""
        trouble, stored = next(self.failures, (None, True))
        if stored:
            self.messages.append(message)
        self.after_send()
        if trouble is not None:
            raise SendFailed(trouble, "as told")

    async def close(self) -> None:
        """Disconnect."""
        self.closed += 1

    @property
    def lines(self) -> list[bytes]:
        """Everything that was stored, in order."""
        return b"".join(message.body for message in self.messages).splitlines(keepends=True)


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Back-off is there, but takes no time."""
    monkeypatch.setattr(module, "_pause_seconds", lambda _trouble, _number: 0.001)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A queue's folder."""
    return tmp_path / "queue"


def forward(
    folder: Path, hub: MemoryHub, *, give_up_after_seconds: float | None = None
) -> Forwarder:
    """Forward all there is."""

    async def run() -> Forwarder:
        forwarder = Forwarder(folder, hub, give_up_after_seconds=give_up_after_seconds)
        try:
            await forwarder.run(once=True)
        finally:
            await forwarder.close()
        return forwarder

    return asyncio.run(run())


def segments(folder: Path) -> list[str]:
    """What is left of the queue."""
    return sorted(path.name for path in folder.iterdir() if SegmentName.parse(path))


def test_everything_arrives_packed_and_is_freed(
    folder: Path, hand_writer: Callable[..., HandWriter], event_line: MakeLine
) -> None:
    """Sealed segments are deleted, an open one is read up to its last whole line and stays."""
    lines = [event_line(number) for number in range(30)]
    writer = hand_writer(folder, "a").append(*lines[:10]).seal()
    writer.append(*lines[10:25]).seal()
    writer.append(*lines[25:], b'{"torn":')
    hub = MemoryHub()
    counts = forward(folder, hub).counts
    assert hub.lines == lines
    assert all(len(message.body) <= MAX_BYTES for message in hub.messages)
    assert (counts.events, counts.messages, counts.segments_freed) == (30, len(hub.messages), 2)
    assert counts.messages < 15
    assert segments(folder) == [writer.open_path.name]
    assert hub.closed == 1


def test_a_restart_sends_only_what_is_new(
    folder: Path, hand_writer: Callable[..., HandWriter], event_line: MakeLine
) -> None:
    """The place in an open segment is kept beside it."""
    writer = hand_writer(folder, "a").append(event_line(1))
    forward(folder, MemoryHub())
    writer.append(event_line(2))
    hub = MemoryHub()
    forward(folder, hub)
    assert hub.lines == [event_line(2)]


def test_a_dead_writers_segment_is_sealed_sent_and_freed(
    folder: Path, hand_writer: Callable[..., HandWriter], event_line: MakeLine
) -> None:
    """A gateway that was killed leaves nothing behind."""
    hand_writer(folder, "a").append(event_line(1), b'{"torn').die()
    hub = MemoryHub()
    forward(folder, hub)
    assert hub.lines == [event_line(1)]
    assert segments(folder) == []


@settings(max_examples=40, deadline=None)
@given(
    failures=st.lists(
        st.tuples(
            st.sampled_from([t for t in Trouble if t is not Trouble.OVERSIZE]), st.booleans()
        ),
        max_size=8,
    )
)
def test_whatever_fails_nothing_is_lost_and_each_copy_goes_to_its_partition(
    failures: list[tuple[Trouble, bool]],
    tmp_path_factory: pytest.TempPathFactory,
    hand_writer: Callable[..., HandWriter],
    event_line: MakeLine,
) -> None:
    """Stored or not, acknowledged or not: each line arrives, a repeated one beside its copy."""
    folder = tmp_path_factory.mktemp("queue")
    lines = [event_line(number) for number in range(12)]
    hand_writer(folder, "a").append(*lines[:6]).seal().append(*lines[6:]).seal()
    hub = MemoryHub(failures=iter(failures))
    counts = forward(folder, hub).counts
    assert set(hub.lines) == set(lines)
    assert segments(folder) == []
    assert sum(counts.troubles.values()) == len(failures)
    assert counts.events == 12
    placed: dict[bytes, set[str]] = {}
    for message in hub.messages:
        for line in message.body.splitlines():
            placed.setdefault(line, set()).add(message.partition_key)
    assert all(len(keys) == 1 for keys in placed.values())


@pytest.mark.parametrize("sealed", [True, False])
def test_a_line_that_no_message_can_hold_is_set_aside(
    folder: Path, hand_writer: Callable[..., HandWriter], event_line: MakeLine, *, sealed: bool
) -> None:
    """It stays on this machine, counted, and the lines around it go on."""
    long = b'{"x":"' + b"y" * MAX_BYTES + b'"}\n'
    writer = hand_writer(folder, "a").append(event_line(1), long, event_line(2))
    if sealed:
        writer.seal()
    hub = MemoryHub()
    counts = forward(folder, hub).counts
    assert hub.lines == [event_line(1), event_line(2)]
    assert (folder / SET_ASIDE).read_bytes() == long
    assert (counts.set_aside, counts.events) == (1, 2)


def test_a_flipped_bit_is_counted(
    folder: Path, hand_writer: Callable[..., HandWriter], event_line: MakeLine
) -> None:
    """A segment that does not fit its trailer is sent as it is, and is known to be damaged."""
    writer = hand_writer(folder, "a").append(event_line(1)).seal()
    content = bytearray(writer.sealed_path.read_bytes())
    content[20] ^= 1
    writer.sealed_path.write_bytes(content)
    counts = forward(folder, MemoryHub()).counts
    assert (counts.segments_damaged, counts.events) == (1, 1)


def test_missing_segments_are_stepped_over_and_counted(
    folder: Path, hand_writer: Callable[..., HandWriter], event_line: MakeLine
) -> None:
    """What somebody deleted does not stop what came after."""
    writer = hand_writer(folder, "a").append(event_line(1)).seal()
    writer.append(event_line(2)).seal()
    writer.append(event_line(3)).seal()
    (folder / SegmentName("a", 2, is_open=False).filename).unlink()
    hub = MemoryHub()
    counts = forward(folder, hub).counts
    assert hub.lines == [event_line(1), event_line(3)]
    assert counts.segments_missing == 1


def test_a_writer_that_was_idle_misses_nothing(
    folder: Path, hand_writer: Callable[..., HandWriter], event_line: MakeLine
) -> None:
    """Its segments were sent and freed long ago; the next one has a higher number."""
    writer = hand_writer(folder, "a").append(event_line(1)).seal()
    forward(folder, MemoryHub())
    forward(folder, MemoryHub())
    writer.append(event_line(2)).seal()
    hub = MemoryHub()
    counts = forward(folder, hub).counts
    assert (hub.lines, counts.segments_missing) == ([event_line(2)], 0)


def test_a_run_with_an_end_ends_under_traffic(
    folder: Path, hand_writer: Callable[..., HandWriter], event_line: MakeLine
) -> None:
    """It sends what was there when it began, however much is added meanwhile."""
    writer = hand_writer(folder, "a").append(event_line(0))
    added = iter(range(1, 1000))

    def add() -> None:
        writer.append(event_line(next(added)))

    hub = MemoryHub(after_send=add)
    forward(folder, hub)
    assert event_line(0) in hub.lines
    assert len(hub.lines) < 10


def test_a_limit_that_was_lowered_makes_shorter_messages(
    folder: Path, hand_writer: Callable[..., HandWriter], event_line: MakeLine
) -> None:
    """What no longer fits is cut at lines; only a line that does not fit alone is set aside."""
    lines = [event_line(number) for number in range(4)]
    hand_writer(folder, "a").append(*lines).seal()
    limit = len(lines[0]) + 10

    class Strict(MemoryHub):
        async def send(self, message: Message) -> None:
            if len(message.body) > limit:
                raise SendFailed(Trouble.OVERSIZE, "too long")
            await super().send(message)

    hub = Strict()
    counts = forward(folder, hub).counts
    assert hub.lines == lines
    assert (counts.events, counts.set_aside) == (4, 0)


def test_the_longest_lines_of_a_large_hub_are_sent(
    folder: Path, hand_writer: Callable[..., HandWriter], event_line: MakeLine
) -> None:
    """A hub may take messages longer than what is usually read at once."""

    class Large(MemoryHub):
        async def max_bytes(self) -> int:
            return 10 << 20

    long = b'{"x":"' + b"y" * (5 << 20) + b'"}\n'
    hand_writer(folder, "a").append(event_line(1), long, event_line(2)).seal()
    hub = Large()
    counts = forward(folder, hub).counts
    assert hub.lines == [event_line(1), long, event_line(2)]
    assert (counts.set_aside, counts.segments_freed) == (0, 1)


def test_a_hub_that_stays_away_ends_a_run_that_has_an_end(
    folder: Path, hand_writer: Callable[..., HandWriter], event_line: MakeLine
) -> None:
    """The error says where the events are; they are still there."""
    hand_writer(folder, "a").append(event_line(1)).seal()
    always = iter(lambda: (Trouble.UNREACHABLE, False), None)
    with pytest.raises(HubStayedAway, match="events are safe in"):
        forward(folder, MemoryHub(failures=always), give_up_after_seconds=0.05)
    assert len(segments(folder)) == 1


def test_stopping_while_the_hub_is_away_frees_nothing(
    folder: Path, hand_writer: Callable[..., HandWriter], event_line: MakeLine
) -> None:
    """What is not acknowledged stays, and is sent by the next run."""
    hand_writer(folder, "a").append(event_line(1)).seal()

    async def run() -> None:
        always = iter(lambda: (Trouble.TIMED_OUT, False), None)
        hub = MemoryHub(failures=always)
        forwarder = Forwarder(folder, hub)
        hub.after_send = forwarder.stop
        await forwarder.run()
        await forwarder.close()

    asyncio.run(run())
    hub = MemoryHub()
    forward(folder, hub)
    assert hub.lines == [event_line(1)]


def test_a_queue_has_one_reader(folder: Path) -> None:
    """A forwarder beside a consumer, or a second forwarder, is told who is first."""
    first = Forwarder(folder, MemoryHub())
    with pytest.raises(QueueLocked, match="already reads"):
        Forwarder(folder, MemoryHub())
    asyncio.run(first.close())
