"""Messages of every shape are recognised, nothing raises, and no content comes out."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway_hooks.event import validate_line
from gateway_hooks.settings import KeyAlias
from ingest.feeds import FEED_NAMES, FeedReader
from tests.ingest.feeds.made_logs import (
    as_table_row,
    body,
    envelope,
    gateway_record,
    hub_event,
    hub_sum,
    litellm,
    llm_record,
    otlp,
    pii_event,
    request_response,
    span,
)

if TYPE_CHECKING:
    from tests.queue_samples import MakeLine

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
READER = FeedReader.of(salt=b"sixteen bytes of salt", gateway="gw-test")
SAMPLES: dict[str, list[Any]] = {
    "ai_hub_gateway": [hub_event(), hub_sum()],
    "apim_diagnostics": [
        envelope(gateway_record(), llm_record()),
        as_table_row(gateway_record()),
        as_table_row(llm_record()),
    ],
    "azure_openai_logs": [envelope(request_response()), request_response()],
    "litellm_payload": [litellm()],
    "otlp_spans": [otlp(span())],
}
CASES = [(feed, sample) for feed, samples in SAMPLES.items() for sample in samples]


def read(message: bytes) -> Any:
    """What a message is."""
    return READER.translate(message, received_at=NOON)


def test_every_feed_has_samples() -> None:
    """A new feed does not stay untested."""
    assert set(SAMPLES) == set(FEED_NAMES)


@pytest.mark.parametrize(("feed", "sample"), CASES)
@pytest.mark.parametrize("indent", [None, 2])
def test_the_shape_tells_the_feed(feed: str, sample: Any, indent: int | None) -> None:
    """Nobody has to say what a hub holds, and what comes out is valid."""
    made = read(body(sample, indent=indent))
    assert (made.feed, made.rejected) == (feed, ())
    assert made.rows + len(made.parts) > 0
    assert made.lines.count(b"\n") == made.rows
    for line in [*made.lines.splitlines(), *(part.fields for part in made.parts)]:
        assert validate_line(line).get("feed") == feed


def test_mixed_shapes_are_read_from_one_message() -> None:
    """A hub may be fed by several services."""
    mixed = [hub_event(), otlp(span()), envelope(request_response(), llm_record()), litellm()]
    for message in (body(mixed), b"\n".join(body(one, indent=1) for one in mixed)):
        made = read(message)
        assert (made.rows, len(made.parts), made.rejected) == (4, 1, ())


def test_our_own_events_pass_unread(event_line: MakeLine) -> None:
    """They are the fast path: not even a line that is no JSON is looked at."""
    message = event_line(1) + b"{torn\n" + event_line(2).rstrip(b"\n")
    made = read(message)
    assert made.lines == message + b"\n"
    assert (made.feed, made.rows, made.rejected) == ("gatemeter", 3, ())


def test_our_own_events_are_read_in_any_order_of_keys(event_line: MakeLine) -> None:
    """A policy or a function may write them too."""
    event = json.loads(event_line(1))
    message = body(dict(reversed(event.items())), indent=2)
    made = read(message)
    assert json.loads(made.lines) == event
    wrong = {**event, "started_at": "2026-02-30T09:00:00.000000Z"}
    (rejected,) = read(body(dict(reversed(wrong.items())))).rejected
    assert "there is no such date" in rejected.reason


@pytest.mark.parametrize("cut_at", [204_800, 204_798, 200_000])
def test_a_message_that_api_management_cut_says_so(cut_at: int) -> None:
    """log-to-eventhub cuts at 200 KB in silence; the dead letter names the cause."""
    message = body({"id": "x", "requestMessages": "CANARY" * 50_000})[:cut_at]
    made = read(message)
    (rejected,) = made.rejected
    assert rejected.reason == (
        f"the message ends in the middle of JSON at {cut_at:,} bytes: "
        "Azure API Management cuts log-to-eventhub messages at 200 KB"
    )
    assert "CANARY" not in repr(made)


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (b"{", "ends in the middle of JSON at 1 bytes"),
        (b"hello CANARY", "is no JSON"),
        (b"\xff\xfe\x00", "is no JSON"),
        (b'{"a": 1} CANARY}', "something that is no JSON"),
        (b"[" * 100_000, "ends in the middle of JSON"),
        (b"5", "no JSON object"),
        (b'["CANARY"]', "no JSON object"),
        (b'{"b": 1, "a": 2, "please tell CANARY": 3}', "its keys: b, a, 1 more"),
        (b"{}", "its keys: none"),
    ],
)
def test_what_is_no_record_is_refused_with_a_reason(message: bytes, reason: str) -> None:
    """One line that a person can act on, and nothing of what the message held."""
    made = read(message)
    assert reason in made.rejected[-1].reason
    assert "CANARY" not in repr(made)


def test_a_message_of_nothing_but_beginnings_is_given_up() -> None:
    """Nobody can keep the consumer busy with one message."""
    made = read(b'{"a": [\n' * 20_000)
    assert len(made.rejected) == 100


def test_an_empty_message_is_nothing() -> None:
    """Neither an event nor an error."""
    assert (read(b"").rows, read(b" \n").rejected) == (0, ())


def test_a_broken_record_does_not_take_its_neighbours_along() -> None:
    """Each line stands for itself, and its number tells where it was."""
    lines = [body(hub_event(1)), b'{"id": "cut', body(hub_event(2))]
    made = read(b"\n".join(lines))
    assert made.rows == 2
    assert [rejected.row for rejected in made.rejected] == [1]


@pytest.mark.parametrize(("feed", "sample"), CASES)
def test_unknown_keys_are_no_trouble(feed: str, sample: Any) -> None:
    """Azure adds fields when it likes."""
    plain, extended = (
        read(body(sample)),
        read(body(_with_everywhere(sample, "futureKey", {"CANARY": [1]}))),
    )
    assert extended.lines == plain.lines
    assert [part.fields for part in extended.parts] == [part.fields for part in plain.parts]
    assert feed == extended.feed


def _with_everywhere(value: Any, key: str, extra: object) -> Any:
    if isinstance(value, dict):
        return {
            **{name: _with_everywhere(one, key, extra) for name, one in value.items()},
            key: extra,
        }
    if isinstance(value, list):
        return [_with_everywhere(one, key, extra) for one in value]
    return value


@pytest.mark.parametrize("sample", [pii_event(), *(sample for _, sample in CASES)], ids=str)
@pytest.mark.parametrize("broken", [False, True])
def test_no_content_ever_comes_out(sample: Any, *, broken: bool) -> None:
    """Prompts and completions are in many records, and in none of what is made of them."""
    planted = _plant(sample)
    if broken:  # so that the record ends as a dead letter
        for key in ("timestamp", "time", "startTime", "startTimeUnixNano", "TimeGenerated"):
            planted = _without(planted, key)
        planted = _replaced(planted, "requestTime")
    made = read(body(planted))
    assert "CANARY" not in repr(made)
    if broken:
        assert made.rejected


CONTENT = {
    "requestMessages": [{"role": "user", "content": "CANARY"}],
    "responseMessages": "CANARY",
    "messages": [{"content": "CANARY"}],
    "prompt": "CANARY",
    "requestBody": json.dumps({"messages": [{"content": "CANARY"}]}),
    "backendRequestBody": '{"input": "CANARY',
    "backendResponseBody": '{"choices": [{"message": {"content": "CANARY"}}], "usage": null}',
    "lastErrorMessage": "CANARY",
    "error_str": "CANARY",
    "authorization": "CANARY",
    "CANARY of a key": "CANARY",
}


def _plant(value: Any) -> Any:
    """Content beside every known key."""
    if isinstance(value, dict):
        grown = {key: _plant(one) for key, one in value.items()}
        return {**CONTENT, **grown} if "key" not in value else grown
    return [_plant(one) for one in value] if isinstance(value, list) else value


def _without(value: Any, gone: str) -> Any:
    if isinstance(value, dict):
        return {key: _without(one, gone) for key, one in value.items() if key != gone} | (
            {gone: "CANARY of a time"} if gone in value else {}
        )
    return [_without(one, gone) for one in value] if isinstance(value, list) else value


def _replaced(value: Any, name: str) -> Any:
    if isinstance(value, dict):
        return {
            key: "CANARY" if key == name else _replaced(one, name) for key, one in value.items()
        }
    return [_replaced(one, name) for one in value] if isinstance(value, list) else value


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(["200", "429", "2026-11-20T09:30:00Z", "chat", "GatewayLogs", "NA"]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=6,
)


def _keys(value: Any) -> set[str]:
    if isinstance(value, dict):
        return set(value) | {key for one in value.values() for key in _keys(one)}
    return {key for one in value for key in _keys(one)} if isinstance(value, list) else set()


@given(data=st.data())
def test_wrong_values_in_known_keys_never_raise(data: st.DataObject) -> None:
    """A hub cannot stop the consumer, whatever somebody sends to it."""
    _, sample = data.draw(st.sampled_from(CASES))
    wrong = data.draw(st.dictionaries(st.sampled_from(sorted(_keys(sample))), JSON, max_size=4))

    def spoil(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: wrong[key] if key in wrong else spoil(one) for key, one in value.items()}
        return [spoil(one) for one in value] if isinstance(value, list) else value

    made = read(json.dumps(spoil(sample)).encode())
    for line in made.lines.splitlines():
        validate_line(line)


@given(message=st.binary(max_size=200))
def test_no_bytes_raise(message: bytes) -> None:
    """Neither does what is no JSON at all."""
    made = read(message)
    assert made.rows == 0 or made.feed == "gatemeter"


@pytest.mark.parametrize("make", [gateway_record, request_response])
def test_metrics_in_the_same_hub_are_no_errors(make: Any) -> None:
    """A diagnostic setting sends a resource's metrics beside its logs."""
    metric = {"metricName": "Requests", "total": 5, "resourceId": make(1)["resourceId"]}
    made = read(body({"records": [{**metric, "time": "2026-11-20T09:30:00Z"}]}))
    assert (made.rows, made.ignored, made.rejected) == (0, 1, ())


def test_the_operators_names_win() -> None:
    """A team in the settings is the team, whatever the feed calls it."""
    key_id = json.loads(read(body(hub_event())).lines)["key_id"]
    named = FeedReader.of(
        salt=b"sixteen bytes of salt",
        gateway="gw-test",
        keys={key_id: KeyAlias(name="shop", team="retail")},
    )
    event = json.loads(named.translate(body(hub_event()), received_at=NOON).lines)
    assert (event["key_name"], event["team"]) == ("shop", "retail")


def test_one_feed_can_be_asked_for_alone() -> None:
    """`--format` turns everything else into dead letters."""
    only = FeedReader.of(salt=b"sixteen bytes of salt", gateway="gw-test", only="otlp_spans")
    made = only.translate(body([hub_event(), otlp(span())]), received_at=NOON)
    assert (made.rows, len(made.rejected)) == (1, 1)
