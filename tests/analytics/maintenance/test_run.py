"""Maintenance changes files, never answers."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from analytics.load import Loader
from analytics.maintenance import maintain, tidy
from analytics.maintenance.files import DataFile, data_files, runs
from analytics.maintenance.tables import REWRITES
from analytics.reports import latency, spend, throttling
from analytics.store import Store
from analytics.types import Filters
from tests.analytics.samples import MORNING, attempt, event, load

if TYPE_CHECKING:
    from pathlib import Path

    import polars as pl

    from tests.analytics.samples import FakeClock

WEEK = Filters(MORNING - timedelta(days=4), MORNING + timedelta(days=3))


def fill(loader: Loader, commits: int = 10) -> None:
    """Some commits of a few events, throttled now and then, over several days."""
    refused = attempt(backend="france", status_code=429, throttle="busy", retry_after_ms=500.0)
    for number in range(commits):
        at = MORNING - timedelta(days=number % 3, minutes=number)
        calls = [refused, attempt(remaining_tokens=number)]
        load(loader, event(number * 10, at=at, attempts=calls), event(number * 10 + 1, at=at))


def answers(store: Store) -> list[pl.DataFrame]:
    """What people see of a store."""
    return [
        spend(store, WEEK, ["team", "meter", "day"]),
        spend(store, WEEK, ["key", "hour"]),
        throttling(store, WEEK, ["backend", "hour"]),
        latency(store, WEEK, ["backend", "day"]),
        store.frame("SELECT * EXCLUDE (seconds_since_commit) FROM pipeline_health"),
        store.frame("SELECT source, partition, position FROM ledger ORDER BY ALL"),
    ]


def same(one: list[pl.DataFrame], other: list[pl.DataFrame]) -> bool:
    """Whether two looks show the same."""
    return all(a.equals(b) for a, b in zip(one, other, strict=True))


def file_count(store: Store) -> int:
    """Files of the tables that every commit adds to."""
    return sum(len(data_files(store.cursor(), how.table)) for how in REWRITES)


def on_disk(store: Store) -> int:
    """Files in the folder, whether anything refers to them or not."""
    folder = store.address.local_data
    assert folder is not None
    return len(list(folder.glob("*/*/*.parquet")))


def test_answers_stay_the_same_and_files_get_few(
    loader: Loader, store: Store, clock: FakeClock
) -> None:
    """Compaction and folding change how many files and rows there are, and nothing else."""
    fill(loader)
    before, files, rows = answers(store), file_count(store), rollup_rows(store)
    seen: list[tuple[str, int, int]] = []
    summary = maintain(
        store, clock, progress=lambda step, done, total: seen.append((step, done, total))
    )
    assert same(answers(store), before)
    assert files == 50
    assert file_count(store) == 5
    assert rollup_rows(store) < rows
    assert (summary.rewritten_files, summary.deleted_events) == (50, 0)
    assert summary.folded_rows == rows - rollup_rows(store)
    assert [done for _, done, _ in seen] == [0, 1, 2, 3, 4]
    assert seen[-1] == ("done", 4, 4)
    again = maintain(store, clock)
    assert (again.rewritten_files, again.folded_rows) == (0, 0)


def rollup_rows(store: Store) -> int:
    """Rows of the three rollups."""
    tables = ("charges_hourly", "traffic_hourly", "latency_hourly")
    return sum(int(store.frame(f"SELECT count(*) FROM {name}").item()) for name in tables)  # noqa: S608 - our own names


def test_loading_goes_on_after_maintenance(loader: Loader, store: Store, clock: FakeClock) -> None:
    """Events that were stored before a compaction are still recognised after it."""
    fill(loader, commits=3)
    maintain(store, clock)
    result = load(loader, event(0, at=MORNING), event(999))
    assert (result.stored, result.duplicates) == (1, 1)


def test_retention_deletes_events_and_keeps_what_they_added_up_to(
    loader: Loader, store: Store, clock: FakeClock
) -> None:
    """Old requests go, their costs stay in the reports."""
    fill(loader)
    before = answers(store)
    summary = maintain(store, clock, older_than=timedelta(days=2))
    assert summary.deleted_events > 0
    kept = store.frame("SELECT min(started_at), count(*) FROM events").row(0)
    assert kept[0] >= clock.now() - timedelta(days=2)
    assert kept[1] == 20 - summary.deleted_events
    attempts = store.frame("SELECT min(started_at) FROM attempts").item()
    assert attempts >= clock.now() - timedelta(days=2)
    after = answers(store)
    assert same([after[0], after[1], after[2], after[3]], before[:4])


def test_what_retention_has_deleted_is_not_charged_again(
    loader: Loader, store: Store, clock: FakeClock
) -> None:
    """An old file that is loaded once more, or old messages of a hub, change no sum."""
    fill(loader)
    before = answers(store)
    maintain(store, clock, older_than=timedelta(days=2))
    fill(loader)
    assert same(answers(store)[:4], before[:4])
    assert store.frame("SELECT count(*) = count(DISTINCT event_id) FROM events").item()


def test_replaced_files_are_removed_only_after_a_while(
    loader: Loader, store: Store, clock: FakeClock
) -> None:
    """A query that began before a compaction can read to its end."""
    fill(loader)
    first = on_disk(store)
    maintain(store, clock)
    assert on_disk(store) > first
    # Snapshots and deletions carry the machine's own time, so that is the one to pass.
    maintain(store, clock, grace=timedelta(days=-3650))
    maintain(store, clock, grace=timedelta(days=-3650))
    assert on_disk(store) < first
    assert store.frame("SELECT count(*) FROM events").item() == 20


def test_a_reader_of_an_earlier_state_keeps_reading_it(
    loader: Loader, store: Store, store_folder: Path, clock: FakeClock
) -> None:
    """A transaction that began before maintenance sees what it saw."""
    fill(loader)
    with Store.open(str(store_folder), read_only=True) as reader:
        cursor = reader.cursor()
        cursor.execute("BEGIN")
        before = cursor.execute("SELECT sum(requests) FROM traffic_hourly").fetchall()
        maintain(store, clock)
        load(loader, event(555))
        assert cursor.execute("SELECT sum(requests) FROM traffic_hourly").fetchall() == before
        assert cursor.execute("SELECT count(*) FROM events").fetchall() == [(20,)]


def test_a_busy_loader_tidies_up_by_itself(store: Store, clock: FakeClock) -> None:
    """Commits of a second each do not leave thousands of files between two maintenances."""
    fill(Loader(store, clock, tidy_every=10), commits=21)
    before = answers(store)
    assert file_count(store) < 21 * 5 / 2
    assert store.frame("SELECT count(*) FROM loads_hourly").item() <= 2
    assert store.frame("SELECT count(*) FROM events").item() == 42
    tidy(store, clock)
    assert same(answers(store), before)


def small(size: int, *, deletes: bool = False, name: str = "f") -> DataFile:
    """A file."""
    return DataFile(name, size, deletes)


def test_neighbours_are_put_together_and_large_files_left_alone() -> None:
    """A file covers a short span of time: what lies between large files stays between them."""
    a, b, large, c = small(1), small(2), small(100), small(3)
    assert list(runs([a, b, large, c], smaller_than=10, at_least=2)) == [[a, b]]
    assert list(runs([a, large, c], smaller_than=10, at_least=2)) == []
    assert list(runs([], smaller_than=10, at_least=2)) == []


def test_a_file_with_deleted_rows_is_worth_writing_anew() -> None:
    """Deleted rows leave the disk, however large their file is."""
    worn = small(100, deletes=True)
    assert list(runs([worn], smaller_than=10, at_least=2)) == [[worn]]
