"""The contract of a source, held against the file queue, a hub, and their fake in memory."""

from __future__ import annotations

import gc
import time
from typing import TYPE_CHECKING, Any, Protocol

import pytest
from azure.eventhub import EventData, EventHubProducerClient

from gatemeter.emulator import Emulator
from gateway_hooks.event_hubs import HubAddress
from ingest.event_hubs import EventHubsSource, LoneOwner
from ingest.event_hubs.positions import split
from ingest.feeds import FeedReader
from ingest.file_queue import FileQueueSource
from ingest.memory import MemorySource
from ingest.types import Partition, Position

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from ingest.source import Source
    from ingest.types import Chunk
    from tests.ingest.conftest import FakeClock
    from tests.queue_samples import HandWriter, MakeLine

    ReadAll = Callable[..., list[tuple[str, bytes]]]


pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


class Rig(Protocol):
    """A source and the other end of it."""

    source: Source

    def append(self, partition: str, line: bytes) -> None:
        """Write one line."""

    def named(self, partition: str) -> Partition:
        """What the source calls a partition."""


class MemoryRig:
    """The fake."""

    def __init__(self, clock: FakeClock) -> None:
        self._memory = MemorySource(clock)
        self.source: Source = self._memory

    def append(self, partition: str, line: bytes) -> None:
        """See `Rig`."""
        self._memory.append(partition, line)

    def named(self, partition: str) -> Partition:
        """See `Rig`."""
        return Partition(partition)


class FileQueueRig:
    """The real thing; every second line ends a segment."""

    def __init__(self, folder: Path, clock: FakeClock, make: Callable[..., HandWriter]) -> None:
        self.source: Source = FileQueueSource(folder, clock, make_durable=lambda: None)
        self._folder = folder
        self._make = make
        self._writers: dict[str, HandWriter] = {}
        self._lines = 0

    def append(self, partition: str, line: bytes) -> None:
        """See `Rig`."""
        if partition not in self._writers:
            self._writers[partition] = self._make(self._folder, partition)
        self._writers[partition].append(line)
        self._lines += 1
        if self._lines % 2 == 0:
            self._writers[partition].seal()

    def named(self, partition: str) -> Partition:
        """See `Rig`."""
        return Partition(partition)


class PatientHub(EventHubsSource):
    """A hub that is waited for: what was sent before a poll is there for it."""

    def __init__(self, hub: HubAddress, clock: FakeClock) -> None:
        async def owners() -> LoneOwner:
            return LoneOwner()

        self.sent: dict[str, int] = {}
        """Messages by partition."""
        super().__init__(
            "hub",
            connect=lambda store: hub.consumer("$Default", store, balance_seconds=0.5),
            owners=owners,
            ledger=dict,
            feeds=FeedReader.of(salt=b"salt" * 8, gateway="test"),
            clock=clock,
        )

    def poll(
        self, positions: Mapping[Partition, Position], *, max_rows: int, max_bytes: int
    ) -> Chunk | None:
        """The next chunk, or None when everything that was sent has been read."""
        deadline = time.monotonic() + 30
        while (
            chunk := super().poll(positions, max_rows=max_rows, max_bytes=max_bytes)
        ) is None and any(
            split(positions.get(Partition(name), Position(0)))[0] < count
            for name, count in self.sent.items()
        ):
            assert time.monotonic() < deadline, "the hub gives nothing"
            time.sleep(0.01)
        return chunk


class HubRig:
    """The SDK and an emulated hub; each line is a message."""

    def __init__(self, hub: Emulator, clock: FakeClock) -> None:
        self._source = PatientHub(HubAddress.parse(hub.connection_string), clock)
        self.source: Source = self._source
        self._producer = EventHubProducerClient.from_connection_string(hub.connection_string)

    def append(self, partition: str, line: bytes) -> None:
        """See `Rig`."""
        place = self.named(partition)
        self._producer.send_batch([EventData(line)], partition_id=place)
        self._source.sent[place] = self._source.sent.get(place, 0) + 1

    def named(self, partition: str) -> Partition:
        """See `Rig`."""
        return Partition("0" if partition in {"a", "busy"} else "1")

    def close(self) -> None:
        """Disconnect the other end."""
        self._producer.close()


@pytest.fixture(params=["memory", "file_queue", "event_hubs"])
def rig(
    request: pytest.FixtureRequest, tmp_path: Path, clock: FakeClock, hand_writer: Any
) -> Iterator[Rig]:
    """Each source in turn."""
    if request.param == "event_hubs":
        with Emulator() as hub:
            made = HubRig(hub, clock)
            yield made
            made.close()
            made.source.close()
        gc.collect()
        return
    simple: Rig = (
        MemoryRig(clock)
        if request.param == "memory"
        else FileQueueRig(tmp_path / "queue", clock, hand_writer)
    )
    yield simple
    simple.source.close()


def test_lines_come_complete_and_in_each_partitions_order(
    rig: Rig, event_line: MakeLine, read_all: ReadAll
) -> None:
    """Order within a partition is the order of appending; nothing is missing or twice."""
    for number in range(9):
        rig.append("ab"[number % 2], event_line(number))
    lines = read_all(rig.source, {})
    for partition, first in (("a", 0), ("b", 1)):
        expected = [event_line(number) for number in range(first, 9, 2)]
        assert [line for name, line in lines if name == rig.named(partition)] == expected


