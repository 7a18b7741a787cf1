"""`gatemeter rates gaps`: usage without a price, and how to mend it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
import polars as pl

from analytics import AnalyticsError, Store
from analytics.ratecard.gaps import Gap, find_gaps, what_to_write
from gatemeter.frames import print_frame, wide_option
from gatemeter.prices import priced_card
from gatemeter.settings import Settings
from gatemeter.since import Since

if TYPE_CHECKING:
    from datetime import datetime

EXAMPLE = """
\b
Examples:
  gatemeter rates gaps
  gatemeter rates gaps --since 30d --json
"""
_COLUMNS = (
    "reason", "model", "model_version", "deployment", "deployment_type", "region", "service_tier",
    "meter", "requests", "quantity", "first_hour", "last_hour", "mend_in",
)  # fmt: skip
_FIRST = ("model", "meter", "requests", "reason", "mend_in", "deployment", "last_hour")
"""What a narrow terminal shows first."""
_TYPES: dict[str, pl.DataType | type[pl.DataType]] = {
    "requests": pl.Int64,
    "quantity": pl.Decimal(38, 6),
    "first_hour": pl.Datetime("us", "UTC"),
    "last_hour": pl.Datetime("us", "UTC"),
}


@click.command("gaps", epilog=EXAMPLE)
@click.option("--since", type=Since(), help="Usage since: 30d or an ISO time; default: all.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@wide_option
@click.option("--store", metavar="URL", help="Store: a folder or address.  [GATEMETER_STORE]")
def command(*, since: datetime | None, as_json: bool, wide: bool, store: str | None) -> None:
    """Usage that no rate covers: since when, how much, why, and what to write to mend it.

    What is mended applies to what comes from then on; `gatemeter rates reprice` brings it to what
    was stored before.
    """
    settings = Settings.load(**({} if store is None else {"store": store}))
    try:
        with Store.open(settings.store_url, read_only=True) as opened:
            gaps = find_gaps(opened, priced_card(opened), since)
    except AnalyticsError as error:
        raise click.ClickException(str(error)) from None
    frame = _frame(gaps)
    if as_json:
        print_frame(frame, "json")
        return
    if not gaps:
        click.echo("no gaps: all usage has a price")
        return
    kept = [name for name in frame.columns if name != "write" and not frame[name].is_null().all()]
    print_frame(frame.select(kept), "table", first=None if wide else _FIRST)
    _say_what_to_do(gaps, settings)


def _frame(gaps: list[Gap]) -> pl.DataFrame:
    rows = [
        [getattr(gap, name) for name in _COLUMNS] + ["\n".join(what_to_write([gap], gap.mend_in))]
        for gap in gaps
    ]
    kinds: dict[str, pl.DataType | type[pl.DataType]] = {
        name: _TYPES.get(name, pl.String) for name in (*_COLUMNS, "write")
    }
    return pl.DataFrame(rows, schema=kinds, orient="row")


def _say_what_to_do(gaps: list[Gap], settings: Settings) -> None:
    rates = what_to_write(gaps, "rates_file")
    if rates:
        file = settings.rates_file or "a file that GATEMETER_RATES_FILE names"
        click.echo(f"\nprices, in place of each ?, in {file}:\n")
        click.echo("\n".join(rates), nl=False)
    facts = what_to_write(gaps, "settings")
    if facts:
        click.echo("\nwhat stands for each ?, in gatemeter.toml:\n")
        click.echo("\n".join(facts), nl=False)
    first = min((gap.first_hour for gap in gaps if gap.mend_in == "reprice"), default=None)
    if first is not None:
        click.echo(
            "\nsome have a price by now: gatemeter rates reprice "
            f"--since {first:%Y-%m-%d} brings it to what is stored"
        )
    if any(gap.mend_in == "nowhere" for gap in gaps):
        click.echo("\nnobody knows what the usage_unknown requests used: no price mends that")
