"""`gatemeter report`: spend, throttling and latency as tables, JSON or CSV."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

import click

from analytics import AnalyticsError, Filters, Store, reports
from gatemeter.commands.report_provisioned import command as provisioned
from gatemeter.currency_option import CurrencyCode
from gatemeter.frames import print_frame, wide_option
from gatemeter.settings import Settings
from gatemeter.spans import parse_moment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import polars as pl

    from gatemeter.frames import Style

    Report = Callable[..., pl.DataFrame]

EXAMPLE = """
\b
Examples:
  gatemeter report spend --by team,model --since 7d
  gatemeter report spend --by day --since 2026-11-01 --until 2026-12-01 --csv
  gatemeter report spend --by month,team --since 90d --currency EUR
  gatemeter report throttling --by backend,hour --since 24h
  gatemeter report latency --by model --key search-app --json
  gatemeter report provisioned --since 30d --what-if -3
"""


_FIRST: Final = (
    "unconverted_charges", "attempts", "throttled_attempts", "throttle_rate", "throttled_minutes",
    "max_retry_after_ms", "throttled_requests", "retry_rate", "max_utilization",
)  # fmt: skip
"""What a narrow terminal shows of a report after splits, requests and cost; then the rest."""


@click.group(epilog=EXAMPLE)
def command() -> None:
    """Reports about a period: who spends what, which backend throttles, how long answers take."""


def _options(default_by: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """The options that every report has."""
    options = [
        click.option(
            "--by", default=default_by, show_default=True, help="What to split by, commas."
        ),
        click.option("--since", default="7d", show_default=True, help="7d, 24h or an ISO time."),
        click.option("--until", help="The same; default: now."),
        click.option("--key", help="Only this key, by name or id."),
        click.option("--team", help="Only this team."),
        click.option("--backend", help="Only this backend."),
        click.option("--model", help="Only this model."),
        click.option("--deployment", help="Only this deployment."),
        click.option("--operation", help="Only this operation."),
        click.option("--json", "style", flag_value="json", help="Print JSON; money as strings."),
        click.option("--csv", "style", flag_value="csv", help="Print CSV."),
        click.option("--table", "style", flag_value="table", default="table", help="The default."),
        wide_option,
        click.option("--store", metavar="URL", help="Store: a folder or address."),
    ]

    def add(function: Callable[..., None]) -> Callable[..., None]:
        for option in reversed(options):
            function = option(function)
        return function

    return add


@command.command(epilog=EXAMPLE)
@_options("team")
@click.option("--currency", type=CurrencyCode(), help="Of the money; default: your setting.")
def spend(*, currency: str | None, **options: Any) -> None:  # noqa: ANN401 - click's own
    """Cost, requests and tokens; the dearest first.

    Months, days and hours are those of the setting `timezone`, put together from whole UTC hours.
    Each charge is converted by its day's exchange rate; what has none is left out and told.
    """
    asked = _asked(**options)
    chosen = currency or asked.settings.currency
    money: dict[str, str] = {"timezone": asked.settings.timezone, "currency": chosen}
    with _opened(asked) as store:
        frame = reports.spend(store, asked.filters, asked.by, **money)
        missing = reports.unconverted(store, asked.filters, **money)
    if asked.style == "table":
        frame = frame.drop("currency").rename({"cost": f"cost {chosen}"})
        if not missing:
            frame = frame.drop("unconverted_charges")
    asked.show(frame)
    for one in missing:
        click.echo(
            f"not in the cost: {one.told(chosen, asked.settings.exchange_rates_file)}", err=True
        )


@command.command(epilog=EXAMPLE)
@_options("backend")
def throttling(**options: Any) -> None:  # noqa: ANN401 - click's own
    """429s by kind, retries, Retry-After and headroom; the most throttled first."""
    _print(reports.throttling, **options)


@command.command(epilog=EXAMPLE)
@_options("backend")
def latency(**options: Any) -> None:  # noqa: ANN401 - click's own
    """Percentiles of duration and time to first chunk in ms; the busiest first."""
    _print(reports.latency, **options)


command.add_command(provisioned)


@dataclass(frozen=True, slots=True)
class _Asked:
    """What a report is asked for."""

    settings: Settings
    filters: Filters
    by: list[str]
    style: Style
    wide: bool

    def show(self, frame: pl.DataFrame) -> None:
        """Print the answer."""
        splits = frame.columns[: frame.columns.index("requests")]
        first = [*splits, "requests", *(name for name in frame.columns if name.startswith("cost"))]
        print_frame(frame, self.style, first=None if self.wide else [*first, *_FIRST])


def _print(report: Report, **options: Any) -> None:  # noqa: ANN401 - click's own
    asked = _asked(**options)
    with _opened(asked) as store:
        frame = report(store, asked.filters, asked.by, timezone=asked.settings.timezone)
    asked.show(frame)


def _asked(
    *,
    by: str,
    since: str,
    until: str | None,
    style: Style,
    wide: bool,
    store: str | None,
    **filters: str | None,
) -> _Asked:
    settings = Settings.load(**({"store": store} if store else {}))
    now, zone = datetime.now(UTC), ZoneInfo(settings.timezone)
    try:
        chosen = Filters(
            since=parse_moment(since, now, zone),
            until=parse_moment(until, now, zone) if until else now,
            **filters,
        )
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    if chosen.until <= chosen.since:
        raise click.UsageError("--until must be later than --since")
    names = [name.strip() for name in by.split(",") if name.strip()]
    return _Asked(settings, chosen, names, style, wide)


@contextmanager
def _opened(asked: _Asked) -> Iterator[Store]:
    """The store; its errors end the command in one line."""
    try:
        with Store.open(asked.settings.store_url, read_only=True) as opened:
            yield opened
    except AnalyticsError as error:
        raise click.ClickException(str(error)) from None
