"""The age of a line is read without trusting the line."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.lag import written_at

AT = datetime(2026, 11, 21, 9, tzinfo=UTC)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (
            b'{"started_at":"2026-11-21T09:00:00.000000Z","duration_ms":1500}',
            AT + timedelta(seconds=1.5),
        ),
        (b'{"started_at": "2026-11-21T09:00:00.000000Z", "x": 1}', AT),
        (b'{"attempts":[{"duration_ms":1}],"started_at":"2026-13-21T09:00:00.000000Z"}', None),
        (b'{"duration_ms":5}', None),
        (b"", None),
    ],
)
def test_an_event_was_written_when_its_answer_ended(line: bytes, expected: datetime | None) -> None:
    """Start plus duration; a line that does not say has no age."""
    assert written_at(line) == expected


@given(st.binary(max_size=80), st.binary(max_size=20))
def test_no_bytes_make_it_fail(some: bytes, more: bytes) -> None:
    """The line may be anything."""
    written_at(some)
    written_at(b'{"started_at":"9999-12-31T23:59:59.999999Z","duration_ms":' + more + b"}")
