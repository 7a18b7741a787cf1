"""`gatemeter export`: what finance and other tools take away as files."""

from __future__ import annotations

import json
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from analytics import AnalyticsError, Store
from analytics.exports.chargeback import chargeback
from analytics.exports.columns import VERSIONS
from analytics.exports.focus import FocusRequest, export_focus
from analytics.exports.spread import sum_exactly
from analytics.exports.views import VIEWS, export_view
from analytics.exports.writing import write_table
from gatemeter.frames import for_json, print_frame
from gatemeter.period_options import period_options
from gatemeter.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import polars as pl

    from analytics.exports.columns import Version
    from analytics.exports.focus import FocusSummary, Granularity
    from analytics.exports.parties import SubAccount
    from gatemeter.frames import Style
    from gatemeter.period_options import PeriodOptions

EXAMPLE: Final = """
\b
Examples:
  gatemeter export focus --month 2026-10 --out october.csv
  gatemeter export focus --version 1.3 --since 2026-07-01 --until 2026-10-01 --out focus/
  gatemeter export chargeback --month 2026-10 --by team,model
  gatemeter export chargeback --month 2026-10 --spread-idle --out october.parquet
  gatemeter export view spend_daily --out spend.parquet
"""
_FILE: Final = "A .csv or .parquet file."


@click.group(epilog=EXAMPLE)
def command() -> None:
    """Files for finance and for other tools; docs/exports.md explains what stands in them."""


_store = click.option("--store", metavar="URL", help="Store: a folder or address.")


@command.command("focus", epilog=EXAMPLE)
@click.option("--version", type=click.Choice(VERSIONS), default="1.2", show_default=True)
@period_options("UTC")
@click.option(
    "--granularity",
    type=click.Choice(["hour", "day", "month"]),
    default="day",
    show_default=True,
    help="Length of a charge period.",
)
@click.option(
    "--sub-account",
    type=click.Choice(["team", "key"]),
    help="Whose sub account a row is on; default: `sub_account` of the settings' [focus].",
)
@click.option(
    "--out",
    required=True,
    type=click.Path(path_type=Path),
    help="A .csv or .parquet file; or a folder, for a Parquet file per month.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON.")
@_store
def export_as_focus(
    *,
    chosen: PeriodOptions,
    version: Version,
    granularity: Granularity,
    sub_account: SubAccount | None,
    out: Path,
    as_json: bool,
    store: str | None,
) -> None:
    """Charges in the FOCUS format: one row per period, key, deployment and meter.

    Usage without a price cannot stand in a FOCUS file: it is listed in a file beside it.
    """
    settings = Settings.load(**({"store": store} if store else {}))
    request = FocusRequest(
        chosen.period("UTC"), settings.focus.parties(), version, granularity, sub_account
    )
    try:
        with Store.open(settings.store_url, read_only=True) as opened, _bar("rows") as move:
            summary = export_focus(opened, request, out, move)
    except AnalyticsError as error:
        raise click.ClickException(str(error)) from None
    _tell(summary, as_json=as_json)


@command.command("chargeback", epilog=EXAMPLE)
@period_options("the setting")
@click.option("--by", default="team", show_default=True, help="What to split by, commas.")
@click.option(
    "--spread-idle", is_flag=True, help="Unused provisioned hours go to those who used the rest."
)
@click.option("--format", "style", type=click.Choice(["table", "json", "csv"]), default="table")
@click.option("--out", type=click.Path(path_type=Path), help=_FILE)
@_store
def export_chargeback(
    *,
    chosen: PeriodOptions,
    by: str,
    spread_idle: bool,
    style: Style,
    out: Path | None,
    store: str | None,
) -> None:
    """What each team owes, with the period before; adds up to the FOCUS export of the period."""
    settings = Settings.load(**({"store": store} if store else {}))
    period = chosen.period(settings.timezone)
    names = [name.strip() for name in by.split(",") if name.strip()]
    try:
        with Store.open(settings.store_url, read_only=True) as opened:
            frame = chargeback(opened, period, names, spread_idle=spread_idle)
        if out is not None:
            table = frame.to_arrow()
            write_table(out, table.schema, table.to_batches())
    except AnalyticsError as error:
        raise click.ClickException(str(error)) from None
    if out is None:
        print_frame(_shown(frame) if style == "table" else frame, style)
    _tell_totals(frame, out)


@command.command("view", epilog=EXAMPLE)
@click.argument("name", metavar="VIEW", type=click.Choice(VIEWS))
@period_options("UTC")
@click.option("--out", required=True, type=click.Path(path_type=Path), help=_FILE)
@_store
def export_one_view(*, chosen: PeriodOptions, name: str, out: Path, store: str | None) -> None:
    """The rows of a view that docs/sql.md explains: all, or those of a period."""
    settings = Settings.load(**({"store": store} if store else {}))
    period = chosen.period("UTC") if chosen.given else None
    try:
        with Store.open(settings.store_url, read_only=True) as opened, _bar("rows") as move:
            rows = export_view(opened, name, out, period, lambda done: move(done, None))
    except AnalyticsError as error:
        raise click.ClickException(str(error)) from None
    click.echo(f"{rows:,} rows in {out}")


def _tell(summary: FocusSummary, *, as_json: bool) -> None:
    unpriced = summary.unpriced
    if as_json:
        click.echo(json.dumps(_as_json(summary)))
    else:
        for total in summary.totals:
            click.echo(f"{for_json(total.billed_cost)} {total.currency}")
        for file in summary.files:
            click.echo(str(file))
    if not summary.rows:
        click.echo("nothing was charged in this period: the export is empty", err=True)
    if unpriced.file:
        click.echo(
            f"NOT in the export: usage of {unpriced.requests:,} requests that has no price, "
            f"{unpriced.rows:,} rows in {unpriced.file}; `gatemeter rates gaps` tells what to add",
            err=True,
        )


def _as_json(summary: FocusSummary) -> dict[str, object]:
    unpriced = summary.unpriced
    return {
        "files": [str(file) for file in summary.files],
        "rows": summary.rows,
        "totals": [
            {name: for_json(getattr(total, name)) for name in total.__slots__}
            for total in summary.totals
        ],
        "unpriced": {
            "rows": unpriced.rows,
            "requests": unpriced.requests,
            "file": str(unpriced.file) if unpriced.file else None,
        },
    }


def _shown(frame: pl.DataFrame) -> pl.DataFrame:
    """The columns that say something."""
    return frame.select(name for name in frame.columns if not frame[name].is_null().all())


def _tell_totals(frame: pl.DataFrame, out: Path | None) -> None:
    """The totals and what is missing from them, on stderr: stdout is the table."""
    priced = frame.drop_nulls("total_cost")
    for currency, total in sum_exactly(priced["currency"], priced["total_cost"]).items():
        click.echo(f"total {for_json(total)} {currency}", err=True)
    if frame["unpriced_requests"].sum():
        click.echo("NOT in it: usage without a price (unpriced_requests)", err=True)
    if out is not None:
        click.echo(str(out), err=True)


@contextmanager
def _bar(what: str) -> Iterator[Callable[[int, int | None], None]]:
    """A bar on stderr while it takes long; what it hands out moves it."""
    progress = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        transient=True,
    )
    with progress:
        task = progress.add_task(what, total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)
