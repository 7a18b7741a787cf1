"""Histograms: at most 1 % off."""

from __future__ import annotations

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.histogram import BUCKET_SQL, bucket_of, value_sql


@given(st.floats(min_value=1e-3, max_value=1e9))
def test_a_bucket_stands_for_its_times_within_one_percent(ms: float) -> None:
    """Whatever the time, what a percentile says of it is at most 1 % off."""
    value = duckdb.sql(f"SELECT {value_sql(str(bucket_of(ms)))}").fetchall()[0][0]
    assert abs(value - ms) <= ms * 0.010001


@pytest.mark.parametrize("ms", [0.0, 1e-9, 0.5, 1.0, 812.5, 60_000.0, 1e12, float("inf")])
def test_sql_and_python_agree_on_buckets(ms: float) -> None:
    """Rollups and reports put a time into the same bucket."""
    query = f"SELECT {BUCKET_SQL} FROM (SELECT $1::DOUBLE AS ms)"  # noqa: S608 - our own text
    rows = duckdb.execute(query, [ms]).fetchall()
    assert rows == [(bucket_of(ms),)]
