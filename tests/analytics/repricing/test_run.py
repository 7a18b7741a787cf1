"""History priced anew is what it would have been, had the prices been known when it was stored."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from analytics.load import Loader
from analytics.maintenance import maintain
from analytics.ratecard import seed
from analytics.repricing import Repricing, reprice
from analytics.repricing.listing import by_day_key_and_model, changes_of, runs
from analytics.store import Store
from analytics.types import Batch, Deployment, FeedPart
from tests.analytics.samples import MORNING, FakeClock, attempt, event, load, ndjson
from tests.analytics.strategies import batches

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


BEFORE = "[[rates]]\nmodel = 'gpt-4o'\nper_million_tokens = { input = 7, output = 11 }\n"
AFTER = """
[[rates]]
model = "gpt-4o"
valid_from = 2026-11-20
per_million_tokens = { input = 2, output = 3, cached_input = 1, cache_write = 5, audio_input = 6 }
[[rates]]
model = "whisper"
per_hour = 0.4
[[rates]]
model = "gpt-4o"
service_tier = "priority"
per_million_tokens = { input = 8 }
"""
MAPPED = Deployment("chat", "gpt-4o-mini", "2024-07-18", "data_zone", "westeurope")
ALL_TIME = datetime(2000, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)
NOTHING: dict[str, Any] = dict.fromkeys(("input_tokens", "cached_input_tokens", "output_tokens"))
DAY = MORNING, MORNING
NAMES = st.sampled_from(["chat", "gpt-4o", "gpt-4o-2024-11-20", "whisper", "nothing-known", ""])
TIMES = st.sampled_from(["2026-11-19T23:59:59.900000Z", "2026-11-20T00:00:00.000000Z"])
ATTEMPTS = st.lists(
    st.builds(
        attempt,
        deployment=st.sampled_from(["chat", "other", None]),
        deployment_type=st.sampled_from(["global", "ptu", "regional", None]),
        region=st.sampled_from(["swedencentral", "eastus", "", None]),
    ),
    max_size=1,
)
CHARGES = """
    SELECT hour, key_id, team, backend, region, deployment, deployment_type, model, model_version,
        operation, usage_source, service_tier, context_tier, meter, rate_id, unpriced_reason,
        currency, sum(requests), sum(quantity), sum(cost)
    FROM charges_hourly GROUP BY ALL HAVING sum(quantity) <> 0 ORDER BY ALL
"""
EVENTS = """
    SELECT event_id, model, model_version, deployment_type, region, billed, cost, currency
    FROM events ORDER BY event_id
