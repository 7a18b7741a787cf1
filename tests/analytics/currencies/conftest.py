"""A store without prices, and charges written straight into it."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from analytics.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="session")
def empty_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store that holds nothing; only to be copied."""
    folder = tmp_path_factory.mktemp("empty") / "store"
    Store.open(str(folder)).close()
    return folder


@pytest.fixture
def store(empty_folder: Path, tmp_path: Path) -> Iterator[Store]:
    """A copy of it, opened for writing."""
    with Store.open(str(shutil.copytree(empty_folder, tmp_path / "store"))) as opened:
        yield opened
