"""What is kept of a bad line holds nothing that somebody wrote or owns."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.decode import decode
from ingest.redact import (
    MAX_LINE_CHARACTERS,
    is_masked,
    looks_like_name,
    redact,
    redact_record,
)
from ingest.schema import EVENT, FIELD_NAMES, ListOf, MapOf, Scalar
from ingest.types import Chunk, Partition, Position

if TYPE_CHECKING:
    from tests.queue_samples import MakeLine

CANARY = "canaryqvxz"
SECRETS = [
    "please summarise my medical record",
    "0123456789abcdef0123456789abcdef",
    "A" * 30 + "JQQJ99" + "b" * 48,
    "sk-proj-aB3-dE6_gH9",
    "eyJhbGciOi.eyJzdWIi.c2lnbmF0dXJl",
    "someone@example.org",
    "Bearer-token",
]
LONG_NAME = "-".join(["n" * 20] * 3)
PLACES: list[list[str | int]] = [
    [],
    ["attempts", 0],
    ["attempts", 1],
    ["content_filter"],
    ["content_filter", "prompt", "hate"],
]


def everything(event_line: MakeLine) -> dict[str, Any]:
    """An event with every kind of part."""
    line = event_line(
        1,
        tags={"project": "search"},
        stream=True,
        content_filter={"prompt": {"hate": {"filtered": False, "severity": "safe"}}},
        finish_reasons=["stop"],
        attempts=[{"backend": "one", "status_code": 429}, {"backend": "two", "status_code": 200}],
    )
    event: dict[str, Any] = json.loads(line)
    return event


def kept_of(line: bytes) -> str:
    """All that would be stored of a line: the reason and the redacted line, or nothing."""
    chunk = Chunk(Partition("p"), None, Position(0), Position(len(line)), line, 1)
    return "".join(fault.reason + fault.line for fault in decode(chunk).faults)


def put(event: dict[str, Any], place: list[str | int], key: str, value: object) -> bytes:
    """The event with one more or another value somewhere, as a line."""
    inner: Any = event
    for step in place:
        inner = inner[step]
    inner[key] = value
    return json.dumps(event).encode() + b"\n"


def nested(marker: object) -> st.SearchStrategy[object]:
    """A marker, alone or somewhere inside lists and objects."""
    return st.recursive(
        st.just(marker),
        lambda inner: st.one_of(
            st.lists(inner, min_size=1, max_size=2),
            st.dictionaries(st.sampled_from(["a", str(marker)]), inner, min_size=1, max_size=2),
        ),
        max_leaves=4,
    )


@given(
    place=st.sampled_from(PLACES),
    key=st.sampled_from([CANARY, "prompt_text", f"my {CANARY}", "schema_version", "input_tokens"]),
    value=nested(CANARY),
)
@settings(deadline=None)
def test_a_canary_where_no_name_belongs_never_comes_out(
    place: list[str | int], key: str, value: object, event_line: MakeLine
) -> None:
    """Unknown keys and values of the wrong kind are masked at any depth."""
    kept = kept_of(put(everything(event_line) | {"event_id": 7}, place, key, value))
    assert kept
    assert CANARY not in kept


def _text_fields(shape: object, path: tuple[str | int, ...]) -> list[tuple[str | int, ...]]:
    match shape:
        case MapOf(fields=fields, values=values):
            inner = [*fields.items(), *([("some_name", values)] if values else [])]
            return [each for key, part in inner for each in _text_fields(part, (*path, key))]
        case ListOf(item=item):
            return _text_fields(item, (*path, 0))
    return [path] if isinstance(shape, Scalar) and not shape.numeric else []


@pytest.mark.parametrize("secret", SECRETS)
def test_content_and_keys_do_not_come_out_even_as_names(secret: str, event_line: MakeLine) -> None:
    """A prompt in the field of a model, or a key in the field of its fingerprint, is masked."""
    for path in _text_fields(EVENT, ()):
        event: Any = {"status_code": "bad"}
        inner = event
        for step, following in pairwise(path):
            filler: Any = [] if isinstance(following, int) else {}
            if isinstance(inner, list):
                inner.append(filler)
            else:
                inner[step] = filler
            inner = filler
        if isinstance(inner, list):
            inner.append(secret)
        else:
            inner[path[-1]] = secret
        kept = kept_of(json.dumps(event).encode() + b"\n")
        assert kept
        assert secret not in kept, path
    tags = json.dumps(everything(event_line) | {"tags": {secret: secret}, "gateway": 1}).encode()
    assert secret not in kept_of(tags + b"\n")


@given(before=st.binary(max_size=60), after=st.binary(max_size=200))
def test_a_canary_in_a_line_that_is_no_json_never_comes_out(before: bytes, after: bytes) -> None:
    """Of a line that cannot be read only its outline stays."""
    line = before.replace(b"\n", b" ") + CANARY.encode() + after.replace(b"\n", b" ") + b"\n"
    kept = kept_of(line)
    assert CANARY not in kept
    assert json.loads(kept[kept.index('{"unreadable"') :])["unreadable"]["bytes"] == len(line) - 1


@given(cut=st.integers(1, 300))
def test_a_torn_event_leaves_only_its_outline(cut: int, event_line: MakeLine) -> None:
    """Names that would be kept in a whole object are not kept of a half one."""
    line = event_line(1, request_model=CANARY, gateway=CANARY)
    assert CANARY not in redact(line[: min(cut, len(line) - 2)])


def test_the_shape_stays_for_whoever_looks_for_the_bug(event_line: MakeLine) -> None:
    """Known fields with fitting values are kept, others say what they were."""
    line = event_line(1, status_code="200", duration_ms=-3.5, extra={"a": 1}, request_model="a b")
    kept = json.loads(redact(line))
    assert kept["event_id"].startswith("01932b1e")
    assert kept["status_code"] == "[redacted 3 chars]"
    assert kept["duration_ms"] == -3.5
    assert kept["request_model"] == "[redacted 3 chars]"
    assert kept["attempts"] == [{"backend": "one.openai.azure.com", "status_code": 200}]
    assert [value for key, value in kept.items() if is_masked(key)] == ["[redacted object]"]


@pytest.mark.parametrize(
    "value",
    [
        {"attempts": [{"backend": "b" * 60}] * 10_000},
        {
            "attempts": [
                dict.fromkeys(("backend", "region", "deployment", "error_type"), LONG_NAME)
                | {"status_code": 100 + number, "offset_ms": 1.5}
                | dict.fromkeys(("limit_tokens", "limit_requests", "remaining_tokens"), 2**52)
                | dict.fromkeys(("duration_ms", "retry_after_ms", "utilization"), 2**52)
                for number in range(16)
            ]
        },
        {f"key{number}": number for number in range(10_000)},
        {"tags": {f"t{number}": "v" * 60 for number in range(10_000)}},
    ],
)
def test_what_is_kept_is_small(value: dict[str, Any]) -> None:
    """A dead letter takes at most a few kilobytes, however long its line was."""
    assert len(redact(json.dumps(value).encode())) <= MAX_LINE_CHARACTERS


def test_numbers_that_could_be_an_account_are_masked(event_line: MakeLine) -> None:
    """Numbers stay in fields of numbers only, and not beyond what a count can be."""
    kept = redact(event_line(1, input_tokens=4111111111111111_0, key_name=4242424242424242))
    assert "4111" not in kept
    assert "4242" not in kept


@pytest.mark.parametrize(
    "name", ["gpt-4o", "gpt-4o-2024-08-06", "east.openai.azure.com", "k_0123456789abcdef", "v1"]
)
def test_names_are_kept(name: str) -> None:
    """What models, hosts and fingerprints look like is not taken for a key."""
    assert looks_like_name(name)


def test_every_field_of_the_event_is_known_to_the_redaction() -> None:
    """The tree is read off the event's one definition."""
    assert {"event_id", "attempts", "backend", "severity", "prompt", "tags"} <= FIELD_NAMES


def test_of_another_gateways_record_keys_and_counts_stay() -> None:
    """Enough to see which version of a log it is, and nothing that somebody wrote."""
    record = {
        "category": "GatewayLogs",
        "time": "2026-11-20T09:30:01.1234567Z",
        "durationMs": 12,
        "account": 4111111111111111,
        "callerIpAddress": "203.0.113.7",
        "operationName": "tell me CANARY",
        "what CANARY wrote": 1,
        "properties": {"responseCode": 200, "requestMessages": [{"content": "CANARY"}]},
        "nested": {"CANARY": 1},
    }
    kept = json.loads(redact_record(record))
    assert kept["category"] == "GatewayLogs"
    assert kept["time"] == record["time"]
    assert kept["durationMs"] == 12
    assert kept["properties"] == {"responseCode": 200, "requestMessages": "[redacted list of 1]"}
    assert kept["account"] == "[redacted number]"
    assert "CANARY" not in redact_record(record)
    assert "203.0" not in redact_record(record)
    assert "CANARY" not in redact_record(["CANARY"])
    assert len(redact_record({f"key{number}": "x" for number in range(9999)})) < 8192
