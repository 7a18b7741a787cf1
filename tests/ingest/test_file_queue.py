"""The file queue's own promises: segments, gaps, damage, orphans, deletion."""

from __future__ import annotations

import os
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway_hooks.errors import QueueLocked, QueueUnusable
from gateway_hooks.queue.segment_folder import SegmentFolder
from gateway_hooks.segments import SegmentName
from ingest.clock import SystemClock
from ingest.file_queue import LISTING_SECONDS, ORPHAN_CHECK_SECONDS, FileQueueSource
from ingest.types import Partition, Position

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from gateway_hooks.queue.segment_folder import OpenedSegment
    from ingest.types import Chunk
    from tests.ingest.conftest import FakeClock
    from tests.queue_samples import HandWriter, MakeLine

    ReadAll = Callable[..., list[tuple[str, bytes]]]

A = Partition("a")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The queue's directory."""
    return tmp_path / "queue"


@pytest.fixture
def writer(folder: Path, hand_writer: Callable[..., HandWriter]) -> HandWriter:
    """A writer named `a`."""
    return hand_writer(folder, "a")


def chunks_of(source: FileQueueSource, positions: dict[Partition, Position]) -> list[Chunk]:
    """Poll until there is nothing."""
    chunks = []
    while (chunk := source.poll(positions, max_rows=1000, max_bytes=1 << 24)) is not None:
        positions[chunk.partition] = chunk.after
        chunks.append(chunk)
    return chunks


def faults_of(source: FileQueueSource) -> list[tuple[str, str]]:
    """Kinds and reasons of everything that is wrong with a queue."""
    chunks = chunks_of(source, {})
    return [(fault.kind, fault.reason) for chunk in chunks for fault in chunk.faults]


def test_nothing_behind_the_last_newline_is_read(
    queue: FileQueueSource, writer: HandWriter, event_line: MakeLine, read_all: ReadAll
) -> None:
    """A torn tail is no event; once its rest arrives it is one."""
    line = event_line(2)
    writer.append(event_line(1), line[:40])
    positions: dict[Partition, Position] = {}
    assert read_all(queue, positions) == [("a", event_line(1))]
    writer.append(line[40:])
    assert read_all(queue, positions) == [("a", line)]


def test_a_trailer_is_never_a_line(
    queue: FileQueueSource, writer: HandWriter, event_line: MakeLine, read_all: ReadAll
) -> None:
    """Between the trailer and the rename, and after it, readers see events only."""
    positions: dict[Partition, Position] = {}
    writer.append(event_line(1)).end()
    assert read_all(queue, positions) == [("a", event_line(1))]
    writer.rename()
    (chunk,) = chunks_of(queue, positions)
    assert (chunk.lines, chunk.after, chunk.faults) == (b"", Position(2 << 40), ())


def test_a_segment_that_is_renamed_after_the_listing_is_found(
    queue: FileQueueSource, writer: HandWriter, event_line: MakeLine, hand_writer: Any
) -> None:
    """A round lists the writers first; sealing in the middle of it loses and repeats nothing."""
    other = hand_writer(writer.folder, "b")
    writer.append(event_line(1))
    other.append(event_line(2))
    first = queue.poll({}, max_rows=10, max_bytes=1 << 20)
    assert first is not None
    other.append(event_line(3)).seal()
    second = queue.poll({first.partition: first.after}, max_rows=10, max_bytes=1 << 20)
    assert second is not None
    assert second.lines == event_line(2) + event_line(3)
    assert second.faults == ()


def test_a_missing_segment_is_reported_once_and_stepped_over(
    queue: FileQueueSource, writer: HandWriter, event_line: MakeLine
) -> None:
    """A gap in the numbers costs its own events, not the ones behind it."""
    for number in range(4):
        writer.append(event_line(number)).seal()
    for number in (2, 3):
        (writer.folder / SegmentName("a", number, is_open=False).filename).unlink()
    positions: dict[Partition, Position] = {}
    chunks = chunks_of(queue, positions)
    assert [chunk.lines for chunk in chunks] == [event_line(0), b"", event_line(3)]
    (fault,) = chunks[1].faults
    assert (fault.kind, fault.count, fault.position) == ("missing_segment", 2, Position(2 << 40))
    assert "segment 2 to 3 of a" in fault.reason


def test_a_segment_that_vanishes_half_read_is_reported(
    queue: FileQueueSource, writer: HandWriter, event_line: MakeLine
) -> None:
    """The part of it that was not read is named."""
    writer.append(event_line(0), event_line(1)).seal()
    writer.append(event_line(2))
    half = Position(1 << 40 | len(event_line(0)))
    (writer.folder / SegmentName("a", 1, is_open=False).filename).unlink()
    chunk = queue.poll({A: half}, max_rows=9, max_bytes=1 << 20)
    assert chunk is not None
    assert "from byte" in chunk.faults[0].reason
    assert (chunk.before, chunk.after) == (half, Position(2 << 40))


