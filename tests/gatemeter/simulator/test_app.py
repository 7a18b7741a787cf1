"""Who is let in, what is found, and the simulator's own paths."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from gatemeter.simulator import Deployment, RunningSimulator, SimulatorConfig, running

Post = Callable[..., httpx.Response]
HELLO: list[dict[str, Any]] = [{"role": "user", "content": "hi there"}]
CHAT = "/openai/deployments/gpt-4o/chat/completions?api-version=2024-10-21"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 401),
        ({"api-key": "wrong"}, 401),
        ({"api-key": "right"}, 200),
        ({"authorization": "Bearer right"}, 200),
        ({"authorization": "Basic right"}, 401),
    ],
)
def test_a_key_or_bearer_token_is_needed(headers: dict[str, str], status: int) -> None:
    """With keys configured only those are let in."""
    config = SimulatorConfig(keys=frozenset({"right"}))
    with running(config) as up, httpx.Client(base_url=up.url) as client:
        response = client.post(CHAT, headers=headers, json={"messages": HELLO})
    assert response.status_code == status
    if status == 401:
        assert response.json()["error"]["code"] == "401"


def test_every_answer_has_azures_headers(http: httpx.Client, post: Post) -> None:
    """Ids and region are on answers and refusals alike; the client's own id comes back."""
    answers = [
        post("gpt-4o", "chat/completions", messages=HELLO),
        post("gpt-4o", "chat/completions"),
        http.get("/openai/nothing"),
    ]
    for response in answers:
        assert response.headers["apim-request-id"]
        assert response.headers["x-request-id"]
        assert response.headers["x-ms-region"] == "East US"
    echoed = http.get("/openai/models", headers={"x-ms-client-request-id": "mine"})
    assert echoed.headers["x-ms-client-request-id"] == "mine"


def test_a_deployment_has_its_own_region(post: Post) -> None:
    """x-ms-region names the region in words, as Azure does."""
    response = post("gpt-4o-audio", "chat/completions", messages=HELLO)
    assert response.headers["x-ms-region"] == "Sweden Central"


@pytest.mark.parametrize(
    ("deployment", "telling", "silent"),
    [
        ("paid", "x-ratelimit-remaining-tokens", "azure-openai-deployment-utilization"),
        ("reserved", "azure-openai-deployment-utilization", "x-ratelimit-remaining-tokens"),
    ],
)
def test_deployments_tell_their_limits_by_type(deployment: str, telling: str, silent: str) -> None:
    """Pay-as-you-go says what is left, provisioned capacity says how full it is."""
    deployments = (
        Deployment("paid", "gpt-4o", tokens_per_minute=60_000, requests_per_minute=60),
        Deployment("reserved", "gpt-4o", tokens_per_minute=60_000, kind="ptu"),
    )
    with running(SimulatorConfig(deployments=deployments)) as up:
        response = httpx.post(
            f"{up.url}{CHAT.replace('gpt-4o', deployment)}",
            headers={"api-key": "k"},
            json={"messages": HELLO},
        )
    assert response.headers[telling]
    assert silent not in response.headers


def test_unknown_deployments_paths_and_missing_versions_are_404(
    simulator: RunningSimulator, http: httpx.Client, post: Post
) -> None:
    """Azure's three ways of not finding something."""
    missing = post("nothing", "chat/completions", messages=HELLO)
    assert missing.json()["error"]["code"] == "DeploymentNotFound"
    v1 = http.post("/openai/v1/chat/completions", json={"model": "nothing", "messages": HELLO})
    assert v1.json()["error"]["code"] == "DeploymentNotFound"
    assert http.get("/openai/nothing").json()["error"]["message"] == "Resource not found"
    bare = httpx.post(
        f"{simulator.url}/openai/deployments/gpt-4o/chat/completions",
        headers={"api-key": "k"},
        json={"messages": HELLO},
    )
    assert bare.status_code == 404


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"text"'])
def test_a_body_that_is_no_json_object_is_refused(http: httpx.Client, body: bytes) -> None:
    """A 400 with a message, never a 500."""
    response = http.post("/openai/deployments/gpt-4o/chat/completions", content=body)
    assert response.status_code == 400
    assert response.json()["error"]["message"]


def test_v1_needs_a_model_and_no_version(simulator: RunningSimulator) -> None:
    """On the v1 path the body names the deployment."""
    with httpx.Client(base_url=f"{simulator.url}/openai/v1", headers={"api-key": "k"}) as client:
        named = client.post("/chat/completions", json={"model": "gpt-4o", "messages": HELLO})
        nameless = client.post("/chat/completions", json={"messages": HELLO})
    assert (named.status_code, nameless.status_code) == (200, 400)


def test_the_ledger_can_be_read_searched_and_cleared_over_http() -> None:
    """A process that is not the simulator's own compares its figures with these."""
    with running() as up, httpx.Client(base_url=up.url, headers={"api-key": "k"}) as client:
        for request_id in ("one", "two"):
            client.post(
                CHAT, json={"messages": HELLO}, headers={"x-ms-client-request-id": request_id}
            )
        everything = client.get("/_simulator/ledger").json()
        assert everything["totals"]["chat"]["requests"] == 2
        assert everything["totals"]["chat"]["input_tokens"] == 18
        found = client.get("/_simulator/ledger", params={"client_request_id": "two"}).json()
        assert [entry["client_request_id"] for entry in found["entries"]] == ["two"]
        assert client.delete("/_simulator/ledger").status_code == 204
        assert client.get("/_simulator/ledger").json() == {"totals": {}, "entries": []}
        assert client.get("/_simulator/health").json() == {"status": "ok"}
