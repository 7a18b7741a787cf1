"""The pipeline's own state, and the names that filters and the SQL page offer."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from analytics.panels.selection import ask, sql

if TYPE_CHECKING:
    from datetime import datetime

    import polars as pl

    from analytics.store import Store

_RECENTLY: Final = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Health:
    """How fresh and how whole the store is; times are aware, None when nothing was stored yet."""

    first_event_at: datetime | None
    last_event_at: datetime | None
    last_commit_at: datetime | None
    events: int
    duplicates: int
    dead_letters: int
    delay_ms_p95: float | None
    """From an answer's end to its commit, over the last ten minutes that had events."""


def health(store: Store) -> Health:
    """What the consumer did last, and what it could not take."""
    counted = ask(store, sql("health"), {}).row(0, named=True)
    last = counted["last_event_at"]
    if last is None:
        return Health(**counted, delay_ms_p95=None)
    # Asked with a known time, so that only the newest files are read.
    delay = ask(store, sql("delay"), {"since": last - _RECENTLY}).item()
    return Health(**counted, delay_ms_p95=delay)


def known_values(store: Store) -> pl.DataFrame:
    """Every name ever seen, in order of first sight: dimension (of `BY`), value, first_hour."""
    return ask(store, sql("known_values"), {})


def view_columns(store: Store) -> pl.DataFrame:
    """Columns view, column, type, description of every view of the store, in order."""
    return ask(store, sql("view_columns"), {})
