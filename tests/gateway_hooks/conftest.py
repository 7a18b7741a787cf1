"""A meter on a memory sink, with settings that no test shares with the machine."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway_hooks.meter import Meter, use_meter
from gateway_hooks.settings import HookSettings
from gateway_hooks.sink import MemorySink
from tests.gateway_hooks.fakes import FakeClock

SALT = "a salt for tests only"


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """No setting of the machine reaches a test, and no test's meter the next."""
    for name in [name for name in os.environ if name.startswith("GATEMETER_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("GATEMETER_HOME", str(tmp_path / "home"))
    before = use_meter(None)
    yield
    made = use_meter(before)
    if made is not None:
        made.close()


@pytest.fixture
def settings() -> HookSettings:
    """Settings as an operator leaves them, but for the salt and the name."""
    return HookSettings.load(key_salt=SALT, gateway="test-gateway")


@pytest.fixture
def clock() -> FakeClock:
    """A clock that stands still."""
    return FakeClock()


@pytest.fixture
def sink() -> MemorySink:
    """Where the meter's events go."""
    return MemorySink()


@pytest.fixture
def meter(settings: HookSettings, sink: MemorySink) -> Iterator[Meter]:
    """A meter with the system's clock."""
    made = Meter(settings, sink)
    yield made
    made.close()


@pytest.fixture
def timed_meter(settings: HookSettings, sink: MemorySink, clock: FakeClock) -> Iterator[Meter]:
    """A meter whose time is the test's."""
    made = Meter(settings, sink, clock=clock)
    yield made
    made.close()
