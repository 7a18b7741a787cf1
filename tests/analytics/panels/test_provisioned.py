"""What the dashboard asks about provisioned throughput."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from analytics.panels import (
    Selection,
    provisioned_over_time,
    provisioned_table,
    spend_over_time,
    totals,
)
from tests.analytics.provisioned.made_blocks import START, block, put_blocks, put_charges

if TYPE_CHECKING:
    from analytics.store import Store

HOUR = timedelta(hours=1)
DAY = Selection(START, START + 24 * HOUR)


def test_blocks_are_told_whole_whoever_is_picked(store: Store) -> None:
    """Used and idle parts and tokens of each block; a picked team changes nothing."""
    put_blocks(
        store,
        block(valid_to=START + 2 * HOUR),
        block(block="mini", deployments=("mini",), ptus=1, valid_to=START + HOUR),
    )
    put_charges(store, [{"quantity": 600_000}, {"meter": "cached_input", "quantity": 50}])
    picked = Selection(DAY.since, DAY.until, teams=("care",))
    assert provisioned_table(store, picked).rows() == [
        ("chat", "USD", Decimal(20), Decimal(20), Decimal(16), 0.2, 600_050),
        ("mini", "USD", Decimal(1), Decimal(1), Decimal(1), 0.0, 0),
    ]
    shares = provisioned_over_time(store, DAY, width=HOUR).select("series", "used_share").rows()
    assert shares == [("chat", 0.4), ("mini", 0.0), ("chat", 0.0)]


def test_without_blocks_there_is_nothing(store: Store) -> None:
    """A page without provisioned throughput stays as it is."""
    assert provisioned_table(store, DAY).is_empty()
    assert provisioned_over_time(store, DAY, width=HOUR).is_empty()


def test_short_spans_have_the_hours_too(store: Store) -> None:
    """Whether a span is answered from rollups or events, it has the same hours' cost."""
    put_blocks(store, block(valid_to=START + 5 * HOUR))
    since = START + timedelta(minutes=90)
    exact = Selection(since, START + 3 * HOUR, from_events=True)
    assert totals(store, exact).spend == 20
    spent = spend_over_time(store, exact, by="key", width=timedelta(minutes=30))
    assert spent.select("series", "spend").rows() == [("idle", 10), ("idle", 10)]
    hourly = Selection(START + HOUR, START + 3 * HOUR)
    assert totals(store, hourly).spend == 20
    assert totals(store, hourly).requests == 0
