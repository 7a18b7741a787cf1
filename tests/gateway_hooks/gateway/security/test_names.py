"""A caller with a small key and the names in its requests: no spelling leads to another model."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.gateway_hooks.gateway.conftest import RecordingBackend
from tests.gateway_hooks.gateway.security.conftest import (
    BACKENDS_KEY,
    CHAT,
    V1_CHAT,
    StartWhole,
    Whole,
)
from tests.gateway_hooks.gateway.security.raw import said

SMALL, LARGE = "gpt-4o-mini", "gpt-4o"
BELOW = "/openai/deployments"
OTHER_MODEL = {"model": LARGE, "messages": []}


@pytest.fixture
def backend(start_recorder: Callable[[], RecordingBackend]) -> RecordingBackend:
    """Writes down what it gets."""
    started = start_recorder()
    started.headers = [(b"content-type", b"application/json")]
    return started


@pytest.fixture
def gateway(start_whole: StartWhole, backend: RecordingBackend) -> Whole:
    """The gateway before it."""
    return start_whole(backend.url)


PATHS = [
    f"{BELOW}/{LARGE}/chat/completions",
    f"{BELOW}/{SMALL}/../{LARGE}/chat/completions",
    f"{BELOW}/{SMALL}%2f..%2f{LARGE}/chat/completions",
    f"{BELOW}/{SMALL}%252f..%252f{LARGE}/chat/completions",
    f"{BELOW}/{SMALL};/../{LARGE}/chat/completions",
    f"{BELOW}/{SMALL}%00/chat/completions",
    f"{BELOW}/{SMALL}./chat/completions",
    f"{BELOW}//{SMALL}/chat/completions",
    f"{BELOW}/{SMALL}%ef%bc%8f{LARGE}/chat/completions",
    f"{BELOW}/{SMALL}%c0%af{LARGE}/chat/completions",
    f"{BELOW}/{SMALL}/deployments/{LARGE}/chat/completions",
    f"{BELOW}/gpt-4%6F/chat/completions",
    f"{BELOW}/GPT-4O/Chat/Completions",
    f"/deployments/{SMALL}/openai/v1/chat/completions",
    f"/openai/v1/chat/completions/deployments/{SMALL}",
    f"/openai/deployments/{SMALL}/openai/v1/chat/completions",
    f"/openai/deployments/{SMALL}/v1/chat/completions",
    V1_CHAT,
    f"{V1_CHAT}/",
    f"{V1_CHAT}?model={SMALL}&deployment={SMALL}",
]


def test_no_path_leads_to_another_deployment(gateway: Whole, backend: RecordingBackend) -> None:
    """Refused, and told in Azure's form, whichever of two readings a backend would have."""
    key = gateway.made["small"].encode()
    body = json.dumps(OTHER_MODEL).encode()
    absolute = ["http://elsewhere.example" + path for path in PATHS]
    for target in (path.encode() for path in PATHS + absolute):
        text = said(
            gateway.url,
            b"POST %s HTTP/1.1\r\nhost: g\r\napi-key: %s\r\ncontent-length: %d\r\n"
            b"connection: close\r\n\r\n%s" % (target, key, len(body), body),
        )
        assert text[9:12] in {b"400", b"403", b"404"}, text
        assert json.loads(text.partition(b"\r\n\r\n")[2])["error"]["message"]
    assert backend.seen == []


BODIES = [
    b'{"model": "gpt-4o", "model": "gpt-4o-mini"}',
    b'{"model": "gpt-4o-mini", "MODEL": "gpt-4o"}',
    b'{"model": "gpt-4o-mini", "mode\\u006c": "gpt-4o"}',
    b'\xef\xbb\xbf{"model": "gpt-4o"}',
    '{"model": "gpt-4o"}'.encode("utf-16"),
    b'{"model": "gpt-4o-mini", "t": NaN}',
    b'{"model": "gpt-4o-mini", "a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    b'{"model": "gpt-4o-mini", "mo\xffdel": "gpt-4o"}',
    b'{"model": ["gpt-4o-mini"]}',
    b'{"model": null}',
    b'{"model": 1e999}',
    b"",
]


def test_no_body_leads_to_another_model(gateway: Whole, backend: RecordingBackend) -> None:
    """What two readers could read differently is refused, also in a chunked body with trailers."""
    head = b"POST %s HTTP/1.1\r\nhost: g\r\napi-key: %s\r\ntransfer-encoding: chunked\r\n" % (
        V1_CHAT.encode(),
        gateway.made["small"].encode(),
    )
    for body in BODIES:
        assert gateway.post(V1_CHAT, content=body).status_code in {400, 403}, body[:99]
        text = said(
            gateway.url,
            head
            + b"trailer: content-type\r\nconnection: close\r\n\r\n"
            + chunk(body)
            + b"0\r\ncontent-type: text/plain\r\n\r\n",
        )
        assert text[9:12] in {b"400", b"403"}, body[:99]
    assert backend.seen == []


def chunk(body: bytes) -> bytes:
    """A body in one chunk."""
    return b"%x\r\n%s\r\n" % (len(body), body) if body else b""


OF_FILES = [
    "batches",
    "files",
    "threads/runs",
    "assistants",
    "fine_tuning/jobs",
    "evals",
    "containers",
]


def test_a_model_in_the_body_opens_no_operation_on_files(
    gateway: Whole, backend: RecordingBackend
) -> None:
    """A batch uses the models that its file names, whatever stands beside the file's id."""
    body = {"model": SMALL, "input_file_id": "file-1"}
    prefixes = ("/openai/v1/", "/openai/", f"/deployments/{SMALL}/openai/v1/")
    for path in (before + name for before in prefixes for name in OF_FILES):
        for method in ("POST", "PUT", "PATCH", "GET"):
            assert gateway.post(path, method=method, json=body).status_code == 403, path
    assert backend.seen == []


