"""API Management's two logs of a request become one request, in any order and however late."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from analytics.types import Batch
from ingest.feeds import FeedReader
from tests.ingest.feeds.conftest import NOON, Desk
from tests.ingest.feeds.made_logs import (
    as_table_row,
    body,
    envelope,
    gateway_record,
    llm_record,
)

if TYPE_CHECKING:
    from analytics.types import FeedPart

ONE_CHAT = Decimal("0.00325")
"""1,000 input tokens, 200 of them cached, and 100 of output."""


def gateway_fields(desk: Desk, **properties: Any) -> dict[str, Any]:
    """What a gateway record says of the request by itself."""
    return json.loads(_part(desk, gateway_record(1, properties=properties)).fields)  # type: ignore[no-any-return]


def _part(desk: Desk, record: dict[str, Any]) -> FeedPart:
    made = desk.read(body(envelope(record)))
    assert (made.rejected, made.lines) == ((), b"")
    (part,) = made.parts
    return part


def test_both_halves_are_one_request(desk: Desk) -> None:
    """Caller, outcome and backend come from one log, tokens and model from the other."""
    result = desk.load([body(envelope(gateway_record(1), llm_record(1)))])
    assert (result.stored, result.joined, result.corrected) == (0, 1, 0)
    row = desk.store.frame("FROM usage_events").row(0, named=True)
    assert (row["key_name"], row["team"], row["gateway"]) == (
        "sub-retail",
        "retail",
        "apim-made-up",
    )
    assert (row["operation"], row["stream"], row["api_version"]) == ("chat", False, "2024-10-21")
    assert (row["input_tokens"], row["cached_input_tokens"], row["output_tokens"]) == (
        1000,
        200,
        100,
    )
    assert (row["usage_source"], row["cost"]) == ("reported", ONE_CHAT)
    assert (row["duration_ms"], row["gateway_overhead_ms"]) == (800.0, 100.0)
    assert (row["backend"], row["response_id"]) == ("sweden.openai.azure.com", "chatcmpl-made0001")
    assert desk.loader.waiting() == {}


@pytest.mark.parametrize("first", ["gateway", "llm"])
def test_the_other_half_may_come_in_a_later_commit(desk: Desk, first: str) -> None:
    """Until then the first one waits, and that can be seen."""
    records = [gateway_record(1), llm_record(1)]
    if first == "llm":
        records.reverse()
    assert desk.load([body(envelope(records[0]))]).joined == 0
    missing = "llm" if first == "gateway" else "gateway"
    assert desk.loader.waiting() == {missing: 1}
    waiting = desk.store.frame("SELECT waiting_for, requests FROM feed_waiting").rows()
    assert waiting == [(missing, 1)]
    assert desk.load([body(envelope(records[1]))]).joined == 1
    assert desk.loader.waiting() == {}
    assert desk.totals()["traffic"] == [(1, 0, 1000, 100, 1, 0)]


def test_what_waits_too_long_is_stored_without_tokens_and_corrected_later(desk: Desk) -> None:
    """Spend is never lost, and an estimate of nothing is taken back when the truth comes."""
    desk.load([body(envelope(gateway_record(1)))])
    assert desk.loader.release_overdue().joined == 0
    desk.clock.advance(minutes=11)
    assert desk.loader.release_overdue().joined == 1
    unknown = desk.totals()
    assert unknown["charges"] == [("unknown", 1, 1, None)]
    assert unknown["traffic"] == [(1, 0, None, None, 1, 1)]
    desk.clock.advance(days=2)
    result = desk.load([body(envelope(llm_record(1)))])
    assert (result.joined, result.corrected) == (1, 1)
    known = desk.totals()
    assert [row[0] for row in known["charges"]] == ["cached_input", "input", "output"]
    assert known["traffic"] == [(1, 0, 1000, 100, 1, 0)]
    assert known["latency"] == unknown["latency"]
    assert desk.store.frame("SELECT count(*) FROM unpriced_usage").item() == 0
    assert desk.store.frame("SELECT count(*) FROM backend_attempts").item() == 1
    assert desk.store.frame("SELECT events FROM pipeline_health").item() == 1


def test_a_half_without_tokens_does_not_hide_that_they_are_missing(desk: Desk) -> None:
    """A piece of a split message may be first and last to come: the request is stored in time."""
    piece = llm_record(1, properties={"promptTokens": None, "completionTokens": None})
    piece["properties"] |= {"totalTokens": None, "promptCachedTokens": None, "sequenceNumber": 1}
    desk.load([body(envelope(piece))])
    desk.load([body(envelope(gateway_record(1)))])
    assert desk.loader.waiting() == {"llm": 1}
    desk.clock.advance(minutes=11)
    assert desk.loader.release_overdue().joined == 1


def test_what_another_process_has_released_is_left_alone(desk: Desk) -> None:
    """Two consumers look at the same time; the second finds nothing to do."""
    desk.load([body(envelope(gateway_record(1)))])
    desk.clock.advance(minutes=11)
    late = desk.loader._overdue(desk.clock.now())
    assert desk.loader._release(late, desk.clock.now()).joined == 1
    assert desk.loader._release(late, desk.clock.now()).joined == 0


def test_a_clock_that_was_set_back_holds_nothing_up(desk: Desk) -> None:
    """The store is asked once a minute, not once after the clock has caught up."""
    desk.loader.release_overdue()
    desk.clock.advance(hours=-2)
    desk.load([body(envelope(gateway_record(1)))])
    desk.clock.advance(minutes=11)
    assert desk.loader.release_overdue().joined == 1


def test_a_load_releases_what_waits_too_long(desk: Desk) -> None:
    """A busy consumer is never idle, so its loads do it."""
    desk.load([body(envelope(gateway_record(1)))])
    desk.clock.advance(minutes=11)
    assert desk.load([body(envelope(gateway_record(2)))]).joined == 1
    assert desk.loader.waiting() == {"llm": 1}


@pytest.mark.parametrize(
    ("properties", "status"),
    [
        ({"responseCode": 401, "backendUrl": None, "backendResponseCode": None}, 401),
        ({"responseCode": 429, "backendResponseCode": 429}, 429),
        ({"responseCode": 0, "lastError": {"reason": "ClientConnectionFailure"}}, 499),
    ],
)
def test_errors_do_not_wait(desk: Desk, properties: dict[str, Any], status: int) -> None:
    """No model counted tokens for them, so no other half will come."""
    assert desk.load([body(envelope(gateway_record(1, properties=properties)))]).joined == 1
    assert desk.store.frame("SELECT status_code FROM usage_events").item() == status


@pytest.mark.parametrize(
    ("properties", "by"),
    [
        ({"responseCode": 429, "backendResponseCode": 429}, "backend"),
        ({"responseCode": 429, "backendResponseCode": None, "backendUrl": None}, "gateway"),
    ],
)
def test_a_429_is_blamed_on_who_gave_it(desk: Desk, properties: dict[str, Any], by: str) -> None:
    """Azure's limits and the gateway's own need different remedies."""
    assert gateway_fields(desk, **properties)["throttled_by"] == by


def test_usage_in_the_logged_body_needs_no_other_half(desk: Desk) -> None:
    """Body logging brings the usage, whole or cut at 8 KiB, and its details."""
    usage = {
        "prompt_tokens": 1000,
        "completion_tokens": 100,
        "total_tokens": 1100,
        "prompt_tokens_details": {"cached_tokens": 200},
    }
    answer = {
        "id": "chatcmpl-b",
        "model": "gpt-4o-2024-11-20",
        "usage": usage,
        "choices": ["CANARY"],
    }
    text = json.dumps(answer)
    for logged in (text, text[: text.index("CANARY") + 3]):
        fields = gateway_fields(desk, backendResponseBody=logged)
        assert (fields["usage_source"], fields["cached_input_tokens"]) == ("reported", 200)
        assert fields["response_model"] == "gpt-4o-2024-11-20"
        assert "CAN" not in str(fields)
    record = gateway_record(1, properties={"backendResponseBody": text})
    assert desk.load([body(envelope(record))]).joined == 1
    assert desk.load([body(envelope(llm_record(1)))]).corrected == 0
    assert desk.totals()["traffic"] == [(1, 0, 1000, 100, 1, 0)]


def test_a_filtered_prompt_keeps_its_code(desk: Desk) -> None:
    """Azure bills prompts that its filter refused, so they must be told apart."""
    error = {"error": {"code": "content_filter", "message": "CANARY", "innererror": {}}}
    error["error"]["innererror"] = {
        "content_filter_result": {"jailbreak": {"filtered": True, "detected": True}}
    }
    fields = gateway_fields(desk, responseCode=400, backendResponseBody=json.dumps(error))
    assert fields["error_code"] == "content_filter"
    assert fields["content_filter"]["prompt"]["jailbreak"]["detected"] is True
    assert "CANARY" not in str(fields)


def test_an_answer_without_a_backend_call_costs_nothing(desk: Desk) -> None:
    """The semantic cache answers with the tokens of the answer that was cached."""
    none = dict.fromkeys(("backendUrl", "backendResponseCode", "backendId", "backendMethod"))
    record = gateway_record(1, properties=none)
    desk.load([body(envelope(record, llm_record(1)))])
    assert desk.store.frame("SELECT cache_hit, cost FROM usage_events").rows() == [
        (True, Decimal(0))
    ]


def test_split_messages_count_once(desk: Desk) -> None:
    """Long messages are logged in several records, of which one or all tell the tokens."""
    parts = [
        llm_record(1, properties={"sequenceNumber": 0}),
        llm_record(1, properties={"sequenceNumber": 1}),
        llm_record(
            1,
            properties={
                "sequenceNumber": 2,
                "deploymentName": "",
                "promptTokens": 0,
                "completionTokens": 0,
                "totalTokens": 0,
                "promptCachedTokens": 0,
            },
        ),
    ]
    for part in [*parts, gateway_record(1), *parts]:
        desk.load([body(envelope(part))])
    assert desk.totals()["traffic"] == [(1, 0, 1000, 100, 1, 0)]


def test_several_answers_of_one_correlation_id_add_up(desk: Desk) -> None:
    """A realtime session has many answers below one gateway record; a retry may have two."""
    other = llm_record(1, properties={"requestId": "chatcmpl-other"})
    desk.load([body(envelope(gateway_record(1), llm_record(1)))])
    assert desk.load([body(envelope(other))]).corrected == 1
    assert desk.totals()["traffic"] == [(1, 0, 2000, 200, 1, 0)]
    assert desk.store.frame("SELECT cost FROM usage_events").item() == 2 * ONE_CHAT


def test_probes_are_no_requests(desk: Desk) -> None:
    """Health probes arrive in the LLM log without model, id and tokens."""
    zero = dict.fromkeys(("promptTokens", "completionTokens", "totalTokens"), 0)
    probe = llm_record(
        1,
        properties={
            **zero,
            "requestId": "",
            "modelName": "",
            "deploymentName": "",
            "promptCachedTokens": None,
        },
    )
    made = desk.read(body(envelope(probe)))
    assert (made.parts, made.rejected, made.ignored) == ((), (), 1)


def test_cached_tokens_beside_the_prompt_are_added(desk: Desk) -> None:
    """For some models the prompt's count leaves out what was read from the cache."""
    part = _part(desk, llm_record(1, properties={"promptTokens": 26, "promptCachedTokens": 48854}))
    fields = json.loads(part.fields)
    assert (fields["input_tokens"], fields["cached_input_tokens"]) == (48880, 48854)


