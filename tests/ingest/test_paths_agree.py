"""The fast path and the slow path call the same lines events: nothing valid stops the consumer."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from analytics import BadLines, Batch, Store
from analytics.load.loader import Loader
from gateway_hooks.event import json_schema
from ingest.clock import SystemClock
from ingest.decode import decode
from ingest.types import Chunk, Partition, Position

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tests.queue_samples import MakeLine

    Schema = Mapping[str, Any]


@pytest.fixture(scope="module")
def loader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Loader]:
    """The real store's fast path."""
    with Store.open(str(tmp_path_factory.mktemp("store"))) as store:
        yield Loader(store, SystemClock())


def values_of(part: Schema, definitions: Schema) -> st.SearchStrategy[Any]:
    """Everything that a part of the JSON Schema allows."""
    if "$ref" in part:
        return values_of(definitions[part["$ref"].rsplit("/", 1)[1]], definitions)
    if "enum" in part or "const" in part:
        return st.sampled_from(part.get("enum", [part.get("const")]))
    if part["type"] == "array":
        return st.lists(values_of(part["items"], definitions), max_size=3)
    if part["type"] == "object":
        return _objects(part, definitions)
    return {
        "boolean": st.booleans(),
        "integer": st.integers(part.get("minimum", 0), part.get("maximum", 2**53)),
        "number": st.floats(min_value=0, allow_infinity=False) | st.integers(0, 10**12),
        "string": _texts(part) if part["type"] == "string" else st.nothing(),
    }[part["type"]]


def _texts(part: Schema) -> st.SearchStrategy[str]:
    if "examples" in part:
        return st.datetimes(min_value=_FIRST, max_value=_LAST).map(
            lambda at: at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        )
    if "pattern" in part:
        return st.from_regex(str(part["pattern"]), fullmatch=True)
    return st.text(st.characters(exclude_categories=["Cs"]), max_size=part["maxLength"])


def _objects(part: Schema, definitions: Schema) -> st.SearchStrategy[dict[str, Any]]:
    if "properties" not in part:
        keys = values_of({"type": "string"} | part["propertyNames"], definitions)
        return st.dictionaries(
            keys, values_of(part["additionalProperties"], definitions), max_size=3
        )
    inner = {name: values_of(each, definitions) for name, each in part["properties"].items()}
    required = part.get("required", [])
    return st.fixed_dictionaries(
        {name: inner[name] for name in required},
        optional={name: inner[name] for name in inner if name not in required},
    )


_FIRST = datetime(2000, 1, 1)  # noqa: DTZ001 - hypothesis wants naive bounds
_LAST = datetime(2199, 12, 31)  # noqa: DTZ001
SCHEMA = json_schema()
EVENTS = values_of(SCHEMA, SCHEMA["$defs"])  # type: ignore[arg-type]


def chunk_of(lines: bytes) -> Chunk:
    """A chunk of lines at no particular place."""
    return Chunk(Partition("a"), None, Position(0), Position(len(lines)), lines, lines.count(b"\n"))


@given(events=st.lists(EVENTS, min_size=1, max_size=8), ascii_only=st.booleans())
@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
def test_the_store_takes_every_event_that_the_schema_allows(
    events: list[dict[str, Any]], loader: Loader, *, ascii_only: bool
) -> None:
    """Else one odd but valid line would stop the consumer for good."""
    lines = b"".join(
        json.dumps(event, ensure_ascii=ascii_only).encode() + b"\n" for event in events
    )
    decoded = decode(chunk_of(lines))
    assert decoded.faults == ()
    result = loader.load(Batch(lines, (), validated=True))
    assert result.stored + result.duplicates == len(events)


@pytest.mark.parametrize(
    "line",
    [
        b"\n",
        b"  \n",
        b"\r\n",
        b"null\n",
        b"[]\n",
        b"{}\n",
        b"#sealed count=1 crc32=00000000\n",
        b"\xff\n",
        b'{"event_id":\n',
    ],
)
def test_the_fast_path_passes_no_line_in_silence(
    line: bytes, loader: Loader, event_line: MakeLine
) -> None:
    """A line that is no event is refused, also where a JSON reader would skip it."""
    with pytest.raises(BadLines):
        loader.load(Batch(event_line(1) + line + event_line(2), ()))


def test_the_store_can_say_which_line_it_refuses(loader: Loader, event_line: MakeLine) -> None:
    """Should the paths ever disagree, the message names the line."""
    lines = [event_line(1)[:-1], event_line(2, duration_ms=-1.0)[:-1], event_line(3)[:-1]]
    assert list(loader.refused_lines(lines)) == [1]


def test_two_events_in_one_line_are_one_bad_line(loader: Loader, event_line: MakeLine) -> None:
    """A lost newline is noticed: lines are counted, not values."""
    glued = event_line(1)[:-1] + event_line(2)
    assert len(decode(chunk_of(glued)).faults) == 1
    with pytest.raises(BadLines):
        loader.load(Batch(glued, ()))
