"""`gatemeter deployments`: what deployments are and were, and what is wrong about it."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click
import polars as pl

from analytics import AnalyticsError, Store
from analytics.deployments import check, deployments_frame, import_listing, read_listing
from analytics.ratecard.deployment_table import read_deployments
from gatemeter.busy import until_not_busy
from gatemeter.deployments import backend_names, configured_deployments
from gatemeter.frames import print_frame
from gatemeter.provisioned import blocks_of, provisioned_deployments
from gatemeter.settings import Settings
from gatemeter.since import Since

if TYPE_CHECKING:
    from analytics import Deployment
    from analytics.deployments import Change

EXAMPLE = """
\b
Examples:
  az cognitiveservices account deployment list -g ai -n contoso-sweden > sweden.json
  gatemeter deployments import sweden.json
  gatemeter deployments import exports/ --since 2026-11-01 --dry-run
  gatemeter deployments list --all
  gatemeter deployments check --since 7d
"""
_CHANGES: dict[str, pl.DataType | type[pl.DataType]] = {
    "kind": pl.String, "deployment": pl.String, "backend": pl.String, "model": pl.String,
    "version": pl.String, "deployment_type": pl.String, "sku": pl.String, "capacity": pl.Int64,
    "at": pl.Datetime("us", "UTC"), "before": pl.String,
}  # fmt: skip
_SIGNS = {"new": "+", "changed": "~", "ended": "-", "unchanged": "="}

_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
_store = click.option("--store", metavar="URL", help="Store: a folder or address.")


@click.group(epilog=EXAMPLE)
def command() -> None:
    """What deployments are and were.

    A deployment's name tells neither its model nor how it is sold. The settings say it, or Azure's
    own list does, which is imported with its history.
    """


@command.command("import", epilog=EXAMPLE)
@click.argument(
    "paths",
    metavar="FILE...",
    nargs=-1,
    required=True,
    type=click.Path(exists=True, path_type=Path),
)
@click.option("--backend", metavar="HOST", help="Host of the account, when ids do not tell it.")
@click.option(
    "--since", type=Since(), help="From when on changes are so (UTC); default: as of now."
)
@click.option("--dry-run", is_flag=True, help="Only say what would change.")
@_json
@_store
def import_deployments(
    *,
    paths: tuple[Path, ...],
    backend: str | None,
    since: datetime | None,
    dry_run: bool,
    as_json: bool,
    store: str | None,
) -> None:
    """Read what `az cognitiveservices account deployment list` printed.

    FILE is JSON, or a folder of such files, of one or several accounts. What differs from the
    import before begins a new period; what is no longer listed ends. Charges that are stored stay
    as they are. A single deployment (`deployment show`) may be imported, too.
    """
    settings = _settings(store)
    try:
        listing = read_listing(paths, backend=backend, names=backend_names(settings))
        with Store.open(settings.store_url, read_only=dry_run) as opened:
            changes = until_not_busy(
                lambda: import_listing(opened, listing, datetime.now(UTC), since=since, dry=dry_run)
            )
    except AnalyticsError as error:
        raise click.ClickException(str(error)) from None
    frame = pl.DataFrame([_described(change) for change in changes], schema=_CHANGES, orient="row")
    if as_json:
        print_frame(frame, "json")
        return
    for change in changes:
        if change.kind != "unchanged":
            click.echo(_line(change))
    changed = sum(change.kind != "unchanged" for change in changes)
    would = "would change" if dry_run else "changed"
    click.echo(f"{len(changes)} deployments listed or known, {changed} {would}")


@command.command("list", epilog=EXAMPLE)
@click.option("--all", "history", is_flag=True, help="Past and future ones too.")
@_json
@_store
def list_deployments(*, history: bool, as_json: bool, store: str | None) -> None:
    """What the store knows of deployments; which entry counts for a request, docs/deployments.md.

    Entries of the settings are in the store since `gatemeter consume` was started with them.
    """
    try:
        with Store.open(_settings(store).store_url, read_only=True) as opened:
            frame = deployments_frame(read_deployments(opened.cursor()), datetime.now(UTC))
    except AnalyticsError as error:
        raise click.ClickException(str(error)) from None
    if not history:
        frame = frame.filter(frame["state"] == "current")
    _print(frame, as_json=as_json)


@command.command("check", epilog=EXAMPLE)
@click.option("--since", type=Since(), help="How far back traffic is looked at; default: 30d.")
@_json
@_store
def check_deployments(*, since: datetime | None, as_json: bool, store: str | None) -> None:
    """What contradicts itself, the traffic, or is missing; exit code 1 when it must be mended.

    To be mended is what makes a price wrong or leaves one out: entries that disagree, answers that
    name another model than the settings, a deployment without a price that nothing is known of.
    """
    settings = _settings(store)
    try:
        with Store.open(settings.store_url, read_only=True) as opened:
            found = check(
                opened,
                provisioned_deployments(
                    settings, blocks_of(settings), configured_deployments(settings)
                ),
                since or datetime.now(UTC) - timedelta(days=30),
            )
    except AnalyticsError as error:
        raise click.ClickException(str(error)) from None
    schema = {
        "kind": pl.String, "mend": pl.Boolean, "deployment": pl.String, "backend": pl.String,
        "detail": pl.String, "requests": pl.Int64,
    }  # fmt: skip
    frame = pl.DataFrame([asdict(one) for one in found], schema=schema)
    if found or as_json:
        _print(frame if as_json else _in_words(frame), as_json=as_json)
    else:
        click.echo("nothing is wrong")
    if any(one.mend for one in found):
        raise SystemExit(1)


def _in_words(frame: pl.DataFrame) -> pl.DataFrame:
    urgency = pl.when("mend").then(pl.lit("to be mended")).otherwise(pl.lit("worth a look"))
    return frame.with_columns(urgency.alias("mend")).rename({"mend": "urgency"})


def _described(change: Change) -> list[object]:
    entry, before = change.entry, change.before
    return [
        change.kind, entry.name, entry.backend, entry.model, entry.version, entry.deployment_type,
        entry.sku, entry.capacity, change.at, _facts_of(before) if before else None,
    ]  # fmt: skip


def _line(change: Change) -> str:
    entry, before = change.entry, change.before
    at = f"from {change.at:%Y-%m-%d %H:%M}Z" if change.at else "always"
    what = "no longer listed" if change.kind == "ended" else _facts_of(entry)
    was = f", was {_facts_of(before)}" if change.kind == "changed" and before else ""
    return f"{_SIGNS[change.kind]} {entry.name} on {entry.backend} {at}: {what}{was}"


def _facts_of(entry: Deployment) -> str:
    parts = (entry.model, entry.version, entry.sku, entry.capacity)
    return " ".join(str(part) for part in parts if part is not None)


def _settings(store: str | None) -> Settings:
    return Settings.load(**({"store": store} if store else {}))


def _print(frame: pl.DataFrame, *, as_json: bool) -> None:
    if as_json:
        print_frame(frame, "json")
        return
    kept = [name for name in frame.columns if not frame[name].is_null().all()]
    print_frame(frame.select(kept or frame.columns), "table")
