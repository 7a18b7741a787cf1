"""Usage events of ai-hub-gateway become requests, and what is no token is not counted as one."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from tests.ingest.feeds.made_logs import at, body, hub_event, hub_sum, pii_event, shuffled, us_time

if TYPE_CHECKING:
    from tests.ingest.feeds.conftest import Desk


def test_every_key_lands_where_it_belongs(desk: Desk) -> None:
    """Caller, backend, model and tokens of the policy's event are those of ours."""
    (event,) = desk.events(body(hub_event(1, endUserId="someone", sessionId="s-1")))
    assert event["started_at"] == "2026-11-20T09:30:01.000000Z"
    assert (event["gateway"], event["feed"]) == ("apim-made-up", "ai_hub_gateway")
    assert event["key_id"].startswith("k_")
    assert event["end_user"].startswith("u_")
    assert (event["key_name"], event["team"]) == ("sub-retail", "Retail-Assistant")
    assert (event["operation"], event["session_id"]) == ("chat", "s-1")
    assert (event["response_model"], event["deployment"]) == ("gpt-4o-2024-11-20", "chat")
    assert (event["usage_source"], event["input_tokens"], event["output_tokens"]) == (
        "reported",
        1000,
        100,
    )
    assert event["attempts"] == [
        {
            "backend": "openai-backend-0",
            "region": "eastus",
            "deployment": "chat",
            "status_code": 200,
        }
    ]
    assert "duration_ms" not in event
    assert "203.0.113.7" not in str(event)


@pytest.mark.parametrize(
    "changes",
    [
        {"promptTokens": "1000", "responseTokens": "100", "totalTokens": "1100"},
        {"timestamp": at(1).isoformat()},
        {"timestamp": us_time(at(1)).replace(" AM", "\u202fAM")},
        {"EventProcessedUtcTime": "x", "PartitionId": 3, "EventEnqueuedUtcTime": "y", "new": []},
        {"RequestIp": None},
        {"appId": None, "sessionId": "NA-HEADER"},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_copies_in_other_spellings_are_the_same_request(
    desk: Desk, changes: dict[str, Any]
) -> None:
    """What Stream Analytics and Cosmos make of an event has its id, so it is not counted again."""
    (event,) = desk.events(body(hub_event(1, **changes), indent=2))
    (original,) = desk.events(body(hub_event(1)))
    assert event == original


def test_a_repeated_response_id_at_another_time_is_another_request(desk: Desk) -> None:
    """An answer from the semantic cache repeats the id of the answer that was cached."""
    (one,) = desk.events(body(hub_event(1)))
    (other,) = desk.events(body(hub_event(1, timestamp=us_time(at(2)))))
    assert one["response_id"] == other["response_id"]
    assert one["event_id"] != other["event_id"]


@pytest.mark.parametrize(
    ("changes", "operation"),
    [
        ({"operationName": "Creates an image", "totalTokens": 1}, "image_generation"),
        ({"id": "search-1", "operationName": "Search documents", "totalTokens": 1}, "other"),
        ({"id": "doc-Intel-1", "operationName": "Analyze", "totalTokens": 1}, "other"),
        ({"targetService": "response", "totalTokens": 4321}, "responses"),
        ({"targetService": "chat.completion", "totalTokens": 1}, "chat"),
    ],
)
def test_defaults_are_no_tokens(desk: Desk, changes: dict[str, Any], operation: str) -> None:
    """1 / 0 / 1 means that the policy found no counts, and 1 / 0 / n that only the sum is real."""
    record = hub_event(1, targetService="NA", model="NA", promptTokens=1, responseTokens=0)
    (event,) = desk.events(body({**record, **changes}))
    assert (event["operation"], event["usage_source"]) == (operation, "none")
    assert not {"input_tokens", "output_tokens"} & event.keys()
    assert event["tags"].get("total_tokens") == ("4321" if changes["totalTokens"] > 1 else None)


def test_an_embedding_of_one_token_is_one(desk: Desk) -> None:
    """What looks like the defaults may be real, where one token of input and none of output is."""
    record = hub_event(1, targetService="list", promptTokens=1, responseTokens=0, totalTokens=1)
    (event,) = desk.events(body(record))
    assert (event["operation"], event["input_tokens"]) == ("embeddings", 1)


def test_hourly_sums_count_tokens_and_money_and_no_requests(desk: Desk) -> None:
    """Nobody knows how many requests an hour's sum stands for."""
    assert desk.load([body(hub_event(1)), body([hub_sum(1), hub_sum(2)])]).stored == 3
    assert desk.totals()["traffic"] == [(1, 0, 101_000, 14_100, 1, 0)]
    charged = {meter: (requests, tokens) for meter, requests, tokens, _ in desk.totals()["charges"]}
    # The sums name no model; the deployment's name is no model either.
    assert charged == {"input": (1, Decimal(101_000)), "output": (1, Decimal(14_100))}
    rows = desk.store.frame("SELECT aggregate, count(*) FROM usage_events GROUP BY 1").rows()
    assert sorted(rows, key=str) == [(None, 1), (True, 2)]


def test_a_citadel_sum_is_an_aggregate_of_its_deployment(desk: Desk) -> None:
    """The newer app writes ids of llm-, fewer keys, and the deployment as the model."""
    record = hub_sum(1, id="llm-1", model="gpt-4o", targetService="NA", operationName="NA")
    del record["subscriptionId"]
    (event,) = desk.events(body(record))
    assert event["aggregate"] is True
    assert (event["usage_source"], event["response_model"]) == ("estimated", "gpt-4o")


def test_loading_twice_and_shuffled_changes_nothing(desk: Desk) -> None:
    """Hubs deliver again, and exports overlap."""
    records = [hub_event(number) for number in range(40)] + [hub_sum(1)]
    assert desk.load([body(records)]).stored == 41
    before = desk.totals()
    records = shuffled(records)
    again = desk.load([body(record, indent=2) for record in records])
    assert (again.stored, again.duplicates) == (0, 41)
    assert desk.totals() == before
    assert before["traffic"] == [(40, 0, 40 * 1000 + 50_000, 40 * 100 + 7000, 40, 0)]
    cost = desk.store.frame("SELECT sum(cost) FROM usage_events WHERE aggregate IS NULL").item()
    assert cost == 40 * Decimal("0.0035")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"timestamp": "24/5/2024 14:45:56"}, "timestamp is no time"),
        ({"timestamp": 5}, "timestamp is no time"),
        ({"timestamp": "13/41/2024 9:00:00 AM"}, "timestamp is no time"),
        ({"id": "NA"}, "id is empty"),
        ({"promptTokens": "many"}, "is no whole number"),
        ({"promptTokens": 10**40}, "is no whole number"),
        ({"responseTokens": -1}, "is no whole number"),
        ({"responseTokens": True}, "is no whole number"),
    ],
    ids=str,
)
def test_what_cannot_be_counted_is_refused_with_a_reason(
    desk: Desk, changes: dict[str, Any], reason: str
) -> None:
    """A wrong number never gets into a sum, and whoever looks learns why."""
    made = desk.read(body({**hub_event(1), **changes}))
    assert (made.rows, made.lines) == (0, b"")
    (rejected,) = made.rejected
    assert reason in rejected.reason


def test_nothing_of_a_pii_record_is_kept(desk: Desk) -> None:
    """It holds the original text beside the anonymised one."""
    made = desk.read(body(pii_event(), indent=2))
    (rejected,) = made.rejected
    assert "PII_Processing" in rejected.reason
    assert rejected.line == ""
    assert "CANARY" not in repr(made)
