"""`gatemeter reconcile`: our charges beside Azure's bill."""

from __future__ import annotations

import json
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from analytics import AnalyticsError, Store
from analytics.exports.reconcile import MEANINGS, reconcile, reconciliation_table
from analytics.exports.writing import write_table
from gatemeter.frames import for_json, print_frame
from gatemeter.settings import Settings

if TYPE_CHECKING:
    import polars as pl

    from analytics.exports.reconcile import Reconciliation

EXAMPLE: Final = """
\b
Examples:
  gatemeter reconcile actual-cost-october.csv
  gatemeter reconcile part-*.csv.gz --by day,meter --json
  gatemeter reconcile focus-october.parquet --out differences.csv
"""
_HUNDRED: Final = 100


@click.command(epilog=EXAMPLE)
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--by", default="meter", show_default=True, help="Any of day, meter and resource, commas."
)
@click.option("--json", "as_json", is_flag=True, help="Print summary and rows as JSON.")
@click.option("--out", type=click.Path(path_type=Path), help="Write rows to a .csv or .parquet.")
@click.option(
    "--exchange-rate",
    metavar="RATE",
    help="Units of the bill's currency for one of the charges', where they differ.",
)
@click.option("--amortized", is_flag=True, help="Compare with the effective cost of FOCUS exports.")
@click.option("--store", metavar="URL", help="Store: a folder or address.")
def command(
    *,
    files: tuple[Path, ...],
    by: str,
    as_json: bool,
    out: Path | None,
    exchange_rate: str | None,
    amortized: bool,
    store: str | None,
) -> None:
    """Line our charges up with FILES that Azure exported, and say why they differ.

    FILES come from Cost Management: cost details (actual or amortized cost, CSV,
    also gzipped) or FOCUS (CSV or Parquet).
    Compared are the UTC days of the files, meter by meter, and by resource where both sides know
    it: the account's name is taken for the first word of the backend's host.
    """
    settings = Settings.load(**({"store": store} if store else {}))
    names = [name.strip() for name in by.split(",") if name.strip()]
    try:
        with Store.open(settings.store_url, read_only=True) as opened:
            found = reconcile(
                opened,
                files,
                accounts=_accounts(settings),
                exchange_rate=_rate(exchange_rate),
                amortized=amortized,
            )
        frame = reconciliation_table(found, names)
        if out is not None:
            table = frame.to_arrow()
            write_table(out, table.schema, table.to_batches())
    except AnalyticsError as error:
        raise click.ClickException(str(error)) from None
    if as_json:
        rows = [
            {name: for_json(value) for name, value in row.items()}
            for row in frame.iter_rows(named=True)
        ]
        click.echo(json.dumps({"summary": _summary(found), "rows": rows}))
        return
    if out is None:
        print_frame(_for_people(frame), "table")
    _tell(found)


def _accounts(settings: Settings) -> dict[str, str]:
    """The Azure account by what a backend is called."""
    named = {
        facts.name or host: host.split(":")[0].split(".")[0]
        for host, facts in settings.backends.items()
    }
    ids = settings.focus.resource_ids.items()
    return named | {backend: resource.rpartition("/")[2] for backend, resource in ids}


def _rate(text: str | None) -> Decimal | None:
    if text is None:
        return None
    try:
        rate = Decimal(text)
    except InvalidOperation:
        rate = Decimal(0)
    if not rate.is_finite() or rate <= 0:
        raise click.UsageError(f"--exchange-rate: {text!r} is no rate such as 0.92")
    return rate


def _for_people(frame: pl.DataFrame) -> pl.DataFrame:
    """Without the causes' own columns, which `why` tells in words."""
    return frame.select(name for name in frame.columns if name not in MEANINGS)


def _share(found: Reconciliation) -> Decimal | None:
    if not found.models_cost:
        return None
    return (found.captured_cost / found.models_cost * _HUNDRED).quantize(Decimal("0.01"))


def _summary(found: Reconciliation) -> dict[str, object]:
    share = _share(found)
    return {
        "first_day": found.first.isoformat(),
        "last_day": found.last.isoformat(),
        "currency": found.currency,
        "billed_cost": for_json(found.billed_cost),
        "models_cost": for_json(found.models_cost),
        "captured_cost": for_json(found.captured_cost),
        "captured_percent": for_json(share) if share is not None else None,
        "our_cost": for_json(found.our_cost),
        "difference": for_json(found.billed_cost - found.our_cost),
        "causes": {cause: for_json(amount) for cause, amount in found.causes.items()},
        "not_compared": list(found.other_currencies),
    }


def _tell(found: Reconciliation) -> None:
    share = _share(found)
    currency = found.currency
    click.echo()
    click.echo(
        f"{found.first} to {found.last} (UTC): captured "
        f"{'nothing' if share is None else f'{share} %'} of "
        f"{found.models_cost:,.2f} {currency} billed for models"
    )
    click.echo(
        f"billed {found.billed_cost:,.2f}, charged here {found.our_cost:,.2f}, "
        f"difference {found.billed_cost - found.our_cost:+,.2f} {currency}"
    )
    for cause, amount in found.causes.items():
        click.echo(f"  {amount:+15,.6f}  {cause.replace('_', ' ')}: {MEANINGS[cause]}")
    if found.other_currencies:
        others = ", ".join(found.other_currencies)
        click.echo(f"charges in {others} were not compared", err=True)
