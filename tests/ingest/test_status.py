"""What the consumer shows of itself: on a terminal, as a bar, and in logs."""

from __future__ import annotations

import io
import logging
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from rich.console import Console

from ingest.consumer import Consumer
from ingest.memory import MemorySource
from ingest.shutdown import Shutdown
from ingest.status import DrainBar, LogStatus, Snapshot, Status, TerminalLine, describe
from ingest.terminal_logs import TerminalHandler

if TYPE_CHECKING:
    from ingest.memory_destination import MemoryDestination
    from tests.ingest.conftest import FakeClock
    from tests.queue_samples import MakeLine

CALM = Snapshot(
    events_per_second=1234.5,
    lag_seconds=2.5,
    lag_bytes=1_500_000,
    events_stored=10_000,
    duplicates=3,
    dead_letters=0,
    segments_damaged=0,
    segments_missing=0,
    messages_missing=0,
    bytes_read=500_000,
)


class Shown:
    """Keeps what it is given."""

    interval_seconds = 1.0

    def __init__(self) -> None:
        self.snapshots: list[Snapshot] = []

    def show(self, snapshot: Snapshot) -> None:
        """Keep it."""
        self.snapshots.append(snapshot)

    def close(self) -> None:
        """Nothing to close."""


def test_a_snapshot_has_the_rate_since_the_last_and_what_waits(
    clock: FakeClock, destination: MemoryDestination, event_line: MakeLine
) -> None:
    """The rate is of the interval, not of the whole run; lag is bytes and seconds."""
    shown, source = Shown(), MemorySource(clock)
    consumer = Consumer(source, destination, clock, Shutdown())
    status = Status(shown, clock)
    for number in range(10):
        source.append("a", event_line(number))
    consumer.run(once=True)
    clock.seconds += 2
    status.tick(consumer)
    source.append("a", event_line(10, started_at="2026-11-21T09:00:00.000000Z", duration_ms=0))
    clock.seconds += 0.5
    status.tick(consumer)
    clock.seconds += 1.5
    status.tick(consumer)
    assert [snapshot.events_per_second for snapshot in shown.snapshots] == [5.0, 0.0]
    assert shown.snapshots[0].lag_bytes == 0
    assert shown.snapshots[1].lag_bytes > 100
    assert shown.snapshots[1].lag_seconds == 4.0


def test_the_line_says_the_essentials() -> None:
    """Rate, lag in seconds and bytes, dead letters, duplicates; trouble is in red."""
    line = describe(CALM)
    for part in ("1,234 events/s", "lag 2.5 s, 1.5 MB", "3 duplicates", "0 dead letters"):
        assert part in line.plain
    assert all("red" not in str(span.style) for span in line.spans)
    trouble = describe(replace(CALM, dead_letters=2, segments_missing=1))
    assert "2 dead letters  1 missing segments" in trouble.plain
    assert any("red" in str(span.style) for span in trouble.spans)


@pytest.mark.parametrize("display", [TerminalLine, DrainBar])
def test_displays_draw_on_a_terminal_and_leave_it_clean(
    display: type[TerminalLine | DrainBar],
) -> None:
    """State is drawn over and over in place, and is gone at the end."""
    out = io.StringIO()
    console = Console(file=out, force_terminal=True, width=120, legacy_windows=False)
    shown = display(console)
    shown.show(CALM)
    shown.close()
    shown.close()
    assert "events/s" in out.getvalue()
    assert out.getvalue().endswith("\x1b[?25h") or "\x1b[2K" in out.getvalue()


def test_the_bar_shows_how_much_of_the_backlog_is_done() -> None:
    """Half a megabyte of two is a quarter."""
    out = io.StringIO()
    bar = DrainBar(Console(file=out, force_terminal=True, width=120))
    bar.show(CALM)
    bar.close()
    assert "25%" in out.getvalue()


def test_logged_status_is_a_record_with_fields(caplog: pytest.LogCaptureFixture) -> None:
    """Each number has its own key, and what has not changed is not said again."""
    caplog.set_level(logging.INFO, "ingest.status")
    display = LogStatus()
    display.show(CALM)
    display.show(CALM)
    (record,) = caplog.records
    assert record.getMessage() == "status"
    assert vars(record)["lag_bytes"] == 1_500_000


def test_warnings_on_a_terminal_are_plain_lines() -> None:
    """What looks like markup in a reason is printed as it is."""
    out = io.StringIO()
    handler = TerminalHandler(Console(file=out, width=200))
    handler.handle(logging.LogRecord("x", logging.WARNING, "f", 1, "a [red]b", (), None))
    handler.emit(logging.LogRecord("x", logging.WARNING, "f", 1, "attempts[0]", (), None))
    assert out.getvalue() == "warning: a [red]b\nwarning: attempts[0]\n"
