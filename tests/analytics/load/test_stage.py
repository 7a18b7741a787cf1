"""Reading lines: what counts as one, and what may stand in it."""

from __future__ import annotations

import duckdb
import pytest

from analytics.errors import BadLines
from analytics.load.stage import stage
from tests.analytics.samples import attempt, event, ndjson


def test_many_lines_are_read_whichever_file_they_come_to_stand_in() -> None:
    """A large batch is read in parts, and no line is lost or torn between two of them."""
    events = [event(number, tags={"padding": "x" * 200}) for number in range(12_000)]
    with duckdb.connect() as connection:
        stage(connection, ndjson(events))
        rows = connection.execute("SELECT event_id FROM staged").fetchall()
        attempts = connection.execute("SELECT count(*) FROM staged_attempts").fetchall()
    assert sorted(row[0] for row in rows) == sorted(one["event_id"] for one in events)
    assert attempts == [(12_000,)]


def test_a_batch_may_be_empty_and_its_last_line_unfinished() -> None:
    """Nothing is an error about a batch of positions alone, or without a last newline."""
    with duckdb.connect() as connection:
        stage(connection, b"")
        assert connection.execute("SELECT count(*) FROM staged").fetchall() == [(0,)]
        stage(connection, ndjson([event(1), event(2)]).rstrip(b"\n"))
        assert connection.execute("SELECT count(*) FROM staged").fetchall() == [(2,)]


@pytest.mark.parametrize(
    "line", [b"", b"   ", b"null", b"7", b"[]", b"{}", b"{", b"#sealed count=1", b"\x00", b"\xff"]
)
def test_a_line_that_is_no_event_is_never_passed_over(line: bytes) -> None:
    """Every line is an event or makes the batch a refused one; none disappears."""
    with duckdb.connect() as connection, pytest.raises(BadLines):
        stage(connection, ndjson([event(1)]) + line + b"\n" + ndjson([event(2)]))


def test_a_null_character_in_a_name_cannot_hide_a_request() -> None:
    """A client may put U+0000 into a model's name; the event is stored with a replacement."""
    made = event(
        team="a\0b",
        request_model="\\u0000",
        key_name="\\\0",
        gateway="\0\0",
        attempts=[attempt(backend="\0")],
    )
    with duckdb.connect() as connection:
        stage(connection, ndjson([made]))
        row = connection.execute(
            "SELECT team, request_model, key_name, gateway, attempts[1].backend FROM staged"
        ).fetchall()[0]
    assert row == ("a\ufffdb", "\\u0000", "\\\ufffd", "\ufffd\ufffd", "\ufffd")
