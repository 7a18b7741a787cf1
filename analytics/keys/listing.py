"""Whose keys are and were, as tables for people and programs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import polars as pl

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime
    from zoneinfo import ZoneInfo

    from analytics.keys.periods import Assignment, Period

_TIME: Final = pl.Datetime("us", "UTC")
_SCHEMA: Final[dict[str, pl.DataType | type[pl.DataType]]] = {
    "key_id": pl.String, "key_name": pl.String, "team": pl.String, "from": pl.String,
    "until": pl.String, "valid_from": _TIME, "valid_to": _TIME,
}  # fmt: skip


def periods_frame(periods: Iterable[Period], zone: ZoneInfo) -> pl.DataFrame:
    """What holds: `from` and `until` are days of `zone`, the other times are UTC."""
    return pl.DataFrame([_row(one, zone) for one in periods], schema=_SCHEMA, orient="row")


def assignments_frame(assignments: Iterable[Assignment], zone: ZoneInfo) -> pl.DataFrame:
    """What was said, in its order, with the time at which it was said."""
    rows = [[*_row(one, zone), one.noted_at] for one in assignments]
    return pl.DataFrame(rows, schema={**_SCHEMA, "noted_at": _TIME}, orient="row")


def _row(one: Period | Assignment, zone: ZoneInfo) -> list[object]:
    days = (_day(one.valid_from, zone), _day(one.valid_to, zone))
    return [one.key_id, one.key_name, one.team, *days, one.valid_from, one.valid_to]


def _day(moment: datetime | None, zone: ZoneInfo) -> str | None:
    return None if moment is None else moment.astimezone(zone).date().isoformat()
