"""`gatemeter ingest`: back-fill from exported logs of other gateways."""

from __future__ import annotations

import json
import time
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
)

from analytics import AnalyticsError, Store
from analytics.load import Loader
from gatemeter.feeds import feed_reader
from gatemeter.prices import bring_prices
from gatemeter.settings import Settings
from ingest import IngestError, SystemClock
from ingest.backfill import Backfill
from ingest.feeds import FEED_NAMES
from ingest.feeds.files import find_files

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import IO

    from ingest.backfill import BackfillTotals

EXAMPLE = """
\b
Examples:
  gatemeter ingest ai-usage.json
  gatemeter ingest insights-logs-gatewaylogs/ insights-logs-gatewayllmlogs/
  gatemeter ingest exports/ --format ai_hub_gateway --json
"""
_AUTO = "auto"
_REASONS_SHOWN = 5


@click.command(
    epilog=EXAMPLE,
    help="""Load exported logs of API Management, Azure OpenAI, LiteLLM or OpenTelemetry.

    FILE is a file or a folder, read with all that is below it: NDJSON, JSON arrays, one object a
    file, Azure Storage's PT1H.json, each of them also gzipped. Each record's shape tells which feed
    it is of. Loading a file again adds nothing, so a back-fill may be repeated or resumed at any
    time. What is no request becomes a dead letter.
    """,
)
@click.argument(
    "paths",
    metavar="FILE...",
    nargs=-1,
    required=True,
    type=click.Path(exists=True, path_type=Path),
)
@click.option(
    "--format",
    "feed",
    type=click.Choice([_AUTO, *FEED_NAMES]),
    default=_AUTO,
    show_default=True,
    help="Take records of this feed only; others become dead letters.",
)
@click.option("--store", metavar="URL", help="Store: a folder or address.  [GATEMETER_STORE]")
@click.option("--json", "as_json", is_flag=True, help="Print the summary as one JSON object.")
def command(*, paths: tuple[Path, ...], feed: str, store: str | None, as_json: bool) -> None:
    """Load the files and print what became of them."""
    settings = Settings.load(**({} if store is None else {"store": store}))
    try:
        summary = ingest(
            settings,
            paths,
            feed=None if feed == _AUTO else feed,
            console=Console(stderr=True),
        )
    except (AnalyticsError, IngestError) as error:
        raise click.ClickException(str(error)) from None
    except OSError as error:
        raise click.ClickException(f"{error.filename}: {error.strerror}") from None
    click.echo(json.dumps(summary) if as_json else describe(summary))


def ingest(
    settings: Settings, paths: tuple[Path, ...], *, feed: str | None, console: Console
) -> dict[str, Any]:
    """Load files; the summary.

    Raises:
        AnalyticsError: the store cannot be used.
        IngestError: the store stayed busy.
        OSError: a file cannot be opened.
    """
    files = find_files(paths)
    clock = SystemClock()
    began = time.monotonic()
    with Store.open(settings.store_url) as store:
        bring_prices(store, clock, settings)
        loader = Loader(store, clock)
        backfill = Backfill(feed_reader(settings, only=feed), loader, clock)
        with _bar(console, files) as track:
            for name, path in files:
                with path.open("rb") as stream:
                    backfill.read(name, stream, track(stream))
            totals = backfill.finish()
        return _summary(totals, loader.waiting(), time.monotonic() - began)


def describe(summary: dict[str, Any]) -> str:
    """The summary for people."""
    waiting = sum(summary["waiting"].values())
    stored = (
        f"{summary['events_stored']:,} events stored, {summary['duplicates']:,} duplicates, "
        f"{waiting:,} wait for their other half, {summary['dead_letters']:,} dead letters; "
        f"{summary['files']:,} files, {summary['messages']:,} messages in "
        f"{summary['seconds']:.1f} s"
    )
    lines = [stored]
    if summary["corrected"]:
        lines.append(f"{summary['corrected']:,} events that were stored before are whole now")
    if summary["ignored"]:
        lines.append(f"{summary['ignored']:,} records without usage: probes, other logs")
    if summary["dead_letters_known"]:
        lines.append(f"{summary['dead_letters_known']:,} dead letters were stored before")
    reasons = list(summary["reasons"].items())
    lines += [f"dead: {count:,} x {reason}" for reason, count in reasons[:_REASONS_SHOWN]]
    if len(reasons) > _REASONS_SHOWN:
        lines.append("more: gatemeter dead-letters list")
    return "\n".join(lines)


def _summary(totals: BackfillTotals, waiting: dict[str, int], seconds: float) -> dict[str, Any]:
    return {
        **asdict(totals),
        "feeds": dict(totals.feeds),
        "reasons": dict(totals.reasons.most_common()),
        "waiting": waiting,
        "seconds": round(seconds, 3),
    }


@contextmanager
def _bar(
    console: Console, files: list[tuple[str, Path]]
) -> Iterator[Callable[[IO[bytes]], Callable[[], None]]]:
    """A bar by the bytes read; what it hands out starts a file and returns what moves the bar."""
    sizes = {path: path.stat().st_size for _, path in files}
    progress = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[file]}"),
        console=console,
        transient=True,
    )
    task = progress.add_task("loading", total=sum(sizes.values()), file="")
    done = 0

    def track(stream: IO[bytes]) -> Callable[[], None]:
        nonlocal done
        before = done
        name = Path(str(stream.name))
        done += sizes.get(name, 0)

        def move() -> None:
            progress.update(task, completed=before + stream.tell(), file=name.name)

        return move

    with progress:
        yield track
        progress.update(task, completed=done)
