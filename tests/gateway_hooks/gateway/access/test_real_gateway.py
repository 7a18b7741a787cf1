"""Access control on a real port: the openai SDK as client, the simulator as backend."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest

from gateway_hooks.gateway.access import KeyFile, Product

QUERY = "?api-version=2025-04-01-preview"


def chat(client: Any, model: str = "gpt-4o-mini") -> Any:
    """One short conversation."""
    return client.chat.completions.create(
        model=model, messages=[{"role": "user", "content": "hello"}]
    )


@pytest.fixture
def wall_key(tmp_path: Path) -> Callable[..., str]:
    """Makes keys by the real time."""
    keys = KeyFile(tmp_path / "gateway-keys.sqlite")

    def make(name: str, product: str = "all") -> str:
        return keys.create(name, product=product, fingerprint=lambda _: f"k_{name}")

    return make


def test_the_sdk_calls_by_key_in_every_way(
    start_access: Any, start_simulator: Any, wall_key: Any
) -> None:
    """Azure's client, OpenAI's own on the version 1 path, and a stream."""
    key = wall_key("checkout")
    gateway = start_access(start_simulator(deployments=["gpt-4o-mini"]).url)
    azure = openai.AzureOpenAI(
        azure_endpoint=gateway.url, api_key=key, api_version="2025-04-01-preview", max_retries=0
    )
    plain = openai.OpenAI(base_url=f"{gateway.url}/openai/v1", api_key=key, max_retries=0)
    with azure, plain:
        assert chat(azure).choices
        assert chat(plain).choices
        stream = azure.chat.completions.create(
            model="gpt-4o-mini", messages=[{"role": "user", "content": "hello"}], stream=True
        )
        assert list(stream)
    assert {event["key_id"] for event in gateway.events} == {"k_checkout"}
    assert all(event["status_code"] == 200 for event in gateway.events)


def test_the_sdk_reads_refusals(start_access: Any, start_simulator: Any, wall_key: Any) -> None:
    """As the errors that it has for them: 401, 403, 404."""
    products = [Product(name="small", deployments=("gpt-4o-mini",))]
    gateway = start_access(start_simulator(deployments=["gpt-4o-mini"]).url, products)
    settings = {
        "azure_endpoint": gateway.url,
        "api_version": "2025-04-01-preview",
        "max_retries": 0,
    }
    key = wall_key("small", "small")
    with openai.AzureOpenAI(api_key="gm_wrong", **settings) as stranger:
        with pytest.raises(openai.AuthenticationError, match="Access denied") as refused:
            chat(stranger)
        assert refused.value.code == "401"
    with openai.AzureOpenAI(api_key=key, **settings) as client:
        with pytest.raises(openai.PermissionDeniedError, match="not permitted"):
            chat(client, "gpt-4o")
        with pytest.raises(openai.NotFoundError, match="not found"):
            client.responses.retrieve("resp_of_somebody_else")
        assert chat(client).choices
    assert [event["status_code"] for event in gateway.events] == [401, 403, 404, 200]


async def test_the_sdk_calls_by_entra_token(
    start_access: Any, start_simulator: Any, rule: Any, issuer: Any
) -> None:
    """With `azure_ad_token`, as programs with a managed identity do."""
    from gateway_hooks.clock import SystemClock

    issuer.clock = SystemClock()
    gateway = start_access(
        start_simulator(deployments=["gpt-4o-mini"]).url,
        rules=[rule],
        fetch=issuer.fetch,
    )
    client = openai.AsyncAzureOpenAI(
        azure_endpoint=gateway.url,
        azure_ad_token=issuer.token(),
        api_version="2025-04-01-preview",
        max_retries=0,
    )
    async with client:
        assert (await chat(client)).choices
    event = gateway.events[-1]
    assert (event["auth_type"], event["team"], event["product"]) == ("entra", "research", "all")


def test_no_credential_of_a_caller_reaches_a_backend(
    start_access: Any, start_recorder: Any, wall_key: Any
) -> None:
    """Neither in a header nor in the query nor as a cookie; the backend gets its own key."""
    key, backend = wall_key("checkout"), start_recorder()
    gateway = start_access(backend.url)
    path = f"{gateway.url}/openai/deployments/d/chat/completions{QUERY}&a=%20b"
    headers = {"API-Key": key, "Authorization": f"Bearer {key}", "Cookie": f"session={key}"}
    assert httpx.post(path, headers=headers, json={}).status_code == 200
    assert httpx.post(f"{path}&api-key={key}&Subscription-Key={key}", json={}).status_code == 200
    for seen in backend.seen:
        assert key not in repr(seen)
        assert seen.target == f"/openai/deployments/d/chat/completions{QUERY}&a=%20b"
        assert seen.headers["api-key"] == "the-backends-own-key"
        assert "cookie" not in seen.headers


def test_a_large_upload_of_a_stranger_is_refused_before_it_is_read(
    start_access: Any, start_recorder: Any
) -> None:
    """The answer does not wait for a body that is announced and never sent."""
    import socket

    backend = start_recorder()
    gateway = start_access(backend.url)
    address = gateway.url.removeprefix("http://").split(":")
    with socket.create_connection((address[0], int(address[1])), timeout=20) as connection:
        connection.sendall(
            b"POST /openai/v1/files HTTP/1.1\r\nHost: g\r\nContent-Length: 1000000000\r\n"
            b"Expect: 100-continue\r\n\r\n"
        )
        assert connection.recv(20).startswith(b"HTTP/1.1 401")
    assert backend.seen == []


def test_responses_are_their_makers_alone(
    start_access: Any, start_simulator: Any, wall_key: Any
) -> None:
    """Streamed and whole; another key gets 404 and cannot go on from them."""
    gateway = start_access(start_simulator(deployments=["gpt-4o-mini"]).url)
    base = f"{gateway.url}/openai/v1"
    with (
        openai.OpenAI(base_url=base, api_key=wall_key("mine"), max_retries=0) as mine,
        openai.OpenAI(base_url=base, api_key=wall_key("theirs"), max_retries=0) as theirs,
    ):
        whole = mine.responses.create(model="gpt-4o-mini", input="hello").id
        events = list(mine.responses.create(model="gpt-4o-mini", input="hello", stream=True))
        assert events[0].type == "response.created"
        streamed = events[0].response.id
        for made in (whole, streamed):
            assert mine.responses.retrieve(made).id == made
            with pytest.raises(openai.NotFoundError):
                theirs.responses.retrieve(made)
            with pytest.raises(openai.NotFoundError):
                theirs.responses.create(
                    model="gpt-4o-mini", input="go on", previous_response_id=made
                )


def test_a_realtime_handshake_is_refused_with_its_status(
    start_access: Any, start_recorder: Any, wall_key: Any
) -> None:
    """401 for a stranger, 403 for a deployment that the product does not have."""
    from websockets.exceptions import InvalidStatus
    from websockets.sync.client import connect

    products = [Product(name="small", deployments=("gpt-4o-mini",))]
    gateway = start_access(start_recorder().url, products)
    address = gateway.url.replace("http", "ws", 1) + "/openai/realtime?deployment=gpt-realtime"
    key = wall_key("small", "small")
    for headers, status in (({"api-key": "gm_wrong"}, 401), ({"api-key": key}, 403)):
        with pytest.raises(InvalidStatus) as refused, connect(address, additional_headers=headers):
            pass
        assert refused.value.response.status_code == status
    assert [event["status_code"] for event in gateway.events] == [401, 403]
    assert [event["operation"] for event in gateway.events] == ["realtime", "realtime"]
    policies = [event["decisions"][0]["policy"] for event in gateway.events]
    assert policies == ["access_control", "permissions"]