def test_reading_resumes_where_the_positions_say(
    rig: Rig, event_line: MakeLine, read_all: ReadAll
) -> None:
    """What was read before the positions does not come again, what is appended later does."""
    positions: dict[Partition, Position] = {}
    rig.append("a", event_line(1))
    assert read_all(rig.source, positions) == [(rig.named("a"), event_line(1))]
    assert read_all(rig.source, positions) == []
    rig.append("a", event_line(2))
    rig.append("a", event_line(3))
    assert read_all(rig.source, positions) == [
        (rig.named("a"), event_line(2)),
        (rig.named("a"), event_line(3)),
    ]


def test_what_is_not_acknowledged_can_be_had_again(
    rig: Rig, event_line: MakeLine, read_all: ReadAll
) -> None:
    """After a failed commit the consumer asks from the old positions and gets the same lines."""
    for number in range(6):
        rig.append("a", event_line(number))
    first = read_all(rig.source, {})
    assert len(first) == 6
    assert read_all(rig.source, {}) == first


def test_acknowledged_lines_may_go_but_no_others(
    rig: Rig, event_line: MakeLine, read_all: ReadAll
) -> None:
    """Acknowledging some lines leaves every later one readable."""
    for number in range(7):
        rig.append("a", event_line(number))
    chunk = rig.source.poll({}, max_rows=3, max_bytes=1 << 20)
    assert chunk is not None
    positions = {chunk.partition: chunk.after}
    rig.source.acknowledge(positions)
    rest = [line for _, line in read_all(rig.source, positions)]
    assert rest == [event_line(number) for number in range(chunk.rows, 7)]


def test_acknowledging_everything_leaves_nothing_to_read(
    rig: Rig, event_line: MakeLine, read_all: ReadAll
) -> None:
    """A drained source stays empty for the ledger's positions."""
    for number in range(6):
        rig.append("a", event_line(number))
    positions: dict[Partition, Position] = {}
    read_all(rig.source, positions)
    rig.source.acknowledge(positions)
    assert read_all(rig.source, positions) == []
    assert rig.source.lag(positions).size_bytes == 0


@pytest.mark.parametrize(("max_rows", "max_bytes"), [(1, 1 << 20), (2, 1 << 20), (1000, 1)])
def test_bounds_are_kept_and_never_stop_the_reading(
    rig: Rig, event_line: MakeLine, read_all: ReadAll, max_rows: int, max_bytes: int
) -> None:
    """A chunk has at most the rows asked for; a line longer than the bytes comes alone."""
    for number in range(5):
        rig.append("a", event_line(number))
    chunk = rig.source.poll({}, max_rows=max_rows, max_bytes=max_bytes)
    assert chunk is not None
    assert 1 <= chunk.rows == chunk.lines.count(b"\n") <= max_rows
    assert chunk.rows == 1 or len(chunk.lines) <= max_bytes
    lines = read_all(rig.source, {}, max_rows=max_rows, max_bytes=max_bytes)
    assert [line for _, line in lines] == [event_line(number) for number in range(5)]


def test_partitions_take_turns(rig: Rig, event_line: MakeLine) -> None:
    """A partition with a backlog does not make another one wait for its end."""
    backlog = 100
    for number in range(backlog):
        rig.append("busy", event_line(number))
    rig.append("quiet", event_line(99))
    positions: dict[Partition, Position] = {}
    seen: list[Partition] = []
    while not {rig.named("busy"), rig.named("quiet")} <= set(seen):
        assert len(seen) < backlog
        chunk = rig.source.poll(positions, max_rows=1, max_bytes=1 << 20)
        assert chunk is not None
        positions[chunk.partition] = chunk.after
        seen.append(chunk.partition)
        time.sleep(0.05)  # a partition of a hub comes over a link of its own, when it comes


def test_every_line_has_the_position_of_its_first_byte(rig: Rig, event_line: MakeLine) -> None:
    """Asking from a line's position hands out that line first: dead letters can be found again."""
    for number in range(2):
        rig.append("a", event_line(number))
    chunk = rig.source.poll({}, max_rows=10, max_bytes=1 << 20)
    assert chunk is not None
    second = chunk.after if chunk.rows == 1 else chunk.position_of(len(event_line(0)))
    again = rig.source.poll({chunk.partition: second}, max_rows=1, max_bytes=1 << 20)
    assert again is not None
    assert again.lines == event_line(1)


@pytest.mark.parametrize("rig", ["memory", "file_queue"], indirect=True)
def test_lag_is_what_waits_and_how_long(
    rig: Rig, event_line: MakeLine, read_all: ReadAll, clock: FakeClock
) -> None:
    """The lag counts unread bytes and the age of the oldest event's end."""
    line = event_line(0, started_at="2026-11-21T08:59:50.000000Z", duration_ms=4000.0)
    rig.append("a", line)
    lag = rig.source.lag({})
    assert (lag.size_bytes, lag.seconds) == (len(line), 6.0)
    clock.seconds += 10
    assert rig.source.lag({}).seconds == 16.0
    positions: dict[Partition, Position] = {}
    read_all(rig.source, positions)
    assert rig.source.lag(positions).size_bytes == 0
    assert rig.source.lag(positions).seconds == 0


def test_an_empty_source_has_nothing(rig: Rig) -> None:
    """No lines: no chunk, no lag, and nothing wrong with acknowledging."""
    assert rig.source.poll({}, max_rows=1, max_bytes=1) is None
    assert rig.source.lag({}).size_bytes == 0
    rig.source.acknowledge({Partition("gone"): Position(7)})
    assert rig.source.counts.segments_deleted == 0
