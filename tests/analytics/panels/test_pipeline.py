"""The pipeline's own state and the names that pages offer."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from analytics.errors import QueryError
from analytics.load import Loader
from analytics.panels import health, known_values, view_columns
from analytics.panels.selection import ask
from analytics.types import Advance, Batch, DeadLetter
from tests.analytics.samples import MORNING, FakeClock, event, ndjson

if TYPE_CHECKING:
    from collections.abc import Callable

    from analytics.store import Store


def test_an_empty_store_is_healthy_and_old_as_never(store: Store) -> None:
    """Nothing was stored, so nothing was late and nothing was lost."""
    state = health(store)
    assert (state.events, state.duplicates, state.dead_letters) == (0, 0, 0)
    assert state.last_event_at is None
    assert state.delay_ms_p95 is None


def test_health_counts_what_was_stored_twice_and_what_was_no_event(store: Store) -> None:
    """Duplicates and dead letters are seen; the delay runs from the answer's end to the commit."""
    clock = FakeClock(MORNING + timedelta(seconds=3))
    loader = Loader(store, clock)
    dead = DeadLetter("queue", "writer", 7, "is no event", "{}")
    lines = ndjson([event(1, at=MORNING, duration_ms=1000.0), event(1, at=MORNING)])
    loader.load(Batch(lines, (Advance("queue", "writer", None, 8),), (dead,)))
    state = health(store)
    assert (state.events, state.duplicates, state.dead_letters) == (1, 1, 1)
    assert (state.first_event_at, state.last_event_at) == (MORNING, MORNING)
    assert state.last_commit_at == clock.now()
    assert state.delay_ms_p95 == pytest.approx(2000.0)


def test_names_come_in_the_order_of_first_sight(store: Store, add: Callable[..., None]) -> None:
    """A name's place never changes, so neither does its colour."""
    add(event(1, team="zebra"))
    add(event(2, at=MORNING + timedelta(hours=2), team="ant"))
    known = known_values(store)
    teams = known.filter(known["dimension"] == "team")["value"].to_list()
    assert teams == ["zebra", "ant"]


def test_every_documented_view_is_offered_with_its_columns(store: Store) -> None:
    """The SQL page lists what analysts may rely on."""
    columns = view_columns(store)
    assert {"usage_events", "backend_attempts", "spend_daily", "pipeline_health"} <= set(
        columns["view"]
    )
    spend = columns.filter(columns["view"] == "spend_daily")
    assert {"day", "team", "cost"} <= set(spend["column"])


def test_a_question_that_fails_is_one_line(store: Store) -> None:
    """What the database says of our own mistake does not fill a page."""
    with pytest.raises(QueryError) as caught:
        ask(store, "SELECT nonsense FROM nowhere", {})
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith("the store cannot answer: ")
