"""Ids of events that other gateways recorded: the same record always gets the same id.

The store takes an event for the same by its id, so redelivery, shuffles and repeated back-fills
must lead to the same one. It is a version 7 UUID like any other event's: 48 bits of the record's
own time in milliseconds, and where a gateway of ours puts random bits, bits of the SHA-256 of the
feed's name, the time and whatever tells two records of the feed apart.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def event_id(feed: str, started: datetime, *key: str | None) -> str:
    """The id of the record of `feed` that `key` tells apart from all others of its time."""
    parts = [feed, timestamp(started), *(f"+{part}" if part is not None else "-" for part in key)]
    # Lengths keep ("a", "bc") and ("ab", "c") apart.
    text = "".join(f"{len(part)}:{part}" for part in parts)
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
    ms = f"{(started - _EPOCH) // timedelta(milliseconds=1):012x}"
    variant = "89ab"[int(digest[3], 16) & 0b11]
    return f"{ms[:8]}-{ms[8:]}-7{digest[:3]}-{variant}{digest[4:7]}-{digest[7:19]}"


def timestamp(moment: datetime) -> str:
    """A time as events carry it."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
