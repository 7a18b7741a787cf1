"""The app on a store of the test's own, and ways to fill that store."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from analytics.store import Store
from dashboard.server import APP
from dashboard.settings import STORE_VARIABLE, TIMEZONE_VARIABLE
from tests.dashboard.made_traffic import WallClock, load, set_prices

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path


@pytest.fixture(scope="session")
def priced_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty store with the made-up rate card; only to be copied."""
    folder = tmp_path_factory.mktemp("priced") / "store"
    with Store.open(str(folder)) as store:
        set_prices(store)
    return folder


@pytest.fixture
def store_folder(priced_folder: Path, tmp_path: Path) -> Path:
    """That store, of the test's own."""
    return shutil.copytree(priced_folder, tmp_path / "store")


@pytest.fixture
def fill(store_folder: Path) -> Callable[[Sequence[dict[str, Any]]], int]:
    """Stores events in the test's store, through the loader."""

    def fill_store(made: Sequence[dict[str, Any]]) -> int:
        with Store.open(str(store_folder)) as store:
            return load(store, made, clock=WallClock())

    return fill_store


@pytest.fixture
def open_app(
    store_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., AppTest]]:
    """Runs the real app.py on the test's store, on a page and with a query string."""
    monkeypatch.setenv(STORE_VARIABLE, str(store_folder))
    monkeypatch.setenv(TIMEZONE_VARIABLE, "Europe/Berlin")
    st.cache_resource.clear()

    def open_page(page: str = "spend", **parameters: str | list[str]) -> AppTest:
        st.cache_data.clear()
        app = AppTest.from_file(str(APP), default_timeout=60)
        app.query_params.update(parameters)
        app.run()
        return app if page == "spend" else app.switch_page(f"views/{page}.py").run()

    yield open_page
    st.cache_data.clear()
    st.cache_resource.clear()
