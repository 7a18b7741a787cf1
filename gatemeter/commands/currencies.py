"""`gatemeter currencies`: which exchange rates answers are converted by."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import click
import polars as pl

from analytics import AnalyticsError, Store
from analytics.currencies import ExchangeRate, exchange_rates_of, renew_exchange_rates
from gatemeter.currency_option import CurrencyCode
from gatemeter.frames import print_frame
from gatemeter.settings import Settings
from gatemeter.since import Since
from ingest import SystemClock

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import date

    from analytics.currencies import ExchangeRates
    from gatemeter.frames import Style

EXAMPLE = """
\b
Examples:
  gatemeter currencies import
  gatemeter currencies list --at 2026-11-02
  gatemeter currencies list --from USD --to GBP --all --csv
"""
_SCHEMA: Mapping[str, pl.DataType] = {
    "from_currency": pl.String(),
    "to_currency": pl.String(),
    "valid_from": pl.Date(),
    "valid_to": pl.Date(),
    "rate": pl.Decimal(18, 8),
    "source": pl.String(),
}

_store = click.option("--store", metavar="URL", help="Store: a folder or address.")


@click.group(epilog=EXAMPLE)
def command() -> None:
    """Exchange rates: what charges in other currencies are converted by.

    They come from the file that the setting `exchange_rates_file` names. `consume`, `ingest` and
    `maintain` read it when they start.
    """


@command.command("import", epilog=EXAMPLE)
@_store
def import_rates(*, store: str | None) -> None:
    """Read the file now: after this, every answer uses its rates."""
    settings = Settings.load(**({"store": store} if store else {}))
    if settings.exchange_rates_file is None:
        raise click.ClickException("set exchange_rates_file (GATEMETER_EXCHANGE_RATES_FILE) first")
    try:
        with Store.open(settings.store_url) as opened:
            added = renew_exchange_rates(
                opened,
                SystemClock(),
                file=settings.exchange_rates_file,
                currency=settings.currency,
            )
    except AnalyticsError as error:
        raise click.ClickException(str(error)) from None
    click.echo(f"{added:,} exchange rates are new" if added else "nothing has changed")


@command.command("list", epilog=EXAMPLE)
@click.option("--from", "one", type=CurrencyCode(known=False), help="Only from this currency.")
@click.option("--to", "other", type=CurrencyCode(), help="Into this one; default: yours.")
@click.option("--at", type=Since(), help="On this day; default: today.")
@click.option("--all", "history", is_flag=True, help="On every day.")
@click.option("--json", "style", flag_value="json", help="Print JSON; rates as strings.")
@click.option("--csv", "style", flag_value="csv", help="Print CSV.")
@click.option("--table", "style", flag_value="table", default="table", help="The default.")
@_store
def list_rates(
    *,
    one: str | None,
    other: str | None,
    at: datetime | None,
    history: bool,
    style: Style,
    store: str | None,
) -> None:
    """Rates into one currency: those of the file, and those that follow from them."""
    settings = Settings.load(**({"store": store} if store else {}))
    to_currency = other or settings.currency
    day = (at or datetime.now(UTC)).astimezone(ZoneInfo(settings.timezone)).date()
    try:
        with Store.open(settings.store_url, read_only=True) as opened:
            known = exchange_rates_of(opened)
    except AnalyticsError as error:
        raise click.ClickException(str(error)) from None
    rows = [
        tuple(getattr(rate, name) for name in _SCHEMA)
        for name in ([one] if one else known.currencies)
        for rate in _rates(known, name, to_currency, None if history else day)
    ]
    print_frame(pl.DataFrame(rows, _SCHEMA, orient="row"), style)


def _rates(known: ExchangeRates, one: str, other: str, day: date | None) -> Iterator[ExchangeRate]:
    """The rates between two currencies: all of them, or that of a day."""
    if one == other:
        return
    for rate in known.history(one, other):
        ended = rate.valid_to is not None and day is not None and rate.valid_to <= day
        if day is None or (rate.valid_from <= day and not ended):
            yield rate
