"""Which alerts quotas raise."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from analytics.alerts.quota_alerts import quota_alerts
from analytics.load import Loader
from analytics.quotas import Quota
from tests.analytics.samples import FakeClock, event, load

if TYPE_CHECKING:
    from analytics.store import Store

NINE = datetime(2026, 11, 20, 9, tzinfo=UTC)
NOW = NINE + timedelta(hours=3)


@pytest.fixture
def used(empty_store: Store) -> Store:
    """Ten minutes; minute n uses n thousand tokens."""
    made = [
        event(n, at=NINE + timedelta(minutes=n), input_tokens=1000 * n - 100) for n in range(1, 11)
    ]
    load(Loader(empty_store, FakeClock()), *made)
    return empty_store


def test_full_minutes_are_told_once_they_are_several(used: Store) -> None:
    """Three minutes at 80 % are told when three are asked for, not when five are."""
    three = Quota(deployment="chat", tokens_per_minute=10_000, alert_minutes=3)
    (alert,) = quota_alerts(used, [three], now=NOW, timezone="UTC", channels=("one",))
    assert (alert.subject, alert.period, alert.threshold) == (
        "chat at sweden",
        "2026-11-20",
        "80 %",
    )
    assert alert.facts["minutes"] == "3"
    assert alert.facts["peak_percent"] == "100"
    five = three.model_copy(update={"alert_minutes": 5})
    assert quota_alerts(used, [five], now=NOW, timezone="UTC") == []


def test_the_higher_percentage_supersedes(used: Store) -> None:
    """Six minutes at 100 % and eight at 80 % are one message."""
    quota = Quota(deployment="chat", tokens_per_minute=5_000, channels=("own",))
    alerts = quota_alerts(used, [quota], now=NOW, timezone="UTC", channels=("one",))
    assert [(one.threshold, one.superseded) for one in alerts] == [("100 %", False), ("80 %", True)]
    assert {one.channels for one in alerts} == {("own",)}


def test_yesterdays_minutes_are_not_todays(used: Store) -> None:
    """Minutes are counted by the business day."""
    quota = Quota(deployment="chat", tokens_per_minute=1_000)
    tomorrow = NINE + timedelta(days=1)
    assert quota_alerts(used, [quota], now=tomorrow, timezone="UTC") == []


def test_quotas_that_only_the_store_knows_are_told_too(used: Store) -> None:
    """By the usual percentages, over the common channels."""
    with used.transaction() as connection:
        there = {row[0] for row in connection.execute("DESCRIBE usage.deployments").fetchall()}
        if "tokens_per_minute" not in there:
            connection.execute("ALTER TABLE usage.deployments ADD COLUMN tokens_per_minute BIGINT")
        connection.execute(
            "INSERT INTO usage.deployments (deployment, model, tokens_per_minute) "
            "VALUES ('chat', 'gpt-4o', 5000)"
        )
    alerts = quota_alerts(used, [], now=NOW, timezone="UTC", channels=("one",))
    assert [(one.threshold, one.channels) for one in alerts] == [
        ("100 %", ("one",)),
        ("80 %", ("one",)),
    ]
