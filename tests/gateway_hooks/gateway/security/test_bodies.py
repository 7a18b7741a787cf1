"""Bodies that only the backend could read, and texts that a check would not see."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Callable
from typing import Any

import pytest

from gatemeter.simulator import BLOCKED_PROMPT, RunningSimulator
from tests.gateway_hooks.gateway.conftest import RecordingBackend
from tests.gateway_hooks.gateway.security.conftest import CHAT, V1_CHAT, StartWhole, Whole

SAFETY = """
[content_safety]
endpoint = '{url}'
key_env = 'SAFETY_KEY'
timeout_ms = 10_000
on_failure = '{mode}'
"""
BAD = json.dumps({"role": "user", "content": BLOCKED_PROMPT})
GOOD = json.dumps({"role": "user", "content": "hello"})


@pytest.fixture
def backend(start_recorder: Callable[[], RecordingBackend]) -> RecordingBackend:
    """Answers anything."""
    started = start_recorder()
    started.headers = [(b"content-type", b"application/json")]
    return started


@pytest.fixture
def gateway(
    start_whole: StartWhole,
    backend: RecordingBackend,
    start_simulator: Callable[..., RunningSimulator],
) -> Whole:
    """The gateway with Content Safety that lets pass what the service fails at."""
    service = start_simulator(keys=frozenset({"safety-key"}))
    return start_whole(backend.url, SAFETY.format(url=service.url, mode="open"))


def test_no_compressed_body_passes(gateway: Whole, backend: RecordingBackend) -> None:
    """Whatever it is compressed with, for every operation and caller; `identity` is none."""
    plain = json.dumps({"model": "gpt-4o-mini", "messages": []}).encode()
    packed = {
        "gzip": gzip.compress(plain),
        "GZip": gzip.compress(plain),
        "deflate": zlib.compress(plain),
        "identity, gzip": gzip.compress(plain),
        "br": b"x",
        "zstd": b"x",
        "x": plain,
    }
    for encoding, body in packed.items():
        for path in (CHAT, V1_CHAT, "/openai/v1/files", "/anything"):
            headers = {"content-encoding": encoding}
            for more in ({}, {"connection": "content-encoding"}):
                answer = gateway.post(path, key="large", headers=headers | more, content=body)
                assert answer.status_code == 415
                assert answer.json()["error"]["code"] == "UnsupportedMediaType"
    assert backend.seen == []
    decisions = [event["decisions"][0] for event in gateway.wait_for_events(len(packed) * 8)]
    assert {one["reason"] for one in decisions} == {"content_encoding"}
    headers = {"content-encoding": "identity"}
    assert gateway.post(CHAT, headers=headers, content=plain).status_code == 200


@pytest.mark.parametrize("key", ["small", "large"])
def test_no_text_slips_past_the_check(gateway: Whole, backend: RecordingBackend, key: str) -> None:
    """A second reading of the body is refused, also where failures of the service let pass."""
    bodies: list[bytes] = [
        f'{{"messages": [{BAD}]}}'.encode(),
        f'{{"messages": [{BAD}], "messages": [{GOOD}]}}'.encode(),
        f'{{"messages": [{GOOD}], "messages": [{BAD}]}}'.encode(),
        f'{{"messages": [{BAD[:-1]}, "content": "hi"}}]}}'.encode(),
        f'{{"messages": [{BAD[:-1]}, "c\\u006fntent": "hi"}}]}}'.encode(),
        f'{{"messages": [{BAD}]}}'.encode("utf-16"),
        f'{{"messages": [{BAD}]}}'.encode("utf-32-le"),
        b"\xef\xbb\xbf" + f'{{"messages": [{BAD}]}}'.encode(),
        f'{{"messages": [{BAD}], "t": NaN}}'.encode(),
        f'{{"messages": [{BAD}], "x": '.encode() + b"[" * 100_000 + b"]" * 100_000 + b"}",
        f'[{{"messages": [{BAD}]}}]'.encode(),
        f'{{"messages": [{BAD}]}} {{}}'.encode(),
        f'{{"messages": [{BAD.replace("-", chr(92) + "u002d")}]}}'.encode(),
    ]
    types: list[dict[str, Any]] = [
        {},
        {"content-type": "application/json; charset=utf-16"},
        {"content-type": "text/plain"},
        {"content-type": "multipart/form-data; boundary=b"},
    ]
    for body in bodies:
        for headers in types:
            answer = gateway.post(CHAT, key=key, content=body, headers=headers)
            assert answer.status_code == 400, body[:99]
            assert answer.json()["error"]["code"] in {
                "content_filter", "content_safety_unreadable"}  # fmt: skip
    assert backend.seen == []
    recorded = b"".join(gateway.sink.lines)
    assert BLOCKED_PROMPT.encode() not in recorded


def test_a_body_without_tricks_passes(gateway: Whole, backend: RecordingBackend) -> None:
    """The same name in two objects is no name given twice."""
    body = {"messages": [{"role": "user", "content": "a"}, {"role": "user", "content": "b"}]}
    assert gateway.post(CHAT, json=body).status_code == 200
    assert len(backend.seen) == 1
