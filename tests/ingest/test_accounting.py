"""Nothing is lost and nothing is made up: in = stored + duplicates + dead letters."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from hypothesis import given, settings
from hypothesis import strategies as st

from analytics import Store
from analytics.dead_letters import list_dead_letters
from analytics.load import Loader
from ingest.clock import SystemClock
from ingest.consumer import BatchLimits, Consumer
from ingest.file_queue import FileQueueSource
from ingest.memory_destination import MemoryDestination
from ingest.shutdown import Shutdown

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pytest

    from tests.queue_samples import HandWriter, MakeLine

BAD = [b"\n", b"  \n", b"nonsense\n", b"{}\n", b'{"event_id":1}\n', b"\xff\xfe\n", b"#x\n", b"[]\n"]


@dataclass
class Written:
    """What went into a queue, by what should become of it."""

    good: set[int] = field(default_factory=set)
    lines: int = 0
    bad: int = 0


def write_at_random(
    data: st.DataObject, writers: list[HandWriter], event_line: MakeLine
) -> Written:
    """Good, repeated, bad and torn lines by several writers that seal and die now and then."""
    written = Written()
    for _ in range(data.draw(st.integers(1, 40), label="steps")):
        writer = data.draw(st.sampled_from(writers), label="writer")
        match data.draw(st.sampled_from(["good"] * 6 + ["bad", "newer", "seal", "die", "torn"])):
            case "good":
                number = data.draw(st.integers(0, 30), label="event")
                writer.append(event_line(number))
                written.good.add(number)
                written.lines += 1
            case "newer":
                number = data.draw(st.integers(0, 30), label="event")
                writer.append(event_line(number, from_the_future=True))
                written.good.add(number)
                written.lines += 1
            case "bad":
                writer.append(data.draw(st.sampled_from(BAD), label="bad line"))
                written.lines += 1
                written.bad += 1
            case "seal":
                writer.seal()
            case "torn":
                writer.append(event_line(99)[: data.draw(st.integers(1, 60))]).die()
                writers.remove(writer)
                writers.append(_successor(writer))
            case "die":
                writer.die()
                writers.remove(writer)
                writers.append(_successor(writer))
    return written


def _successor(writer: HandWriter) -> HandWriter:
    """A restarted process: a new writer with a new name."""
    return type(writer)(writer.folder, writer.writer + "i")


@given(data=st.data(), rows=st.integers(1, 12))
@settings(max_examples=60, deadline=None)
def test_every_line_is_stored_a_duplicate_or_a_dead_letter(
    data: st.DataObject,
    rows: int,
    event_line: MakeLine,
    hand_writer: Callable[..., HandWriter],
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """The three counters add up to the whole lines written, whatever they are."""
    folder = tmp_path_factory.mktemp("queue")
    writers = [hand_writer(folder, name) for name in ("a", "b", "c")]
    written = write_at_random(data, writers, event_line)
    destination = MemoryDestination()
    totals = consume(folder, destination, rows)
    for writer in writers:
        writer.die()
    assert totals.events_stored == len(written.good) == len(destination.events)
    assert totals.dead_letters == written.bad == len(destination.dead_letters)
    assert totals.events_stored + totals.duplicates + totals.dead_letters == written.lines
    assert (totals.segments_damaged, totals.segments_missing) == (0, 0)


def consume(folder: Path, destination: Any, rows: int) -> Any:
    """Drain a queue with a new consumer."""
    source = FileQueueSource(folder, SystemClock(), make_durable=lambda: None)
    try:
        limits = BatchLimits(rows=rows)
        consumer = Consumer(source, destination, SystemClock(), Shutdown(), limits)
        return consumer.run(once=True)
    finally:
        source.close()


@given(data=st.data())
@settings(max_examples=2, deadline=None)
def test_the_real_store_adds_up_too(
    data: st.DataObject,
    event_line: MakeLine,
    hand_writer: Callable[..., HandWriter],
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """The same, counted in the tables themselves."""
    folder = tmp_path_factory.mktemp("queue")
    writers = [hand_writer(folder, name) for name in ("a", "b")]
    written = write_at_random(data, writers, event_line)
    with Store.open(str(tmp_path_factory.mktemp("store"))) as store:
        totals = consume(folder, Loader(store, SystemClock()), 1000)
        stored = store.frame("SELECT count(*), count(DISTINCT event_id) FROM usage.events").row(0)
        assert stored == (len(written.good), len(written.good))
        assert len(list_dead_letters(store)) == written.bad
        assert totals.events_stored + totals.duplicates + totals.dead_letters == written.lines
    for writer in writers:
        writer.die()
