"""How the consumer says how it goes: a line on a terminal, a bar while draining, or JSON logs."""

from __future__ import annotations

import logging
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Protocol

from rich.filesize import decimal
from rich.live import Live
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.text import Text

if TYPE_CHECKING:
    from rich.console import Console

    from ingest.clock import Clock
    from ingest.consumer import Consumer

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The state of a consumer at one moment; rates are those since the snapshot before."""

    events_per_second: float
    lag_seconds: float
    lag_bytes: int
    events_stored: int
    duplicates: int
    dead_letters: int
    segments_damaged: int
    segments_missing: int
    messages_missing: int
    bytes_read: int

    @property
    def trouble(self) -> bool:
        """Whether anything was lost or refused, which is what a person looks for first."""
        lost = self.segments_damaged + self.segments_missing + self.messages_missing
        return bool(self.dead_letters or lost)


class Display(Protocol):
    """Shows snapshots."""

    interval_seconds: float

    def show(self, snapshot: Snapshot) -> None:
        """Show the newest state. Called from the consumer's thread; must be quick."""

    def close(self) -> None:
        """Leave the terminal as it was. May be called twice."""


class Status:
    """Takes a snapshot now and then and has it shown; the consumer's `Progress`."""

    def __init__(self, display: Display, clock: Clock) -> None:
        self._display = display
        self._clock = clock
        self._last_at = clock.monotonic()
        self._last_stored = 0

    def tick(self, consumer: Consumer) -> None:
        """See `ingest.consumer.Progress`."""
        now = self._clock.monotonic()
        if now - self._last_at >= self._display.interval_seconds:
            self._display.show(self._snapshot(consumer, now))

    def _snapshot(self, consumer: Consumer, now: float) -> Snapshot:
        totals, lag = consumer.totals, consumer.source.lag(consumer.positions)
        stored_since = totals.events_stored - self._last_stored
        rate = stored_since / (now - self._last_at) if now > self._last_at else 0.0
        self._last_at, self._last_stored = now, totals.events_stored
        return Snapshot(
            events_per_second=round(rate, 1),
            lag_seconds=round(lag.seconds, 3),
            lag_bytes=lag.size_bytes,
            events_stored=totals.events_stored,
            duplicates=totals.duplicates,
            dead_letters=totals.dead_letters,
            segments_damaged=totals.segments_damaged,
            segments_missing=totals.segments_missing,
            messages_missing=totals.messages_missing,
            bytes_read=totals.bytes_read,
        )


class TerminalLine:
    """One line that is written over, for a consumer that runs."""

    interval_seconds = 0.5

    def __init__(self, console: Console) -> None:
        self._live = Live(console=console, auto_refresh=False, transient=True)
        self._live.start()

    def show(self, snapshot: Snapshot) -> None:
        """See `Display`."""
        self._live.update(describe(snapshot), refresh=True)

    def close(self) -> None:
        """See `Display`."""
        self._live.stop()


class DrainBar:
    """A bar for `--once`: how much of the backlog is stored."""

    interval_seconds = 0.2

    def __init__(self, console: Console) -> None:
        self._progress = Progress(
            TextColumn("draining"),
            BarColumn(),
            TaskProgressColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.description}"),
            console=console,
            auto_refresh=False,
            transient=True,
        )
        self._task = self._progress.add_task("", total=None)
        self._progress.start()

    def show(self, snapshot: Snapshot) -> None:
        """See `Display`."""
        self._progress.update(
            self._task,
            completed=snapshot.bytes_read,
            total=snapshot.bytes_read + snapshot.lag_bytes,
            description=f"{snapshot.events_per_second:,.0f} events/s",
            refresh=True,
        )

    def close(self) -> None:
        """See `Display`."""
        self._progress.stop()


class LogStatus:
    """A log record now and then, for a consumer that nobody watches."""

    interval_seconds = 10.0

    def __init__(self) -> None:
        self._last: Snapshot | None = None

    def show(self, snapshot: Snapshot) -> None:
        """See `Display`. An idle consumer that has said so says it no more."""
        if snapshot != self._last:
            logger.info("status", extra=asdict(snapshot))
        self._last = snapshot

    def close(self) -> None:
        """See `Display`."""


def describe(snapshot: Snapshot) -> Text:
    """A snapshot as one line for people."""
    lag = f"lag {snapshot.lag_seconds:.1f} s, {decimal(snapshot.lag_bytes)}"
    parts = [
        f"{snapshot.events_per_second:,.0f} events/s",
        lag,
        f"{snapshot.events_stored:,} stored",
        f"{snapshot.duplicates:,} duplicates",
    ]
    text = Text("  ".join(parts))
    losses = [
        (snapshot.dead_letters, "dead letters"),
        (snapshot.segments_damaged, "damaged segments"),
        (snapshot.segments_missing, "missing segments"),
        (snapshot.messages_missing, "missing messages"),
    ]
    shown = [f"{count:,} {name}" for count, name in losses if count or name == "dead letters"]
    return text.append("  " + "  ".join(shown), "bold red" if snapshot.trouble else "")
