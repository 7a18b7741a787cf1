"""A store with a month of charges of every kind: priced, estimated, unpriced, provisioned, idle."""

from __future__ import annotations

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
    """The store; only to be read."""
    folder = tmp_path_factory.mktemp("billed") / "store"
    clock = FakeClock()
    with Store.open(str(folder)) as store:
        seed(store, clock)
        month_of_traffic(store, Loader(store, clock))
    return folder


@pytest.fixture(scope="session")
def billed(billed_folder: Path) -> Iterator[Store]:
    """That store, opened for reading; opened once, because that takes a while."""
    with Store.open(str(billed_folder), read_only=True) as store:
        yield store
