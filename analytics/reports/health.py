"""Health: what the consumer did last, and what it could not take."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from analytics.store import Store


@dataclass(frozen=True, slots=True)
class Health:
    """One look at the pipeline; times are aware, None while nothing was stored."""

    commits: int
    events: int
    duplicates: int
    dead_letters: int
    first_event_at: datetime | None
    last_event_at: datetime | None
    last_commit_at: datetime | None
    seconds_since_commit: float | None


def health(store: Store) -> Health:
    """The pipeline as the store sees it."""
    return Health(**store.frame("SELECT * FROM pipeline_health").row(0, named=True))
