"""`gatemeter report provisioned`: whether provisioned throughput is worth its price."""

from __future__ import annotations

import json
from dataclasses import fields
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import click
import polars as pl

from analytics import AnalyticsError, Store
from analytics.provisioned.fewer import Choice
from analytics.provisioned.report import provisioned
from gatemeter.frames import for_json, print_frame
from gatemeter.settings import Settings
from gatemeter.spans import parse_moment

if TYPE_CHECKING:
    from collections.abc import Sequence
    from decimal import Decimal

    from analytics.provisioned.report import BlockReport

EXAMPLE = """
\b
Examples:
  gatemeter report provisioned --since 30d
  gatemeter report provisioned --since 2026-10-01 --until 2026-11-01 --what-if -3
  gatemeter report provisioned --since 30d --json
"""


@click.command(name="provisioned", epilog=EXAMPLE)
@click.option("--since", default="30d", show_default=True, help="30d, 24h or an ISO time.")
@click.option("--until", help="The same; default: now.")
@click.option("--what-if", type=int, metavar="-N", help="Only this many PTUs fewer, such as -3.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON; money as strings.")
@click.option("--store", metavar="URL", help="Store: a folder or address.")
def command(
    *, since: str, until: str | None, what_if: int | None, as_json: bool, store: str | None
) -> None:
    """Provisioned throughput: cost, use, price per token, and what fewer PTUs would have meant.

    Of whole hours that have passed. `over` counts what would have gone to pay-as-you-go, or have
    been throttled.
    """
    if what_if is not None and what_if > 0:
        raise click.UsageError(
            "--what-if takes fewer PTUs, such as -3: what more would have drawn, nobody recorded"
        )
    settings = Settings.load(**({"store": store} if store else {}))
    now, zone = datetime.now(UTC), ZoneInfo(settings.timezone)
    try:
        begins = parse_moment(since, now, zone)
        ends = parse_moment(until, now, zone) if until else now
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    try:
        with Store.open(settings.store_url, read_only=True) as opened:
            reports = provisioned(opened, begins, ends, now=now)
    except AnalyticsError as error:
        raise click.ClickException(str(error)) from None
    if what_if is not None:
        _refuse_more_than_there_are(reports, -what_if)
    if as_json:
        click.echo(json.dumps([_as_json(one, what_if) for one in reports]))
    elif not reports:
        click.echo(
            "no provisioned block in this time: add [[provisioned]], see docs/provisioned.md"
        )
    for one in [] if as_json else reports:
        _print(one, what_if)


def _refuse_more_than_there_are(reports: Sequence[BlockReport], fewer: int) -> None:
    """Say which blocks have not so many PTUs.

    Raises:
        click.ClickException: none has.
    """
    small = [f"{one.block} ({one.ptus})" for one in reports if one.ptus < fewer]
    if small and len(small) == len(reports):
        raise click.ClickException(
            f"no block has {fewer} PTUs to take away: {', '.join(small)}; give at most as many"
        )
    if small:
        click.echo(
            f"fewer than {fewer} PTUs, so all of them are taken away: {', '.join(small)}", err=True
        )


def _print(report: BlockReport, what_if: int | None) -> None:
    unit = report.currency
    used = None if report.idle_share is None else 1 - report.idle_share
    lines = [
        ("time", f"{report.since:%Y-%m-%d %H:%M} to {report.until:%Y-%m-%d %H:%M} UTC"),
        ("serves", f"{report.model} as {', '.join(report.deployments)}"),
        ("cost", f"{report.cost:,.2f} {unit} for {report.ptu_hours:,.2f} PTU-hours"),
        (
            "used",
            f"{_share(used)}; idle {_share(report.idle_share)}, {report.idle_cost:,.2f} {unit}",
        ),
        ("utilisation", _utilization(report)),
        ("traffic", f"{report.requests:,} requests, {report.tokens:,} tokens"),
        ("per 1M tokens", _money(report.price_per_million_tokens, unit)),
        (
            "by the token",
            f"{_money(report.pay_as_you_go, unit)} as {_reach(report)} pay-as-you-go",
        ),
    ]
    click.echo(f"{report.block}: {report.ptus} PTUs")
    for name, text in lines:
        click.echo(f"  {name:<14} {text}")
    if report.best is not None:
        click.echo(f"  {'cheapest':<14} {_sentence(report.best, unit)}")
    if report.choices:
        click.echo()
        print_frame(_table(_shown(report, what_if)), "table")
    click.echo()
    for remark in report.remarks:
        click.echo(f"  - {remark}")
    click.echo()


def _sentence(choice: Choice, unit: str) -> str:
    if choice.fewer == 0:
        return f"the {choice.ptus} PTUs there are: {choice.total:,.2f} {unit}"
    return (
        f"{choice.ptus} PTUs: {choice.fewer} fewer would have cost {choice.saved:,.2f} {unit} less "
        f"and pushed {choice.requests_over:,} requests ({choice.tokens_over:,} tokens) over to "
        f"pay-as-you-go for {choice.pay_as_you_go:,.2f} {unit}"
    )


def _shown(report: BlockReport, what_if: int | None) -> list[Choice]:
    """What Azure deploys, or the one that was asked for; all are in the JSON."""
    if what_if is not None:
        return [one for one in report.choices if one.fewer == min(-what_if, report.ptus)]
    return [one for one in report.choices if one.for_sale]


def _table(choices: Sequence[Choice]) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "ptus": [one.ptus for one in choices],
            "fewer": [one.fewer for one in choices],
            "saved": [f"{one.saved:,.2f}" for one in choices],
            "requests_over": [int(one.requests_over) for one in choices],
            "tokens_over": [int(one.tokens_over) for one in choices],
            "pay_as_you_go": [f"{one.pay_as_you_go:,.2f}" for one in choices],
            "total": [f"{one.total:,.2f}" for one in choices],
            "unpriced_tokens": [int(one.unpriced_tokens) for one in choices],
        }
    )


def _utilization(report: BlockReport) -> str:
    parts = []
    if report.utilization_mean is not None and report.utilization_p95 is not None:
        parts.append(
            f"by tokens, mean {report.utilization_mean:.1%} and p95 {report.utilization_p95:.1%} "
            "of the hours"
        )
    if report.measured_mean is not None and report.measured_p95 is not None:
        parts.append(
            f"the backend's own peaks, mean {report.measured_mean:.1%} and p95 "
            f"{report.measured_p95:.1%} of the hours"
        )
    return "; ".join(parts) or "nobody knows the capacity"


def _reach(report: BlockReport) -> str:
    return report.compared_with.replace("_", " ")


def _share(part: Decimal | None) -> str:
    return "-" if part is None else f"{part:.1%}"


def _money(amount: Decimal | None, unit: str) -> str:
    return "-" if amount is None else f"{amount:,.4f} {unit}"


def _as_json(report: BlockReport, what_if: int | None) -> dict[str, object]:
    made = {field.name: _value(getattr(report, field.name)) for field in fields(report)}
    if what_if is not None:
        made["choices"] = [_choice(one) for one in _shown(report, what_if)]
    return made


def _value(value: object) -> object:
    if isinstance(value, Choice):
        return _choice(value)
    if isinstance(value, tuple):
        return [_value(one) for one in value]
    return for_json(value)


def _choice(choice: Choice) -> dict[str, object]:
    return {field.name: for_json(getattr(choice, field.name)) for field in fields(choice)}