PAST_THE_GATEWAY = [
    "/openai/v1/realtime/client_secrets",
    "/openai/v1/realtime/sessions",
    "/openai/v1/realtime/calls",
    "/openai/realtimeapi/sessions",
    f"/openai/deployments/{SMALL}/realtime/sessions",
]


def test_nobody_gets_a_way_past_the_gateway(gateway: Whole, backend: RecordingBackend) -> None:
    """A key for the backend itself would know no limits; also not for who may call everything."""
    body = {"model": SMALL, "session": {"model": SMALL}}
    for path in PAST_THE_GATEWAY:
        for caller in ("small", "large"):
            assert gateway.post(path, key=caller, json=body).status_code == 403, path
    assert backend.seen == []


def test_what_is_stored_is_neither_listed_nor_guessed(
    gateway: Whole, backend: RecordingBackend
) -> None:
    """Somebody else's item looks like nobody's, in every shape that a request names it in."""
    backend.body = b'{"id": "resp_0123456789abcdef", "object": "response"}'
    made = "resp_0123456789abcdef"
    asked = {"model": SMALL, "input": "hi"}
    assert gateway.post("/openai/v1/responses", key="other", json=asked).status_code == 200
    assert gateway.post(f"/openai/v1/responses/{made}", key="other", method="GET").is_success
    backend.seen.clear()
    answers = []
    for known in (made, "resp_nobodys0000000"):
        for path in (f"responses/{known}", f"RESPONSES/{known}/", f"responses/{known}/input_items",
                     f"conversations/{known}", f"chat/completions/{known}",
                     f"chat/completions/{known}/messages"):  # fmt: skip
            answers += [
                gateway.post(f"/openai/v1/{path}", key=caller, method=method)
                for caller in ("small", "large")
                for method in ("GET", "DELETE")
            ]
        for reference in (
            {"previous_response_id": known},
            {"conversation": known},
            {"conversation": {"id": known}},
        ):
            answers.append(gateway.post("/openai/v1/responses", json={**asked, **reference}))
        answers.append(gateway.post(f"/openai/v1/responses/{known}/cancel", json={}))
    assert {answer.status_code for answer in answers} == {404}
    assert len({answer.text for answer in answers}) == 1
    for path in ("responses", "conversations", "chat/completions"):
        for caller in ("small", "large"):
            answer = gateway.post(f"/openai/v1/{path}", key=caller, method="GET")
            assert answer.status_code == 403
    for body in ({"conversation": {"ID": made, "id": "x"}}, {"previous_response_id": [made]}):
        assert gateway.post("/openai/v1/responses", json={**asked, **body}).status_code == 400
    assert backend.seen == []


def test_headers_change_neither_method_nor_path_nor_key(
    gateway: Whole, backend: RecordingBackend
) -> None:
    """What some servers take for the request line stays here; no caller takes the key away."""
    misleading = {
        "x-http-method-override": "POST",
        "x-http-method": "POST",
        "x-method-override": "POST",
        "x-original-url": f"{BELOW}/{LARGE}/chat/completions",
        "x-rewrite-url": f"{BELOW}/{LARGE}/chat/completions",
        "connection": "api-key, host, content-length, content-type",
        "proxy-authorization": "Basic eDp5",
        "host": "elsewhere.example",
    }
    assert gateway.post(headers=misleading, json={}).status_code == 200
    (seen,) = backend.seen
    assert not misleading.keys() & seen.headers.keys() - {"connection", "host"}
    assert seen.headers["api-key"] == BACKENDS_KEY
    assert seen.headers["host"] == backend.url.removeprefix("http://")
    assert gateway.made["small"] not in repr(seen)


def test_no_method_makes_a_backend_tell_its_key(gateway: Whole, backend: RecordingBackend) -> None:
    """TRACE answers with the request as it arrived, with the gateway's key in it."""
    for method in ("TRACE", "PROPFIND", "PURGE"):
        assert gateway.post(method=method).status_code == 405
    line = b"CONNECT elsewhere.example:443 HTTP/1.1\r\nhost: g\r\nconnection: close\r\n\r\n"
    assert said(gateway.url, line)[9:12] in {b"400", b"401"}
    assert backend.seen == []


def test_wrong_keys_learn_nothing(gateway: Whole, backend: RecordingBackend) -> None:
    """One answer to all of them; after some the address waits, and who has a key does not."""
    tried: list[dict[str, Any]] = [
        {"api-key": "gm_" + "a" * 43},
        {"api-key": gateway.made["small"][:-1]},
        {"api-key": gateway.made["small"].upper()},
        {"api-key": BACKENDS_KEY},
        {"authorization": "Bearer eyJhbGciOiJub25lIn0.e30."},
        {"api-key": gateway.made["small"], "authorization": "Bearer " + gateway.made["large"]},
    ]
    answers = [gateway.post(headers=headers) for headers in tried]
    assert {(answer.status_code, answer.text) for answer in answers} == {(401, answers[0].text)}
    for _ in range(30):
        last = gateway.post(headers=tried[0])
    assert last.status_code == 429
    assert gateway.post(json={}).status_code == 200
    assert len(backend.seen) == 1
    assert len(gateway.wait_for_events(37)) == 37
    assert CHAT.split("?")[0] == backend.seen[0].target.split("?")[0]
