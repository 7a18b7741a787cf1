"""`gatemeter report`: spend, throttling and latency as tables, JSON or CSV."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

import click

from analytics import AnalyticsError, Filters, Store, reports
from gatemeter.commands.report_provisioned import command as provisioned
from gatemeter.frames import print_frame
from gatemeter.settings import Settings
from gatemeter.spans import parse_moment

if TYPE_CHECKING:
    from collections.abc import Callable

    import polars as pl

    from gatemeter.frames import Style

    Report = Callable[..., pl.DataFrame]

EXAMPLE = """
\b
Examples:
  gatemeter report spend --by team,model --since 7d
  gatemeter report spend --by day --since 2026-11-01 --until 2026-12-01 --csv
  gatemeter report throttling --by backend,hour --since 24h
  gatemeter report latency --by model --key search-app --json
  gatemeter report provisioned --since 30d --what-if -3
"""


_FIRST: Final = (
    "requests", "cost", "attempts", "throttled_attempts", "throttle_rate", "throttled_minutes",
    "max_retry_after_ms", "throttled_requests", "retry_rate", "max_utilization",
)  # fmt: skip
"""What a narrow terminal shows of a report, the most important first; then the other columns."""


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
        click.option("--wide", is_flag=True, help="Every column, however narrow the terminal is."),
        click.option("--store", metavar="URL", help="Store: a folder or address."),
    ]

    def add(function: Callable[..., None]) -> Callable[..., None]:
        for option in reversed(options):
            function = option(function)
        return function

    return add


@command.command(epilog=EXAMPLE)
@_options("team")
def spend(**options: Any) -> None:  # noqa: ANN401 - click's own
    """Cost in USD, requests and tokens; the dearest first.

    Days and hours are those of the setting `timezone`, put together from whole UTC hours.
    """
    _print(reports.spend, **options)


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


def _print(
    report: Report,
    *,
    by: str,
    since: str,
    until: str | None,
    style: Style,
    wide: bool,
    store: str | None,
    **filters: str | None,
) -> None:
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
    names = [name.strip() for name in by.split(",") if name.strip()]
    try:
        with Store.open(settings.store_url, read_only=True) as opened:
            frame = report(opened, chosen, names, timezone=settings.timezone)
    except AnalyticsError as error:
        raise click.ClickException(str(error)) from None
    splits = frame.columns[: frame.columns.index("requests")]
    print_frame(frame, style, first=None if wide else [*splits, *_FIRST])
