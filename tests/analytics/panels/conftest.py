"""A store with a rate card small enough to add up in one's head."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import pytest

from analytics.load import Loader
from analytics.store import Store
from tests.analytics.samples import FakeClock, load

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

_PRICES = {"input": "0.000002", "cached_input": "0.0000005", "output": "0.000008"}


@pytest.fixture(scope="session")
def priced_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store in which a token of gpt-4o has a price and nothing else has; only to be copied."""
    folder = tmp_path_factory.mktemp("priced") / "store"
    with Store.open(str(folder)) as opened, opened.transaction() as connection:
        for meter, price in _PRICES.items():
            connection.execute(
                "INSERT INTO rates (rate_id, provider, model, meter, service_tier, "
                "context_tier, currency, unit, price, valid_from, source, source_version) "
                "VALUES (?, 'azure', 'gpt-4o', ?, 'standard', 'standard', 'USD', 'token', ?, "
                "TIMESTAMPTZ '2020-01-01 00:00:00Z', 'file', 'test')",
                [f"test:{meter}", meter, price],
            )
    return folder


@pytest.fixture
def store(priced_folder: Path, tmp_path: Path) -> Iterator[Store]:
    """A copy of it, opened for writing."""
    with Store.open(str(shutil.copytree(priced_folder, tmp_path / "store"))) as opened:
        yield opened


@pytest.fixture
def add(store: Store) -> Callable[..., None]:
    """Stores events."""
    loader = Loader(store, FakeClock())

    def add_events(*events: dict[str, Any]) -> None:
        load(loader, *events)

    return add_events
