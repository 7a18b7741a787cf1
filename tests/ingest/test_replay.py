"""Which dead letters are events after all."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from analytics.dead_letters import StoredDeadLetter
from analytics.errors import StoreBusy
from gateway_hooks.event import validate_line
from ingest.memory_destination import MemoryDestination
from ingest.redact import redact
from ingest.replay import Replayed, replay, restore

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.queue_samples import MakeLine


def letter(line: bytes, position: int = 0) -> StoredDeadLetter:
    """A dead letter of that line."""
    now = datetime(2026, 11, 21, tzinfo=UTC)
    return StoredDeadLetter("file_queue", "a", position, "why", redact(line), now, None)


def test_a_line_of_which_nothing_was_taken_comes_back_whole(event_line: MakeLine) -> None:
    """Redaction keeps every value of an ordinary event."""
    line = event_line(7, tags={"project": "search"}, finish_reasons=["stop"])
    restored = restore(redact(line))
    assert restored is not None
    assert json.loads(restored) == json.loads(line)


def test_fields_without_consequence_may_be_missing(event_line: MakeLine) -> None:
    """An id that looked like a key is dropped; the money stays the same."""
    line = event_line(7, response_id="a" * 40, tags={"note": "some words"}, unknown=[1])
    restored = restore(redact(line))
    assert restored is not None
    event = validate_line(restored)
    assert event["input_tokens"] == 7
    assert "response_id" not in event
    assert "tags" not in event


@pytest.mark.parametrize(
    "fields",
    [
        {"request_model": "two words"},
        {"key_id": "A" * 40},
        {"input_tokens": "12"},
        {"team": 7},
        {"operation": "unheard_of"},
        {"attempts": [{"backend": "two words"}]},
        {"attempts": [{"backend": "b"}] * 100},
        {"event_id": None},
        {"duration_ms": -1.0},
    ],
)
def test_a_line_of_which_anything_that_counts_was_taken_stays_dead(
    event_line: MakeLine, fields: dict[str, object]
) -> None:
    """A mask is never loaded as if it were a name, nor a count left out."""
    assert restore(redact(event_line(7, **fields))) is None


@pytest.mark.parametrize("line", ["", "[]", "null", "{", json.dumps({"unreadable": {"bytes": 3}})])
def test_what_is_no_object_stays_dead(line: str) -> None:
    """Segment reports and unreadable lines have nothing to load."""
    assert restore(line) is None


def test_a_replay_that_is_interrupted_and_begun_again_changes_no_total(
    event_line: MakeLine,
) -> None:
    """Loaded but not marked: the second time they are duplicates."""
    destination = MemoryDestination()
    letters = [letter(event_line(number), number) for number in range(3)]
    letters.append(letter(b"nonsense\n", 3))

    def fail(_: Sequence[StoredDeadLetter]) -> None:
        raise StoreBusy("locked")

    with pytest.raises(StoreBusy):
        replay(letters, destination, fail)
    marked: list[StoredDeadLetter] = []
    assert replay(letters, destination, marked.extend) == Replayed(3, 0, 3, 1)
    assert marked == letters[:3]
    assert len(destination.events) == 3
