"""These tests write charges straight into a store without prices."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from analytics.store import Store


@pytest.fixture
def store(empty_store: Store) -> Store:
    """An empty store, opened for writing."""
    return empty_store
