"""Whatever a caller sends: an answer in Azure's form, one event, and no text of it anywhere."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gatemeter.simulator import RunningSimulator
from tests.gateway_hooks.gateway.security.conftest import BACKENDS_KEY, StartWhole, Whole
from tests.gateway_hooks.gateway.security.description import described

EXAMPLES = 12
OWN = ("/health/", "/metrics", "/gateway/")
MARK = "text-that-is-nobodys-business"
REST = """
[content_safety]
endpoint = '{url}'
key_env = 'SAFETY_KEY'
timeout_ms = 10_000
[[limits]]
name = "each"
per = ["key"]
tokens_per_minute = 100_000_000
concurrent_requests = 50
"""
LIMITED = settings(
    max_examples=EXAMPLES,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture
def gateway(start_whole: StartWhole, start_simulator: Callable[..., RunningSimulator]) -> Whole:
    """All policies, in front of the simulator, which plays Content Safety as well."""
    backend: Any = start_simulator(keys=frozenset({BACKENDS_KEY, "safety-key"}))
    return start_whole(backend.url, REST.format(url=backend.url))


def operations() -> list[Any]:
    """All that is described."""
    schema: Any = schemathesis.openapi.from_dict(described())
    return [found.ok() for found in schema.get_all_operations()]


OPERATIONS = operations()


@pytest.mark.parametrize("mode", list(schemathesis.GenerationMode), ids=str)
def test_requests_by_the_description_and_against_it(
    gateway: Whole, mode: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """No error of the gateway's own, no traceback; each request but the gateway's own one event."""
    caplog.set_level(logging.INFO)
    caplog.set_level(logging.WARNING, "httpx")
    sent = 0
    for operation in OPERATIONS:
        if mode.is_negative and operation.method == "get":
            continue  # nothing can be wrong with a text in a path
        callers = st.sampled_from(["small", "large", "nobody"])

        @LIMITED
        @given(operation.as_strategy(generation_mode=mode), callers)
        def answers(case: Any, caller: str) -> None:
            nonlocal sent
            request = as_request(gateway, case, caller)
            answer = gateway.client.send(request)
            check(answer)
            sent += not request.url.path.startswith(OWN)

        answers()
    said_nothing_of_it(gateway, caplog, sent)


def as_request(gateway: Whole, case: Any, caller: str) -> httpx.Request:
    """A made-up request with a caller's key."""
    prepared = case.as_transport_kwargs(base_url=gateway.url)
    body = prepared.get("json", schemathesis_body(prepared))
    key = gateway.made.get(caller, "gm_" + "x" * 43)
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return gateway.client.build_request(
        prepared["method"],
        prepared["url"],
        params=prepared.get("params"),
        headers={"content-type": "application/json", "api-key": key, "x-mark": MARK},
        content=content if prepared["method"] != "GET" else b"",
    )


def schemathesis_body(prepared: dict[str, Any]) -> bytes:
    """A body that is no JSON."""
    data = prepared.get("data")
    return data if isinstance(data, bytes) else str(data or "").encode()


def check(answer: httpx.Response) -> None:
    """What holds for every answer."""
    assert answer.status_code not in {500, 502, 504}, answer.text
    assert "Traceback" not in answer.text
    if answer.is_error and answer.headers.get("content-type", "").startswith("text/plain"):
        assert answer.text == "Invalid HTTP request received."
    elif answer.is_error:
        assert {"code", "message"} <= answer.json()["error"].keys()


def said_nothing_of_it(gateway: Whole, caplog: pytest.LogCaptureFixture, sent: int) -> None:
    """Each request has its event, and neither events nor logs have keys or what callers said."""
    assert len(gateway.wait_for_events(sent)) == sent
    kept = b"".join(gateway.sink.lines).decode() + caplog.text
    for secret in (MARK, BACKENDS_KEY, "safety-key", *gateway.made.values()):
        assert secret not in kept
    assert "Traceback" not in caplog.text
    assert "multipart" not in caplog.text


@LIMITED
@given(st.data())
def test_description_covers_what_is_served(data: st.DataObject) -> None:
    """Every described operation can be made a request of."""
    operation = data.draw(st.sampled_from(OPERATIONS))
    case = data.draw(operation.as_strategy())
    assert case.as_transport_kwargs(base_url="http://gateway")["url"].startswith("http://gateway/")


def test_any_bytes_as_a_body(gateway: Whole, caplog: pytest.LogCaptureFixture) -> None:
    """What is no JSON, or nearly; with any content type."""
    sent = 0
    nearly = st.builds(
        lambda start, end: start + MARK.encode() + end,
        st.sampled_from([b'{"messages": [{"role": "user", "content": "', b"{", b"", b"--b"]),
        st.sampled_from([b'"}]}', b'"}', b"", b'"}]}}', b"\xff"]) | st.binary(max_size=40),
    )
    types = st.sampled_from(
        ["application/json", "multipart/form-data; boundary=b", "text/plain", "", "x" * 300]
    )
    paths = st.sampled_from(
        [
            "/openai/v1/chat/completions",
            "/openai/deployments/gpt-4o-mini/chat/completions",
            "/openai/deployments/gpt-4o-mini/audio/transcriptions",
            "/openai/v1/responses",
            "/openai/v1/images/edits",
            "/openai/v1/files",
        ]
    )

    @settings(LIMITED, max_examples=80)
    @given(nearly, types, paths, st.sampled_from(["small", "large"]))
    def answers(body: bytes, content_type: str, path: str, caller: str) -> None:
        nonlocal sent
        sent += 1
        check(gateway.post(path, key=caller, content=body, headers={"content-type": content_type}))

    answers()
    said_nothing_of_it(gateway, caplog, sent)
