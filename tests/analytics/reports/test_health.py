"""The pipeline's health."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analytics.reports import health
from tests.analytics.samples import MORNING, event, load

if TYPE_CHECKING:
    from analytics.load import Loader
    from analytics.store import Store


def test_a_store_that_never_saw_an_event(store: Store) -> None:
    """Nothing yet is zero events and no times."""
    found = health(store)
    assert (found.commits, found.events, found.dead_letters) == (0, 0, 0)
    assert found.last_event_at is None
    assert found.seconds_since_commit is None


def test_what_was_stored_and_what_came_again(loader: Loader, store: Store) -> None:
    """Duplicates are seen, not only dropped."""
    load(loader, event(1, at=MORNING))
    load(loader, event(1, at=MORNING))
    found = health(store)
    assert (found.commits, found.events, found.duplicates) == (2, 1, 1)
    assert found.last_event_at == MORNING
    assert found.last_commit_at is not None
