"""`gatemeter rates reprice` and `rates runs`: charge history anew, and who changed what."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

import click

from analytics import AnalyticsError, Store
from analytics.repricing import reprice
from analytics.repricing.listing import by_day_key_and_model, changes_of, runs
from gatemeter.frames import print_frame
from gatemeter.prices import bring_prices
from gatemeter.progress import step_bar
from gatemeter.settings import Settings
from gatemeter.since import Since
from ingest.clock import SystemClock

if TYPE_CHECKING:
    import polars as pl

    from analytics.repricing import Repricing

EXAMPLE = """
\b
Examples:
  gatemeter rates reprice --since 2026-10-01 --until 2026-11-01 --dry-run
  gatemeter rates reprice --since 30d --reason "contract of October"
  gatemeter rates runs
  gatemeter rates runs 2eeed40d33b6 --json
"""
_SHOWN = 40

_json = click.option("--json", "as_json", is_flag=True, help="Print JSON; money as strings.")
_store = click.option("--store", metavar="URL", help="Store: a folder or address.")


@click.command("reprice", epilog=EXAMPLE)
@click.option("--since", type=Since(), required=True, help="First UTC day: 30d or a date.")
@click.option("--until", type=Since(), help="End: the UTC day it begins is left alone; now.")
@click.option("--dry-run", is_flag=True, help="Show what would change and write nothing.")
@click.option("--reason", default="", help="Kept with the run.")
@_json
@_store
def reprice_command(
    *,
    since: datetime,
    until: datetime | None,
    dry_run: bool,
    reason: str,
    as_json: bool,
    store: str | None,
) -> None:
    """Charge what is stored anew, by today's rate card and deployments.

    Prices never change by themselves what was charged before: this does, for whole UTC days, and
    keeps what it changed. Charges that had no price get one where there is one now. Safe while a
    consumer runs; a run that was cut short is finished by running it again.
    """
    settings = Settings.load(**({"store": store} if store else {}))
    now = datetime.now(UTC)
    if since > now:
        raise click.ClickException(
            f"nothing is there yet: {since:%Y-%m-%d}, when the span begins, is in the future"
        )
    end = until or now
    if end <= since:
        raise click.UsageError("--until must be later than --since")
    try:
        with Store.open(settings.store_url, make=False) as opened, step_bar("reprice") as progress:
            clock = SystemClock()
            bring_prices(opened, clock, settings)
            done = reprice(
                opened, clock, since=since, until=end, reason=reason, dry_run=dry_run,
                progress=progress,
            )  # fmt: skip
    except AnalyticsError as error:
        raise click.ClickException(str(error)) from None
    frame = by_day_key_and_model(done.changes)
    if as_json:
        print_frame(frame, "json")
    else:
        _print(frame)
    click.echo(_describe(done, frame, dry_run=dry_run), err=as_json)


@click.command("runs", epilog=EXAMPLE)
@click.argument("run_id", required=False)
@_json
@_store
def runs_command(*, run_id: str | None, as_json: bool, store: str | None) -> None:
    """Every repricing there was, or what the run RUN_ID changed."""
    settings = Settings.load(**({"store": store} if store else {}))
    try:
        with Store.open(settings.store_url, read_only=True) as opened:
            frame = changes_of(opened, run_id) if run_id else runs(opened)
    except AnalyticsError as error:
        raise click.ClickException(str(error)) from None
    print_frame(frame, "json" if as_json else "table")


def _print(frame: pl.DataFrame) -> None:
    if frame.is_empty():
        return
    print_frame(frame.head(_SHOWN), "table")
    if len(frame) > _SHOWN:
        click.echo(f"... and {len(frame) - _SHOWN:,} more with smaller differences: --json")


def _describe(done: Repricing, frame: pl.DataFrame, *, dry_run: bool) -> str:
    span = f"{done.since:%Y-%m-%d} to {done.until:%Y-%m-%d} (UTC days)"
    if frame.is_empty():
        finished = f"; {done.events:,} events of an earlier run were finished" * bool(done.events)
        return f"nothing changes from {span}: every charge is what the rate card says{finished}"
    totals = ", ".join(
        f"{Decimal(part['difference'].sum()).normalize():+f} {currency}"
        for (currency,), part in frame.group_by("currency", maintain_order=True)
    )
    if dry_run:
        return f"would change the charges from {span} by {totals}; no charge was written"
    return (
        f"run {done.run_id} changed the charges from {span} by {totals}: "
        f"{done.charges:,} rows of charges, {done.events:,} events"
    )
