"""Resource logs of Azure OpenAI become requests whose usage nobody knows."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.ingest.feeds.made_logs import at, body, envelope, request_response, shuffled, ticks

if TYPE_CHECKING:
    from tests.ingest.feeds.conftest import Desk


def test_every_key_lands_where_it_belongs(desk: Desk) -> None:
    """Resource, deployment, model with its version, times and outcome."""
    record = request_response(
        1, properties={"objectId": "11111111-2222", "streamType": "Streaming"}
    )
    (event,) = desk.events(body(envelope(record)))
    assert event["started_at"] == "2026-11-20T09:30:01.000000Z"
    assert (event["operation"], event["stream"], event["duration_ms"]) == ("chat", True, 905.0)
    assert (event["response_model"], event["api_version"]) == ("gpt-4o-2024-11-20", "2024-10-21")
    assert event["auth_type"] == "entra"
    assert event["key_id"].startswith("k_")
    assert event["attempts"] == [
        {
            "backend": "aoai-sweden",
            "region": "swedencentral",
            "deployment": "chat",
            "status_code": 200,
            "duration_ms": 905.0,
        }
    ]
    assert (event["usage_source"], "input_tokens" in event) == ("none", False)
    assert "203.0.113" not in str(event)


def test_properties_may_be_json_in_a_text(desk: Desk) -> None:
    """Both forms come, and mean the same."""
    record = request_response(1)
    (as_object,) = desk.events(body(envelope(record)))
    (as_text,) = desk.events(
        body(envelope({**record, "properties": json.dumps(record["properties"])}))
    )
    assert as_text == as_object


def test_rows_of_log_analytics_are_read(desk: Desk) -> None:
    """AzureDiagnostics has the same under other names, with numbers as text."""
    record = request_response(1)
    row = {
        "TimeGenerated": record["time"],
        "ResourceProvider": "MICROSOFT.COGNITIVESERVICES",
        "Category": "RequestResponse",
        "OperationName": record["operationName"],
        "CorrelationId": record["correlationId"],
        "DurationMs": "905",
        "ResultSignature": "200",
        "Resource": "AOAI-SWEDEN",
        "location_s": "swedencentral",
        "properties_s": json.dumps(record["properties"]),
    }
    (event,) = desk.events(body([row]))
    (original,) = desk.events(body(envelope(record)))
    assert event == original


@pytest.mark.parametrize(
    ("changes", "properties", "expected"),
    [
        ({"durationMs": -1021}, {}, 900.0),
        ({"durationMs": -1021}, {"responseTime": None}, None),
        ({"durationMs": "many"}, {"responseTime": ticks(at(0))}, None),
    ],
)
def test_a_negative_duration_is_not_believed(
    desk: Desk, changes: dict[str, Any], properties: dict[str, Any], expected: float | None
) -> None:
    """The times of request and answer tell it instead, or nobody does."""
    record = request_response(1, properties=properties, **changes)
    (event,) = desk.events(body(envelope(record)))
    assert event.get("duration_ms") == expected


def test_two_calls_of_one_correlation_id_are_two(desk: Desk) -> None:
    """A client's request may be several calls to the resource."""
    one = request_response(1)
    other = request_response(2, correlationId=one["correlationId"])
    events = desk.events(body(envelope(one, other)))
    assert len({event["event_id"] for event in events}) == 2


@pytest.mark.parametrize("category", ["Audit", "Trace", "AzureOpenAIRequestUsage"])
def test_other_categories_hold_no_requests(desk: Desk, category: str) -> None:
    """A diagnostic setting sends them all to one hub; they are no errors."""
    made = desk.read(body(envelope(request_response(1, category=category))))
    assert (made.rows, made.rejected, made.ignored) == (0, (), 1)


def test_loading_twice_and_shuffled_changes_nothing(desk: Desk) -> None:
    """The usage is unknown, shows up as that, and is not counted again."""
    records = [request_response(number) for number in range(20)]
    records += [
        request_response(30, resultSignature="429"),
        request_response(31, resultSignature=400),
    ]
    assert desk.load([body(envelope(*records))]).stored == 22
    before = desk.totals()
    records = shuffled(records)
    assert desk.load([body(envelope(record)) for record in records]).duplicates == 22
    assert desk.totals() == before
    assert before["traffic"] == [(22, 2, None, None, 22, 20)]
    reasons = desk.store.frame("SELECT reason, requests FROM unpriced_usage").rows()
    assert reasons == [("usage_unknown", 20)]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"resultSignature": None}, "resultSignature is no HTTP status"),
        ({"resultSignature": "fine"}, "resultSignature is no HTTP status"),
        ({"time": "yesterday", "properties": {"requestTime": 12}}, "neither requestTime nor time"),
        ({"time": None, "properties": "no json"}, "neither requestTime nor time"),
    ],
)
def test_what_cannot_be_read_is_refused_with_a_reason(
    desk: Desk, changes: dict[str, Any], reason: str
) -> None:
    """Nothing is guessed."""
    record = {**request_response(1), **changes}
    (rejected,) = desk.read(body(envelope(record))).rejected
    assert reason in rejected.reason
