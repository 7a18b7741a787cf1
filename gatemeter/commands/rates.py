"""`gatemeter rates`: what things cost, and why."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, get_args

import click

from analytics import AnalyticsError, Store, StoreMissing
from analytics.ratecard.card import RateCard
from analytics.ratecard.listing import current, explain, rates_frame
from analytics.ratecard.rate import Use
from analytics.ratecard.sources import rates_without_store
from gatemeter.commands import rates_gaps, rates_import
from gatemeter.commands.reprice import reprice_command, runs_command
from gatemeter.deployments import backend_facts, configured_deployments
from gatemeter.frames import print_frame, wide_option
from gatemeter.prices import priced_card
from gatemeter.settings import Settings
from gatemeter.since import Since
from gateway_hooks.event import DeploymentType

if TYPE_CHECKING:
    from collections.abc import Mapping

    import polars as pl

EXAMPLE = """
\b
Examples:
  gatemeter rates list --model gpt-4.1-mini
  gatemeter rates explain gpt-4o-2024-11-20 --deployment-type data_zone --region swedencentral
  gatemeter rates explain chat --backend sweden
  gatemeter rates show azure-genai-prices:0123456789abcdef --json
"""
_TYPES = click.Choice(get_args(DeploymentType))
_SHORT = (
    "model", "model_version", "deployment_type", "region", "meter", "service_tier",
    "context_tier", "image_size", "image_quality", "price_per", "currency", "per",
    "list_price_per", "valid_from", "valid_to", "source",
)  # fmt: skip
_EXPLAIN_FIRST = (
    "meter",
    "price_per",
    "currency",
    "per",
    "why",
    "verdict",
    "list_price_per",
    "model_version",
)
"""What a narrow terminal shows first."""
_PRICE_FIRST = ("price_per", "currency", "per", "list_price_per")

_json = click.option("--json", "as_json", is_flag=True, help="Print JSON; money as strings.")
_store = click.option("--store", metavar="URL", help="Store: a folder or address.")
_at = click.option("--at", type=Since(), help="When: 30d ago or an ISO time; default: now.")


@click.group(epilog=EXAMPLE)
def command() -> None:
    """The rate card: which price applies to what.

    Prices come from your own file (setting `rates_file`), then from your contract's discounts in
    it, from Azure's list as you imported it, and from the lists that are installed with gatemeter.
    Where there is no store yet, the file and the installed lists are shown.
    """


command.add_command(rates_gaps.command)
command.add_command(rates_import.command)
command.add_command(reprice_command)
command.add_command(runs_command)


@command.command("list", epilog=EXAMPLE)
@click.option("--model", help="Only this model, without its version.")
@click.option("--region", help="Only rates for this region or data zone.")
@click.option("--deployment-type", type=_TYPES)
@click.option("--all", "history", is_flag=True, help="Past and future rates too.")
@_at
@_json
@_store
def list_rates(
    *,
    model: str | None,
    region: str | None,
    deployment_type: str | None,
    history: bool,
    at: datetime | None,
    as_json: bool,
    store: str | None,
) -> None:
    """Rates that hold now, or at another time."""
    rates = _card(_settings(store)).rates
    frame = rates_frame(rates if history else current(rates, at or datetime.now(UTC)))
    wanted = {"model": model, "region": region, "deployment_type": deployment_type}
    for column, value in wanted.items():
        if value is not None:
            frame = frame.filter(frame[column] == value)
    _print(frame, as_json=as_json, columns=_SHORT)


@command.command(epilog=EXAMPLE)
@click.argument("rate_id")
@_json
@_store
def show(*, rate_id: str, as_json: bool, store: str | None) -> None:
    """One rate with all that is known of it; charges name it by RATE_ID."""
    frame = rates_frame(rate for rate in _card(_settings(store)).rates if rate.rate_id == rate_id)
    if frame.is_empty():
        raise click.ClickException(f"there is no rate {rate_id}: `gatemeter rates list --all`")
    if as_json:
        print_frame(frame, "json")
        return
    for name, value in frame.row(0, named=True).items():
        if value is not None:
            click.echo(f"{name:<16} {value}")


@command.command("explain", epilog=EXAMPLE)
@click.argument("model")
@click.option("--deployment-type", type=_TYPES, help="Default: global.")
@click.option("--region", help="Azure region of the backend.")
@click.option("--backend", help="Take type and region from what the settings say of this backend.")
@click.option("--service-tier", help="Such as priority.")
@click.option("--long-context", is_flag=True, help="More than 272,000 input tokens.")
@click.option("--image-size")
@click.option("--image-quality")
@click.option("--all", "passed_over", is_flag=True, help="Also the rates that do not apply.")
@_at
@_json
@wide_option
@_store
def explain_rate(
    *,
    model: str,
    at: datetime | None,
    passed_over: bool,
    backend: str | None,
    as_json: bool,
    wide: bool,
    store: str | None,
    **use: str | bool | None,
) -> None:
    """Which rates a request to MODEL is priced with, and why.

    A price that a contract made cheaper stands beside the list's. With --all, every other rate of
    the model tells why it is not the one.

    MODEL is what an answer names (gpt-4o-2024-11-20), or a deployment of the settings.
    """
    settings = _settings(store)
    card = _card(settings)
    if backend is not None:
        use |= _place(settings, card, backend, use)
    asked = Use(at=at or datetime.now(UTC), response_model=model, deployment=model, **use)  # type: ignore[arg-type] # click gives each its type
    frame = explain(card, asked)
    if not passed_over:
        frame = frame.filter(frame["verdict"] != "passed over")
    columns = ("meter", "verdict", "why", *_PRICE_FIRST, *_SHORT)
    first = ("meter", "verdict", "why", "price_per") if passed_over else _EXPLAIN_FIRST
    _print(frame, as_json=as_json, columns=columns, first=None if wide else first)


def _place(
    settings: Settings, card: RateCard, backend: str, use: Mapping[str, str | bool | None]
) -> dict[str, str | None]:
    """Where a backend's requests go, as far as no option says otherwise.

    Raises:
        click.ClickException: nobody says anything of such a backend.
    """
    facts = backend_facts(settings, backend)
    name = (facts.name if facts else None) or backend
    known = {one.backend for one in card.deployments if one.backend}
    if facts is None and name not in known:
        names = {one.name or host for host, one in settings.backends.items()} | known
        told = ", ".join(sorted(names)) or "none"
        raise click.ClickException(
            f"nothing is known of a backend {backend!r}, only of: {told}; "
            '[backends."HOST"] of gatemeter.toml says more'
        )
    given = {"deployment_type": facts.deployment_type, "region": facts.region} if facts else {}
    return {"backend": name} | {one: value for one, value in given.items() if not use[one]}


def _settings(store: str | None) -> Settings:
    return Settings.load(**({"store": store} if store else {}))


def _card(settings: Settings) -> RateCard:
    """The store's rate card; without a store, the one that it would be made with."""
    try:
        try:
            with Store.open(settings.store_url, read_only=True) as opened:
                return priced_card(opened)
        except StoreMissing:
            known = configured_deployments(settings)
            return RateCard(rates_without_store(settings.rates_file), known)
    except AnalyticsError as error:
        raise click.ClickException(str(error)) from None


def _print(
    frame: pl.DataFrame,
    *,
    as_json: bool,
    columns: tuple[str, ...],
    first: tuple[str, ...] | None = None,
) -> None:
    if as_json:
        print_frame(frame, "json")
        return
    kept = [name for name in dict.fromkeys(columns) if not frame[name].is_null().all()]
    print_frame(frame.select(kept or list(columns)), "table", first=first)
