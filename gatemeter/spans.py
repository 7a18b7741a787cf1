"""Points in time as people type them: `7d` ago, a day, or a full date and time."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from datetime import tzinfo

_AGO: Final = re.compile(r"(\d{1,6})\s*([mhdw])")
_UNITS: Final = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def parse_duration(text: str) -> timedelta:
    """A length of time: `30m`, `24h`, `7d`, `2w`.

    Raises:
        ValueError: it is none; the message says what would be one.
    """
    match = _AGO.fullmatch(text.strip().lower())
    if match is None:
        raise ValueError(f"{text!r} is no length of time such as 30m, 24h, 7d or 2w")
    return timedelta(**{_UNITS[match[2]]: int(match[1])})


def parse_moment(text: str, now: datetime, zone: tzinfo) -> datetime:
    """A point in time: so long ago, or an ISO date or time, in `zone` unless it says another.

    Raises:
        ValueError: it is none; the message says what would be one.
    """
    if _AGO.fullmatch(text.strip().lower()):
        try:
            return now - parse_duration(text)
        except OverflowError:
            raise ValueError(f"{text!r} is too long ago") from None
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        raise ValueError(
            f"{text!r} is no time: give 24h, 7d, 2026-11-01 or 2026-11-01T09:00"
        ) from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC)
