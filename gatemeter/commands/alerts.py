"""`gatemeter alerts`: tell people what they should know, once."""

from __future__ import annotations

import json
import signal
import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from analytics import AnalyticsError, Store, StoreBusy
from analytics.alerts import (
    Alert,
    DeliveryFailed,
    Message,
    Watch,
    history,
    new_alerts,
    run_round,
)
from gatemeter.channels import channel
from gatemeter.frames import print_frame
from gatemeter.number import Number
from gatemeter.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import FrameType

    from analytics.alerts import Channel, Round

EXAMPLE = """
\b
Examples:
  gatemeter alerts run                  # leave it running
  gatemeter alerts run --once           # for cron
  gatemeter alerts run --dry-run
  gatemeter alerts list
  gatemeter alerts test finops-mail
"""
_json = click.option("--json", "as_json", is_flag=True, help="Print JSON, one object a line.")
_store = click.option("--store", metavar="URL", help="Store: a folder or address.")


class _SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """The time now, in UTC."""
        return datetime.now(UTC)


@click.group(epilog=EXAMPLE)
def command() -> None:
    """Tell of budgets, quotas, unusual spend and the pipeline, over the channels of the settings.

    Each alert goes to each of its channels once, however many processes run. What could not be
    delivered is tried again, later each time.
    """


@command.command(epilog=EXAMPLE)
@click.option("--once", is_flag=True, help="One round, and then end; 1 if a delivery failed.")
@click.option(
    "--every",
    type=Number(min=1),
    default=60,
    show_default=True,
    help="Seconds between rounds.",
)
@click.option("--dry-run", is_flag=True, help="Print what is new; send and keep nothing.")
@_json
@_store
def run(*, once: bool, every: float, dry_run: bool, as_json: bool, store: str | None) -> None:
    """Look for what is to be told, and tell it."""
    settings = Settings.load(**({"store": store} if store else {}))
    watch = Watch(settings.budgets, settings.quotas, settings.alerts, settings.timezone)
    channels = {one.name: channel(one) for one in settings.channels}
    try:
        with Store.open(settings.store_url, read_only=dry_run, make=False) as opened:
            if dry_run:
                for alert in new_alerts(opened, watch, datetime.now(UTC)):
                    _say_new(alert, as_json=as_json)
            elif once:
                done = run_round(opened, watch, channels, _SystemClock())
                _say(done, as_json=as_json)
                if done.failed:
                    raise click.exceptions.Exit(1)
            else:
                _keep_running(opened, watch, channels, every, as_json=as_json)
    except AnalyticsError as error:
        raise click.ClickException(str(error)) from None


@command.command("list", epilog=EXAMPLE)
@click.option("--limit", type=click.IntRange(min=1), default=50, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@_store
def list_alerts(*, limit: int, as_json: bool, store: str | None) -> None:
    """The newest alerts, where they went, and what failed."""
    settings = Settings.load(**({"store": store} if store else {}))
    try:
        with Store.open(settings.store_url, read_only=True) as opened:
            frame = history(opened, limit)
    except AnalyticsError as error:
        raise click.ClickException(str(error)) from None
    print_frame(frame, "json" if as_json else "table")


@command.command("test", epilog=EXAMPLE)
@click.argument("name", metavar="CHANNEL")
def test_channel(*, name: str) -> None:
    """Send a test message over one channel of the settings."""
    settings = Settings.load()
    chosen = next((one for one in settings.channels if one.name == name), None)
    if chosen is None:
        known = ", ".join(one.name for one in settings.channels) or "none"
        raise click.ClickException(f"there is no channel {name!r} in the settings, only: {known}")
    now = datetime.now(UTC)
    alert = Alert(
        kind="test",
        subject=name,
        period=now.isoformat(),
        threshold="",
        title="Test of an alert channel",
        text=f"The channel {name} works. Nothing else has happened.",
        facts={"channel": name},
    )
    try:
        channel(chosen).send(Message.read(alert.payload(now)))
    except DeliveryFailed as error:
        raise click.ClickException(f"{name}: {error}") from None
    click.echo(f"{name}: sent")


def _keep_running(
    store: Store,
    watch: Watch,
    channels: Mapping[str, Channel],
    every_seconds: float,
    *,
    as_json: bool,
) -> None:
    """Round after round, until the process is asked to end; a busy store is met again next time."""
    stop = threading.Event()

    def ask(_signal: int, _frame: FrameType | None) -> None:
        stop.set()

    before = {one: signal.signal(one, ask) for one in (signal.SIGINT, signal.SIGTERM)}
    try:
        while not stop.is_set():
            try:
                _say(run_round(store, watch, channels, _SystemClock()), as_json=as_json)
            except StoreBusy as error:
                click.echo(f"gatemeter: {error}", err=True)
            stop.wait(every_seconds)
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)


def _say(done: Round, *, as_json: bool) -> None:
    for alert in done.raised:
        _say_new(alert, as_json=as_json)
    for outcome in (*done.sent, *done.failed):
        if as_json:
            _print(
                {
                    "event": "failed" if outcome.error else "delivered",
                    "id": outcome.alert_id,
                    "channel": outcome.channel,
                    "title": outcome.title,
                    "error": outcome.error,
                }
            )
        elif outcome.error:
            click.echo(f"not delivered to {outcome.channel}: {outcome.title} ({outcome.error})")
        else:
            click.echo(f"delivered to {outcome.channel}: {outcome.title}")


def _say_new(alert: Alert, *, as_json: bool) -> None:
    if not as_json:
        click.echo(f"new: {alert.title}. {alert.text}")
        return
    _print(
        {
            "event": "new",
            "id": alert.alert_id,
            "kind": alert.kind,
            "subject": alert.subject,
            "period": alert.period,
            "threshold": alert.threshold,
            "title": alert.title,
            "text": alert.text,
            "facts": dict(alert.facts),
            "channels": list(alert.channels),
        }
    )


def _print(said: dict[str, Any]) -> None:
    click.echo(json.dumps(said))
