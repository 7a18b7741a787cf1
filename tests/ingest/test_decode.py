"""The slow path sorts lines: good ones go on, bad ones say what is wrong and where."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway_hooks.event import validate_line
from ingest.decode import Decoded, decode
from ingest.types import Chunk, Partition, Position

if TYPE_CHECKING:
    from tests.queue_samples import MakeLine

START = Position(3 << 40 | 1000)


def text_of(result: Decoded) -> bytes:
    """The good lines one after the other."""
    return b"".join(line for _, line in result.good)


def decoded(lines: bytes) -> Decoded:
    """Decode a chunk that begins somewhere in a segment."""
    after = Position(START + len(lines))
    return decode(Chunk(Partition("a"), START, START, after, lines, lines.count(b"\n")))


def test_good_lines_pass_unchanged_and_bad_ones_have_their_own_position(
    event_line: MakeLine,
) -> None:
    """A bad line takes neither its neighbours nor their order with it."""
    good, bad = [event_line(1), event_line(2)], b'{"event_id": 1}\n'
    result = decoded(good[0] + bad + b"nonsense\n" + good[1])
    assert result.good == (
        (START, good[0]),
        (START + len(good[0]) + len(bad) + len(b"nonsense\n"), good[1]),
    )
    assert [fault.position for fault in result.faults] == [
        START + len(good[0]),
        START + len(good[0]) + len(bad),
    ]


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"event_id": None}, "event_id: Field required"),
        ({"event_id": "x"}, "event_id: String should match pattern"),
        ({"input_tokens": -1}, "input_tokens: Input should be greater than or equal to 0"),
        ({"input_tokens": "7"}, "input_tokens: Input should be a valid integer"),
        ({"operation": "chatter"}, "operation: Input should be 'chat',"),
        ({"attempts": [{}, {"backend": 3}]}, "attempts[0].backend: Field required; attempts[1]"),
        ({"tags": {"a secret key": 1}}, "tags.?: Input should be a valid string"),
        (
            {"started_at": "2026-02-30T00:00:00.000000Z"},
            "started_at: Value error, there is no such",
        ),
        ({"started_at": "٢٠٢٦-01-01T00:00:00.000000Z"}, "started_at: String should match pattern"),
        ({"started_at": "1999-12-31T23:59:59.999999Z"}, "started_at: Input should be from 2000"),
        ({"started_at": "2200-01-01T00:00:00.000000Z"}, "started_at: Input should be from 2000"),
        ({"duration_ms": float("inf")}, "duration_ms: Input should be a finite number"),
        (
            {"attempts": [{"backend": "b", "offset_ms": float("inf")}]},
            "attempts[0].offset_ms: Input should be a finite number",
        ),
        ({"schema_version": 2}, "schema_version: Input should be 1"),
    ],
)
def test_the_reason_names_the_field_and_the_rule(
    event_line: MakeLine, fields: dict[str, Any], reason: str
) -> None:
    """Whoever reads a dead letter knows what to mend without seeing the line."""
    (fault,) = decoded(event_line(1, **fields)).faults
    assert fault.reason.startswith(reason)


def test_many_problems_make_a_short_reason(event_line: MakeLine) -> None:
    """Three problems are named, the rest is counted."""
    attempts = [{"backend": number} for number in range(50)]
    (fault,) = decoded(event_line(1, attempts=attempts)).faults
    assert fault.reason.endswith("; and 47 more")


def test_keys_of_a_newer_version_are_taken_out(event_line: MakeLine) -> None:
    """A gateway may be newer than the consumer: what is known of its events is stored."""
    newer = event_line(1, new_field={"a": 1}, attempts=[{"backend": "b", "new": 2}])
    result = decoded(newer)
    assert result.faults == ()
    event = validate_line(text_of(result))
    assert event["attempts"] == [{"backend": "b"}]
    assert "new_field" not in event


@pytest.mark.parametrize(
    "line", [b"\n", b" \n", b"null\n", b"[]\n", b"#sealed\n", b"{}{}\n", b"\xff\n"]
)
def test_lines_that_are_no_objects_are_faults(line: bytes) -> None:
    """Blank lines and stray text are counted like any other bad line."""
    assert len(decoded(line).faults) == 1


def test_deep_nesting_is_a_fault() -> None:
    """A line made to exhaust a parser is bad, no more."""
    for line in (b"[" * 100_000, b'{"a":' * 50_000, b'{"tags":' + b"[" * 90_000):
        assert len(decoded(line + b"\n").faults) == 1


@given(st.lists(st.binary(max_size=40).map(lambda line: line.replace(b"\n", b"\r")), max_size=8))
def test_no_line_is_lost_or_invented(lines: list[bytes]) -> None:
    """Whatever bytes come in: good lines plus faults are as many as newlines."""
    text = b"".join(line + b"\n" for line in lines)
    result = decoded(text)
    assert len(result.good) + len(result.faults) == len(lines)
    assert len(result.good) == text_of(result).count(b"\n")


def test_what_went_on_is_always_an_event(event_line: MakeLine) -> None:
    """Lines that needed cleaning are whole events afterwards."""
    line = json.dumps(json.loads(event_line(5)) | {"x": "\u2028"}).encode() + b"\n"
    assert validate_line(text_of(decoded(line)))["input_tokens"] == 5
