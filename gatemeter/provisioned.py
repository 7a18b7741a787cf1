"""The settings' provisioned throughput, made into what the store charges."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING

from analytics.provisioned import Block, capacity_of, end_of_term
from analytics.provisioned.capacity import DEFAULT_OUTPUT_WEIGHT
from analytics.ratecard.models import split_model
from analytics.types import Deployment
from gateway_hooks.errors import SettingsError
from gateway_hooks.settings import config_file
from gateway_hooks.settings_errors import sentence, table_entry

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gatemeter.provisioned_settings import ProvisionedFacts
    from gatemeter.settings import Settings

_MONTHS = {"month": 1, "year": 12}


def blocks_of(settings: Settings) -> list[Block]:
    """The blocks of the settings, with what the rest of the settings knows of them.

    Raises:
        SettingsError: nothing says which model a block serves, they are several, or a reservation
            ends before its term.
    """
    return [_block(facts, settings) for facts in settings.provisioned]


def provisioned_deployments(
    settings: Settings, blocks: Sequence[Block], known: Sequence[Deployment]
) -> list[Deployment]:
    """The deployments of the settings, where those of blocks are of type `ptu`.

    At a backend of its own, a block leaves the type to that backend: elsewhere a deployment of the
    same name may be another.

    Raises:
        SettingsError: the settings say of a block's deployment or backend that it is no `ptu`.
    """
    made = list(known)
    hosts = {facts.name or host: facts for host, facts in settings.backends.items()}
    for block in blocks:
        if block.backend is not None:
            host = hosts.get(block.backend)
            if host is not None and host.deployment_type not in {None, "ptu"}:
                raise _wrong(settings, block.block, _twice(f'[backends."{block.backend}"]'))
            continue
        for name in block.deployments:
            made = _with_block(made, name, block, settings)
    return made


def _with_block(
    known: Sequence[Deployment], name: str, block: Block, settings: Settings
) -> list[Deployment]:
    """The entries, where those of a name are `ptu` while the block lasts."""
    named = [one for one in known if one.name == name]
    if not named:
        return [*known, Deployment(name, block.model, None, "ptu", block.region)]
    if not any(_overlap(one, block) for one in named):
        bought = Deployment(name, block.model, None, "ptu", block.region)
        return [*known, replace(bought, valid_from=block.valid_from, valid_to=block.valid_to)]
    made = []
    for one in known:
        if one.name != name or not _overlap(one, block):
            made.append(one)
        elif one.deployment_type in {None, "ptu"}:
            made.append(replace(one, deployment_type="ptu"))
        else:
            raise _wrong(settings, block.block, _twice(f"[deployments.{name}]"))
    return made


def _overlap(entry: Deployment, block: Block) -> bool:
    begun = block.valid_to is None or entry.valid_from is None or entry.valid_from < block.valid_to
    return begun and (entry.valid_to is None or entry.valid_to > block.valid_from)


def _twice(place: str) -> str:
    return (
        f"is charged by the hour, but {place} has a deployment_type that is charged by the token: "
        "make that ptu, or leave it out"
    )


def _wrong(settings: Settings, block: str, what: str) -> SettingsError:
    place = table_entry("provisioned", None, block)
    return SettingsError(sentence(config_file(settings.home), place, what))


def _block(facts: ProvisionedFacts, settings: Settings) -> Block:
    model = _model(facts, settings)
    published = capacity_of(model)
    _refuse_cut_term(facts, settings)
    weight = facts.output_weight
    if weight is None:
        weight = published.output_weight if published else DEFAULT_OUTPUT_WEIGHT
    tokens = facts.input_tokens_per_minute_per_ptu
    if tokens is None and published is not None:
        tokens = published.input_tokens_per_minute
    host = settings.backends.get(facts.backend or "")
    reservation = facts.reservation
    return Block(
        block=facts.name,
        valid_from=facts.valid_from,
        valid_to=facts.valid_to,
        deployments=tuple(dict.fromkeys(facts.deployments)),
        backend=host.name if host and host.name else facts.backend,
        region=facts.region or (host.region if host else None),
        model=model,
        compared_with=facts.deployment_type,
        ptus=facts.ptus,
        price_per_ptu_hour=_exact(facts.price_per_ptu_hour, 12),
        reservation_price=_exact(reservation.price if reservation else None, 6),
        reservation_months=_MONTHS[reservation.term] if reservation else None,
        currency=facts.currency,
        input_tokens_per_minute_per_ptu=tokens,
        output_weight=weight.quantize(Decimal("0.001")),
    )


def _exact(value: Decimal | None, places: int) -> Decimal | None:
    return None if value is None else value.quantize(Decimal(1).scaleb(-places))


def _model(facts: ProvisionedFacts, settings: Settings) -> str:
    found: set[str] = set()
    for name in facts.deployments:
        configured = settings.deployments.get(name, ())
        if facts.model is not None:
            found.add(split_model(facts.model)[0])
        elif configured:
            found |= {split_model(one.model)[0] for one in configured}
        elif capacity_of(name) is not None:
            found.add(split_model(name)[0])
        else:
            what = f"give its model, or that of deployment {name!r} as [deployments.{name}]"
            raise _wrong(settings, facts.name, what)
    if len(found) > 1:
        raise _wrong(
            settings,
            facts.name,
            f"serves {' and '.join(sorted(found))}: make it one block for each model, with the "
            "PTUs that its deployment has",
        )
    return found.pop()


def _refuse_cut_term(facts: ProvisionedFacts, settings: Settings) -> None:
    """A term is paid for to its end, so its hours must all be there to carry the price."""
    if facts.reservation is None or facts.valid_to is None:
        return
    end = end_of_term(facts.valid_from, _MONTHS[facts.reservation.term], facts.valid_to)
    if end != facts.valid_to:
        raise _wrong(
            settings,
            facts.name,
            f"valid_to cuts a {facts.reservation.term} that is paid for; it ends "
            f"{end:%Y-%m-%d %H:%M} UTC: give that, or leave valid_to out",
        )