"""
ATTEMPT_MODELS = "SELECT event_id, attempt, model FROM attempts ORDER BY ALL"
LATENCY = (
    "SELECT model, measure, bucket, sum(requests) FROM latency_hourly GROUP BY ALL ORDER BY ALL"
)


@pytest.fixture(scope="module")
def pair(
    seeded_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Store, Store]]:
    """Two stores that hold rates only, and what the examples of one test put into both."""
    folder = tmp_path_factory.mktemp("pair")
    copies = [shutil.copytree(seeded_folder, folder / name) for name in ("one", "two")]
    with Store.open(str(copies[0])) as one, Store.open(str(copies[1])) as two:
        yield one, two


@pytest.fixture(scope="module")
def lasting(seeded_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """A store that the examples of one test share."""
    copy = shutil.copytree(seeded_folder, tmp_path_factory.mktemp("lasting") / "store")
    with Store.open(str(copy)) as opened:
        yield opened


@given(
    events=batches(
        max_size=25,
        request_model=NAMES,
        response_model=NAMES,
        deployment=st.sampled_from(["chat", "other"]),
        service_tier=st.sampled_from(["default", "Priority", "batch", ""]),
        attempts=ATTEMPTS,
        started_at=TIMES,
        status_code=st.sampled_from([200, 200, 429]),
    )
)
@settings(
    deadline=None, max_examples=4, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_a_repriced_store_is_one_that_knew_the_prices_from_the_start(
    pair: tuple[Store, Store],
    tmp_path_factory: pytest.TempPathFactory,
    events: list[dict[str, Any]],
) -> None:
    """To the last digit of every charge and event, whatever was asked of the rate card.

    Both know the old prices, too: those go on until the new ones begin.
    """
    folder, clock = tmp_path_factory.mktemp("rates"), FakeClock()
    old, new = folder / "old.toml", folder / "new.toml"
    old.write_text(BEFORE)
    new.write_text(AFTER)
    repriced, fresh = pair
    for store in pair:
        seed(store, clock, file=old)
    keep(repriced, clock, events)
    clock.advance(minutes=1)
    for store in pair:
        seed(store, clock, file=new, deployments=[MAPPED])
    run(repriced, clock, ALL_TIME)
    keep(fresh, clock, events)
    for question in (CHARGES, EVENTS, ATTEMPT_MODELS, LATENCY):
        assert repriced.frame(question).rows() == fresh.frame(question).rows()


@given(events=batches(max_size=25, attempts=ATTEMPTS, deployment=st.just("chat"), started_at=TIMES))
@settings(
    deadline=None, max_examples=3, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_without_new_prices_nothing_changes(lasting: Store, events: list[dict[str, Any]]) -> None:
    """What was stored is what the rate card says, so a run finds nothing and leaves no trace."""
    store, clock = lasting, FakeClock()
    seed(store, clock, deployments=[MAPPED])
    run(store, clock, ALL_TIME)
    keep(store, clock, events)
    known = len(runs(store))
    done = run(store, clock, ALL_TIME)
    assert (done.run_id, done.charges, done.events, len(runs(store))) == (None, 0, 0, known)


def test_late_prices_fill_what_had_none(loader: Loader, store: Store, clock: FakeClock) -> None:
    """A deployment that nobody had told about gets a model, a price, and its traffic with it."""
    load(loader, unmapped(1), event(2))
    seed(store, clock, deployments=[Deployment("my-dep", "gpt-4o", "2024-11-20", "global")])
    done = run(store, clock, DAY)
    assert by_day_key_and_model(done.changes).select("cost_before", "cost_after").rows() == [
        (None, Decimal("0.00325"))
    ]
    assert store.frame("FROM unpriced_usage").is_empty()
    assert total(store, "charges") == total(store, "events") == Decimal("0.0065")
    counted = "SELECT DISTINCT model FROM {} ORDER BY model"
    for table in ("traffic_hourly", "latency_hourly", "attempts", "events"):
        assert store.frame(counted.format(table)).rows() == [("gpt-4o",)], table


def test_deployments_that_were_mixed_up_are_told_apart(
    loader: Loader, store: Store, clock: FakeClock
) -> None:
    """Each gets the other's model, in the traffic as in the charges."""

    def served(number: int, name: str) -> dict[str, Any]:
        names: dict[str, Any] = {"request_model": name, "response_model": None, "deployment": name}
        return event(number, **names, attempts=[attempt(deployment=name)])

    seed(store, clock, deployments=[Deployment("a", "gpt-4o"), Deployment("b", "gpt-4o-mini")])
    load(loader, served(1, "a"), served(2, "b"), served(3, "b"))
    seed(store, clock, deployments=[Deployment("a", "gpt-4o-mini"), Deployment("b", "gpt-4o")])
    run(store, clock, DAY)
    counted = store.frame(
        "SELECT deployment, model, sum(requests)::BIGINT, sum(attempts)::BIGINT "
        "FROM traffic_hourly GROUP BY ALL ORDER BY ALL"
    )
    assert counted.rows() == [("a", "gpt-4o-mini", 1, 1), ("b", "gpt-4o", 2, 2)]


def test_what_is_stored_meanwhile_is_priced_by_all_of_its_meters(
    loader: Loader, store: Store, clock: FakeClock, tmp_path: Path
) -> None:
    """The first request of the day with cached tokens comes while a run is at work."""

    def store_one(step: str, *_counts: int) -> None:
        if step.startswith("events"):
            loader.load(Batch(ndjson([event(2, cached_input_tokens=900)]), ()))

    load(loader, event(1, cached_input_tokens=None))
    clock.advance(minutes=1)
    give(store, clock, tmp_path, AFTER)
    run(store, clock, DAY, progress=store_one)
    assert total(store, "charges") == total(store, "events")


def test_a_dry_run_shows_the_difference_and_writes_no_charge(
    loader: Loader, store: Store, clock: FakeClock, tmp_path: Path
) -> None:
    """What it tells is what the run then does."""
    load(loader, event(1))
    give(store, clock, tmp_path, AFTER)
    before = store.frame(CHARGES).rows()
    shown = run(store, clock, DAY, dry_run=True)
    assert store.frame(CHARGES).rows() == before
    assert runs(store).is_empty()
    done = run(store, clock, DAY)
    assert done.changes.rows() == shown.changes.rows()
    row = by_day_key_and_model(done.changes).row(0, named=True)
    # 800 tokens of input at 2, 200 cached at 1, 100 of output at 3 dollars a million
    assert row["cost_after"] == Decimal("0.0021") == total(store, "events")
    assert row["difference"] == Decimal("0.0021") - Decimal("0.00325")


def test_history_tells_which_run_changed_what(
    loader: Loader, store: Store, clock: FakeClock, tmp_path: Path
) -> None:
    """Each run is kept with its reason, and every charge with the rate before and after."""
    load(loader, event(1))
    give(store, clock, tmp_path, BEFORE)
    first = run(store, clock, DAY, reason="the contract of October")
    clock.advance(hours=1)
    give(store, clock, tmp_path, AFTER)
    second = run(store, clock, DAY)
    listed = runs(store)
    assert listed["run_id"].to_list() == [second.run_id, first.run_id]
    assert listed["reason"].to_list() == ["", "the contract of October"]
    assert listed["events"].to_list() == [1, 1]
    assert first.run_id is not None
    assert second.run_id is not None
    one, two = changes_of(store, first.run_id), changes_of(store, second.run_id)
    after = dict(one.select("meter", "rate_id_after").iter_rows())
    before = dict(two.select("meter", "rate_id_before").iter_rows())
    assert set(after) == {"input", "output"}
    assert after.items() <= before.items()
    rates = set(store.frame("SELECT rate_id FROM rates").to_series())
    assert set(two["rate_id_after"]) <= rates


