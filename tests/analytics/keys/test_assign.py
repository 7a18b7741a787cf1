"""A key that goes to another team takes along what comes after, and nothing else changes."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from analytics.keys import Assignment, Moved, assign, read_assignments
from analytics.maintenance import maintain
from tests.analytics.samples import attempt, event, load

if TYPE_CHECKING:
    from analytics.keys import Assigned
    from analytics.load import Loader
    from analytics.store import Store
    from tests.analytics.samples import FakeClock

KEY = "k_0123456789abcdef"
OTHER = "k_fedcba9876543210"
FIRST = datetime(2026, 11, 1, tzinfo=UTC)
MOVE = datetime(2026, 11, 10, tzinfo=UTC)
TABLES = ("events", "attempts", "charges_hourly", "traffic_hourly")
TOTALS = """
    SELECT (SELECT count(*) FROM events), (SELECT sum(cost) FROM events),
        (SELECT count(*) FROM attempts), (SELECT sum(cost) FROM charges_hourly),
        (SELECT sum(quantity) FROM charges_hourly),
        (SELECT sum(requests)::BIGINT FROM traffic_hourly),
        (SELECT sum(attempts)::BIGINT FROM traffic_hourly),
        (SELECT sum(retry_after_ms_sum) FROM traffic_hourly)
"""
BY_TEAM = """
    WITH stored AS (
        SELECT team, key_name, count(*) AS requests, sum(cost) AS cost, 0 AS attempts
        FROM events GROUP BY ALL
        UNION ALL
        SELECT team, key_name, 0, 0, count(*) FROM attempts GROUP BY ALL
    ), rolled AS (
        SELECT team, key_name, 0 AS requests, sum(cost) AS cost, 0 AS attempts
        FROM charges_hourly GROUP BY ALL
        UNION ALL
        SELECT team, key_name, sum(requests), 0, sum(attempts) FROM traffic_hourly GROUP BY ALL
    )
    SELECT team, key_name, sum(requests)::BIGINT, sum(cost), sum(attempts)::BIGINT
    FROM {what} GROUP BY ALL HAVING sum(requests) <> 0 OR sum(attempts) <> 0 ORDER BY ALL
"""


def give(
    store: Store, team: str, since: datetime = MOVE, until: datetime | None = None, **fields: Any
) -> Assigned:
    """Assign the key, or only tell what that would do."""
    noted = datetime(2026, 11, 21, tzinfo=UTC)
    values = {"key_id": KEY, "key_name": None, **fields}
    dry = values.pop("dry", False)
    wanted = Assignment(team=team, valid_from=since, valid_to=until, noted_at=noted, **values)
    return assign(store, wanted, dry=dry)


def whose(store: Store) -> dict[str, list[tuple[str | None, str | None]]]:
    """Team and name in the order of time, by table."""
    time = {"events": "started_at", "attempts": "started_at"}
    return {
        table: store.frame(
            f"SELECT team, key_name FROM {table} GROUP BY ALL "  # noqa: S608 - our own names
            f"ORDER BY min({time.get(table, 'hour')})"
        ).rows()
        for table in TABLES
    }


def everywhere(*rows: tuple[str | None, str | None]) -> dict[str, list[Any]]:
    """The same in each table."""
    return {table: list(rows) for table in TABLES}


def test_a_move_takes_what_is_stored_since_and_leaves_what_was_before(
    loader: Loader, store: Store
) -> None:
    """In events, attempts and rollups alike; to the microsecond of the first hour."""
    before, after = MOVE - timedelta(microseconds=1), MOVE
    load(
        loader, event(1, at=before), event(2, at=after), event(3, at=after, key_id=OTHER, team="x")
    )
    totals = store.frame(TOTALS).rows()
    outcome = give(store, "payments")
    assert outcome.is_new
    (moved,) = outcome.moved
    assert (moved.team, moved.key_name, moved.requests) == ("search", "search-app", 1)
    cost = store.frame("SELECT cost FROM events WHERE team = 'payments'").item()
    assert moved.cost == {"USD": cost}
    assert store.frame(TOTALS).rows() == totals
    teams = {table: sorted(str(team) for team, _ in rows) for table, rows in whose(store).items()}
    assert teams == {table: ["payments", "search", "x"] for table in TABLES}


def test_what_comes_later_is_counted_by_when_it_started(loader: Loader, store: Store) -> None:
    """A late event from before the day keeps the old team; the gateway's word loses after it."""
    give(store, "payments")
    load(loader, event(1, at=MOVE - timedelta(hours=1)), event(2, at=MOVE))
    assert whose(store) == everywhere(("search", "search-app"), ("payments", "search-app"))


def test_moving_back_leads_to_where_it_was(loader: Loader, store: Store) -> None:
    """Both directions, with everything that was ever said still noted."""
    load(loader, event(1, at=MOVE - timedelta(days=1)), event(2, at=MOVE))
    before = whose(store)
    give(store, "payments", key_name="checkout")
    assert whose(store) == everywhere(("search", "search-app"), ("payments", "checkout"))
    give(store, "search", key_name="search-app")
    assert whose(store) == before
    teams = [one.team for one in read_assignments(store.cursor())]
    assert teams == ["payments", "search"]


