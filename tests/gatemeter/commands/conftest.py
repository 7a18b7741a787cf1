"""A store with a little traffic, for the commands that read or maintain one."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any, Protocol

import pytest
from click.testing import CliRunner

from analytics.load import Loader
from analytics.ratecard import seed
from analytics.store import Store
from gatemeter.cli import cli
from tests.analytics.samples import MORNING, FakeClock, attempt, event, load

if TYPE_CHECKING:
    from pathlib import Path

    from click.testing import Result


class Run(Protocol):
    """Runs the command line."""

    def __call__(self, *arguments: str, **options: Any) -> Result:
        """`gatemeter` with these arguments."""


@pytest.fixture(scope="session")
def made_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two requests of two teams, one of which was throttled first; only to be copied."""
    folder = tmp_path_factory.mktemp("made") / "store"
    clock = FakeClock()
    with Store.open(str(folder)) as store:
        seed(store, clock)
        loader = Loader(store, clock)
        refused = attempt(backend="france", status_code=429, throttle="busy")
        load(loader, event(1, at=MORNING))
        load(loader, event(2, at=MORNING, team="sales", attempts=[refused, attempt()]))
    return folder


@pytest.fixture
def run(made_store: Path, tmp_path: Path) -> Run:
    """The command line, with a store of the test's own."""
    store = shutil.copytree(made_store, tmp_path / "store")
    settings = {"GATEMETER_HOME": str(tmp_path), "GATEMETER_STORE": str(store)}

    def invoke(*arguments: str, **options: Any) -> Result:
        environment = settings | options.pop("env", {})
        return CliRunner().invoke(cli, arguments, env=environment, **options)

    return invoke
