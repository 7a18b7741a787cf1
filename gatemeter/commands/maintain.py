"""`gatemeter maintain`: compaction, folding of rollups, retention."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import click

from analytics import AnalyticsError, Store
from analytics.maintenance import maintain
from gatemeter.progress import step_bar
from gatemeter.settings import Settings
from gatemeter.spans import parse_duration

if TYPE_CHECKING:
    from analytics.maintenance import Summary

EXAMPLE = """
\b
Examples:
  gatemeter maintain
  gatemeter maintain --older-than 90d
  gatemeter maintain --json
"""


class _SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """The time now, in UTC."""
        return datetime.now(UTC)


@click.command(epilog=EXAMPLE)
@click.option(
    "--older-than",
    metavar="90d",
    help="Delete events and attempts older than this; rollups stay.  [GATEMETER_RETENTION_DAYS]",
)
@click.option("--json", "as_json", is_flag=True, help="Print the summary as one JSON object.")
@click.option("--store", metavar="URL", help="Store: a folder or address.")
def command(*, older_than: str | None, as_json: bool, store: str | None) -> None:
    """Put the store in order: fewer and larger files, folded rollups, retention.

    Safe while a consumer runs; run it once a day. Replaced files are deleted a quarter of an hour
    later, by the next run or the consumer, for the sake of queries that still read them.
    """
    settings = Settings.load(**({"store": store} if store else {}))
    try:
        age = parse_duration(older_than) if older_than else _retention(settings)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    try:
        with Store.open(settings.store_url) as opened:
            summary = _run(opened, age)
    except AnalyticsError as error:
        raise click.ClickException(str(error)) from None
    click.echo(json.dumps(asdict(summary)) if as_json else _describe(summary))


def _retention(settings: Settings) -> timedelta | None:
    days = settings.retention_days
    return timedelta(days=days) if days is not None else None


def _run(store: Store, age: timedelta | None) -> Summary:
    with step_bar("maintain") as progress:
        return maintain(store, _SystemClock(), older_than=age, progress=progress)


def _describe(summary: Summary) -> str:
    return (
        f"{summary.deleted_events:,} events and {summary.deleted_attempts:,} attempts deleted; "
        f"{summary.rewritten_files:,} small files rewritten, which saved {summary.folded_rows:,} "
        f"rollup rows; {summary.removed_files:,} replaced files removed, "
        f"{summary.expired_snapshots:,} past states forgotten"
    )
