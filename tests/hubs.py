"""An emulated Event Hubs for tests of both ends."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING

import pytest

from gatemeter.emulator import Emulator

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def hub() -> Iterator[Emulator]:
    """A hub `usage` of four partitions, on a free port."""
    with Emulator() as emulator:
        yield emulator
    # Clients that the SDK left open are to warn here, in their own test, and not in another's.
    gc.collect()
