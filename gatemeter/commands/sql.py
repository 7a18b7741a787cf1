"""`gatemeter sql`: one reading query over the store."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from analytics import AnalyticsError
from analytics.one_liners import one_liners
from analytics.query import DEFAULT_LIMIT, DEFAULT_SECONDS, read_only_query
from gatemeter.frames import print_frame
from gatemeter.settings import Settings

if TYPE_CHECKING:
    from gatemeter.frames import Style

EXAMPLE = """
\b
Examples:
  gatemeter sql "FROM spend_daily SELECT day, team, sum(cost) GROUP BY ALL ORDER BY day"
  gatemeter sql "SHOW TABLES"
  gatemeter sql --csv < query.sql > answer.csv
  gatemeter sql --connect
"""


@click.command(epilog=EXAMPLE)
@click.argument("query", required=False)
@click.option("--json", "style", flag_value="json", help="Print JSON; money as strings.")
@click.option("--csv", "style", flag_value="csv", help="Print CSV.")
@click.option("--table", "style", flag_value="table", default="table", help="The default.")
@click.option("--limit", default=DEFAULT_LIMIT, show_default=True, type=click.IntRange(min=1))
@click.option("--timeout", default=DEFAULT_SECONDS, show_default=True, help="Seconds.")
@click.option("--connect", is_flag=True, help="Print how DuckDB and polars open this store.")
@click.option("--store", metavar="URL", help="Store: a folder or address.")
def command(
    *,
    query: str | None,
    style: Style,
    limit: int,
    timeout: float,
    connect: bool,
    store: str | None,
) -> None:
    """Answer one reading QUERY (or what stdin holds) over the views that docs/sql.md explains.

    It cannot write, open other files or change settings.
    """
    settings = Settings.load(**({"store": store} if store else {}))
    try:
        if connect:
            for name, text in one_liners(settings.store_url).items():
                click.echo(f"# {name}\n{text}\n")
            return
        if query is None and sys.stdin.isatty():
            raise click.UsageError("give a query, or pipe one in")
        text = query if query is not None else sys.stdin.read()
        frame = read_only_query(settings.store_url, text, limit, timeout)
    except AnalyticsError as error:
        raise click.ClickException(str(error)) from None
    print_frame(frame, style)
    if frame.height == limit and style == "table":
        click.echo(f"(the first {limit:,} rows; --limit for more)", err=True)
