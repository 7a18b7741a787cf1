"""Which limits apply to a request, and which of their counters it is counted by."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from gateway_hooks.gateway.limits.counting import Demand, Figures, Quota
from gateway_hooks.gateway.limits.settings import unique_names

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from gateway_hooks.gateway.limits.settings import Dimension, Limit

_REMEMBERED: Final = 16_384
_LONGEST_PLAIN: Final = 64


@dataclass(frozen=True, slots=True)
class Subject:
    """Who asks for what."""

    key_id: str = ""
    key_name: str = ""
    team: str = ""
    product: str = ""
    deployment: str | None = ""
    """None when it is hidden in a body that is too long to be read: every filter fits then."""

    def value(self, dimension: Dimension) -> str:
        """What the counters of `per` are told apart by."""
        match dimension:
            case "key":
                return self.key_id
            case "team":
                return self.team
            case "product":
                return self.product
            case "deployment":
                return (self.deployment or "").lower()


class Matcher:
    """The limits of the settings; the answer for a subject is remembered."""

    def __init__(self, limits: Sequence[Limit]) -> None:
        """Take the limits.

        Raises:
            SettingsError: two have the same name.
        """
        chosen = unique_names(tuple(limits))
        figures = [_figures(limit) for limit in chosen]

        @lru_cache(maxsize=_REMEMBERED)
        def demands(subject: Subject) -> tuple[Demand, ...]:
            return tuple(
                Demand(counter_name(limit, subject), figure)
                for limit, figure in zip(chosen, figures, strict=True)
                if applies(limit, subject)
            )

        self.demands: Callable[[Subject], tuple[Demand, ...]] = demands
        """What a request of this subject wants of which counters."""
        self.has_limits = bool(chosen)


def applies(limit: Limit, subject: Subject) -> bool:
    """Whether a limit is for this subject; filters that are set must all fit."""
    return (
        _fits(limit.keys, subject.key_id, subject.key_name)
        and _fits(limit.teams, subject.team)
        and _fits(limit.products, subject.product)
        and (subject.deployment is None or _fits_deployment(limit.deployments, subject.deployment))
    )


def counter_name(limit: Limit, subject: Subject) -> str:
    """The limit's name and the values it counts by; long or strange ones as a digest."""
    values = [subject.value(dimension) for dimension in limit.per]
    return ":".join([limit.name, *(_plain(value) for value in values)])


def _plain(value: str) -> str:
    harmless = value.isascii() and all(one.isalnum() or one in "-_." for one in value)
    if harmless and len(value) <= _LONGEST_PLAIN:
        return value
    digest = hashlib.blake2b(value.encode("utf-8", "surrogatepass"), digest_size=16)
    return "~" + digest.hexdigest()


def _fits(patterns: tuple[str, ...], *values: str) -> bool:
    return not patterns or any(
        value and fnmatchcase(value, pattern) for pattern in patterns for value in values
    )


def _fits_deployment(patterns: tuple[str, ...], deployment: str) -> bool:
    """Azure takes a deployment's name in any case, so another spelling is no way around."""
    return _fits(tuple(pattern.lower() for pattern in patterns), deployment.lower())


def _figures(limit: Limit) -> Figures:
    return Figures(
        name=limit.name,
        tokens_per_minute=limit.tokens_per_minute,
        requests_per_minute=limit.requests_per_minute,
        concurrent_requests=limit.concurrent_requests,
        quotas=tuple(_quotas(limit)),
    )


def _quotas(limit: Limit) -> Iterator[Quota]:
    if limit.tokens_per_day is not None:
        yield Quota("day", limit.tokens_per_day, limit.time_zone)
    if limit.tokens_per_month is not None:
        yield Quota("month", limit.tokens_per_month, limit.time_zone)