def test_streamed_tokens_are_estimates(desk: Desk) -> None:
    """API Management counts a stream's tokens by itself."""
    part = _part(desk, llm_record(1, properties={"isStreamCompletion": True}))
    assert json.loads(part.fields)["usage_source"] == "estimated"


@pytest.mark.parametrize("make", [gateway_record, llm_record])
def test_rows_of_log_analytics_are_the_same_halves(desk: Desk, make: Any) -> None:
    """Tables write the keys in Pascal case, exports write numbers as text."""
    record = make(1)
    row = as_table_row(record)
    as_text = {key: str(value) if isinstance(value, int) else value for key, value in row.items()}
    original = _part(desk, record)
    for one in (row, as_text):
        (part,) = desk.read(body([one])).parts
        assert json.loads(part.fields) == json.loads(original.fields)
    table = {"columns": [{"name": key} for key in row], "rows": [list(row.values())]}
    (part,) = desk.read(body({"tables": [table]})).parts
    assert part.fields == original.fields


def test_pascal_case_is_read_in_envelopes_too(desk: Desk) -> None:
    """Both cases come from hubs."""
    record = llm_record(1)
    inner = {key[0].upper() + key[1:]: value for key, value in record["properties"].items()}
    assert _part(desk, {**record, "properties": inner}) == _part(desk, record)


