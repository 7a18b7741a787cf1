"""What several backends said to one request, none of it an answer: which of it the caller gets."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway_hooks.gateway.pool.verdict import Verdict
    from gateway_hooks.gateway.refusals import Refusal

_RETRY_HEADERS = frozenset({b"retry-after", b"retry-after-ms"})


@dataclass(frozen=True, slots=True)
class Outcome:
    """One backend's refusal."""

    verdict: Verdict
    refusal: Refusal
    retry_after_ms: float | None = None


def best(outcomes: Sequence[Outcome]) -> Outcome:
    """The most useful one: a 429 before a failure before a "not here"; the shortest wait first."""
    return min(outcomes, key=lambda one: (one.verdict.value, one.retry_after_ms or 0.0))


def with_retry_after(refusal: Refusal, wait_ms: float) -> Refusal:
    """The same with another time to come back."""
    kept = [pair for pair in refusal.headers if pair[0].lower() not in _RETRY_HEADERS]
    retry = [
        (b"retry-after", b"%d" % max(1, math.ceil(wait_ms / 1000))),
        (b"retry-after-ms", b"%d" % max(1, math.ceil(wait_ms))),
    ]
    return replace(refusal, headers=kept + retry)
