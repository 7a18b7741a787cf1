"""Latency: percentiles that are right to a percent, from histograms and from events."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from analytics.errors import QueryError
from analytics.reports import latency
from analytics.types import Filters
from tests.analytics.samples import event, load

if TYPE_CHECKING:
    from analytics.load import Loader
    from analytics.store import Store

NINE = datetime(2026, 11, 20, 9, tzinfo=UTC)
DAY = Filters(NINE - timedelta(hours=9), NINE + timedelta(hours=15))
PERCENTILES = {"p50_ms": 0.50, "p90_ms": 0.90, "p95_ms": 0.95, "p99_ms": 0.99}


@pytest.fixture
def times(loader: Loader) -> list[float]:
    """Durations of many requests, as spread as real ones."""
    chance = random.Random(1)  # noqa: S311 - not for secrets
    drawn = [round(chance.lognormvariate(6, 1.5), 3) for _ in range(1500)]
    half = len(drawn) // 2
    for number, part in enumerate((drawn[:half], drawn[half:])):
        load(
            loader,
            *(
                event(2000 * number + n, at=NINE + timedelta(seconds=n), duration_ms=ms)
                for n, ms in enumerate(part)
            ),
        )
    return drawn


@pytest.mark.parametrize("by", [[], ["backend"], ["model", "deployment"], ["team"], ["key", "day"]])
def test_percentiles_are_within_one_percent(
    store: Store, times: list[float], by: list[str]
) -> None:
    """Histogram or events, added up from several commits: at most 1 % from the true value."""
    (row,) = latency(store, DAY, by).rows(named=True)
    assert (row["measure"], row["requests"]) == ("duration", len(times))
    exact = sorted(times)
    for name, share in PERCENTILES.items():
        true = exact[-(-len(exact) * int(share * 100) // 100) - 1]
        assert row[name] == pytest.approx(true, rel=0.010001)


def test_both_sources_say_the_same(loader: Loader, store: Store) -> None:
    """A report about a team reads the events, and agrees with the one from the rollup."""
    made: list[dict[str, Any]] = [
        event(1, at=NINE, duration_ms=100.0, time_to_first_chunk_ms=10.0),
        event(2, at=NINE, duration_ms=300.0),
        event(3, at=NINE, status_code=500, duration_ms=1.0),
        event(4, at=NINE, cache_hit=True, duration_ms=1.0),
        event(5, at=NINE, client_disconnected=True, duration_ms=1.0),
    ]
    load(loader, *made)
    rollup = latency(store, DAY, ["backend"]).drop("backend")
    events = latency(store, DAY, ["team"]).drop("team")
    assert rollup.equals(events)
    assert rollup["requests"].to_list() == [2, 1]


def test_a_split_that_histograms_lack_is_refused(store: Store) -> None:
    """The report says what it can be split by."""
    with pytest.raises(QueryError, match=r"'region'.*key, team, backend"):
        latency(store, DAY, ["region"])
    assert latency(store, DAY).is_empty()
