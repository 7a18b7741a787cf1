"""`gatemeter budgets`: where budgets and quotas stand."""

from __future__ import annotations

import json
import os
import signal
from datetime import UTC, datetime
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

import click
import polars as pl

from analytics import AnalyticsError, Store
from analytics.alerts.wording import amount, plain
from analytics.budgets import published, statuses
from analytics.quotas import contracts, quota_report
from analytics.reports import health
from gatemeter.frames import print_frame, wide_option
from gatemeter.number import Number
from gatemeter.settings import Settings
from gatemeter.spans import parse_moment

if TYPE_CHECKING:
    from analytics.budgets import Status

EXAMPLE = """
\b
Examples:
  gatemeter budgets status
  gatemeter budgets status --json
  gatemeter budgets quotas --since 24h
  gatemeter budgets publish --every 30
"""
BUDGET_STATE: Final = "budget-state.json"
_MONEY = pl.Decimal(38, 18)
_TYPES: Final = {
    "limit": _MONEY,
    "used": _MONEY,
    "forecast": _MONEY,
    "forecast_low": _MONEY,
    "forecast_high": _MONEY,
    "other_currencies": pl.List(pl.String),
}
_STATUS_FIRST: Final = (
    "budget", "used", "of", "%", "forecast", "state", "days left", "period", "scope",
)  # fmt: skip
_QUOTAS_FIRST: Final = (
    "deployment", "backend", "peak_percent", "peak_at", "minutes_over_100", "throttled_attempts",
    "minutes_over_80", "p95_percent", "tokens_per_minute", "peak_tokens",
)  # fmt: skip
"""What a narrow terminal shows first."""
_json = click.option("--json", "as_json", is_flag=True, help="Print JSON; money as strings.")
_store = click.option("--store", metavar="URL", help="Store: a folder or address.")


@click.group(epilog=EXAMPLE)
def command() -> None:
    """Where the budgets and quotas of the settings stand, and where budgets will end.

    They are the tables [[budgets]] and [[quotas]] of gatemeter.toml; days, weeks and months are
    those of the setting `timezone`.
    """


@command.command(epilog=EXAMPLE)
@_json
@wide_option
@_store
def status(*, as_json: bool, wide: bool, store: str | None) -> None:
    """Used and expected of each budget's running period.

    The forecast is for the period's end, with an interval that holds four times in five.
    """
    settings = Settings.load(**({"store": store} if store else {}))
    try:
        with Store.open(settings.store_url, read_only=True) as opened:
            now = datetime.now(UTC)
            found = statuses(opened, settings.budgets, now=now, timezone=settings.timezone)
            stored_until = health(opened).last_event_at
    except AnalyticsError as error:
        raise click.ClickException(str(error)) from None
    if not found:
        click.echo("[]" if as_json else "there are no [[budgets]] in gatemeter.toml yet")
        return
    if as_json:
        print_frame(_frame(found, stored_until), "json")
        return
    shown = pl.DataFrame([_shown(one) for one in found])
    print_frame(shown, "table", first=None if wide else _STATUS_FIRST)
    for one in found:
        for remark in _remarks(one):
            click.echo(f"{one.budget.name}: {remark}", err=True)
    if stored_until is not None:
        click.echo(f"as of the last stored request, {stored_until:%Y-%m-%d %H:%M:%S}Z", err=True)


@command.command(epilog=EXAMPLE)
@click.option("--since", default="7d", show_default=True, help="7d, 24h or an ISO time.")
@_json
@wide_option
@_store
def quotas(*, since: str, as_json: bool, wide: bool, store: str | None) -> None:
    """Each deployment's fullest minutes against its contracted quota, and its month."""
    settings = Settings.load(**({"store": store} if store else {}))
    now = datetime.now(UTC)
    try:
        begin = parse_moment(since, now, ZoneInfo(settings.timezone))
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    try:
        with Store.open(settings.store_url, read_only=True) as opened:
            frame = quota_report(
                opened,
                contracts(opened, settings.quotas),
                since=begin,
                until=now,
                timezone=settings.timezone,
            )
    except AnalyticsError as error:
        raise click.ClickException(str(error)) from None
    if not as_json and frame.is_empty():
        click.echo("no deployment has a quota: add [[quotas]] to gatemeter.toml")
        return
    print_frame(frame, "json" if as_json else "table", first=None if wide else _QUOTAS_FIRST)


