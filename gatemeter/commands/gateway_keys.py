"""`gatemeter keys create|list|revoke|rotate`: the keys that the gateway gives to its callers."""

from __future__ import annotations

import json
import re
import time
from datetime import UTC, date, datetime
from datetime import time as time_of_day
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

import click

from gatemeter.settings import Settings
from gatemeter.since import Day
from gateway_hooks.errors import GatewayHooksError
from gateway_hooks.fingerprint import Fingerprinter
from gateway_hooks.settings import key_salt

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import TypeVar

    from gateway_hooks.gateway.access.key_file import GatewayKey, KeyFile

    T = TypeVar("T")

EXAMPLE = """
\b
Examples:
  gatemeter keys create checkout-service --team payments --product standard
  gatemeter keys create trial --team sales --product small --expires 2027-01-31
  gatemeter keys list
  gatemeter keys rotate checkout-service --overlap 24h
  gatemeter keys revoke trial
"""
_UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_HEADINGS: Final = ("name", "state", "team", "product", "created", "expires", "rotated", "key_id")

_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
_key_store = click.option(
    "--key-store",
    type=click.Path(dir_okay=False),
    metavar="FILE",
    help="The gateway's key store; default: gateway-keys.sqlite in GATEMETER_HOME.",
)


class _Duration(click.ParamType[int]):
    """A number with s, m, h or d; in seconds."""

    name = "duration"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> int:
        """Read it; 0 needs no unit."""
        found = re.fullmatch(r"(\d{1,6})([smhd])", str(value).strip())
        if found is None and str(value) != "0":
            self.fail(f"{value!r} is no duration such as 24h, 30m or 7d", param, ctx)
        return int(found[1]) * _UNITS[found[2]] if found else 0


@click.command("create", epilog=EXAMPLE)
@click.argument("name")
@click.option("--team", required=True, help="The team that its spend belongs to.")
@click.option(
    "--product",
    default="default",
    show_default=True,
    help="The product in gateway.toml that it may use.",
)
@click.option(
    "--expires",
    type=Day(),
    help="First day on which it does not work any more, in GATEMETER_TIMEZONE.",
)
@_key_store
@_json
def create(
    *,
    name: str,
    team: str,
    product: str,
    expires: date | None,
    key_store: str | None,
    as_json: bool,
) -> None:
    """Make a key for callers of the gateway and print it, once.

    Only its hash is stored: a key that is lost is rotated. Gateways take it within a second.
    """
    settings = Settings.load()
    midnight = time_of_day.min.replace(tzinfo=ZoneInfo(settings.timezone))
    ends = datetime.combine(expires, midnight) if expires else None
    store = _open(settings, key_store)
    fingerprint = Fingerprinter(key_salt(settings)).key_id
    secret = _answer(
        lambda: store.create(
            name.strip(),
            product=product.strip(),
            team=team.strip(),
            expires_s=int(ends.timestamp()) if ends else None,
            fingerprint=fingerprint,
        )
    )
    _print_secret(secret, fingerprint(secret), name.strip(), as_json=as_json)


@click.command("rotate", epilog=EXAMPLE)
@click.argument("name")
@click.option(
    "--overlap",
    "overlap_seconds",
    type=_Duration(),
    default="24h",
    show_default=True,
    help="How long the old key still works: a number with s, m, h or d, or 0.",
)
@_key_store
@_json
def rotate(*, name: str, overlap_seconds: int, key_store: str | None, as_json: bool) -> None:
    """Make a new key in place of an old one and print it, once.

    Both work until the overlap ends. Reports go on under the same name and key_id.
    """
    store = _open(Settings.load(), key_store)
    secret = _answer(lambda: store.rotate(name, overlap_seconds=overlap_seconds))
    key = next(one for one in _answer(store.read)[0] if one.name == name)
    _print_secret(secret, key.key_id, name, as_json=as_json)
    if not as_json:
        until = _moment(time.time() + overlap_seconds)
        click.echo(f"the old key works until {until}" if overlap_seconds else "the old key is out")


@click.command("revoke", epilog=EXAMPLE)
@click.argument("name")
@_key_store
@_json
def revoke(*, name: str, key_store: str | None, as_json: bool) -> None:
    """End a key for good; every gateway refuses it within about a second."""
    key = _answer(lambda: _open(Settings.load(), key_store).revoke(name))
    if as_json:
        click.echo(json.dumps(_as_json(key)))
    else:
        click.echo(f"{key.name} is revoked since {_moment(key.revoked_s)}")


@click.command("list", epilog=EXAMPLE)
@_key_store
@_json
def list_keys(*, key_store: str | None, as_json: bool) -> None:
    """List the gateway's keys; none can be read back."""
    keys, _ = _answer(_open(Settings.load(), key_store).read)
    if as_json:
        click.echo(json.dumps([_as_json(key) for key in keys]))
        return
    rows = [_HEADINGS, *(_row(key) for key in keys)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADINGS))]
    for row in rows:
        padded = (text.ljust(width) for text, width in zip(row, widths, strict=True))
        click.echo("  ".join(padded).rstrip())


COMMANDS = (create, list_keys, revoke, rotate)


def _open(settings: Settings, key_store: str | None) -> KeyFile:
    from pathlib import Path

    try:
        from gateway_hooks.gateway.access.key_file import FILE_NAME, KeyFile
    except ModuleNotFoundError as error:
        raise click.ClickException(
            f"this needs {error.name}: pip install 'gatemeter[gateway]'"
        ) from None
    path: Path = Path(key_store) if key_store else settings.home / FILE_NAME
    return KeyFile(path)


def _answer(call: Callable[[], T]) -> T:
    try:
        return call()
    except GatewayHooksError as error:
        raise click.ClickException(str(error)) from None


def _print_secret(secret: str, key_id: str, name: str, *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps({"name": name, "key_id": key_id, "key": secret}))
        return
    click.echo(secret)
    click.echo(f"{name} is {key_id} in reports; the key is not shown again", err=True)


def _as_json(key: GatewayKey) -> dict[str, str | None]:
    return {
        "name": key.name,
        "key_id": key.key_id,
        "state": key.state(time.time()),
        "team": key.team,
        "product": key.product,
        "created": _moment(key.created_s),
        "expires": _moment(key.expires_s),
        "revoked": _moment(key.revoked_s),
        "rotated": _moment(key.rotated_s),
    }


def _row(key: GatewayKey) -> tuple[str, ...]:
    fields = _as_json(key)
    return tuple(fields[heading] or "-" for heading in _HEADINGS)


def _moment(seconds: float | None) -> str | None:
    if seconds is None:
        return None
    return datetime.fromtimestamp(int(seconds), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
