"""Latency histograms that can be added up: buckets of 2 %, so a percentile is at most 1 % off."""

from __future__ import annotations

import math
from typing import Final

BUCKETS_PER_E: Final = 50
_SHORTEST_MS: Final = 1e-3
_LONGEST_MS: Final = 1e9

BUCKET_SQL: Final = (
    f"floor(ln(LEAST(GREATEST(ms, {_SHORTEST_MS}), {_LONGEST_MS})) * {BUCKETS_PER_E})::SMALLINT"
)
"""The bucket of the column `ms`."""


def bucket_of(ms: float) -> int:
    """The bucket that holds a time."""
    return math.floor(math.log(min(max(ms, _SHORTEST_MS), _LONGEST_MS)) * BUCKETS_PER_E)


def value_sql(bucket: str) -> str:
    """The time in ms that stands for a bucket: as far from its lower as from its upper end."""
    low, high = f"exp({bucket} / {BUCKETS_PER_E}.0)", f"exp(({bucket} + 1) / {BUCKETS_PER_E}.0)"
    return f"(2 * {low} * {high} / ({low} + {high}))"
