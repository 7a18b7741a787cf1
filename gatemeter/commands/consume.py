"""`gatemeter consume`: move events from the queue into the store."""

from __future__ import annotations

import json
import logging
import sys
import time
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console

from analytics import AnalyticsError, Store
from analytics.load import Loader
from gatemeter.hubs import hub_source
from gatemeter.json_logs import JsonFormatter, frames, safe_message
from gatemeter.prices import bring_prices
from gatemeter.settings import Settings
from gateway_hooks.errors import QueueError
from ingest import BatchLimits, Consumer, FileQueueSource, IngestError, Shutdown, SystemClock
from ingest.status import DrainBar, LogStatus, Status, TerminalLine
from ingest.terminal_logs import TerminalHandler

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ingest.status import Display

EXAMPLE = """
\b
Examples:
  gatemeter consume
  gatemeter consume --once --json
  GATEMETER_EVENT_HUB='Endpoint=sb://...;EntityPath=usage' gatemeter consume
  gatemeter consume --queue /var/lib/gatemeter/queue --json-logs
"""

logger = logging.getLogger("gatemeter.consume")


@click.command(
    epilog=EXAMPLE,
    help="""Move events from the queue, or from Azure Event Hubs, into the store, exactly once.

    Runs until it is told to stop (Ctrl-C or SIGTERM) and then finishes the commit it is in. It may
    be killed at any moment: the next start goes on from what the store holds. On a terminal it
    shows one line of state, otherwise it logs JSON, one object a line, to stderr.
    """,
)
@click.option("--once", is_flag=True, help="Drain what is there, then exit.")
@click.option(
    "--source",
    type=click.Choice(["queue", "hub"]),
    help="Read the file queue or Event Hubs.  Default: the hub when GATEMETER_EVENT_HUB is set.",
)
@click.option("--queue", type=click.Path(path_type=Path), help="Queue folder.  [GATEMETER_QUEUE]")
@click.option("--store", metavar="URL", help="Store: a folder or address.  [GATEMETER_STORE]")
@click.option("--json-logs", is_flag=True, help="Log JSON even on a terminal.")
@click.option("--json", "as_json", is_flag=True, help="Print the summary as one JSON object.")
@click.option(
    "--batch-rows",
    type=int,
    help="Events in one commit; five times as many while more wait.  [GATEMETER_BATCH_ROWS]",
)
@click.option(
    "--batch-seconds",
    type=float,
    help="Oldest an event may get uncommitted.  [GATEMETER_BATCH_SECONDS]",
)
def command(
    *,
    once: bool,
    source: str | None,
    queue: Path | None,
    store: str | None,
    json_logs: bool,
    as_json: bool,
    batch_rows: int | None,
    batch_seconds: float | None,
) -> None:
    """Run the consumer and print what it did."""
    given = {
        "queue": queue,
        "store": store,
        "batch_rows": batch_rows,
        "batch_seconds": batch_seconds,
    }
    settings = Settings.load(**{name: value for name, value in given.items() if value is not None})
    console = Console(stderr=True)
    watched = console.is_terminal and not json_logs
    try:
        summary = consume(
            settings,
            once=once,
            from_hub=(settings.event_hub is not None) if source is None else source == "hub",
            console=console if watched else None,
        )
    except (AnalyticsError, IngestError, QueueError) as error:
        raise click.ClickException(str(error)) from None
    click.echo(json.dumps(summary) if as_json else describe(summary))


def consume(
    settings: Settings, *, once: bool, from_hub: bool = False, console: Console | None = None
) -> dict[str, float | int]:
    """Consume in this process; shows the state on `console`, or logs it when there is none.

    Raises:
        AnalyticsError: the store cannot be used.
        IngestError: the queue cannot be used, or the consumer has to stop.
    """
    clock, shutdown = SystemClock(), Shutdown()
    with ExitStack() as opened:
        opened.enter_context(_logging(console))
        opened.enter_context(shutdown.on_signals())
        # The queue is taken before the store is opened, so that a second consumer is told at once.
        queue = None if from_hub else FileQueueSource(settings.queue_folder, clock)
        if queue is not None:
            opened.callback(queue.close)
        store = opened.enter_context(Store.open(settings.store_url))
        bring_prices(store, clock, settings)
        loader = Loader(store, clock)
        source = queue or hub_source(settings, loader.positions, clock)
        opened.callback(source.close)
        display = _display(console, once=once)
        opened.callback(display.close)
        consumer = Consumer(
            source,
            loader,
            clock,
            shutdown,
            BatchLimits(settings.batch_rows, settings.batch_seconds),
            progress=Status(display, clock),
        )
        began = time.monotonic()
        consumer.run(once=once)
        return _summary(consumer, time.monotonic() - began)


def describe(summary: dict[str, float | int]) -> str:
    """The summary for people."""
    losses = [
        f", {summary[name]:,} {name.replace('_', ' ')}"
        for name in ("segments_damaged", "segments_missing", "messages_missing")
        if summary[name]
    ]
    return (
        f"{summary['events_stored']:,} events stored, {summary['duplicates']:,} duplicates, "
        f"{summary['dead_letters']:,} dead letters{''.join(losses)} in {summary['seconds']:.1f} s "
        f"({summary['events_per_second']:,.0f} events/s); {summary['lag_bytes']:,} bytes wait"
    )


def _summary(consumer: Consumer, seconds: float) -> dict[str, float | int]:
    totals = consumer.totals
    return {
        **asdict(totals),
        **asdict(consumer.source.counts),
        "lag_bytes": consumer.source.lag(consumer.positions).size_bytes,
        "seconds": round(seconds, 3),
        "events_per_second": round(totals.events_stored / seconds, 1) if seconds > 0 else 0.0,
    }


def _display(console: Console | None, *, once: bool) -> Display:
    if console is None:
        return LogStatus()
    return DrainBar(console) if once else TerminalLine(console)


@contextmanager
def _logging(console: Console | None) -> Iterator[None]:
    """Send our log records to stderr: as JSON, or above the line on the console.

    An unknown error is logged here, without what it quotes: that may be from a line of the queue.
    """
    handler: logging.Handler
    if console is None:
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(JsonFormatter())
    else:
        handler = TerminalHandler(console)
    # The SDK tells of every frame; what it has to say of failures we say in our own words.
    logging.getLogger("azure").setLevel(logging.CRITICAL)
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    try:
        yield
    except (AnalyticsError, IngestError, QueueError):
        raise
    except Exception as error:
        logger.exception("stopped by an unknown error", extra={"error_type": type(error).__name__})
        places = "".join(f"\n  {place}" for place in frames(error.__traceback__))
        raise IngestError(
            f"stopped by an unknown error, {safe_message(error)}; nothing is lost, a restart goes "
            f"on from the store's ledger. Please report it with these places:{places}"
        ) from None
    finally:
        root.removeHandler(handler)
        root.setLevel(level)
