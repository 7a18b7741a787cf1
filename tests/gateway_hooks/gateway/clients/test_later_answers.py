"""What is not answered at once: images that are submitted and polled, ingestion jobs, own data."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.gateway_hooks.gateway.clients.metered import assert_metered
from tests.gateway_hooks.gateway.clients.wire import since

QUERY = {"api-version": "2023-06-01-preview"}


@pytest.fixture
def caller(gateway: Any) -> Any:
    """A plain HTTP client with a key."""
    with httpx.Client(base_url=gateway.url, headers={"api-key": gateway.key}) as client:
        yield client


def test_images_are_submitted_polled_and_deleted(gateway: Any, caller: httpx.Client) -> None:
    """The place to ask at is the gateway, not the backend; the images are counted once."""
    before = len(gateway.sink.lines)
    body = {"prompt": "a fox", "n": 2, "size": "512x512"}
    with since(gateway.outside) as (seen,):
        submitted = caller.post("/openai/images/generations:submit", params=QUERY, json=body)
        place = submitted.headers["operation-location"]
        answers = [caller.get(place) for _ in range(3)]
        deleted = caller.delete(place)
        gone = caller.get(place)
    assert submitted.status_code == 202
    assert submitted.headers["retry-after"] == "1"
    assert place.startswith(f"{gateway.url}/openai/operations/images/")
    assert [answer.json()["status"] for answer in answers] == ["notRunning", "running", "succeeded"]
    assert len(answers[-1].json()["result"]["data"]) == 2
    assert (deleted.status_code, gone.status_code) == (204, 404)
    events = assert_metered(gateway, before, seen)
    assert sum(event.get("images", 0) for event in events) == 2


def test_ingestion_jobs(gateway: Any, caller: httpx.Client) -> None:
    """Created, looked at, listed; as without the gateway."""
    before = len(gateway.sink.lines)
    path = "/openai/ingestion/jobs/job-1"
    body = {"kind": "SystemCompute", "dataSource": {"kind": "storage"}}
    params = {"api-version": "2024-07-01-preview"}
    with since(gateway.outside, gateway.inside) as (seen, arrived):
        made = caller.put(path, params=params, json=body)
        found = caller.get(path, params=params)
        runs = caller.get(f"{path}/runs", params=params)
        listed = caller.get("/openai/ingestion/jobs", params=params)
    assert [one.status_code for one in (made, found, runs, listed)] == [
        exchange.status for exchange in arrived
    ]
    assert made.is_success
    if "operation-location" in made.headers:
        assert made.headers["operation-location"].startswith(gateway.url)
    assert len(assert_metered(gateway, before, seen)) == 4


def test_answers_on_own_data(gateway: Any, caller: httpx.Client) -> None:
    """The old path of extensions, in a version that tells usage."""
    before = len(gateway.sink.lines)
    body = {
        "messages": [{"role": "user", "content": "hi there"}],
        "dataSources": [
            {
                "type": "AzureCognitiveSearch",
                "parameters": {"endpoint": "https://s.example", "key": "k", "indexName": "i"},
            }
        ],
    }
    with since(gateway.outside, gateway.inside) as (seen, arrived):
        answer = caller.post(
            "/openai/deployments/gpt-4o/extensions/chat/completions",
            params={"api-version": "2023-12-01-preview"},
            json=body,
        )
    assert answer.status_code == 200, answer.text
    assert answer.content == arrived[0].answer
    assert_metered(gateway, before, seen)
