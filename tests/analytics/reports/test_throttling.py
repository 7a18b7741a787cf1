"""Throttling: which backend, how often, and what it said."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from analytics.errors import QueryError
from analytics.reports import throttling
from analytics.types import Filters
from tests.analytics.samples import attempt, event, load

if TYPE_CHECKING:
    from analytics.load import Loader
    from analytics.store import Store

NINE = datetime(2026, 11, 20, 9, tzinfo=UTC)
DAY = Filters(NINE - timedelta(hours=9), NINE + timedelta(hours=15))


def test_backends_are_told_apart(loader: Loader, store: Store) -> None:
    """The backend that throttles stands first, with its rates and its words."""
    refused = attempt(
        backend="france", status_code=429, throttle="token_rate", retry_after_ms=1000.0,
        remaining_tokens=5,
    )  # fmt: skip
    later = {**refused, "retry_after_ms": 3000.0, "remaining_tokens": 0, "offset_ms": 70_000.0}
    load(
        loader,
        event(1, at=NINE, attempts=[refused, attempt(backend="sweden")]),
        event(2, at=NINE, attempts=[refused, later, attempt(backend="sweden")]),
        event(3, at=NINE, attempts=[attempt(backend="france")]),
    )
    france, sweden = throttling(store, DAY).rows(named=True)
    assert france["backend"] == "france"
    assert (france["requests"], france["attempts"], france["throttled_attempts"]) == (1, 4, 3)
    assert france["throttle_rate"] == 0.75
    assert france["throttled_token_rate"] == 3
    assert france["throttled_minutes"] == 2
    assert france["mean_retry_after_ms"] == pytest.approx(5000 / 3)
    assert france["max_retry_after_ms"] == 3000.0
    assert france["min_remaining_tokens"] == 0
    assert (sweden["requests"], sweden["retries"], sweden["throttled_attempts"]) == (2, 2, 0)
    assert sweden["throttle_rate"] == 0.0


def test_throttled_minutes_of_several_callers_are_counted_once(
    loader: Loader, store: Store
) -> None:
    """A minute in which ten keys were refused is one throttled minute of the backend."""
    refused = attempt(status_code=429, offset_ms=0.0)
    load(
        loader,
        *(event(n, at=NINE, key_id=f"k{n}", status_code=429, attempts=[refused]) for n in range(5)),
        event(9, at=NINE + timedelta(hours=1), status_code=429, attempts=[refused]),
    )
    assert throttling(store, DAY)["throttled_minutes"].to_list() == [2]
    by_key = throttling(store, DAY, ["key"])
    assert sorted(by_key["throttled_minutes"].to_list()) == [1, 1, 1, 1, 1, 1]
    by_hour = throttling(store, DAY, ["hour"])
    assert by_hour["throttled_minutes"].to_list() == [1, 1]


def test_a_gateway_s_own_refusals_are_told_apart(loader: Loader, store: Store) -> None:
    """What the gateway throttled is no backend's fault."""
    load(loader, event(1, at=NINE, status_code=429, throttled_by="gateway", attempts=[]))
    (row,) = throttling(store, DAY).rows(named=True)
    assert (row["backend"], row["gateway_throttled_requests"]) == (None, 1)
    assert (row["attempts"], row["throttle_rate"]) == (0, None)


def test_charges_cannot_split_traffic(store: Store) -> None:
    """A 429 uses no meter."""
    with pytest.raises(QueryError, match="'meter'"):
        throttling(store, DAY, ["meter"])
    assert throttling(store, DAY).is_empty()
