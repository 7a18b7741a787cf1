"""`gatemeter rates import`: a price list that Azure answered with, into the store."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console
from rich.progress import Progress

from analytics import AnalyticsError, Store, StoreMissing
from analytics.ratecard.import_prices import Imported, import_prices
from analytics.ratecard.price_files import find_price_files, read_price_files
from analytics.ratecard.retail_prices import read_price_list
from analytics.ratecard.write_rates import Changes
from gatemeter.prices import bring_prices
from gatemeter.settings import Settings
from ingest import SystemClock

if TYPE_CHECKING:
    from analytics.ratecard.retail_prices import PriceList

EXAMPLE = """
\b
Examples:
  curl -sG https://prices.azure.com/api/retail/prices \\
    --data-urlencode "currencyCode='EUR'" \\
    --data-urlencode "\\$filter=serviceName eq 'Foundry Models'" -o prices.json
  gatemeter rates import prices.json --dry-run
  gatemeter rates import saved-pages/
"""


@click.command("import", epilog=EXAMPLE)
@click.argument(
    "paths",
    metavar="FILE...",
    nargs=-1,
    required=True,
    type=click.Path(exists=True, path_type=Path),
)
@click.option("--dry-run", is_flag=True, help="Only tell what would change.")
@click.option("--json", "as_json", is_flag=True, help="Print the summary as one JSON object.")
@click.option("--store", metavar="URL", help="Store: a folder or address.  [GATEMETER_STORE]")
def command(*, paths: tuple[Path, ...], dry_run: bool, as_json: bool, store: str | None) -> None:
    """Import Azure's current prices from saved answers of the Azure Retail Prices API.

    FILE is a saved answer, or a folder of them: one answer is a page of 1,000 prices, and the rest
    follows at its NextPageLink. The prices win over the list that is installed with gatemeter, hold
    from the day that Azure says, and are charged in their currency. What the list changed ends;
    nothing is deleted, and importing the same again changes nothing.
    """
    settings = Settings.load(**({} if store is None else {"store": store}))
    try:
        prices = _read(paths)
        if not prices.rates:
            raise click.ClickException(
                f"none of the {prices.items:,} prices is of a model's usage: "
                "ask for serviceName eq 'Foundry Models'"
            )
        done = _import(settings, prices, dry_run=dry_run)
    except AnalyticsError as error:
        raise click.ClickException(str(error)) from None
    summary = _summary(prices, done, dry_run=dry_run)
    click.echo(json.dumps(summary) if as_json else describe(summary))
    if not prices.complete:
        click.echo(
            "gatemeter: the last page is missing: every page names a next one (NextPageLink)",
            err=True,
        )


def describe(summary: dict[str, Any]) -> str:
    """The summary for people."""
    would = "would be " if summary["dry_run"] else ""
    currencies = ", ".join(summary["currencies"]) or "none"
    read = (
        f"{summary['items']:,} prices of {summary['meters']:,} meters in "
        f"{summary['regions']:,} regions read ({currencies}); "
        f"{summary['meters_of_no_usage']:,} meters are no usage of ours, "
        f"{summary['items_left_out']:,} prices left out"
    )
    changed = (
        f"{summary['rates']:,} rates: {summary['rates_added']:,} {would}added, "
        f"{summary['rates_ended']:,} {would}ended"
    )
    lines = [read, changed]
    if summary["contract_rates_added"] or summary["contract_rates_ended"]:
        lines.append(
            f"of your contract: {summary['contract_rates_added']:,} {would}added, "
            f"{summary['contract_rates_ended']:,} {would}ended"
        )
    return "\n".join(lines)


def _read(paths: tuple[Path, ...]) -> PriceList:
    files = find_price_files(paths)
    with Progress(console=Console(stderr=True), transient=True, disable=len(files) == 1) as bar:
        task = bar.add_task("reading", total=len(files))
        return read_price_list(read_price_files(files, lambda: bar.advance(task)))


def _import(settings: Settings, prices: PriceList, *, dry_run: bool) -> Imported:
    clock = SystemClock()
    try:
        with Store.open(settings.store_url, read_only=True):
            pass
    except StoreMissing:
        if dry_run:
            return Imported(Changes(added=len(prices.rates)), Changes())
    with Store.open(settings.store_url) as store:
        if not dry_run:
            bring_prices(store, clock, settings)
        return import_prices(store, clock, prices, file=settings.rates_file, dry_run=dry_run)


def _summary(prices: PriceList, done: Imported, *, dry_run: bool) -> dict[str, Any]:
    told = {name: value for name, value in asdict(prices).items() if name != "rates"}
    return {
        **told,
        "rates": len(prices.rates),
        "rates_added": done.rates.added,
        "rates_ended": done.rates.ended,
        "contract_rates_added": done.contract.added,
        "contract_rates_ended": done.contract.ended,
        "dry_run": dry_run,
    }
