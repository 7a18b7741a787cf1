"""The same event is stored once, however it comes again."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.analytics.samples import MORNING, event, load

if TYPE_CHECKING:
    from analytics.load import Loader
    from analytics.store import Store

TOTALS = """
    SELECT (SELECT count(*) FROM events), (SELECT count(*) FROM attempts),
        (SELECT sum(cost) FROM charges_hourly), (SELECT sum(quantity) FROM charges_hourly),
        (SELECT sum(requests) FROM traffic_hourly), (SELECT sum(attempts) FROM traffic_hourly),
        (SELECT sum(requests) FROM latency_hourly)
"""


def test_a_redelivered_batch_changes_no_total(loader: Loader, store: Store) -> None:
    """A replay is counted as duplicates and adds to nothing."""
    events = [event(number) for number in range(30)]
    load(loader, *events)
    before = store.frame(TOTALS).row(0)
    assert before[0] == 30
    result = load(loader, *events)
    assert (result.stored, result.duplicates) == (0, 30)
    assert store.frame(TOTALS).row(0) == before
    assert store.frame("SELECT events, duplicates FROM pipeline_health").row(0) == (30, 30)


def test_copies_within_a_batch_are_stored_once(loader: Loader, store: Store) -> None:
    """The first copy of an event wins, whatever the others say."""
    first, again = event(1, team="first"), event(1, team="again")
    result = load(loader, first, event(2), again, again)
    assert (result.stored, result.duplicates) == (2, 2)
    rows = store.frame("SELECT team FROM events ORDER BY event_id").to_series().to_list()
    assert rows == ["first", "search"]
    assert store.frame("SELECT count(*) FROM attempts").item() == 2


def test_old_events_among_new_ones_are_still_recognised(loader: Loader, store: Store) -> None:
    """A batch may reach back for days, as after an outage."""
    old = event(1, at=MORNING - timedelta(days=20))
    load(loader, old)
    load(loader, event(2))
    result = load(loader, event(3), old, event(2))
    assert (result.stored, result.duplicates) == (1, 2)
    assert store.frame("SELECT count(*) FROM events").item() == 3


def test_two_requests_with_one_response_id_are_two(loader: Loader, store: Store) -> None:
    """Providers' ids collide and caches replay them; only our own id tells events apart."""
    load(loader, event(1, response_id="chatcmpl-1"), event(2, response_id="chatcmpl-1"))
    assert store.frame("SELECT count(*) FROM events").item() == 2


@settings(
    max_examples=6,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    deliveries=st.lists(
        st.lists(st.integers(0, 40), min_size=1, max_size=20), min_size=1, max_size=4
    )
)
def test_any_replay_and_shuffle_gives_the_same_totals(
    loader: Loader, store: Store, deliveries: list[list[int]]
) -> None:
    """Redelivery, overlaps and reordering change nothing: in = stored + duplicates."""
    base = store.frame("SELECT COALESCE(max(epoch_ms(started_at)), 0)::BIGINT FROM events").item()
    offset = base - int(MORNING.timestamp() * 1000) + 1000 if base else 0
    stored = 0
    for delivery in deliveries:
        result = load(loader, *(event(offset + number) for number in delivery))
        assert result.stored + result.duplicates == len(delivery)
        stored += result.stored
    assert stored == len({number for delivery in deliveries for number in delivery})


@pytest.mark.parametrize("count", [0, 1])
def test_tiny_batches_are_fine(loader: Loader, count: int) -> None:
    """Nothing, or one event, is a batch too."""
    assert load(loader, *(event(number) for number in range(count))).stored == count
