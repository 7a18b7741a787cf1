"""What a report is split by and filtered on, as SQL over a rollup."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, time, timedelta
from typing import TYPE_CHECKING, Final, Self
from zoneinfo import ZoneInfo

from analytics.errors import QueryError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from datetime import datetime

    from analytics.types import Filters

_TIMES: Final[Mapping[str, str]] = {
    "month": "strftime(hour AT TIME ZONE $zone, '%Y-%m')",
    "day": "(hour AT TIME ZONE $zone)::DATE",
    "hour": "hour AT TIME ZONE $zone",
}
DIMENSIONS: Final = (
    "key", "team", "backend", "region", "model", "deployment", "deployment_type", "operation",
    "meter", "usage_source", *_TIMES,
)  # fmt: skip
"""Everything that `by` may name. Each report says which of them it knows."""
_FILTERED: Final = ("team", "backend", "model", "deployment", "operation")


@dataclass(frozen=True, slots=True)
class Split:
    """The columns of an answer that say what a row is about."""

    by: tuple[str, ...]

    @classmethod
    def of(cls, by: Iterable[str], allowed: Collection[str]) -> Self:
        """Check what a report is to be split by.

        Raises:
            QueryError: the report does not know one of them.
        """
        names = tuple(dict.fromkeys(by))
        for name in names:
            if name not in allowed:
                known = ", ".join(one for one in DIMENSIONS if one in allowed)
                raise QueryError(f"this report cannot be split by {name!r}, only by {known}")
        return cls(names)

    @property
    def columns(self) -> tuple[str, ...]:
        """Their names; a key is told by its id."""
        return tuple("key_id" if name == "key" else name for name in self.by)

    @property
    def listed(self) -> str:
        """The columns for a select list, each with a comma behind it."""
        return "".join(f"{name}, " for name in self.columns)

    @property
    def times(self) -> str:
        """The columns that are times, for an ORDER BY, each with a comma behind it."""
        return "".join(f"{name}, " for name in self.by if name in _TIMES)

    @property
    def newest_name(self) -> str:
        """The aggregate that finds a key's newest name; nothing when the split is not by key."""
        return "arg_max(key_name, moment) AS key_name, " if "key" in self.by else ""

    def rows(self, table: str, filters: Filters) -> str:
        """The rows of a rollup that the filters choose, with the split's columns and `moment`."""
        computed = "".join(f"{_TIMES[name]} AS {name}, " for name in self.by if name in _TIMES)
        return (
            f"SELECT hour AS moment, {computed}* EXCLUDE (hour) FROM {table} "  # noqa: S608 - our names
            f"WHERE {_condition(filters)}"
        )


def parameters(filters: Filters, text: str, timezone: str) -> dict[str, object]:
    """The values of the parameters that `text` names."""
    since = _first_hour(filters.since, timezone)
    values: dict[str, object] = {"since": since, "until": filters.until, "zone": timezone}
    values |= {name: getattr(filters, name) for name in ("key", *_FILTERED)}
    return {name: value for name, value in values.items() if f"${name}" in text}


def _first_hour(since: datetime, timezone: str) -> datetime:
    """The first UTC hour of a report.

    It is the one that `since` is in. But where a business day begins within an hour, that hour is
    the day's before, as everywhere.
    """
    whole = since.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    begins_a_day = since.astimezone(ZoneInfo(timezone)).time() == time()
    return whole + timedelta(hours=1) if begins_a_day and whole < since else whole


def _condition(filters: Filters) -> str:
    parts = ["hour >= $since", "hour < $until"]
    if filters.key is not None:
        parts.append("(key_id = $key OR key_name = $key)")
    parts += [f"{name} = ${name}" for name in _FILTERED if getattr(filters, name) is not None]
    return " AND ".join(parts)
