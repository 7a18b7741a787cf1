"""Whose a key is when: what was said of it, one after the other, as periods that never overlap.

Whoever says something of a span of time replaces what was said of that span before, and nothing
outside of it. A name that is not said again stays.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_FOREVER: Final = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Assignment:
    """Somebody said whose a key is. Times are whole UTC hours; no end is for good."""

    key_id: str
    key_name: str | None
    """None: what it is called does not change."""
    team: str
    valid_from: datetime
    valid_to: datetime | None
    noted_at: datetime


@dataclass(frozen=True, slots=True)
class Period:
    """What holds of a key for a while. A name of None is the one that its events carry."""

    key_id: str
    key_name: str | None
    team: str
    valid_from: datetime
    valid_to: datetime | None


def periods_of(assignments: Iterable[Assignment]) -> list[Period]:
    """What holds, by key and time."""
    held: dict[str, list[Period]] = {}
    for one in sorted(assignments, key=lambda one: one.noted_at):
        held[one.key_id] = overlaid(held.get(one.key_id, ()), one)
    return [period for key in sorted(held) for period in held[key]]


def overlaid(periods: Sequence[Period], later: Assignment) -> list[Period]:
    """The periods of one key after something more was said of it."""
    start, end = later.valid_from, _end(later)
    pieces: list[Period] = []
    free_from = start
    for one in periods:
        left, right = max(one.valid_from, start), min(_end(one), end)
        if left >= right:
            pieces.append(one)
            continue
        if one.valid_from < left:
            pieces.append(replace(one, valid_to=left))
        if free_from < left:
            pieces.append(_piece(later, later.key_name, free_from, left))
        pieces.append(_piece(later, later.key_name or one.key_name, left, right))
        if right < _end(one):
            pieces.append(replace(one, valid_from=right))
        free_from = right
    if free_from < end:
        pieces.append(_piece(later, later.key_name, free_from, end))
    return _joined(sorted(pieces, key=lambda piece: piece.valid_from))


def _piece(later: Assignment, name: str | None, start: datetime, end: datetime) -> Period:
    return Period(later.key_id, name, later.team, start, None if end == _FOREVER else end)


def _joined(pieces: Sequence[Period]) -> list[Period]:
    """Neighbours that say the same as one."""
    joined: list[Period] = []
    for piece in pieces:
        last = joined[-1] if joined else None
        if last and last.valid_to == piece.valid_from and _says(last) == _says(piece):
            joined[-1] = replace(last, valid_to=piece.valid_to)
        else:
            joined.append(piece)
    return joined


def _says(period: Period) -> tuple[str | None, str]:
    return period.key_name, period.team


def _end(span: Period | Assignment) -> datetime:
    return span.valid_to or _FOREVER
