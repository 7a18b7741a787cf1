"""What is wrong about what is known of deployments: entries against each other and against traffic.

A finding is to be mended when somebody is, or may be, charged by the wrong price or by none; the
others say what is worth a look.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import combinations
from typing import TYPE_CHECKING, Final, Literal

from analytics.ratecard.deployment_table import read_deployments
from analytics.ratecard.deployments import DeploymentBook, same_backend
from analytics.ratecard.models import same_version, split_model
from analytics.ratecard.regions import region_name
from analytics.ratecard.table import read_rates

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from analytics.store import Store
    from analytics.types import Deployment

_ROUTER: Final = "model-router"
"""A deployment of Azure's that answers with whichever model it picks."""
_FACTS: Final = ("deployment_type", "sku", "capacity", "tokens_per_minute", "requests_per_minute")
_EVER: Final = datetime.min.replace(tzinfo=UTC)
_FOREVER: Final = datetime.max.replace(tzinfo=UTC)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_TRAFFIC: Final = """
    SELECT billed_deployment, backend, response_model,
        epoch_us(date_trunc('day', started_at)) AS day,
        count(*) AS requests, bool_or(cost IS NULL) AS unpriced
    FROM usage.events
    WHERE started_at >= $1::TIMESTAMPTZ AND billed AND billed_deployment IS NOT NULL
    GROUP BY ALL ORDER BY ALL
"""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong, or worth a look."""

    kind: Literal["overlap", "settings_or_import", "traffic", "unmapped", "sku", "pending"]
    mend: bool
    """Whether it has to be mended: a price may be wrong or missing."""
    deployment: str
    backend: str | None
    detail: str
    requests: int | None = None
    """Of the traffic that shows it."""


@dataclass(frozen=True, slots=True)
class _Seen:
    """What answered under a deployment's name on one day."""

    deployment: str
    backend: str | None
    response_model: str | None
    day: datetime
    requests: int
    unpriced: bool


def check(store: Store, configured: Sequence[Deployment], since: datetime) -> list[Finding]:
    """Everything that is wrong, what has to be mended first.

    Args:
        store: holds the entries and the traffic.
        configured: what the settings say now, which the store may not know yet.
        since: how far back traffic is looked at.
    """
    connection = store.cursor()
    entries = read_deployments(connection)
    models = {rate.model for rate in read_rates(connection)}
    rows = connection.execute(_TRAFFIC, [since]).fetchall()
    seen = [
        _Seen(name, backend, model, _EPOCH + timedelta(microseconds=day), requests, unpriced)
        for name, backend, model, day, requests, unpriced in rows
    ]
    found = [
        *_conflicts(entries),
        *_unknown_skus(entries),
        *_pending(entries, configured),
        *_against_traffic(entries, seen, models),
    ]
    return sorted(found, key=lambda one: (not one.mend, one.kind, one.deployment, one.detail))


def _conflicts(entries: Iterable[Deployment]) -> Iterator[Finding]:
    """Entries of one name, of which at most one can be right."""
    settings_first = sorted(entries, key=lambda entry: entry.source, reverse=True)
    for one, other in combinations(settings_first, 2):
        if one.name != other.name or not _overlap(one, other):
            continue
        if one.source == other.source:
            # One for any backend beside one for a backend is an exception, not a contradiction.
            clash = (one.backend is None) == (other.backend is None) and _share(one, other)
        else:
            clash = _share(one, other)
        differences = _differences(one, other)
        if clash and differences:
            same = one.source == other.source
            yield Finding(
                "overlap" if same else "settings_or_import",
                mend=True,
                deployment=one.name,
                backend=one.backend or other.backend,
                detail=_say(one, other, differences),
            )


def _say(one: Deployment, other: Deployment, differences: Sequence[str]) -> str:
    told = ", ".join(differences)
    if one.source == other.source:
        return f"two entries of the {_place(one)} hold at the same time and differ: {told}"
    wins = "the import counts" if one.backend is None else "the settings count"
    return f"the settings and the import of {other.backend} differ, {wins}: {told}"


