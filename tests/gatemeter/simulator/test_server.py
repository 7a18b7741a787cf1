"""Running a simulator in a thread."""

from __future__ import annotations

import httpx
import pytest

from gatemeter.simulator import running
from gatemeter.simulator.server import LOOPBACK


def test_it_listens_on_the_loopback_only_and_is_gone_afterwards() -> None:
    """A simulator is nobody else's business, and leaves its port free."""
    with running() as up:
        assert up.url.startswith(f"http://{LOOPBACK}:")
        assert httpx.get(f"{up.url}/_simulator/health").status_code == 200
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{up.url}/_simulator/health")