def test_llm_logs_alone_are_stored_when_the_operator_says_so(desk: Desk) -> None:
    """A team without gateway logs gets its tokens, without callers; and callers when they come."""
    desk.reader = FeedReader.of(salt=b"sixteen bytes of salt", gateway="gw-test", llm_alone=True)
    assert desk.load([body(envelope(llm_record(1)))]).joined == 1
    assert desk.totals()["events"][0][1:] == (None, "reported", 1000, ONE_CHAT)
    assert desk.load([body(envelope(gateway_record(1)))]).corrected == 1
    assert [row[1:] for row in desk.totals()["events"]] == [
        ("sub-retail", "reported", 1000, ONE_CHAT)
    ]
    assert desk.totals()["traffic"] == [(1, 0, 1000, 100, 1, 0)]


@pytest.mark.parametrize(
    "category", ["GatewayMCPLogs", "WebSocketConnectionLogs", "DeveloperPortalAuditLogs"]
)
def test_other_categories_hold_no_requests(desk: Desk, category: str) -> None:
    """A diagnostic setting sends them all to one hub; they are no errors."""
    made = desk.read(body(envelope(gateway_record(1, category=category))))
    assert (made.parts, made.rejected, made.ignored) == ((), (), 1)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"correlationId": None}, "correlationId is missing"),
        ({"time": "now"}, "time is no time"),
        ({"category": "SomethingNew"}, "category that is not known"),
    ],
)
def test_what_cannot_be_read_is_refused_with_a_reason(
    desk: Desk, changes: dict[str, Any], reason: str
) -> None:
    """Nothing is guessed."""
    (rejected,) = desk.read(body(envelope(gateway_record(1, **changes)))).rejected
    assert reason in rejected.reason


