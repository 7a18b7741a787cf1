"""Syncing: exactly the files of a commit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analytics.durability import now_mark, sync_catalog, sync_new_files
from tests.analytics.samples import event, load

if TYPE_CHECKING:
    from pathlib import Path

    from analytics.load import Loader
    from analytics.store import Store


def test_the_files_of_a_commit_are_found_by_their_names(loader: Loader, store: Store) -> None:
    """DuckLake names files by time, so a mark before a commit finds all of its files."""
    data = store.address.local_data
    assert data is not None
    old = set(data.glob("*/*/*.parquet"))
    mark = now_mark()
    load(loader, *(event(number) for number in range(50)))
    new = set(data.glob("*/*/*.parquet")) - old
    assert {path.parent.name for path in new} >= {"events", "attempts"}
    assert sync_new_files(data, mark) == len(new)


def test_older_files_are_left_alone(tmp_path: Path) -> None:
    """Looking through a store of many files costs names, not reads."""
    folder = tmp_path / "main" / "events"
    folder.mkdir(parents=True)
    (folder / "ducklake-01932b1e-0000-7000-8000-000000000000.parquet").touch()
    assert sync_new_files(tmp_path, now_mark()) == 0


def test_a_catalog_is_synced_with_and_without_its_log(tmp_path: Path) -> None:
    """SQLite keeps its last commits in a second file, which may not be there."""
    catalog = tmp_path / "catalog.sqlite"
    catalog.touch()
    sync_catalog(catalog)
    (tmp_path / "catalog.sqlite-wal").touch()
    sync_catalog(catalog)


def test_a_file_that_vanishes_is_nobodys_loss(tmp_path: Path) -> None:
    """Another process may roll back, and delete its file, between our listing and our syncing."""
    folder = tmp_path / "main" / "events"
    folder.mkdir(parents=True)
    mark = now_mark()
    (folder / f"{mark}-vanished.parquet").symlink_to(tmp_path / "gone")
    (folder / f"{mark}-ours.parquet").touch()
    assert sync_new_files(tmp_path, mark) == 2
