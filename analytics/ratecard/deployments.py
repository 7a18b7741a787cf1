"""Known deployments: which model, type and region stand behind a deployment's name, and when.

Two backends may call different things by the same name, and one name may change what it serves. Of
the entries that hold on the day of a request, one that names the backend wins over one for any, the
settings over an import, and the one that began last over those before it. The rate card works by
UTC days: an entry holds on every day that it touches.

What the settings say of a model is taken at its word. An import is a picture of one moment, so an
answer that names a model with a price knows better.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from analytics.ratecard.models import split_model

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from analytics.ratecard.rate import Use
    from analytics.types import Deployment

_DAY: Final = timedelta(days=1)
_EVER: Final = datetime.min.replace(tzinfo=UTC)


class DeploymentBook:
    """Finds the entry that a request's deployment, backend and day are about."""

    def __init__(self, entries: Iterable[Deployment] = ()) -> None:
        self._by_name: dict[str, list[Deployment]] = defaultdict(list)
        for entry in entries:
            self._by_name[entry.name].append(entry)

    @property
    def entries(self) -> list[Deployment]:
        """All of them."""
        return [entry for entries in self._by_name.values() for entry in entries]

    def find(self, name: str | None, backend: str | None, at: datetime) -> Deployment | None:
        """The entry that holds; None when there is none.

        Type and region that it does not tell come from the next one about the same model.
        """
        fitting = [
            entry
            for entry in self._by_name.get(name or "", ())
            if _touches(entry, at) and _is_of(entry, backend)
        ]
        if not fitting:
            return None
        fitting.sort(key=_strength, reverse=True)
        best = fitting[0]
        alike = [one for one in fitting if split_model(one.model)[0] == split_model(best.model)[0]]
        return replace(
            best,
            deployment_type=next(
                (one.deployment_type for one in alike if one.deployment_type), None
            ),
            region=next((one.region for one in alike if one.region), None),
        )


def model_of(
    use: Use, entry: Deployment | None, priced: Collection[str]
) -> tuple[str | None, str | None]:
    """The model that a use is charged as, and its version; None when nothing names one.

    Args:
        use: what a request used.
        entry: what is known of its deployment.
        priced: the models that have a rate.
    """
    names = [use.response_model, use.request_model, use.deployment]
    spelled = [split_model(name) for name in names if name]
    if entry is None:
        known = (own for own in spelled if own[0] in priced)
        return next(known, spelled[0] if spelled else (None, None))
    base, dated = split_model(entry.model)
    version = entry.version or dated
    if entry.source == "az" and use.response_model:
        answered, answered_version = split_model(use.response_model)
        if answered == base:
            return base, answered_version or version
        if answered in priced:
            return answered, answered_version
    served = next((own for own in spelled if own[0] == base), (base, None))
    return base, version or served[1]


def same_backend(one: str, other: str) -> bool:
    """Whether two names mean one backend: hosts in any case, or an account's name and its host."""
    one, other = one.lower(), other.lower()
    short, long = sorted((one, other), key=len)
    return one == other or ("." not in short and long.startswith(f"{short}."))


def _touches(entry: Deployment, at: datetime) -> bool:
    day = at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    begun = entry.valid_from is None or entry.valid_from < day + _DAY
    return begun and (entry.valid_to is None or entry.valid_to > day)


def _is_of(entry: Deployment, backend: str | None) -> bool:
    return entry.backend is None or (backend is not None and same_backend(entry.backend, backend))


def _strength(entry: Deployment) -> tuple[bool, bool, datetime]:
    return entry.backend is not None, entry.source == "settings", entry.valid_from or _EVER
