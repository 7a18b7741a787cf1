"""Dead letters that are events after all: finds them and loads them once.

What a dead letter keeps is redacted, so only those can come back of which nothing that counts was
taken out. That is the case when the rules were wrong rather than the line: a consumer that was
older than its gateways, or a check that a later version mended. Loading removes duplicates by event
id, so a replay that is interrupted and begun again changes no total.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from analytics.types import Batch
from ingest.decode import decode_line
from ingest.redact import is_masked

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from analytics.dead_letters import StoredDeadLetter
    from ingest.destination import Destination

_BATCH_ROWS = 5000
WITHOUT_CONSEQUENCE = frozenset(
    {"request_id", "response_id", "session_id", "end_user", "tags", "error_code"}
)
"""Fields that may be missing without changing a total, a price or whom it belongs to."""


@dataclass(frozen=True, slots=True)
class Replayed:
    """What a replay did, or would do."""

    replayable: int = 0
    stored: int = 0
    duplicates: int = 0
    kept: int = 0
    """Letters that are still no complete events."""


def restore(line: str) -> bytes | None:
    """The event that a redacted line still is; None when too much is missing."""
    try:
        value = json.loads(line)
        if not isinstance(value, dict):
            return None
        for name in WITHOUT_CONSEQUENCE & value.keys():
            if _holds_mask(value[name]):
                del value[name]
        whole = decode_line(json.dumps(value, separators=(",", ":")).encode())
    except ValueError:
        return None
    return None if _holds_mask(json.loads(whole)) else whole + b"\n"


def replay(
    letters: Sequence[StoredDeadLetter],
    destination: Destination,
    mark: Callable[[Sequence[StoredDeadLetter]], None],
) -> Replayed:
    """Load the letters that are complete events, and have them marked; others stay as they are.

    Raises:
        StoreBusy: somebody else was writing; what was loaded and marked so far stays so.
        BadLines: the store refuses an event that this version holds to be one.
    """
    found = find_replayable(letters)
    stored = duplicates = 0
    for start in range(0, len(found), _BATCH_ROWS):
        part = found[start : start + _BATCH_ROWS]
        result = destination.load(Batch(b"".join(line for _, line in part), advances=()))
        mark([letter for letter, _ in part])
        stored += result.stored
        duplicates += result.duplicates
    return Replayed(len(found), stored, duplicates, len(letters) - len(found))


def find_replayable(letters: Sequence[StoredDeadLetter]) -> list[tuple[StoredDeadLetter, bytes]]:
    """The letters that are complete events, each with the line to load."""
    return [(letter, line) for letter in letters if (line := restore(letter.line)) is not None]


def _holds_mask(value: object) -> bool:
    match value:
        case dict():
            return any(is_masked(key) or _holds_mask(inner) for key, inner in value.items())
        case list():
            return any(map(_holds_mask, value))
    return is_masked(value)
