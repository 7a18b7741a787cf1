"""A store with a month of charges of every kind: priced, estimated, unpriced, provisioned, idle."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from analytics.load import Loader
from analytics.ratecard import seed
from analytics.store import Store
from tests.analytics.exports.charges import month_of_traffic
from tests.analytics.samples import FakeClock


@pytest.fixture(scope="session")
def billed_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The store; only to be copied."""
    folder = tmp_path_factory.mktemp("billed") / "store"
    clock = FakeClock()
    with Store.open(str(folder)) as store:
        seed(store, clock)
        month_of_traffic(store, Loader(store, clock))
    return folder


@pytest.fixture
def billed(billed_folder: Path, tmp_path: Path) -> Iterator[Store]:
    """That store, opened for writing."""
    folder = shutil.copytree(billed_folder, tmp_path / "billed")
    with Store.open(str(folder)) as store:
        yield store
