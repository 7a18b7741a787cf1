"""Published budgets, as `gatemeter budgets publish` writes them."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.gateway_hooks.gateway.conftest import FakeClock


class StateFile:
    """The file that somebody publishes to."""

    def __init__(self, path: Path, clock: FakeClock) -> None:
        self.path = path
        self._clock = clock
        self._written = 0

    @property
    def now(self) -> datetime:
        """The clock's time."""
        return datetime.fromtimestamp(self._clock.wall_ns() / 1e9, UTC)

    def budget(self, **fields: Any) -> dict[str, Any]:
        """A budget of 100 dollars that is used up and denied, but for what is given."""
        until = (self.now + timedelta(days=3)).isoformat()
        made = {
            "name": "b", "enforce": "deny", "downgrade_to": None, "key": None, "team": None,
            "deployments": None, "used": "100", "limit": "100", "unit": "USD", "until": until,
        }  # fmt: skip
        return made | fields

    def write(self, *budgets: dict[str, Any], **fields: Any) -> None:
        """Publish, and let the time pass after which readers look again."""
        document = {"version": 1, "written_at": self.now.isoformat(), "budgets": list(budgets)}
        self.write_text(json.dumps(document | fields))

    def write_text(self, text: str) -> None:
        """Put any text into the file."""
        self._written += 1
        self.path.write_text(text)
        os.utime(self.path, ns=(self._written, self._written))
        self._clock.advance_ms(1001)


@pytest.fixture
def published(tmp_path: Path, clock: FakeClock) -> StateFile:
    """Nothing is published yet."""
    return StateFile(tmp_path / "budget-state.json", clock)
