"""When an event was written, read off its line without trusting it to be an event."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

_STARTED = re.compile(rb'"started_at":\s*"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6})Z"')
_DURATION = re.compile(rb'[{,]"duration_ms":\s*([0-9.]{1,20})[,}]')


def written_at(line: bytes) -> datetime | None:
    """When the event of `line` ended, in UTC; None when it does not say."""
    started = _STARTED.search(line)
    if started is None:
        return None
    try:
        at = datetime.fromisoformat(started[1].decode()).replace(tzinfo=UTC)
        duration = _DURATION.search(line)
        return at + timedelta(milliseconds=float(duration[1]) if duration else 0)
    except (ValueError, OverflowError):
        return None
