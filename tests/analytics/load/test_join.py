"""Halves of requests are kept and joined in the commit, and what was stored too early is undone."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from analytics.errors import BadLines
from analytics.load import Loader
from analytics.maintenance import maintain
from analytics.maintenance.retention import delete_older
from analytics.ratecard import seed
from analytics.types import Advance, Batch, Deployment, FeedPart, LoadResult
from tests.analytics.samples import MORNING, event, load, ndjson

if TYPE_CHECKING:
    from pathlib import Path

    from analytics.store import Store
    from tests.analytics.samples import FakeClock

NOTHING = dict.fromkeys(("input_tokens", "cached_input_tokens", "output_tokens"))


def part(clock: FakeClock, number: int, kind: Any, request: str = "", **fields: Any) -> FeedPart:
    """A half of request `number`."""
    if kind == "gateway":
        fields = {"usage_source": "none", **NOTHING, **fields}
    made = event(number, **fields)
    at = datetime.fromisoformat(made["started_at"])
    return FeedPart(f"c-{number}", kind, at, clock.now(), json.dumps(made), request)


def keep(loader: Loader, *parts: FeedPart) -> LoadResult:
    """Store halves."""
    return loader.load(Batch(b"", (), (), parts))


def charged(store: Store) -> dict[str, tuple[int, Decimal, Decimal | None]]:
    """Requests, quantity and cost by meter, straight from the rollup."""
    rows = store.frame(
        "SELECT meter, sum(requests)::BIGINT, sum(quantity), sum(cost) FROM charges_hourly "
        "GROUP BY meter HAVING sum(quantity) <> 0"
    ).rows()
    return {row[0]: row[1:] for row in rows}


def test_halves_and_events_of_one_batch_are_stored_together(
    loader: Loader, store: Store, clock: FakeClock
) -> None:
    """A message holds both, and both are counted where they belong."""
    halves = (part(clock, 1, "gateway"), part(clock, 1, "llm"), part(clock, 2, "gateway"))
    batch = Batch(ndjson([event(9), event(9)]), (Advance("hub", "0", None, 5),), (), halves)
    result = loader.load(batch)
    assert (result.stored, result.duplicates, result.joined, result.corrected) == (1, 1, 1, 0)
    assert loader.positions("hub") == {"0": 5}
    assert loader.waiting() == {"llm": 1}
    health = store.frame("SELECT commits, events, duplicates FROM pipeline_health").row(0)
    assert health == (1, 2, 1)


def test_a_refused_batch_keeps_no_halves(loader: Loader, store: Store, clock: FakeClock) -> None:
    """All of a batch or nothing."""
    bad = Batch(ndjson([event(1, status_code=None)]), (), (), (part(clock, 2, "gateway"),))
    with pytest.raises(BadLines):
        loader.load(bad)
    assert store.frame("SELECT count(*) FROM feed_parts").item() == 0


def test_what_is_taken_back_is_what_was_charged(
    loader: Loader, store: Store, clock: FakeClock, tmp_path: Path
) -> None:
    """Prices and settings may change before the correction; totals are of the new state alone."""
    keep(loader, part(clock, 1, "gateway"), part(clock, 1, "llm", "a"))
    assert charged(store)["output"] == (1, Decimal(100), Decimal("0.001"))
    rates = tmp_path / "rates.toml"
    rates.write_text(
        '[[rates]]\nmodel = "gpt-4o"\nvalid_from = 2020-01-01\n'
        "per_million_tokens = { input = 7, cached_input = 7, output = 7 }\n"
    )
    seed(store, clock, file=rates, deployments=[Deployment("chat", "gpt-4o", None, "regional")])
    fresh = Loader(store, clock)
    assert keep(fresh, part(clock, 1, "llm", "b")).corrected == 1
    assert charged(store) == {
        "input": (1, Decimal(1600), Decimal("0.0112")),
        "cached_input": (1, Decimal(400), Decimal("0.0028")),
        "output": (1, Decimal(200), Decimal("0.0014")),
    }
    assert store.frame("SELECT cost FROM usage_events").item() == Decimal("0.0154")
    traffic = store.frame(
        "SELECT sum(requests)::BIGINT, sum(attempts)::BIGINT, sum(output_tokens)::BIGINT "
        "FROM traffic_hourly"
    ).row(0)
    assert traffic == (1, 1, 200)
    assert store.frame("SELECT sum(requests)::BIGINT FROM latency_hourly").item() == 1
    assert store.frame("SELECT requests FROM spend_hourly").to_series().to_list() == [1, 1, 1]


def test_reports_show_nothing_of_what_was_taken_back(
    loader: Loader, store: Store, clock: FakeClock
) -> None:
    """No line of zeros, no unknown usage, also after maintenance folded the rollups."""
    waits = part(clock, 1, "gateway", response_model=None, request_model=None, deployment=None)
    keep(loader, waits)
    clock.advance(minutes=11)
    assert loader.release_overdue().joined == 1
    assert store.frame("SELECT count(*) FROM unpriced_usage").item() == 1
    keep(loader, part(clock, 1, "llm"))
    for _ in range(2):
        assert store.frame("SELECT count(*) FROM unpriced_usage").item() == 0
        models = store.frame("SELECT DISTINCT model FROM spend_daily").to_series().to_list()
        assert models == ["gpt-4o"]
        slow = store.frame("SELECT sum(requests)::BIGINT FROM latency_hourly_percentiles").item()
        assert slow == 1
        maintain(store, clock)
    assert keep(loader, part(clock, 1, "llm")).joined == 0


def test_release_waits_for_both_clocks(loader: Loader, clock: FakeClock) -> None:
    """Old records that came just now may have their other half in the next file."""
    keep(loader, part(clock, 1, "gateway"))
    assert clock.now() - MORNING > timedelta(hours=1)
    assert loader.release_overdue().joined == 0
    assert loader.release_recorded().joined == 1
    assert loader.waiting() == {}


def test_a_half_that_comes_after_its_event_was_forgotten_changes_nothing(
    loader: Loader, store: Store, clock: FakeClock
) -> None:
    """Halves may be deleted before events are; a redelivered one is then no second request."""
    keep(loader, part(clock, 1, "gateway"), part(clock, 1, "llm"))
    before = charged(store)
    with store.transaction() as connection:
        connection.execute("DELETE FROM usage.feed_parts")
        connection.execute("DELETE FROM usage.feed_joins")
    keep(loader, part(clock, 1, "gateway"))
    clock.advance(minutes=11)
    loader.release_overdue()
    keep(loader, part(clock, 1, "llm"))
    assert charged(store) == before
    assert store.frame("SELECT count(*), sum(input_tokens)::BIGINT FROM events").row(0) == (1, 1000)


def test_retention_forgets_halves_with_their_events(
    loader: Loader, store: Store, clock: FakeClock
) -> None:
    """They are data of requests like any other."""
    keep(loader, part(clock, 1, "gateway"), part(clock, 1, "llm"), part(clock, 2, "llm"))
    clock.advance(days=9)
    maintain(store, clock, older_than=timedelta(days=5))
    for table in ("events", "feed_parts", "feed_joins"):
        assert store.frame(f"SELECT count(*) FROM {table}").item() == 0, table  # noqa: S608 - our own names
    assert charged(store)["output"][0] == 1


def test_aggregates_count_for_tokens_and_money_only(loader: Loader, store: Store) -> None:
    """A sum over an hour is no request, no call and no latency."""
    load(loader, event(1), event(2, aggregate=True, input_tokens=5000, output_tokens=500))
    row = store.frame(
        "SELECT sum(requests)::BIGINT, sum(attempts)::BIGINT, sum(input_tokens)::BIGINT "
        "FROM traffic_hourly"
    ).row(0)
    assert row == (1, 1, 6000)
    assert charged(store)["output"] == (1, Decimal(600), Decimal("0.006"))
    assert store.frame("SELECT count(*) FROM backend_attempts").item() == 1
    measured = store.frame("SELECT DISTINCT requests FROM latency_hourly_percentiles")
    assert measured.to_series().to_list() == [1]


def test_what_retention_has_deleted_is_not_taken_back(
    loader: Loader, store: Store, clock: FakeClock
) -> None:
    """A request that began before the horizon and was logged behind it keeps its charge."""
    began = datetime.fromisoformat(event(1)["started_at"])

    def logged(seconds: int, kind: Any, request: str = "", **fields: Any) -> FeedPart:
        made = part(clock, 1, kind, request, **fields)
        return replace(made, recorded_at=began + timedelta(seconds=seconds))

    keep(loader, logged(40, "gateway"), logged(41, "llm", "a"))
    before = charged(store)
    with store.transaction() as connection:
        delete_older(connection, began + timedelta(seconds=30))
    keep(loader, logged(42, "llm", "b", input_tokens=500))
    assert charged(store) == before
