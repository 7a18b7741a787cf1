"""The loop: what is read is stored once, whatever happens between any two steps."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from analytics.errors import BadLines, LedgerConflict, StoreBusy
from analytics.types import Advance, Batch
from ingest.consumer import BatchLimits, Consumer
from ingest.errors import CountsDisagree, LedgerContested, PathsDisagree, StoreStayedBusy
from ingest.memory import MemorySource
from ingest.memory_destination import MemoryDestination
from ingest.retries import Backoff
from ingest.shutdown import Shutdown

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from analytics.types import LoadResult
    from ingest.file_queue import FileQueueSource
    from tests.ingest.conftest import FakeClock
    from tests.queue_samples import HandWriter, MakeLine


@pytest.fixture
def source(clock: FakeClock) -> MemorySource:
    """A source in memory."""
    return MemorySource(clock)


@pytest.fixture
def consumer(source: MemorySource, destination: MemoryDestination, clock: FakeClock) -> Consumer:
    """A consumer of small batches."""
    return Consumer(source, destination, clock, Shutdown(), BatchLimits(rows=10, seconds=1.0))


def test_everything_there_is_stored_in_one_run(
    consumer: Consumer, source: MemorySource, destination: MemoryDestination, event_line: MakeLine
) -> None:
    """`once` ends when nothing is left, with every line accounted for."""
    for number in range(25):
        source.append("ab"[number % 2], event_line(number))
    totals = consumer.run(once=True)
    assert (totals.events_stored, totals.duplicates, totals.dead_letters) == (25, 0, 0)
    assert len(destination.events) == 25
    assert source.lag(consumer.positions).size_bytes == 0


def test_chunks_of_several_partitions_share_a_commit(
    consumer: Consumer, source: MemorySource, destination: MemoryDestination, event_line: MakeLine
) -> None:
    """Each partition moves once in a batch, from where the ledger had it."""
    for number in range(6):
        source.append("abc"[number % 3], event_line(number))
    consumer.run(once=True)
    (batch,) = destination.batches
    assert sorted(advance.partition for advance in batch.advances) == ["a", "b", "c"]
    assert all(advance.before is None for advance in batch.advances)


def test_a_second_run_goes_on_from_the_ledger(
    consumer: Consumer, source: MemorySource, destination: MemoryDestination, event_line: MakeLine
) -> None:
    """A restart stores nothing twice and misses nothing."""
    source.append("a", event_line(1))
    consumer.run(once=True)
    source.append("a", event_line(2))
    again = Consumer(source, destination, consumer.clock, Shutdown())
    totals = again.run(once=True)
    assert (totals.events_stored, totals.duplicates) == (1, 0)


def test_lines_written_twice_are_stored_once(
    consumer: Consumer, source: MemorySource, event_line: MakeLine
) -> None:
    """A producer's retry is a duplicate by its event id, in the same commit or a later one."""
    for number in (1, 1, 2):
        source.append("a", event_line(number))
    consumer.run(once=True)
    source.append("b", event_line(2))
    totals = consumer.run(once=True)
    assert (totals.events_stored, totals.duplicates) == (2, 2)


def test_bad_lines_become_dead_letters_and_the_rest_is_stored(
    consumer: Consumer, source: MemorySource, destination: MemoryDestination, event_line: MakeLine
) -> None:
    """One bad line costs itself only; its position and reason are kept with the commit."""
    lines = [event_line(1), b"nonsense\n", event_line(2)]
    for line in lines:
        source.append("a", line)
    totals = consumer.run(once=True)
    assert (totals.events_stored, totals.dead_letters) == (2, 1)
    (letter,) = destination.dead_letters.values()
    assert letter.position == len(lines[0])
    assert letter.reason.startswith("Invalid JSON")


def test_only_bad_lines_still_move_the_ledger(
    consumer: Consumer, source: MemorySource, destination: MemoryDestination
) -> None:
    """A batch without a single event is committed, else it would come back for ever."""
    source.append("a", b"nonsense\n")
    consumer.run(once=True)
    assert destination.ledger == {("memory", "a"): len(b"nonsense\n")}


def test_a_line_waits_no_longer_than_the_batch_may_age(
    consumer: Consumer,
    source: MemorySource,
    destination: MemoryDestination,
    clock: FakeClock,
    event_line: MakeLine,
) -> None:
    """With little traffic a batch is committed by age: not at once, and not later."""
    source.append("a", event_line(0))
    began = clock.seconds
    committed_after: list[float] = []

    def watch() -> None:
        if clock.seconds - began < 0.4:
            source.append("a", event_line(int(clock.seconds * 1000) % 1000 + 1))
        if destination.batches:
            committed_after.append(clock.seconds - began)
            consumer.shutdown.request()

    clock.on_sleep = watch
    consumer.run()
    assert committed_after[0] == pytest.approx(1.0, abs=0.11)
    assert len(destination.batches) == 1