@command.command(epilog=EXAMPLE)
@click.option(
    "--out", type=click.Path(path_type=Path), help="File; default GATEMETER_HOME/budget-state.json."
)
@click.option(
    "--every",
    "seconds",
    type=Number(min=1),
    metavar="SECONDS",
    help="Go on and write it every so often; default: once.",
)
@_store
def publish(*, out: Path | None, seconds: float | None, store: str | None) -> None:
    """Write down what was used of the budgets that say `enforce`, for gateways to read.

    `gatemeter gateway` runs this by itself; other gateways that use the hook want it running
    beside them, on a machine that can reach the store.
    """
    settings = Settings.load(**({"store": store} if store else {}))
    file = out or settings.home / BUDGET_STATE
    if not any(budget.enforce != "off" for budget in settings.budgets):
        click.echo("no [[budgets]] of gatemeter.toml says `enforce`: nothing to enforce", err=True)
    stop = Event()
    if seconds is not None:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: stop.set())
    while True:
        try:
            _publish(settings, file)
        except (AnalyticsError, OSError) as error:
            if seconds is None:
                raise click.ClickException(str(error)) from None
            click.echo(f"budget state is not renewed: {error}", err=True)
        if seconds is None or stop.wait(seconds):
            return


def _publish(settings: Settings, file: Path) -> None:
    with Store.open(settings.store_url, read_only=True) as opened:
        state = published(
            opened, settings.budgets, now=datetime.now(UTC), zone=ZoneInfo(settings.timezone)
        )
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    draft.write_text(json.dumps(state), "utf-8")
    draft.replace(file)  # a reader sees the old one or the new one


def _frame(found: list[Status], stored_until: datetime | None) -> pl.DataFrame:
    rows = [
        {
            "budget": one.budget.name,
            "scope": str(one.budget),
            "period": one.period.name,
            "period_start": one.period.since,
            "period_end": one.period.until,
            "days_left": one.days_left,
            "limit": one.budget.limit,
            "used": one.used,
            "unit": one.budget.unit,
            "percent": one.percent,
            "forecast": one.forecast.expected if one.forecast else None,
            "forecast_low": one.forecast.low if one.forecast else None,
            "forecast_high": one.forecast.high if one.forecast else None,
            "forecast_percent": one.forecast_percent,
            "state": one.state,
            "scope_is_known": one.known,
            "unpriced_requests": one.left_out.unpriced_requests,
            "other_currencies": [
                f"{plain(spent)} {name}" for name, spent in one.left_out.other_currencies.items()
            ],
            "stored_until": stored_until,
        }
        for one in found
    ]
    return pl.DataFrame(rows, infer_schema_length=None, schema_overrides=_TYPES)


def _shown(one: Status) -> dict[str, str]:
    """A row for people."""
    unit, expected = one.budget.unit, one.forecast
    return {
        "budget": one.budget.name,
        "scope": str(one.budget),
        "period": one.period.name,
        "used": amount(one.used, unit),
        "of": amount(one.budget.limit, unit),
        "%": f"{one.percent:.1f}",
        "forecast": amount(expected.expected, unit) if expected else "-",
        "from": amount(expected.low, unit) if expected else "-",
        "to": amount(expected.high, unit) if expected else "-",
        "days left": str(one.days_left),
        "state": one.state,
    }


def _remarks(one: Status) -> list[str]:
    """What the numbers alone would hide."""
    remarks = []
    if not one.known:
        remarks.append(f"nothing in the store belongs to {one.budget}: is it spelt right?")
    if one.left_out.unpriced_requests:
        remarks.append(
            f"{one.left_out.unpriced_requests:,} requests have no price and are not in it"
        )
    remarks += [
        f"{amount(spent, name)} are not in it: no exchange rate to {one.budget.unit}"
        for name, spent in one.left_out.other_currencies.items()
    ]
    return remarks
