"""Writers and a consumer that die at any point: the queue and the ledger make up for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from analytics.errors import StoreBusy
from ingest.clock import SystemClock
from ingest.consumer import BatchLimits, Consumer
from ingest.file_queue import FileQueueSource
from ingest.memory_destination import MemoryDestination
from ingest.shutdown import Shutdown

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from ingest.types import Partition, Position
    from tests.queue_samples import HandWriter, MakeLine


class Killed(Exception):
    """Stands for SIGKILL."""


class KilledBeforeAcknowledging(FileQueueSource):
    """A source whose process dies between the commit and the deleting."""

    armed = False

    def acknowledge(self, positions: Mapping[Partition, Position]) -> None:
        """Die, once armed."""
        if self.armed:
            raise Killed
        super().acknowledge(positions)


class CrashAndReopen(RuleBasedStateMachine):
    """Writers and a consumer that is killed and restarted at any point between two steps.

    The model is simple: an acknowledged append is stored exactly once by the time the queue is
    drained, and never before it was appended.
    """

    def __init__(
        self, folder: Path, make_writer: Callable[..., HandWriter], make_line: MakeLine
    ) -> None:
        super().__init__()
        self.folder = folder
        self.make_writer = make_writer
        self.make_line = make_line
        self.destination = MemoryDestination()
        self.acknowledged: list[bytes] = []
        self.writers_made = 0
        self.writer = self.new_writer()
        self.source: KilledBeforeAcknowledging | None = None
        self.consumer: Consumer | None = None

    def new_writer(self) -> HandWriter:
        """A new process's writer."""
        self.writers_made += 1
        return self.make_writer(self.folder, f"w{self.writers_made}")

    @rule(count=st.integers(1, 5))
    def append(self, count: int) -> None:
        """Acknowledged appends."""
        for _ in range(count):
            line = self.make_line(len(self.acknowledged))
            self.writer.append(line)
            self.acknowledged.append(line.rstrip())

    @rule(cut=st.integers(1, 50))
    def kill_the_writer_in_an_append(self, cut: int) -> None:
        """A torn line was never acknowledged."""
        self.writer.append(self.make_line(9999)[:cut]).die()
        self.writer = self.new_writer()

    @rule()
    def kill_the_writer_between_trailer_and_rename(self) -> None:
        """Sealing is two steps."""
        self.writer.append().end().die()
        self.writer = self.new_writer()

    @rule()
    def seal(self) -> None:
        """An ordinary end of a segment."""
        self.writer.seal()

    @precondition(lambda self: self.consumer is None)
    @rule(rows=st.integers(1, 6))
    def start_the_consumer(self, rows: int) -> None:
        """A new process reads the ledger."""
        self.source = KilledBeforeAcknowledging(
            self.folder, SystemClock(), make_durable=lambda: None
        )
        limits = BatchLimits(rows=rows)
        self.consumer = Consumer(self.source, self.destination, SystemClock(), Shutdown(), limits)

    @precondition(lambda self: self.consumer is not None)
    @rule()
    def consume(self) -> None:
        """A commit or several, and what follows them."""
        assert self.consumer is not None
        self.consumer.run(once=True)

    @precondition(lambda self: self.consumer is not None)
    @rule()
    def consume_while_the_store_is_busy(self) -> None:
        """A busy store is tried again."""
        assert self.consumer is not None
        self.destination.fail_next = [StoreBusy("locked")]
        self.consumer.run(once=True)
        self.destination.fail_next.clear()

    @precondition(lambda self: self.consumer is not None)
    @rule()
    def kill_the_consumer_before_it_acknowledges(self) -> None:
        """The commit is there, the segments are still there too."""
        assert self.consumer is not None
        assert self.source is not None
        self.source.armed = True
        with pytest.raises(Killed):
            self.consumer.run(once=True)
        self.kill_the_consumer_before_it_commits()

    @rule()
    def kill_the_consumer_before_it_commits(self) -> None:
        """Nothing is there; everything comes again."""
        if self.source is not None:
            self.source.close()
        self.source = self.consumer = None

    @invariant()
    def nothing_is_made_up(self) -> None:
        """Only acknowledged lines are ever stored, and no segment is reported lost or damaged."""
        assert set(self.destination.events.values()) <= set(self.acknowledged)
        assert self.destination.dead_letters == {}

    def teardown(self) -> None:
        """Drain: now every acknowledged line is there, once."""
        if self.consumer is None:
            self.start_the_consumer(rows=5)
        assert self.consumer is not None
        self.writer.die()
        self.consumer.run(once=True)
        self.kill_the_consumer_before_it_commits()
        assert sorted(self.destination.events.values()) == sorted(self.acknowledged)


def test_kills_between_any_two_steps_lose_and_repeat_nothing(
    event_line: MakeLine,
    hand_writer: Callable[..., HandWriter],
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """The state machine above, tried in many orders."""

    class Bound(CrashAndReopen):
        def __init__(self) -> None:
            super().__init__(tmp_path_factory.mktemp("queue"), hand_writer, event_line)

    run_state_machine_as_test(
        Bound,
        settings=settings(max_examples=80, stateful_step_count=25, deadline=None),
    )