def test_a_full_batch_is_committed_at_once(
    consumer: Consumer,
    source: MemorySource,
    destination: MemoryDestination,
    clock: FakeClock,
    event_line: MakeLine,
) -> None:
    """When the rows are there nothing is waited for."""
    for number in range(10):
        source.append("a", event_line(number))
    began = clock.seconds
    clock.on_sleep = consumer.shutdown.request
    consumer.run()
    assert len(destination.batches) == 1
    assert clock.seconds - began < 0.1


def test_a_backlog_is_drained_in_large_commits(
    consumer: Consumer, source: MemorySource, destination: MemoryDestination, event_line: MakeLine
) -> None:
    """While more waits, a batch takes up to five times the setting; the last one what is left."""
    for number in range(170):
        source.append("a", event_line(number))
    consumer.run(once=True)
    rows = [batch.lines.count(b"\n") for batch in destination.batches]
    assert rows == [50, 50, 50, 20]


def test_after_a_backlog_commits_are_small_again(
    consumer: Consumer,
    source: MemorySource,
    destination: MemoryDestination,
    clock: FakeClock,
    event_line: MakeLine,
) -> None:
    """Large commits end with the backlog, so that fresh events do not wait for them."""
    for number in range(75):
        source.append("a", event_line(number))
    refilled: list[int] = []

    def refill() -> None:
        if destination.ledger and not refilled:
            refilled.extend(range(75, 95))
            for number in refilled:
                source.append("a", event_line(number))
        elif len(destination.events) == 95:
            consumer.shutdown.request()

    clock.on_sleep = refill
    consumer.run()
    rows = [batch.lines.count(b"\n") for batch in destination.batches]
    assert rows == [50, 25, 20]


def test_a_batch_is_bounded_in_bytes(
    source: MemorySource, destination: MemoryDestination, clock: FakeClock, event_line: MakeLine
) -> None:
    """Long lines make batches of fewer rows."""
    for number in range(10):
        source.append("a", event_line(number))
    limits = BatchLimits(rows=1000, size_bytes=3 * len(event_line(0)) + 10)
    Consumer(source, destination, clock, Shutdown(), limits).run(once=True)
    assert all(batch.lines.count(b"\n") <= 4 for batch in destination.batches)
    assert len(destination.events) == 10


def test_a_busy_store_is_tried_again_with_growing_pauses(
    consumer: Consumer,
    source: MemorySource,
    destination: MemoryDestination,
    clock: FakeClock,
    event_line: MakeLine,
) -> None:
    """A store that is busy for a while costs time, never events."""
    source.append("a", event_line(1))
    destination.fail_next = [StoreBusy("locked")] * 4
    began = clock.seconds
    totals = consumer.run(once=True)
    assert (totals.events_stored, totals.busy_retries) == (1, 4)
    assert 0.375 <= clock.seconds - began <= 0.75


def test_a_store_that_stays_busy_stops_the_consumer(
    source: MemorySource, destination: MemoryDestination, clock: FakeClock, event_line: MakeLine
) -> None:
    """It gives up after a bounded time and says that nothing is lost."""
    source.append("a", event_line(1))
    destination.fail_next = [StoreBusy("locked by process 7")] * 1000
    backoff = Backoff(give_up_after_seconds=60)
    consumer = Consumer(source, destination, clock, Shutdown(), backoff=backoff)
    began = clock.seconds
    with pytest.raises(StoreStayedBusy, match="locked by process 7; the events are safe"):
        consumer.run(once=True)
    assert clock.seconds - began <= 60
    assert source.poll({}, max_rows=1, max_bytes=1) is not None


def test_a_ledger_that_moved_is_read_again(
    source: MemorySource, clock: FakeClock, event_line: MakeLine
) -> None:
    """What another consumer stored meanwhile is skipped, the rest is stored: no line twice."""
    first, second = event_line(1), event_line(2)
    source.append("a", first)
    source.append("a", second)
    stale: list[dict[str, int]] = [{}]

    class Overtaken(MemoryDestination):
        def positions(self, source: str) -> Mapping[str, int]:
            return stale.pop() if stale else super().positions(source)

    overtaken = Overtaken()
    overtaken.load(Batch(first, (Advance("memory", "a", None, len(first)),)))
    totals = Consumer(source, overtaken, clock, Shutdown()).run(once=True)
    assert (totals.ledger_conflicts, totals.events_stored, totals.duplicates) == (1, 1, 0)


def test_endless_conflicts_stop_the_consumer(
    consumer: Consumer, source: MemorySource, destination: MemoryDestination, event_line: MakeLine
) -> None:
    """Two consumers of the same partitions are somebody's mistake and are named."""
    source.append("a", event_line(1))
    destination.fail_next = [LedgerConflict("moved")] * 100
    with pytest.raises(LedgerContested, match="end the other consumer"):
        consumer.run(once=True)


def test_conflicts_with_commits_between_them_stop_nobody(
    consumer: Consumer, source: MemorySource, destination: MemoryDestination, event_line: MakeLine
) -> None:
    """Only conflicts without any progress are endless."""
    for number in range(15):
        source.append("a", event_line(number))
        destination.fail_next = [LedgerConflict("moved")]
        consumer.run(once=True)
    assert (consumer.totals.events_stored, consumer.totals.ledger_conflicts) == (15, 15)


