"""`gatemeter keys`: what reports call a key, whose it is from when on, and the gateway's own."""

from __future__ import annotations

import importlib
import json
import sys
from typing import TYPE_CHECKING, TypeVar

import click

from gatemeter.commands import gateway_keys
from gatemeter.settings import Settings
from gatemeter.since import Day
from gateway_hooks.fingerprint import Fingerprinter
from gateway_hooks.settings import PREFIX, key_salt

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import date
    from types import ModuleType

T = TypeVar("T")

EXAMPLE = """
\b
Examples:
  gatemeter keys fingerprint --name checkout-service --team payments
  gatemeter keys assign checkout-service --team payments --from 2026-11-01 --dry-run
  gatemeter keys history checkout-service
  az keyvault secret show ... --query value -o tsv | gatemeter keys fingerprint --json
"""


@click.group(epilog=EXAMPLE)
def command() -> None:
    """Name a key, move it to another team as of a day; make the gateway's own keys."""


for _own in gateway_keys.COMMANDS:
    command.add_command(_own)


@command.command(
    "fingerprint",
    epilog=EXAMPLE,
    help="""Print a key's fingerprint and the lines of gatemeter.toml that name it.

    The key is read from standard input or asked for without showing it, never from an argument,
    which other users of the machine could read. For a caller with an Entra ID token give the
    token's `oid` instead. The salt must be the gateway's: set GATEMETER_KEY_SALT or
    GATEMETER_HOME as it has them.
    """,
)
@click.option("--name", default="", help="What reports shall call the key.")
@click.option("--team", default="", help="The team that its spend belongs to.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def fingerprint(*, name: str, team: str, as_json: bool) -> None:
    """Read a key and print what it is known as; the key itself is printed nowhere."""
    settings = Settings.load()
    key_id = Fingerprinter(key_salt(settings)).key_id(_read_key())
    if as_json:
        click.echo(json.dumps({"key_id": key_id, "toml": _toml(key_id, name, team)}))
        return
    origin = f"{PREFIX}KEY_SALT" if settings.key_salt else str(settings.home / "key-salt")
    click.echo(f"salt: {origin}", err=True)
    click.echo(key_id)
    click.echo()
    click.echo(_toml(key_id, name, team), nl=False)


_DAY = Day()
_json = click.option("--json", "as_json", is_flag=True, help="Print JSON; money as strings.")
_store = click.option("--store", metavar="URL", help="Store: a folder or address.")


@command.command("assign", epilog=EXAMPLE)
@click.argument("key")
@click.option("--team", required=True, help="The team that its spend belongs to.")
@click.option("--name", help="What reports shall call it; default: as before.")
@click.option("--from", "since", type=_DAY, required=True, help="First day, in GATEMETER_TIMEZONE.")
@click.option("--until", type=_DAY, help="First day it no longer holds; default: for good.")
@click.option("--dry-run", is_flag=True, help="Only say what would move.")
@_json
@_store
def assign(
    *,
    key: str,
    team: str,
    name: str | None,
    since: date,
    until: date | None,
    dry_run: bool,
    as_json: bool,
    store: str | None,
) -> None:
    """Give a key to a team as of a day, in what is stored and in what comes.

    KEY is its name or its fingerprint. Requests from before the day keep their team, also when they
    come late; totals do not change. What is said later wins over what a gateway writes, and over
    what was said before. To undo it, give the key back.
    """
    if until is not None and until <= since:
        raise click.UsageError("--until is the first day it no longer holds: after --from")
    team, name = team.strip(), name.strip() if name is not None else None
    if not team or name == "":
        raise click.UsageError("a team and a name have at least one letter")
    settings = Settings.load(**({"store": store} if store else {}))
    teams = _key_teams()
    for day in (since, until):
        note = teams.rounded_note(settings, day) if day else None
        if note:
            click.echo(note, err=True)
            break
    outcome = _answer(
        lambda: teams.assign_key(
            settings,
            key,
            team=team,
            name=name,
            since=since,
            until=until,
            dry=dry_run,
        )
    )
    if as_json:
        click.echo(json.dumps(teams.as_json(outcome, dry=dry_run)))
        return
    for line in teams.described(outcome, settings.timezone, dry=dry_run):
        click.echo(line)


@command.command("history", epilog=EXAMPLE)
@click.argument("key", required=False)
@click.option("--all", "said", is_flag=True, help="Everything that was ever said, with its time.")
@_json
@_store
def history(*, key: str | None, said: bool, as_json: bool, store: str | None) -> None:
    """Whose a key is and was, as far as it was assigned; else its gateway's word stands.

    Days are those of GATEMETER_TIMEZONE; `until` is the first that no longer belongs to it.
    """
    settings = Settings.load(**({"store": store} if store else {}))
    teams = _key_teams()
    frame = _answer(lambda: teams.key_history(settings, key, said=said))
    from gatemeter.frames import print_frame

    print_frame(
        frame if as_json else frame.drop("valid_from", "valid_to"), "json" if as_json else "table"
    )


def _key_teams() -> ModuleType:
    """The part that needs the store, which a gateway's machine may not have installed."""
    try:
        return importlib.import_module("gatemeter.key_teams")
    except ModuleNotFoundError as error:
        raise click.ClickException(
            f"this needs {error.name}: pip install 'gatemeter[ingest]'"
        ) from None


def _answer(call: Callable[[], T]) -> T:
    from analytics import AnalyticsError

    try:
        return call()
    except AnalyticsError as error:
        raise click.ClickException(str(error)) from None


def _read_key() -> str:
    """The key, from a pipe or a prompt that does not echo.

    Raises:
        click.ClickException: there is none, or there are several.
    """
    if sys.stdin.isatty():
        text = str(click.prompt("Key", hide_input=True, err=True))
    else:
        text = sys.stdin.read()
    lines = text.split()
    if len(lines) != 1:
        raise click.ClickException("give exactly one key, on standard input or at the prompt")
    return lines[0]


def _toml(key_id: str, name: str, team: str) -> str:
    # A JSON string is a TOML string, but for characters that no name needs and TOML escapes alike.
    return f"[keys.{key_id}]\nname = {json.dumps(name)}\nteam = {json.dumps(team)}\n"
