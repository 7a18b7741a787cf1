"""Calendar days and months of a time zone: what a quota lasts for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

PeriodKind = Literal["day", "month"]


@dataclass(frozen=True, slots=True)
class Period:
    """One day or month."""

    label: str
    """Unique among kinds and zones: `day:UTC:2026-11-22`."""
    starts_ms: int
    ends_ms: int


_MOST_KNOWN = 1024
_known: dict[tuple[PeriodKind, str], Period] = {}


def period_at(kind: PeriodKind, zone: str, wall_ms: int) -> Period:
    """The day or month of a moment; the running one of each zone is remembered."""
    found = _known.get((kind, zone))
    if found is not None and found.starts_ms <= wall_ms < found.ends_ms:
        return found
    made = _period(kind, zone, wall_ms)
    if len(_known) >= _MOST_KNOWN:
        _known.clear()
    _known[kind, zone] = made
    return made


def _period(kind: PeriodKind, zone: str, wall_ms: int) -> Period:
    place = ZoneInfo(zone)
    day = datetime.fromtimestamp(wall_ms / 1000, UTC).astimezone(place).date()
    if kind == "day":
        first, after = day, day + timedelta(days=1)
    else:
        first = day.replace(day=1)
        after = (first + timedelta(days=32)).replace(day=1)
    starts = datetime.combine(first, time.min, place)
    ends = datetime.combine(after, time.min, place)
    return Period(f"{kind}:{zone}:{first}", _ms(starts), _ms(ends))


def _ms(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
