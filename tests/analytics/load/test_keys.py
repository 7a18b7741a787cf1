"""A load sees every assignment of keys, and an assignment every load, whichever comes first."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from analytics.errors import StoreBusy
from analytics.keys import Assignment, assign
from analytics.load import Loader
from analytics.load.ledger import advance, collide_with_all
from analytics.load.turn import take_turn
from analytics.store import Store
from analytics.types import Advance, Batch
from tests.analytics.load.test_join import charged, keep, part
from tests.analytics.samples import MORNING, event, load, ndjson

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import duckdb

    from tests.analytics.samples import FakeClock

KEY = "k_0123456789abcdef"
DAWN = MORNING.replace(hour=0, minute=0)


def give(store: Store, team: str, name: str | None = None) -> None:
    """The key belongs to another team since this morning."""
    wanted = Assignment(KEY, name, team, DAWN, None, MORNING + timedelta(days=1))
    assign(store, wanted, dry=False)


def teams(store: Store, table: str) -> list[Any]:
    """Teams that have something left in a table."""
    having = "" if table in {"events", "attempts"} else "HAVING sum(requests) <> 0"
    query = f"SELECT team FROM {table} GROUP BY team {having} ORDER BY team"  # noqa: S608 - our own names
    return store.frame(query).to_series().to_list()


def test_a_loader_that_is_running_learns_of_an_assignment(loader: Loader, store: Store) -> None:
    """At its very next commit, not half a minute later: else money stays with the wrong team."""
    load(loader, event(1))
    give(store, "payments", "checkout")
    load(loader, event(2), event(3, key_id=None, key_name=None, team="nobody"))
    give(store, "sales")
    load(loader, event(4))
    rows = store.frame("SELECT team, key_name FROM events ORDER BY event_id").rows()
    mine = ("sales", "checkout")
    assert rows == [mine, mine, ("nobody", None), mine]
    for table in ("attempts", "charges_hourly", "traffic_hourly"):
        assert teams(store, table) == ["nobody", "sales"], table


def test_an_event_that_was_assigned_is_still_known(loader: Loader, store: Store) -> None:
    """The same event again is a duplicate, whatever team it was given to meanwhile."""
    load(loader, event(1))
    give(store, "payments")
    assert load(loader, event(1)).duplicates == 1
    assert teams(store, "traffic_hourly") == ["payments"]


@pytest.mark.parametrize("before", [True, False])
def test_a_joined_event_is_taken_back_from_the_team_that_it_was_given_to(
    loader: Loader, store: Store, clock: FakeClock, *, before: bool
) -> None:
    """Its line says the team of the gateway; its rows were moved, before or after it was stored."""
    if before:
        give(store, "payments", "checkout")
    keep(loader, part(clock, 1, "gateway"), part(clock, 1, "llm", "a"))
    if not before:
        give(store, "payments", "checkout")
    assert keep(loader, part(clock, 1, "llm", "b")).corrected == 1
    for table in ("events", "attempts", "charges_hourly", "traffic_hourly"):
        assert teams(store, table) == ["payments"], table
    assert charged(store)["output"][0] == 1
    left = store.frame(
        "SELECT team, key_name, sum(quantity), sum(cost) FROM charges_hourly GROUP BY ALL"
    ).rows()
    assert [row[:2] for row in left if row[2] or row[3]] == [("payments", "checkout")]
    spent = store.frame("SELECT sum(cost) FROM events").item()
    assert left[0][3] == spent


def test_a_request_that_was_waited_for_goes_to_the_team_of_now(
    loader: Loader, store: Store, clock: FakeClock
) -> None:
    """Between its half and its release the key was given away."""
    keep(loader, part(clock, 1, "gateway"))
    give(store, "payments")
    clock.advance(minutes=11)
    assert loader.release_overdue().joined == 1
    assert teams(store, "events") == teams(store, "traffic_hourly") == ["payments"]


def test_halves_of_before_the_assignment_are_joined_under_it(
    loader: Loader, store: Store, clock: FakeClock
) -> None:
    """A fresh loader takes back what another one stored."""
    keep(loader, part(clock, 1, "gateway"), part(clock, 1, "llm", "a"))
    give(store, "payments")
    keep(Loader(store, clock), part(clock, 1, "llm", "b"))
    assert teams(store, "charges_hourly") == ["payments"]


def test_an_assignment_and_a_commit_at_the_same_time_collide(
    postgres: Callable[[str], str], tmp_path: Path, clock: FakeClock
) -> None:
    """Writers of a server's catalog do not take turns; of these two only one may commit."""
    url = f"{postgres('keys')}#data={tmp_path / 'data'}/"
    with Store.open(url) as store, Store.open(url) as other:
        loader = Loader(store, clock)
        load(loader, event(1), partition="a")
        load(loader, event(2), partition="b")
        reading = partial(advance, advances=[Advance("queue", "a", 1, 2)], now=MORNING)
        filling = partial(take_turn, now=MORNING)
        for number, step in enumerate((reading, filling)):
            with pytest.raises(StoreBusy):
                collide(store, step, partial(give, other, f"team-{number}"))
            assert teams(other, "events") == [f"team-{number}"]
        with pytest.raises(StoreBusy):
            collide(other, collide_with_all, lambda: load(loader, event(3), partition="b"))
        batch = Batch(ndjson([event(4)]), ())
        with pytest.raises(StoreBusy):
            collide(other, collide_with_all, lambda: loader.load(batch))
        assert teams(store, "events") == teams(store, "charges_hourly") == ["team-1"]


def collide(
    store: Store,
    step: Callable[[duckdb.DuckDBPyConnection], object],
    between: Callable[[], object],
) -> None:
    """Commit a step, within whose transaction somebody else commits."""
    with store.transaction() as connection:
        step(connection)
        between()
