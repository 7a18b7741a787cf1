"""Stores for tests: made and seeded with rates once, then copied, because seeding takes a while."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from analytics.load import Loader
from analytics.ratecard import seed
from analytics.store import Store
from tests.analytics.samples import FakeClock

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="session")
def seeded_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store that holds rates and nothing else; only to be copied."""
    folder = tmp_path_factory.mktemp("seeded") / "store"
    with Store.open(str(folder)) as store:
        seed(store, FakeClock())
    return folder


@pytest.fixture(scope="session")
def empty_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store that holds nothing; only to be copied."""
    folder = tmp_path_factory.mktemp("empty") / "store"
    Store.open(str(folder)).close()
    return folder


@pytest.fixture
def empty_store(empty_folder: Path, tmp_path: Path) -> Iterator[Store]:
    """An empty store of the test's own, opened for writing."""
    with Store.open(str(shutil.copytree(empty_folder, tmp_path / "empty"))) as opened:
        yield opened


@pytest.fixture
def store_folder(seeded_folder: Path, tmp_path: Path) -> Path:
    """A folder with a seeded store of the test's own."""
    return shutil.copytree(seeded_folder, tmp_path / "store")


@pytest.fixture
def store(store_folder: Path) -> Iterator[Store]:
    """That store, opened for writing."""
    with Store.open(str(store_folder)) as opened:
        yield opened


@pytest.fixture
def clock() -> FakeClock:
    """A clock that stands still."""
    return FakeClock()


@pytest.fixture
def loader(store: Store, clock: FakeClock) -> Loader:
    """The loader of that store."""
    return Loader(store, clock)