def _deliveries() -> list[dict[str, Any]]:
    """Records of six requests: whole, split, half, failed, and with usage in the body."""
    usage = {"prompt_tokens": 1000, "completion_tokens": 100, "total_tokens": 1100}
    logged = json.dumps({"model": "gpt-4o-2024-11-20", "usage": usage})
    return [
        gateway_record(1),
        llm_record(1),
        gateway_record(2),
        llm_record(2, properties={"sequenceNumber": 0, "promptTokens": 0, "completionTokens": 0,
                                  "totalTokens": 0, "promptCachedTokens": 0}),
        llm_record(2, properties={"sequenceNumber": 1}),
        gateway_record(3),
        gateway_record(4, properties={"responseCode": 429, "backendResponseCode": 429}),
        gateway_record(5, properties={"backendResponseBody": logged}),
        llm_record(5),
        gateway_record(6),
        llm_record(6),
        llm_record(6, properties={"requestId": "chatcmpl-retry", "modelName": "gpt-4o-mini"}),
        llm_record(7),
    ]  # fmt: skip


@settings(
    max_examples=3, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_no_order_lateness_or_repetition_changes_a_total(desk: Desk, data: st.DataObject) -> None:
    """Hubs repeat and reorder, exports come days later, and the month's bill is the same."""
    records = _deliveries()
    again = data.draw(st.lists(st.integers(0, len(records) - 1), max_size=6), label="repeated")
    order = data.draw(st.permutations([*range(len(records)), *again]), label="order")
    pauses = data.draw(
        st.lists(st.sampled_from([0, 3, 20]), min_size=3, max_size=3), label="pauses"
    )
    cuts = sorted(data.draw(st.lists(st.integers(0, len(order)), min_size=2, max_size=2)))
    totals = _load(
        desk,
        [
            [records[one] for one in order[a:b]]
            for a, b in zip([0, *cuts], [*cuts, len(order)], strict=True)
        ],
        pauses,
    )
    expected = _load(desk, [records], [20])
    assert totals == expected
    assert expected["traffic"] == [(6, 1, 5000, 500, 6, 1)]


def _load(desk: Desk, commits: list[list[dict[str, Any]]], pauses: list[int]) -> dict[str, Any]:
    """What an empty store holds after these commits, and after all waiting is over."""
    fresh = replace(desk)
    fresh.clock.time = NOON
    for records, minutes in zip(commits, pauses, strict=True):
        made = fresh.read(body(envelope(*records)))
        fresh.loader.load(Batch(made.lines, (), (), made.parts))
        fresh.clock.advance(minutes=minutes)
        fresh.loader.release_overdue()
    fresh.clock.advance(minutes=30)
    fresh.loader.release_overdue()
    return {**fresh.totals(), "waiting": fresh.loader.waiting()}


def test_a_half_that_waits_is_found_days_later(desk: Desk) -> None:
    """An LLM log without its gateway log waits for as long as it takes."""
    desk.load([body(envelope(llm_record(1)))])
    late = gateway_record(1, time=(NOON + timedelta(days=3)).isoformat())
    assert desk.load([body(envelope(late))]).joined == 1
    assert desk.loader.waiting() == {}
