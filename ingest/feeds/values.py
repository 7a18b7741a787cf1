"""Values as other gateways write them: numbers as text, times in several spellings, fillers.

As `gateway_hooks.reading.wire` for what comes over the wire, nothing here raises.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from gateway_hooks.reading import wire

EARLIEST: Final = datetime(2000, 1, 1, tzinfo=UTC)
LATEST: Final = datetime(2200, 1, 1, tzinfo=UTC)
_FILLERS: Final = frozenset({"na", "n/a", "na-header", "null", "none", "undefined", "-"})
_LONGEST_FILLER: Final = max(map(len, _FILLERS))
_WHOLE: Final = re.compile(r"[0-9]{1,16}(?:\.0{1,6})?", re.ASCII)
_NUMBER: Final = re.compile(r"-?[0-9]{1,18}(?:\.[0-9]{1,18})?", re.ASCII)
# .NET puts a narrow no-break space before AM and PM since its ICU version 72.
_US_TIME: Final = re.compile(
    r"(?P<month>\d{1,2})/(?P<day>\d{1,2})/(?P<year>\d{4})(?:,? |T)"
    r"(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2})(?:\.(?P<part>\d{1,7}))?)?"
    r"(?:[\s\u00a0\u202f]*(?P<half>[AaPp])\.?[Mm]\.?)?",
    re.ASCII,
)
_TICKS_AT_EPOCH: Final = 621_355_968_000_000_000
_TICKS_A_MICROSECOND: Final = 10
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_NOON: Final = 12


def name(value: object) -> str | None:
    """A text that names something; None for fillers such as `NA`. Numbers are taken as text."""
    if isinstance(value, str):
        text = value.strip()
        if len(text) <= _LONGEST_FILLER and text.lower() in _FILLERS:
            return None
        return wire.name(text)
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) <= wire.MAX_COUNT:
        return str(value)
    return None


def count(value: object) -> int | None:
    """A whole number from 0 to 2**53, also as text or as a float without a fraction."""
    if isinstance(value, str) and _WHOLE.fullmatch(value.strip()):
        value = int(value.strip().partition(".")[0])
    elif isinstance(value, float) and value.is_integer() and 0 <= value <= wire.MAX_COUNT:
        value = int(value)
    return wire.count(value)


def number(value: object) -> float | None:
    """A number from 0 to 2**53, also as text."""
    if isinstance(value, str) and _NUMBER.fullmatch(value.strip()):
        value = float(value.strip())
    return wire.seconds(value) if not isinstance(value, str) else None


def flag(value: object) -> bool | None:
    """True or false, also as text."""
    if isinstance(value, bool):
        return value
    if isinstance(value, str):
        return {"true": True, "false": False}.get(value.strip().lower())
    return None


def status(value: object) -> int | None:
    """An HTTP status, also as text."""
    code = count(value)
    return code if code is not None and 100 <= code < 600 else None  # noqa: PLR2004 - HTTP's range


def moment(value: object) -> datetime | None:
    """A time in ISO 8601 or as US culture writes it (`5/24/2024 2:45:56 PM`); UTC unless said."""
    if not isinstance(value, str) or len(value) > 40:  # noqa: PLR2004 - longer than any time
        return None
    text = value.strip()
    try:
        found = _us_time(text) if "/" in text else datetime.fromisoformat(text)
        return None if found is None else _plausible(found)
    except (ValueError, OverflowError):
        return None


def ticks(value: object) -> datetime | None:
    """A time in .NET ticks: tenths of a microsecond since the year 1."""
    if isinstance(value, str) and value.strip().isdecimal() and len(value) < 20:  # noqa: PLR2004 - digits of any ticks
        value = int(value.strip())
    if not isinstance(value, int) or isinstance(value, bool):
        return None
    try:
        since = timedelta(microseconds=(value - _TICKS_AT_EPOCH) // _TICKS_A_MICROSECOND)
        return _plausible(_EPOCH + since)
    except OverflowError:
        return None


def seconds_since_epoch(value: object) -> datetime | None:
    """A time in seconds since 1970, as a number or as text; to the microsecond."""
    seconds = number(value)
    if seconds is None:
        return None
    try:
        return _plausible(_EPOCH + timedelta(microseconds=round(seconds * 1_000_000)))
    except OverflowError:
        return None


def nanoseconds_since_epoch(value: object) -> datetime | None:
    """A time in nanoseconds since 1970, as OTLP writes it: a number as text."""
    if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) < 21:  # noqa: PLR2004 - digits of 64 bits
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool):
        return None
    try:
        return _plausible(_EPOCH + timedelta(microseconds=value // 1000))
    except OverflowError:
        return None


def milliseconds_between(start: datetime, end: datetime) -> float | None:
    """The time from one to the other; None when it is none."""
    gap = (end - start) / timedelta(milliseconds=1)
    return round(gap, 3) if gap >= 0 else None


def obj(value: object) -> dict[str, Any]:
    """An object by its keys in lower case, also when it is JSON in a text; else an empty one."""
    if isinstance(value, str):
        value = wire.decode(value.encode("utf-8", "replace"), wire.any_json)
    if not isinstance(value, dict):
        return {}
    lower: dict[str, Any] = {}
    for key, inner in value.items():
        lower.setdefault(str(key).lower(), inner)
    return lower


def first(values: dict[str, Any], *keys: str) -> object:
    """The first value that is there and not empty."""
    for key in keys:
        value = values.get(key)
        if value is not None and value != "":
            return value
    return None


def _us_time(text: str) -> datetime | None:
    match = _US_TIME.fullmatch(text)
    if match is None:
        return None
    hour = int(match["hour"])
    if match["half"]:
        if not 1 <= hour <= _NOON:
            return None
        hour = hour % _NOON + (_NOON if match["half"] in "Pp" else 0)
    return datetime(
        int(match["year"]), int(match["month"]), int(match["day"]),
        hour, int(match["minute"]), int(match["second"] or 0),
        int((match["part"] or "0").ljust(6, "0")[:6]), tzinfo=UTC,
    )  # fmt: skip


def _plausible(found: datetime) -> datetime | None:
    aware = found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    return aware if EARLIEST <= aware < LATEST else None
