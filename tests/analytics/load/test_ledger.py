"""Exactly once, among processes that race, read and die."""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING

import pytest

from analytics.errors import LedgerConflict
from analytics.load.ledger import advance
from analytics.maintenance import maintain
from analytics.store import Store
from analytics.types import Advance
from tests.analytics import workers
from tests.analytics.samples import MORNING

if TYPE_CHECKING:
    from pathlib import Path

    from analytics.load import Loader

TOTALS = """
    SELECT (SELECT count(*) FROM events), (SELECT count(DISTINCT event_id) FROM events),
        (SELECT count(*) FROM attempts), (SELECT sum(requests)::BIGINT FROM traffic_hourly),
        (SELECT duplicates FROM pipeline_health),
        (SELECT position FROM ledger WHERE partition = 'only')
"""


def totals(folder: Path) -> tuple[int, ...]:
    """What the store holds, counted in six ways."""
    with Store.open(str(folder), read_only=True) as store:
        return store.frame(TOTALS).row(0)


def exactly(count: int) -> tuple[int, ...]:
    """What it should hold: each event once, and none of them tried twice."""
    return (count, count, count, count, 0, count)


def test_two_loaders_of_one_partition_store_each_range_once(
    store_folder: Path, tmp_path: Path
) -> None:
    """Two consumers that both believe they own a partition cannot both store its events."""
    count = 160
    racers = [workers.start("consume", store_folder, count, seed, tmp_path) for seed in (1, 2)]
    (tmp_path / "go").touch()
    stored = [workers.result(racer)[0] for racer in racers]
    assert sum(stored) == count
    assert totals(store_folder) == exactly(count)


def test_readers_see_whole_commits_and_no_errors_beside_a_writer(
    store_folder: Path, tmp_path: Path
) -> None:
    """While one process commits and the store is maintained, readers see one commit at a time."""
    count = 20
    readers = [workers.start("read", store_folder, tmp_path) for _ in range(2)]
    writer = workers.start("consume", store_folder, count, 3, tmp_path)
    (tmp_path / "go").touch()
    with Store.open(str(store_folder)) as store:
        while writer.poll() is None:
            maintain(store, workers.SystemClock())
    assert workers.result(writer)[0] == count
    (tmp_path / "stop").touch()
    looks = [workers.result(reader) for reader in readers]
    assert all(seen == sorted(seen) and len(seen) > 1 for seen in looks)
    assert totals(store_folder) == exactly(count)


def test_a_killed_loader_loses_and_doubles_nothing(store_folder: Path, tmp_path: Path) -> None:
    """After `kill -9` at any moment the next start goes on from what was committed."""
    chance = random.Random(4)  # noqa: S311 - not for secrets
    (tmp_path / "go").touch()
    reached = 0
    for seed in range(2):
        process = workers.start("consume", store_folder, 10_000, seed, tmp_path)
        while totals(store_folder)[0] == reached:
            assert process.poll() is None
        time.sleep(chance.uniform(0.0, 1.5))
        process.kill()
        process.communicate()
        reached = totals(store_folder)[0]
        assert totals(store_folder) == exactly(reached)
    workers.result(workers.start("consume", store_folder, reached + 60, 9, tmp_path))
    assert totals(store_folder) == exactly(reached + 60)


def test_a_partition_that_is_there_cannot_be_added_again(loader: Loader, store: Store) -> None:
    """A second first commit of a partition is a conflict, however far the first one came."""
    with store.transaction() as connection:
        advance(connection, [Advance("log", "only", None, 0)], MORNING)
    with pytest.raises(LedgerConflict, match="read the positions again"):
        _advance(store, Advance("log", "only", None, 5))
    assert loader.positions("log") == {"only": 0}


def test_adding_partitions_at_once_collides(store: Store) -> None:
    """Inserts alone would not collide, so adding a partition updates a row that all share."""
    before = store.frame("SELECT position FROM ledger WHERE partition = ''").item()
    with store.transaction() as connection:
        advance(connection, [Advance("log", name, None, 1) for name in "ab"], MORNING)
    assert store.frame("SELECT position FROM ledger WHERE partition = ''").item() == before + 2


def test_the_time_of_a_move_is_kept(store: Store) -> None:
    """An operator sees when a partition last moved."""
    _advance(store, Advance("log", "only", None, 5))
    rows = store.frame("SELECT updated_at FROM ledger WHERE partition = 'only'").to_series()
    assert rows.to_list() == [MORNING]


def _advance(store: Store, *steps: Advance) -> None:
    with store.transaction() as connection:
        advance(connection, steps, MORNING)


def test_all_partitions_of_a_batch_move_or_none(store: Store, loader: Loader) -> None:
    """One statement moves them; a single one that is elsewhere stops all, and is named."""
    _advance(store, *(Advance("log", name, None, 5) for name in "abc"))
    _advance(store, *(Advance("log", name, 5, 7) for name in "abc"), Advance("log", "d", None, 1))
    with pytest.raises(LedgerConflict, match="partition b of log is no longer at 5"):
        _advance(store, Advance("log", "a", 7, 9), Advance("log", "b", 5, 9))
    with pytest.raises(LedgerConflict, match="partition c of log is no longer at its start"):
        _advance(store, Advance("log", "e", None, 9), Advance("log", "c", None, 9))
    assert loader.positions("log") == {"a": 7, "b": 7, "c": 7, "d": 1}