def _differences(one: Deployment, other: Deployment) -> list[str]:
    """What both say, and differently."""
    (model, dated), (other_model, other_dated) = split_model(one.model), split_model(other.model)
    if model != other_model:
        return [f"model {one.model} or {other.model}"]
    told = []
    version, other_version = one.version or dated, other.version or other_dated
    if version and other_version and not same_version(version, other_version):
        told.append(f"version {version} or {other_version}")
    region, other_region = region_name(one.region), region_name(other.region)
    if region and other_region and region != other_region:
        told.append(f"region {region} or {other_region}")
    for name in _FACTS:
        value, other_value = getattr(one, name), getattr(other, name)
        if value is not None and other_value is not None and value != other_value:
            told.append(f"{name} {value} or {other_value}")
    return told


def _unknown_skus(entries: Sequence[Deployment]) -> Iterator[Finding]:
    book = DeploymentBook(entries)
    for one in entries:
        applies = book.find(one.name, one.backend, one.valid_from or _EPOCH)
        if one.sku and applies == one and one.deployment_type is None:
            detail = (
                f"how {one.sku} is charged is not known, so its requests count as global: give "
                "the deployment_type in the settings"
            )
            yield Finding("sku", mend=True, deployment=one.name, backend=one.backend, detail=detail)


def _pending(entries: Iterable[Deployment], configured: Sequence[Deployment]) -> Iterator[Finding]:
    """Settings that the store does not know yet."""
    known = {one for one in entries if one.source == "settings"}
    for name in sorted({one.name for one in known ^ set(configured)}):
        detail = "the settings say something else than the store: start `gatemeter consume` anew"
        yield Finding("pending", mend=False, deployment=name, backend=None, detail=detail)


def _against_traffic(
    entries: Iterable[Deployment], seen: Iterable[_Seen], models: Collection[str]
) -> Iterator[Finding]:
    book = DeploymentBook(entries)
    requests: dict[Finding, int] = {}
    for one in seen:
        entry = book.find(one.deployment, one.backend, one.day)
        finding = _unmapped(one, models) if entry is None else _contradiction(one, entry, models)
        if finding is not None:
            requests[finding] = requests.get(finding, 0) + one.requests
    for finding, count in requests.items():
        yield Finding(
            finding.kind, finding.mend, finding.deployment, finding.backend, finding.detail, count
        )


def _unmapped(one: _Seen, models: Collection[str]) -> Finding | None:
    """A name that is no model, and that nothing says a model of."""
    if split_model(one.deployment)[0] in models:
        return None
    what = "its requests have no price" if one.unpriced else "the answers' model gives the price"
    return Finding(
        "unmapped",
        mend=one.unpriced,
        deployment=one.deployment,
        backend=one.backend,
        detail=f"nothing says what it serves; {what}",
    )


def _contradiction(one: _Seen, entry: Deployment, models: Collection[str]) -> Finding | None:
    """An answer that names another model than the entry."""
    base, dated = split_model(entry.model)
    version = entry.version or dated
    if not one.response_model or base == _ROUTER:
        return None
    answered, answered_version = split_model(one.response_model)
    if answered == base and (
        not version or not answered_version or same_version(version, answered_version)
    ):
        return None
    # An answer wins over an import, but not over the settings.
    by_answer = entry.source == "az" and (answered == base or answered in models)
    meant = entry.model if answered != base else f"version {version}"
    remedy = "the answers count; import anew" if by_answer else "the entry counts; correct it"
    return Finding(
        "traffic",
        mend=not by_answer,
        deployment=one.deployment,
        backend=one.backend,
        detail=f"answers name {one.response_model}, the {_place(entry)} {meant}: {remedy}",
    )


def _share(one: Deployment, other: Deployment) -> bool:
    """Whether there is a backend that both are about."""
    if one.backend is None or other.backend is None:
        return True
    return same_backend(one.backend, other.backend)


def _overlap(one: Deployment, other: Deployment) -> bool:
    start = max(one.valid_from or _EVER, other.valid_from or _EVER)
    return start < min(one.valid_to or _FOREVER, other.valid_to or _FOREVER)


def _place(entry: Deployment) -> str:
    return "settings" if entry.source == "settings" else "import"