def test_a_writer_that_has_not_begun_its_next_segment_is_no_gap(
    queue: FileQueueSource, writer: HandWriter, event_line: MakeLine
) -> None:
    """A position at the beginning of a segment that does not exist yet simply waits."""
    writer.append(event_line(0)).seal()
    positions: dict[Partition, Position] = {}
    assert len(chunks_of(queue, positions)) == 1
    assert positions == {A: Position(2 << 40)}
    assert chunks_of(queue, positions) == []


@given(where=st.floats(0, 0.999), bit=st.integers(0, 7))
@settings(max_examples=60, deadline=None)
def test_a_flipped_bit_anywhere_is_reported(
    where: float,
    bit: int,
    event_line: MakeLine,
    hand_writer: Callable[..., HandWriter],
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """Bit rot in a sealed segment never passes in silence, and never stops the reading."""
    writer = hand_writer(tmp_path_factory.mktemp("queue"), "a")
    writer.append(*[event_line(number) for number in range(5)]).seal()
    content = bytearray(writer.sealed_path.read_bytes())
    content[int(where * len(content))] ^= 1 << bit
    writer.sealed_path.write_bytes(content)
    source = FileQueueSource(writer.folder, SystemClock(), make_durable=lambda: None)
    try:
        positions: dict[Partition, Position] = {}
        chunks = chunks_of(source, positions)
        assert "damaged_segment" in [fault.kind for each in chunks for fault in each.faults]
        assert positions == {A: Position(2 << 40)}
        bad_lines = sum(fault.kind == "bad_line" for each in chunks for fault in each.faults)
        assert sum(chunk.rows for chunk in chunks) + bad_lines >= 4
    finally:
        source.close()


def test_damage_is_told_with_both_counts(
    queue: FileQueueSource, writer: HandWriter, event_line: MakeLine
) -> None:
    """The reason says what was sealed and what was read."""
    writer.append(event_line(0), event_line(1)).seal()
    content = writer.sealed_path.read_bytes()
    writer.sealed_path.write_bytes(content.replace(event_line(1), b""))
    ((kind, reason),) = faults_of(queue)
    assert kind == "damaged_segment"
    assert "sealed with 2 lines" in reason
    assert "read 1 lines" in reason


def test_damage_is_found_when_reading_resumes_in_the_middle(
    queue: FileQueueSource, writer: HandWriter, event_line: MakeLine
) -> None:
    """The check covers the whole segment, not only what this consumer read."""
    writer.append(event_line(0), event_line(1)).seal()
    content = writer.sealed_path.read_bytes()
    writer.sealed_path.write_bytes(content.replace(b"gpt-4o", b"gpt-4x", 1))
    positions = {A: Position(1 << 40 | len(event_line(0)))}
    (chunk,) = chunks_of(queue, positions)
    assert chunk.lines == event_line(1)
    assert [fault.kind for fault in chunk.faults] == ["damaged_segment"]


def test_a_sealed_segment_cut_short_is_reported_with_its_torn_line(
    queue: FileQueueSource, writer: HandWriter, event_line: MakeLine
) -> None:
    """Whole lines are handed out, the torn one and the missing trailer are faults."""
    writer.append(event_line(0), event_line(1)).seal()
    content = writer.sealed_path.read_bytes()
    writer.sealed_path.write_bytes(content[: len(event_line(0)) + 50])
    chunks = chunks_of(queue, {})
    assert b"".join(chunk.lines for chunk in chunks) == event_line(0)
    faults = [fault for chunk in chunks for fault in chunk.faults]
    assert [fault.kind for fault in faults] == ["bad_line", "damaged_segment"]
    assert "inside a line of 50 bytes" in faults[0].reason


def test_a_position_behind_the_end_finishes_the_segment(
    queue: FileQueueSource, writer: HandWriter, event_line: MakeLine
) -> None:
    """A power cut can take bytes that were already committed; reading goes on with the next."""
    writer.append(event_line(0)).seal()
    writer.append(event_line(1))
    positions = {A: Position(1 << 40 | 1_000_000)}
    chunks = chunks_of(queue, positions)
    assert [chunk.lines for chunk in chunks] == [b"", event_line(1)]


@pytest.mark.parametrize("excess", [0, 1, 3 << 20])
@pytest.mark.parametrize("sealed", [True, False])
def test_a_line_longer_than_the_bound_is_a_fault_and_no_more(
    queue: FileQueueSource, writer: HandWriter, event_line: MakeLine, *, excess: int, sealed: bool
) -> None:
    """One line of any length never crashes the consumer nor hides its neighbours."""
    long = b"x" * ((1 << 20) - 1 + excess) + b"\n"
    writer.append(event_line(0), long, event_line(1))
    if sealed:
        writer.seal()
    chunks = chunks_of(queue, {})
    lines = b"".join(chunk.lines for chunk in chunks)
    faults = [fault for chunk in chunks for fault in chunk.faults]
    if excess == 0:
        assert lines == event_line(0) + long + event_line(1)
        assert faults == []
    else:
        assert lines == event_line(0) + event_line(1)
        assert [fault.position for fault in faults] == [Position(1 << 40 | len(event_line(0)))]
        assert f"line of {len(long)} bytes" in faults[0].reason


def test_files_that_are_no_segments_are_left_alone(
    queue: FileQueueSource, folder: Path, read_all: ReadAll
) -> None:
    """Notes, drafts and folders in the queue directory are neither read nor deleted."""
    others = ["README", "a-1.ndjson", ".a-00000001.ndjson.open.draft", "a-00000001.ndjson.bak"]
    for name in others:
        (folder / name).write_bytes(b"{}\n")
    (folder / "b-00000001.ndjson").mkdir()
    (folder / "c-00000001.ndjson").symlink_to(folder / "README")
    assert read_all(queue, {}) == []
    queue.acknowledge({Partition("b"): Position(9 << 40), Partition("c"): Position(9 << 40)})
    assert {*others, "b-00000001.ndjson", "c-00000001.ndjson"} <= {
        path.name for path in folder.iterdir()
    }


def test_segments_are_deleted_after_the_commit_that_covers_them_and_not_before(
    queue: FileQueueSource, writer: HandWriter, event_line: MakeLine
) -> None:
    """Deleting needs a committed position behind the segment's end."""
    writer.append(event_line(0)).seal()
    sealed = writer.sealed_path
    writer.append(event_line(1))
    chunks_of(queue, {})
    queue.acknowledge({})
    queue.acknowledge({A: Position(1 << 40 | len(event_line(0)))})
    assert sealed.exists()
    queue.acknowledge({A: Position(2 << 40)})
    assert not sealed.exists()
    assert writer.open_path.exists()
    assert queue.counts.segments_deleted == 1


def test_an_open_segment_is_never_deleted(
    queue: FileQueueSource, writer: HandWriter, event_line: MakeLine
) -> None:
    """Whatever the positions say, a file that somebody may write to stays."""
    writer.append(event_line(0))
    queue.acknowledge({A: Position(9 << 40)})
    assert writer.open_path.exists()


def test_a_segment_that_appears_while_it_is_looked_for_is_no_gap(
    queue: FileQueueSource, writer: HandWriter, event_line: MakeLine
) -> None:
    """Only what two looks in a row do not find is missing."""

    class Late(SegmentFolder):
        looks = 0

        @contextmanager
        def opened(self, writer: str, number: int) -> Iterator[OpenedSegment | None]:
            self.looks += 1
            if self.looks == 1:
                yield None
            else:
                with super().opened(writer, number) as segment:
                    yield segment

    writer.append(event_line(0)).seal()
    writer.append(event_line(1))
    queue._segments = Late(queue.folder)
    chunks = chunks_of(queue, {})
    assert [fault for chunk in chunks for fault in chunk.faults] == []
    assert b"".join(chunk.lines for chunk in chunks) == event_line(0) + event_line(1)


def test_a_segment_is_found_at_any_moment_of_its_renaming(folder: Path) -> None:
    """Hundreds of segments are sealed while they are looked for; none seems to be missing."""
    folder.mkdir()
    segments = SegmentFolder(folder)
    newest = 0

    def seal_many() -> None:
        nonlocal newest
        for number in range(1, 801):
            name = SegmentName("a", number, is_open=True)
            (folder / name.filename).touch()
            newest = number
            (folder / name.filename).rename(folder / name.sealed().filename)

    thread = threading.Thread(target=seal_many)
    thread.start()
    missed = 0
    while thread.is_alive():
        number = newest
        with segments.opened("a", number) as segment:
            missed += segment is None and number > 0
    thread.join()
    assert missed == 0


def test_lag_leaves_out_what_is_stored_and_not_deleted_yet(
    queue: FileQueueSource, writer: HandWriter, event_line: MakeLine
) -> None:
    """Between a commit and the deleting nothing waits."""
    writer.append(event_line(0)).seal()
    positions: dict[Partition, Position] = {}
    chunks_of(queue, positions)
    assert writer.sealed_path.exists()
    assert queue.lag(positions).size_bytes == 0


def test_the_commit_is_brought_to_the_disk_before_its_segments_go(
    folder: Path, writer: HandWriter, event_line: MakeLine, clock: FakeClock
) -> None:
    """A power cut that takes back the last commit still finds the segment."""
    seen: list[bool] = []
    writer.append(event_line(0)).seal()
    source = FileQueueSource(
        folder, clock, make_durable=lambda: seen.append(writer.sealed_path.exists())
    )
    source.acknowledge({A: Position(2 << 40)})
    source.close()
    assert seen == [True]
    assert not writer.sealed_path.exists()


def test_what_a_dead_writer_left_is_sealed_at_its_last_whole_line(
    queue: FileQueueSource, writer: HandWriter, event_line: MakeLine, read_all: ReadAll
) -> None:
    """An orphan is finished like any other segment, its torn tail apart."""
    writer.append(event_line(0), b'{"torn').die()
    positions: dict[Partition, Position] = {}
    assert read_all(queue, positions) == [("a", event_line(0))]
    assert positions == {A: Position(2 << 40)}
    assert not writer.open_path.exists()
    assert queue.counts.orphans_sealed == 1


def test_a_living_writer_is_never_sealed(
    queue: FileQueueSource, writer: HandWriter, event_line: MakeLine, clock: FakeClock
) -> None:
    """However quiet a writer is, its segment stays open while it holds the lock."""
    writer.append(event_line(0))
    for _ in range(5):
        chunks_of(queue, {})
        clock.seconds += 1000
    assert writer.open_path.exists()
    assert queue.counts.orphans_sealed == 0


def test_a_writer_that_dies_later_is_noticed(
    queue: FileQueueSource, writer: HandWriter, event_line: MakeLine, clock: FakeClock
) -> None:
    """Orphans are looked for again and again, not only at the start."""
    writer.append(event_line(0))
    positions: dict[Partition, Position] = {}
    chunks_of(queue, positions)
    writer.die()
    clock.seconds += ORPHAN_CHECK_SECONDS
    chunks_of(queue, positions)
    assert positions == {A: Position(2 << 40)}


def test_a_new_writer_gets_its_turn_while_others_have_a_backlog(
    queue: FileQueueSource,
    writer: HandWriter,
    event_line: MakeLine,
    hand_writer: Any,
    clock: FakeClock,
) -> None:
    """Writers that appear during a backlog do not wait for its end."""
    for number in range(50):
        writer.append(event_line(number)).seal()
    positions: dict[Partition, Position] = {}
    seen = []
    for turn in range(4):
        chunk = queue.poll(positions, max_rows=1, max_bytes=1 << 20)
        assert chunk is not None
        positions[chunk.partition] = chunk.after
        seen.append(chunk.partition)
        if turn == 0:
            hand_writer(writer.folder, "b").append(event_line(99))
            clock.sleep(LISTING_SECONDS)
    assert "b" in seen


def test_a_backlog_of_many_segments_is_listed_once_and_not_for_each(
    queue: FileQueueSource, writer: HandWriter, event_line: MakeLine, read_all: ReadAll
) -> None:
    """The work grows with the segments, not with their square."""

    class Counted(SegmentFolder):
        listings = 0

        def names(self) -> dict[str, list[SegmentName]]:
            self.listings += 1
            return super().names()

    for number in range(60):
        writer.append(event_line(number)).seal()
    counted = queue._segments = Counted(queue.folder)
    assert len(read_all(queue, {})) == 60
    assert counted.listings < 10


def test_a_second_consumer_is_told_who_is_first(queue: FileQueueSource, folder: Path) -> None:
    """Two consumers of one queue would delete each other's segments."""
    with pytest.raises(QueueLocked, match=f"process {os.getpid()} already reads"):
        FileQueueSource(folder, SystemClock())
    queue.close()
    FileQueueSource(folder, SystemClock()).close()


def test_both_names_of_one_segment_stop_the_consumer(
    queue: FileQueueSource, writer: HandWriter, event_line: MakeLine
) -> None:
    """A copied-back segment must not overwrite another one: somebody has to decide."""
    writer.append(event_line(0)).die()
    writer.sealed_path.write_bytes(event_line(1))
    with pytest.raises(QueueUnusable, match="holds both"):
        queue.poll({}, max_rows=1, max_bytes=1)


def test_a_folder_that_vanished_stops_the_consumer(queue: FileQueueSource, folder: Path) -> None:
    """The error names the folder."""
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()
    with pytest.raises(QueueUnusable, match=r"cannot use .*queue"):
        queue.poll({}, max_rows=1, max_bytes=1)