def test_days_outside_the_span_stay_as_they_were(
    loader: Loader, store: Store, clock: FakeClock, tmp_path: Path
) -> None:
    """A new price for one day leaves the days before and after alone."""
    days = [event(number, MORNING + timedelta(days=number - 2)) for number in (1, 2, 3)]
    load(loader, *days)
    give(store, clock, tmp_path, BEFORE)
    run(store, clock, (MORNING, MORNING + timedelta(hours=3)))
    costs = store.frame("SELECT cost FROM events ORDER BY started_at").to_series().to_list()
    # 800 at 7 and 200 cached at 1.25, 100 at 11
    assert costs == [Decimal("0.00325"), Decimal("0.00695"), Decimal("0.00325")]


def test_a_run_that_was_cut_short_is_finished_by_the_next(
    loader: Loader, store: Store, clock: FakeClock, tmp_path: Path
) -> None:
    """Charges are committed before events; whoever runs it again brings the events along."""

    class Cut(Exception):
        pass

    def cut(step: str, *_counts: int) -> None:
        if step.startswith("events"):
            raise Cut

    load(loader, event(1))
    give(store, clock, tmp_path, AFTER)
    with pytest.raises(Cut):
        run(store, clock, DAY, progress=cut)
    assert total(store, "charges") == Decimal("0.0021") != total(store, "events")
    done = run(store, clock, DAY)
    assert (done.run_id, done.events) == (None, 1)
    assert total(store, "events") == Decimal("0.0021")


def test_a_correction_after_a_run_takes_back_the_new_charge(
    loader: Loader, store: Store, clock: FakeClock, tmp_path: Path
) -> None:
    """Tokens that come later undo exactly what the repriced request is charged with by then."""
    gateway = half(clock, "gateway", usage_source="none", **NOTHING)
    first, second = (half(clock, "llm", name, **{**NOTHING, "input_tokens": 500}) for name in "ab")
    loader.load(Batch(b"", (), (), (gateway, first)))
    assert total(store, "charges") == Decimal("0.00125")
    give(store, clock, tmp_path, AFTER)
    run(store, clock, DAY)
    assert total(store, "charges") == Decimal("0.001")
    clock.advance(minutes=5)
    Loader(store, clock).load(Batch(b"", (), (), (second,)))
    assert total(store, "charges") == total(store, "events") == Decimal("0.002")


def test_repriced_rows_survive_maintenance(
    loader: Loader, store: Store, clock: FakeClock, tmp_path: Path
) -> None:
    """Folding afterwards, and another run after that, find the same charges."""
    load(loader, event(1))
    load(loader, event(2))
    give(store, clock, tmp_path, AFTER)
    run(store, clock, DAY)
    before = store.frame(CHARGES).rows()
    maintain(store, clock)
    assert store.frame(CHARGES).rows() == before
    assert run(store, clock, DAY).changes.is_empty()


def run(
    store: Store, clock: FakeClock, span: tuple[datetime, datetime], **options: Any
) -> Repricing:
    """A repricing of the days of a span."""
    return reprice(store, clock, since=span[0], until=span[1], **options)


def keep(store: Store, clock: FakeClock, events: list[dict[str, Any]]) -> None:
    """Store events whose texts may look like anything."""
    Loader(store, clock).load(Batch(ndjson(events), (), validated=True))


def give(store: Store, clock: FakeClock, folder: Path, rates: str) -> None:
    """Bring the operator's prices into the store."""
    (folder / "rates.toml").write_text(rates)
    seed(store, clock, file=folder / "rates.toml")


def total(store: Store, table: str) -> Decimal:
    """All money of a table."""
    money: Decimal = store.frame(f"SELECT sum(cost) FROM {table}").item()  # noqa: S608 - our own name
    return money


def unmapped(number: int) -> dict[str, Any]:
    """A stream of which only the deployment's made-up name is known."""
    calls = [attempt(deployment="my-dep", deployment_type=None, backend="other", duration_ms=9.0)]
    names: dict[str, Any] = {
        "request_model": "my-dep",
        "response_model": None,
        "deployment": "my-dep",
    }
    return event(number, **names, attempts=calls)


def half(clock: FakeClock, kind: Any, request: str = "", **fields: Any) -> FeedPart:
    """Half of a request that another gateway logged in two records."""
    made = event(1, **fields)
    at = datetime.fromisoformat(made["started_at"])
    return FeedPart("c-1", kind, at, clock.now(), json.dumps(made), request)
