"""`gatemeter dead-letters`: what the consumer could not take for events."""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING

import click

from analytics import AnalyticsError, Store
from analytics.address import Address
from analytics.dead_letters import StoredDeadLetter, list_dead_letters, mark_replayed
from analytics.load import Loader
from gatemeter.settings import Settings
from gatemeter.since import Since
from ingest import SystemClock
from ingest.replay import Replayed, find_replayable, replay

if TYPE_CHECKING:
    from collections.abc import Iterator

LIST_EXAMPLE = """
\b
Examples:
  gatemeter dead-letters list --since 7d
  gatemeter dead-letters list --json
"""
REPLAY_EXAMPLE = """
\b
Example:
  gatemeter dead-letters replay --dry-run
"""


@click.group(
    help="Lines that were no events: list and replay them.",
    epilog="Lines are kept redacted: no prompts, completions or keys.",
)
def command() -> None:
    """Lines that were no events."""


@command.command("list", epilog=LIST_EXAMPLE)
@click.option("--since", type=Since(), help="Only those stored since: 24h, 30d or a date.")
@click.option("--store", metavar="URL", help="Store: a folder or address.  [GATEMETER_STORE]")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, with the redacted lines.")
def list_command(*, since: datetime | None, store: str | None, as_json: bool) -> None:
    """Show where each stood, what was wrong, and whether it was replayed."""
    with _opened(store, read_only=True) as opened:
        letters = [] if opened is None else list_dead_letters(opened, since=since)
    if as_json:
        click.echo(json.dumps([asdict(letter) for letter in letters], default=_iso))
    elif not letters:
        click.echo("no dead letters")
    else:
        for letter in letters:
            click.echo(_line(letter))


@command.command("replay", epilog=REPLAY_EXAMPLE)
@click.option("--dry-run", is_flag=True, help="Only count what would be loaded.")
@click.option("--store", metavar="URL", help="Store: a folder or address.  [GATEMETER_STORE]")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def replay_command(*, dry_run: bool, store: str | None, as_json: bool) -> None:
    """Load, once, the dead letters that are complete events by this version's rules.

    That helps when the rules were wrong and not the lines: say, a consumer that was older than its
    gateways. Lines of which anything that counts was redacted stay dead.
    """
    with _opened(store, read_only=dry_run) as opened:
        done = Replayed() if opened is None else _replay(opened, dry_run=dry_run)
    if as_json:
        click.echo(json.dumps({"dry_run": dry_run, **asdict(done)}))
    elif dry_run:
        click.echo(f"{done.replayable:,} would be loaded, {done.kept:,} stay dead letters")
    else:
        click.echo(
            f"{done.stored:,} events stored, {done.duplicates:,} duplicates, "
            f"{done.kept:,} stay dead letters"
        )


def _replay(store: Store, *, dry_run: bool) -> Replayed:
    letters = list_dead_letters(store, pending_only=True)
    if dry_run:
        found = len(find_replayable(letters))
        return Replayed(replayable=found, kept=len(letters) - found)
    clock = SystemClock()
    return replay(
        letters, Loader(store, clock), lambda done: mark_replayed(store, done, clock.now())
    )


@contextmanager
def _opened(url: str | None, *, read_only: bool) -> Iterator[Store | None]:
    """The store, or None when there is none yet: then there are no dead letters either."""
    settings = Settings.load(**({} if url is None else {"store": url}))
    try:
        if not Address.parse(settings.store_url).exists():
            yield None
            return
        with Store.open(settings.store_url, read_only=read_only) as store:
            yield store
    except AnalyticsError as error:
        raise click.ClickException(str(error)) from None


def _line(letter: StoredDeadLetter) -> str:
    replayed = f" (replayed {letter.replayed_at:%Y-%m-%d %H:%M})" if letter.replayed_at else ""
    stored = f"{letter.stored_at:%Y-%m-%d %H:%M:%S}"
    return f"{stored}  {letter.partition}@{letter.position}  {letter.reason}{replayed}"


def _iso(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)
