"""Alerts of the pipeline."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from analytics.alerts import AlertRules
from analytics.alerts.pipeline import pipeline_alerts
from analytics.load import Loader
from analytics.types import Advance, Batch, DeadLetter
from tests.analytics.samples import FakeClock, event, load
from tests.analytics.spending import add_charges, charge

if TYPE_CHECKING:
    from analytics.alerts import Alert
    from analytics.store import Store

NOW = datetime(2026, 11, 18, 12, 30, tzinfo=UTC)
HOUR = NOW.replace(minute=0)


def found(store: Store, now: datetime = NOW, rules: AlertRules | None = None) -> list[Alert]:
    """The alerts at `now`."""
    return pipeline_alerts(store, rules or AlertRules(), now=now, timezone="UTC", channels=("one",))


def test_a_model_without_a_rate_is_told_once(empty_store: Store) -> None:
    """The same model tomorrow is the same alert; another model is another one."""
    add_charges(
        empty_store,
        [
            charge(HOUR, None, model="house", meter="input", requests=4),
            charge(HOUR, None, model="house", meter="output", requests=3),
            charge(HOUR, "1"),
        ],
    )
    (first,) = found(empty_store)
    assert (first.subject, first.facts["requests"]) == ("house", "4")
    (again,) = found(empty_store, NOW + timedelta(days=2))
    assert again.alert_id == first.alert_id
    add_charges(empty_store, [charge(HOUR, None, model=None)])
    assert {one.subject for one in found(empty_store)} == {"house", "(unknown)"}


def test_a_model_that_was_priced_since_is_no_news(empty_store: Store) -> None:
    """A repricing takes the unpriced rows back: then there is nothing to tell, nor after a week."""
    add_charges(empty_store, [charge(HOUR, None, model="house")])
    assert found(empty_store, NOW + timedelta(days=8)) == []
    with empty_store.transaction() as connection:
        connection.execute(
            "INSERT INTO usage.charges_hourly BY NAME SELECT * REPLACE "
            "(-requests AS requests, -quantity AS quantity) FROM usage.charges_hourly"
        )
    assert found(empty_store) == []


def test_lines_that_were_no_events_are_told_once_a_day(empty_store: Store) -> None:
    """Dead letters of today are counted, and yesterday's are not."""
    clock = FakeClock(NOW)
    letter = DeadLetter("queue", "w", 0, "not JSON", "{}")
    Loader(empty_store, clock).load(Batch(b"", (Advance("queue", "w", None, 1),), (letter,)))
    (alert,) = found(empty_store)
    assert (alert.period, alert.facts["dead_letters"]) == ("2026-11-18", "1")
    assert found(empty_store, NOW + timedelta(days=1)) == []
    assert found(empty_store, rules=AlertRules(dead_letters=False)) == []


def test_silence_is_told_when_asked_for(empty_store: Store) -> None:
    """A consumer that stands still makes every budget look kept, so somebody is told."""
    load(Loader(empty_store, FakeClock(NOW)), event(1))
    rules = AlertRules(silent_minutes=30, unpriced=False)
    assert found(empty_store, NOW + timedelta(minutes=29), rules) == []
    (alert,) = found(empty_store, NOW + timedelta(minutes=31), rules)
    (later,) = found(empty_store, NOW + timedelta(minutes=90), rules)
    assert alert.subject == "silence"
    assert alert.alert_id == later.alert_id
    assert found(empty_store, NOW + timedelta(days=1), AlertRules(unpriced=False)) == []
