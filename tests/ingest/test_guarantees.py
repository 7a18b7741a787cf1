"""docs/guarantees.md names tests that are there."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent


def test_every_test_that_the_guarantees_name_exists() -> None:
    """A promise whose test was renamed or removed shows up here."""
    text = (ROOT / "docs" / "guarantees.md").read_text()
    named = set(re.findall(r"`([a-z_/]+/test_[a-z_]+\.py)`", text))
    assert len(named) >= 10
    assert [name for name in sorted(named) if not (ROOT / "tests" / name).is_file()] == []