def test_a_span_has_an_end(loader: Loader, store: Store) -> None:
    """Lent out for a week."""
    days = [MOVE - timedelta(days=1), MOVE, MOVE + timedelta(days=7)]
    load(loader, *(event(number, at=day) for number, day in enumerate(days)))
    give(store, "payments", MOVE, MOVE + timedelta(days=7))
    rows = store.frame("SELECT team FROM events ORDER BY started_at").to_series().to_list()
    assert rows == ["search", "payments", "search"]


def test_the_same_again_changes_nothing_and_writes_nothing(loader: Loader, store: Store) -> None:
    """A script may say it every night."""
    load(loader, event(1, at=MOVE))
    give(store, "payments")
    query = "SELECT max(snapshot_id) FROM ducklake_snapshots('usage')"
    before = store.frame(query).item()
    again = give(store, "payments")
    assert (again.is_new, again.moved) == (False, ())
    assert store.frame(query).item() == before


def test_a_dry_run_tells_and_writes_nothing(loader: Loader, store: Store) -> None:
    """Requests and money that would move, and the store as it was."""
    load(loader, event(1, at=MOVE), event(2, at=MOVE))
    query = "SELECT max(snapshot_id) FROM ducklake_snapshots('usage')"
    before = store.frame(query).item()
    told = give(store, "payments", dry=True)
    assert store.frame(query).item() == before
    cost = store.frame("SELECT sum(cost) FROM events").item()
    assert told.moved == (Moved("search", "search-app", 2, {"USD": cost}),)
    assert give(store, "payments").moved == told.moved


def test_what_was_said_later_counts_whatever_the_clocks_say(loader: Loader, store: Store) -> None:
    """Two machines' clocks may disagree about which of two assignments was the second."""
    load(loader, event(1, at=MOVE))
    give(store, "payments")
    early = Assignment(KEY, None, "sales", MOVE, None, noted_at=FIRST)
    assign(store, early, dry=False)
    load(loader, event(2, at=MOVE))
    assert store.frame("SELECT DISTINCT team FROM events").rows() == [("sales",)]


def test_a_retry_after_midnight_stays_with_its_request(loader: Loader, store: Store) -> None:
    """Rollups count it in the new day's hour, for the team that its request was of."""
    calls = [
        attempt(status_code=429, throttle="busy", retry_after_ms=900.0),
        attempt(offset_ms=2000.0),
    ]
    last = MOVE - timedelta(seconds=1)
    load(loader, event(1, at=last, attempts=calls))
    counted = (
        "SELECT hour, team, sum(attempts)::BIGINT, sum(retries)::BIGINT, "
        "sum(throttled_busy)::BIGINT FROM traffic_hourly WHERE attempts IS NOT NULL GROUP BY ALL "
        "HAVING sum(attempts) <> 0 ORDER BY ALL"
    )
    before = store.frame(counted).rows()
    assert [row[1:] for row in before] == [("search", 1, 0, 1), ("search", 1, 1, 0)]
    give(store, "payments")
    assert store.frame(counted).rows() == before
    give(store, "sales", MOVE - timedelta(days=1), MOVE)
    assert [row[1] for row in store.frame(counted).rows()] == ["sales", "sales"]


def test_a_call_that_outlasts_a_whole_span_is_left_where_it_is(
    loader: Loader, store: Store
) -> None:
    """Its request began before the span, and it began after."""
    slow = [attempt(status_code=503), attempt(offset_ms=2.5 * 3.6e6)]
    load(loader, event(1, at=MOVE - timedelta(hours=1), attempts=slow))
    give(store, "payments", MOVE, MOVE + timedelta(hours=1))
    counted = "SELECT team, sum(attempts)::BIGINT FROM traffic_hourly GROUP BY ALL"
    assert store.frame(counted).rows() == [("search", 2)]


@pytest.mark.parametrize("seed", range(1))
def test_in_any_order_everything_ends_up_where_it_belongs(
    loader: Loader, store: Store, clock: FakeClock, seed: int
) -> None:
    """Loads, assignments and upkeep in random order: rollups and events agree, totals stay."""
    chance = random.Random(seed)  # noqa: S311 - not for secrets
    words: list[tuple[str, str | None, datetime, datetime]] = []
    loaded: list[datetime] = []
    for number in range(1, 19):
        if chance.random() < 0.4:
            start = FIRST + timedelta(hours=chance.randrange(12))
            end = start + timedelta(hours=chance.randrange(1, 8))
            team, name = chance.choice("abc"), chance.choice([None, "one", "two"])
            totals = store.frame(TOTALS).rows()
            give(store, team, start, end, key_name=name)
            assert store.frame(TOTALS).rows() == totals
            words.append((team, name, start, end))
        elif number == 9:
            maintain(store, clock)
        else:
            at = FIRST + timedelta(minutes=chance.randrange(18 * 60))
            calls = [attempt(status_code=429), attempt(offset_ms=chance.choice([1.0, 1.8e6]))]
            load(loader, event(number, at=at, attempts=calls))
            loaded.append(at)
    expected = sorted(_told(at, words) for at in loaded)
    found = store.frame("SELECT team, key_name FROM events").rows()
    assert sorted(found) == expected
    stored = store.frame(BY_TEAM.format(what="stored")).rows()
    assert store.frame(BY_TEAM.format(what="rolled")).rows() == stored


def _told(at: datetime, words: list[tuple[str, str | None, datetime, datetime]]) -> tuple[str, str]:
    """Team and name that an event of the gateway's `search` ends up with."""
    team, name = "search", "search-app"
    for said, called, start, end in words:
        if start <= at < end:
            team, name = said, called or name
    return team, name