def test_a_store_that_refuses_valid_events_stops_the_consumer(
    source: MemorySource, clock: FakeClock, event_line: MakeLine
) -> None:
    """When both paths disagree it is a bug: no dead letter, no endless loop, nothing lost."""

    class Picky(MemoryDestination):
        def load(self, batch: Batch) -> LoadResult:
            if b"two" in batch.lines:
                raise BadLines("no")
            return super().load(batch)

        def refused_lines(self, lines: Sequence[bytes]) -> Mapping[int, str]:
            return {
                index: "two is a bad name" for index, line in enumerate(lines) if b"two" in line
            }

    picky = Picky()
    lines = [event_line(1), b"nonsense\n", event_line(2, gateway="two")]
    for line in lines:
        source.append("a", line)
    place = len(lines[0] + lines[1])
    with pytest.raises(PathsDisagree, match=rf"refuses 1 lines .* a@{place} two is a bad name"):
        Consumer(source, picky, clock, Shutdown()).run(once=True)
    assert picky.ledger == {}


def test_a_store_that_loses_lines_is_noticed(
    source: MemorySource, clock: FakeClock, event_line: MakeLine
) -> None:
    """Lines given and lines stored are compared at every commit."""

    class Forgetful(MemoryDestination):
        def load(self, batch: Batch) -> LoadResult:
            result = super().load(batch)
            return type(result)(result.stored - 1, result.duplicates, result.dead_letters)

    source.append("a", event_line(1))
    with pytest.raises(CountsDisagree, match="took 0 of 1 lines"):
        Consumer(source, Forgetful(), clock, Shutdown()).run(once=True)


def test_an_unknown_error_stops_the_consumer_before_anything_is_acknowledged(
    consumer: Consumer, source: MemorySource, destination: MemoryDestination, event_line: MakeLine
) -> None:
    """Restart is the way back: the lines are still there."""
    source.append("a", event_line(1))
    destination.fail_next = [RuntimeError("disk on fire")]
    with pytest.raises(RuntimeError, match="disk on fire"):
        consumer.run(once=True)
    assert source.lag({}).size_bytes == len(event_line(1))


def test_asked_to_stop_it_commits_what_it_holds(
    consumer: Consumer,
    source: MemorySource,
    destination: MemoryDestination,
    clock: FakeClock,
    event_line: MakeLine,
) -> None:
    """A clean stop leaves nothing half done."""
    source.append("a", event_line(1))
    clock.on_sleep = consumer.shutdown.request
    totals = consumer.run()
    assert totals.events_stored == 1
    assert destination.ledger == {("memory", "a"): len(event_line(1))}


def test_asked_to_stop_it_does_not_wait_for_a_busy_store(
    consumer: Consumer,
    source: MemorySource,
    destination: MemoryDestination,
    clock: FakeClock,
    event_line: MakeLine,
) -> None:
    """The lines stay in the log for the next start."""
    source.append("a", event_line(1))
    destination.fail_next = [StoreBusy("locked")] * 1000
    clock.on_sleep = consumer.shutdown.request
    began = clock.seconds
    assert consumer.run(once=True).events_stored == 0
    assert clock.seconds - began < 1
    assert source.lag({}).size_bytes == len(event_line(1))


def test_progress_is_told_while_waiting_and_after_commits(
    source: MemorySource, destination: MemoryDestination, clock: FakeClock, event_line: MakeLine
) -> None:
    """Whoever shows the state hears often enough to show it live."""
    seen: list[int] = []

    class Watch:
        def tick(self, consumer: Consumer) -> None:
            seen.append(consumer.totals.commits)
            if len(seen) > 30:
                consumer.shutdown.request()

    source.append("a", event_line(1))
    consumer = Consumer(source, destination, clock, Shutdown(), progress=Watch())
    consumer.run()
    assert seen[0] == 0
    assert seen[-1] == 1


def test_what_a_source_finds_wrong_is_counted_and_logged(
    queue: FileQueueSource,
    clock: FakeClock,
    event_line: MakeLine,
    hand_writer: Callable[..., HandWriter],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Damaged and missing segments have their own counters, a log line and a dead letter each."""
    destination = MemoryDestination()
    writer = hand_writer(queue.folder, "a")
    for number in range(3):
        writer.append(event_line(number)).seal()
        if number == 0:
            content = writer.sealed_path.read_bytes()
            writer.sealed_path.write_bytes(content.replace(b"gpt-4o", b"gpt-4x"))
        if number == 1:
            writer.sealed_path.unlink()
    totals = Consumer(queue, destination, clock, Shutdown()).run(once=True)
    assert (totals.segments_damaged, totals.segments_missing, totals.dead_letters) == (1, 1, 0)
    assert totals.events_stored == 2
    assert len(destination.dead_letters) == 2
    assert [record.getMessage().split(":")[1].split()[0] for record in caplog.records] == [
        "damaged",
        "missing",
    ]
    assert list(queue.folder.glob("*.ndjson*")) == []
