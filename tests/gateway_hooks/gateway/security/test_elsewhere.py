"""The gateway speaks to its backends and to nobody else, whatever a caller or a backend says."""

from __future__ import annotations

from collections.abc import Callable

from tests.gateway_hooks.gateway.conftest import RecordingBackend
from tests.gateway_hooks.gateway.security.conftest import (
    BACKENDS_KEY,
    CHAT,
    StartWhole,
)
from tests.gateway_hooks.gateway.security.raw import said

Recorders = Callable[[], RecordingBackend]


def test_nothing_that_a_caller_sends_is_connected_to(
    start_whole: StartWhole, start_recorder: Recorders
) -> None:
    """Neither path nor host nor a header nor an address in the body."""
    backend, victim = start_recorder(), start_recorder()
    gateway = start_whole(backend.url)
    host = victim.url.removeprefix("http://")
    key = gateway.made["large"]
    body = {
        "messages": [
            {
                "role": "user",
                "content": [{"type": "image_url", "image_url": {"url": f"{victim.url}/i.png"}}],
            }
        ],
        "data_sources": [{"type": "azure_search", "parameters": {"endpoint": victim.url}}],
        "tools": [{"type": "mcp", "server_url": victim.url}],
        "operation-location": victim.url,
    }
    headers = {
        "forwarded": f"host={host}",
        "host": host,
        "location": victim.url,
        "operation-location": victim.url,
        "x-forwarded-host": host,
        "x-forwarded-server": host,
        "x-original-url": victim.url,
        "x-ms-region": host,
    }
    assert gateway.post(CHAT, key="large", headers=headers, json=body).status_code == 200
    targets = (
        f"{victim.url}/openai/v1/models",
        f"//{host}/openai/v1/models",
        f"/@{host}/openai/v1/models",
        f"/openai/v1/models?url={victim.url}#@{host}",
        f"@{host}/openai/v1/models",
        f":80@{host}/",
        f".{host}/x",
        f"/\\{host}/x",
    )
    for target in targets:
        said(
            gateway.url,
            f"GET {target} HTTP/1.1\r\nhost: {host}\r\napi-key: {key}\r\n"
            "connection: close\r\n\r\n".encode(),
        )
    assert victim.seen == []
    assert {seen.headers["host"] for seen in backend.seen} == {backend.url.removeprefix("http://")}


def test_redirects_are_passed_on_and_not_followed(
    start_whole: StartWhole, start_recorder: Recorders
) -> None:
    """The backend's key would go to whoever a backend names; links to it lead to the gateway."""
    backend, victim = start_recorder(), start_recorder()
    gateway = start_whole(backend.url)
    for backend.status in (301, 302, 303, 307, 308, 202):
        for location in (f"{victim.url}/steal", f"{backend.url}@elsewhere.example/x"):
            backend.headers = [
                (b"location", location.encode()),
                (b"operation-location", location.encode()),
                (b"refresh", f"0; url={victim.url}".encode()),
            ]
            answer = gateway.post(CHAT, json={})
            assert (answer.status_code, answer.headers["location"]) == (backend.status, location)
            assert BACKENDS_KEY not in str(answer.headers)
        backend.headers = [(b"location", f"{backend.url}/openai/v1/x?y".encode())]
        answer = gateway.post(CHAT, json={})
        assert answer.headers["location"] == f"{gateway.url}/openai/v1/x?y"
    assert victim.seen == []
    assert len(backend.seen) == 6 * 3
