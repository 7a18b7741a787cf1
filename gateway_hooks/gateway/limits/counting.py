"""The nouns of counting: what a request wants, what it is told, and who counts.

A request wants something of several counters at once and gets all of it or nothing. What it was
given it holds until it ends: the tokens are corrected then, the place of a running request is free
again.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import TYPE_CHECKING, Final, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway_hooks.gateway.limits.periods import PeriodKind

Reason = Literal[
    "tokens_per_minute",
    "requests_per_minute",
    "tokens_per_day",
    "tokens_per_month",
    "concurrent_requests",
]
QUOTAS: Final = frozenset({"tokens_per_day", "tokens_per_month"})

WINDOW_MS: Final = 60_000
"""What `per minute` means: any 60 seconds, not the clock's minutes."""
BUSY_RETRY_MS: Final = 1000.0
"""When to try again where only the end of another request makes room, which nobody knows."""


@dataclass(frozen=True, slots=True)
class Quota:
    """How many tokens a calendar day or month has."""

    kind: PeriodKind
    tokens: int
    time_zone: str = "UTC"

    @property
    def reason(self) -> Reason:
        """What a refusal by it is called."""
        return "tokens_per_day" if self.kind == "day" else "tokens_per_month"


@dataclass(frozen=True, slots=True)
class Figures:
    """How much one limit allows; None where it does not limit."""

    name: str
    tokens_per_minute: int | None = None
    requests_per_minute: int | None = None
    concurrent_requests: int | None = None
    quotas: tuple[Quota, ...] = ()

    @property
    def counts_tokens(self) -> bool:
        """Whether it matters how many tokens a request has."""
        return self.tokens_per_minute is not None or bool(self.quotas)

    @property
    def smallest_tokens(self) -> float:
        """The tightest of its limits on tokens; infinite when it has none."""
        own = inf if self.tokens_per_minute is None else self.tokens_per_minute
        return min((own, *(quota.tokens for quota in self.quotas)))


@dataclass(frozen=True, slots=True)
class Demand:
    """What a request wants of one counter: itself, and its tokens."""

    counter: str
    """Name of the counter: the limit's and whom it counts."""
    figures: Figures


@dataclass(frozen=True, slots=True)
class Standing:
    """What a limit has left after a request was let in, or when it was refused."""

    figures: Figures
    tokens: int | None = None
    requests: int | None = None
    quota_tokens: int | None = None
    """The less of day and month."""


@dataclass(frozen=True, slots=True)
class Denial:
    """The limit that refuses a request for longest."""

    figures: Figures
    reason: Reason
    retry_ms: float | None
    """None when the request alone is more than the limit allows: it can never pass."""


class Reservation(Protocol):
    """What a request holds. All may be called in any thread, none blocks or raises."""

    def finish(self, used_tokens: int) -> None:
        """The request is over and has used so many tokens; only the first call counts.

        Fewer than were reserved are given back to the moment of the reservation, more are
        counted as of now: that a long answer began minutes ago does not make it free.
        """

    def use(self, tokens: int) -> None:
        """So many more tokens were used while it goes on, as a realtime session does."""

    def release(self) -> None:
        """The request runs no more, what it has used is not known (yet): it keeps its tokens."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What counters say to a request: let in with a reservation, or refused by `denial`."""

    standings: tuple[Standing, ...] = ()
    reservation: Reservation | None = None
    denial: Denial | None = None
    reachable: bool = True
    """False when the shared counters could not be asked."""
    refused: bool = False
    """Nobody could be asked, and requests shall not pass then."""


class Counters(Protocol):
    """Who counts; lives longer than settings."""

    async def reserve(self, demands: Sequence[Demand], tokens: int) -> Verdict:
        """Take what a request wants of all counters, or of none. Never raises, bounded in time.

        Args:
            demands: at least one, of different counters.
            tokens: to be reserved; with 0 a limit refuses only when nothing is left of it.
        """

    async def aclose(self) -> None:
        """Hand over what is still to be corrected, for a short time, and let go of connections."""


def tightest(denials: Sequence[Denial]) -> Denial:
    """The refusal that lasts longest: to come back before its end is of no use."""
    return max(denials, key=lambda one: float("inf") if one.retry_ms is None else one.retry_ms)
