"""`gatemeter keys`: what reports call a key."""

from __future__ import annotations

import json
import sys

import click

from gatemeter.settings import Settings
from gateway_hooks.fingerprint import Fingerprinter
from gateway_hooks.settings import PREFIX, key_salt

EXAMPLE = """
\b
Examples:
  gatemeter keys fingerprint --name checkout-service --team payments
  az keyvault secret show ... --query value -o tsv | gatemeter keys fingerprint --json
"""


@click.group(epilog=EXAMPLE)
def command() -> None:
    """Fingerprint a key, to give it a name and a team."""


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
