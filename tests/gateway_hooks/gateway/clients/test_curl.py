"""curl, the program, against the whole gateway."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.gateway_hooks.audio_samples import wav
from tests.gateway_hooks.gateway.clients.metered import assert_metered
from tests.gateway_hooks.gateway.clients.wire import assert_unchanged, since
from tests.servers import missing

QUERY = "?api-version=2024-10-21"
CHAT = f"/openai/deployments/gpt-4o/chat/completions{QUERY}"


@pytest.fixture(autouse=True)
def _curl() -> None:
    """The program is there."""
    if shutil.which("curl") is None:
        missing("curl", "apt-get install curl")


def curl(gateway: Any, path: str, *options: str, answers: int = 1) -> tuple[str, bytes]:
    """Call the gateway; the heads of the answers and the last one's body. All is unchanged."""
    before = len(gateway.sink.lines)
    with since(gateway.outside, gateway.inside) as (outside, inside):
        done = subprocess.run(
            ["curl", "-sS", "-D", "-", "-H", f"api-key: {gateway.key}", *options,
             gateway.url + path],
            capture_output=True, check=True, timeout=30,
        )  # fmt: skip
    assert len(outside) == answers
    assert_unchanged(outside, inside)
    assert_metered(gateway, before, outside)
    heads, _, body = done.stdout.rpartition(b"\r\n\r\n")
    return heads.decode(), body


def question(**more: Any) -> str:
    """A chat's body."""
    return json.dumps({"messages": [{"role": "user", "content": "hi there"}], **more})


JSON = ("-H", "content-type: application/json")


def test_a_stream_comes_as_it_is(gateway: Any) -> None:
    """With -N curl prints each event when it arrives."""
    head, body = curl(gateway, CHAT, "-N", *JSON, "-d", question(stream=True))
    assert "text/event-stream" in head
    assert "transfer-encoding: chunked" in head.lower()
    assert body.endswith(b"data: [DONE]\n\n")


def test_an_upload_in_parts(gateway: Any, tmp_path: Path) -> None:
    """-F sends a form with a file."""
    sound = tmp_path / "talk.wav"
    sound.write_bytes(wav(2))
    path = f"/openai/deployments/whisper/audio/transcriptions{QUERY}"
    _, body = curl(gateway, path, "-F", f"file=@{sound}", "-F", "response_format=verbose_json")
    assert json.loads(body)["duration"] == pytest.approx(2)


def test_http_1_0(gateway: Any) -> None:
    """The oldest callers: the end of the connection is the end of a stream."""
    head, body = curl(gateway, CHAT, "-0", *JSON, "-d", question())
    assert json.loads(body)["usage"]
    head, body = curl(gateway, CHAT, "-0", "-N", *JSON, "-d", question(stream=True))
    assert "transfer-encoding" not in head.lower()
    assert body.endswith(b"data: [DONE]\n\n")


def test_a_large_body_that_waits_to_be_asked_for(gateway: Any, tmp_path: Path) -> None:
    """Expect: 100-continue, with a picture of two megabytes."""
    picture = "data:image/png;base64," + "A" * (2 << 20)
    content = [{"type": "image_url", "image_url": {"url": picture, "detail": "low"}}]
    file = tmp_path / "body.json"
    file.write_text(json.dumps({"messages": [{"role": "user", "content": content}]}))
    head, body = curl(
        gateway, CHAT, *JSON, "-H", "Expect: 100-continue", "--expect100-timeout", "20",
        "--data-binary", f"@{file}",
    )  # fmt: skip
    assert "100 Continue" in head
    assert json.loads(body)["usage"]


def test_a_body_in_chunks(gateway: Any) -> None:
    """Without a length."""
    _, body = curl(gateway, CHAT, *JSON, "-H", "Transfer-Encoding: chunked", "-d", question())
    assert json.loads(body)["usage"]


def test_two_requests_on_one_connection(gateway: Any) -> None:
    """The program keeps the connection and uses it again."""
    head, body = curl(
        gateway, CHAT, *JSON, "-w", "%{num_connects}\n", "-d", question(), gateway.url + CHAT,
        answers=2,
    )  # fmt: skip
    assert head.count("200 OK") == 2
    assert body.endswith(b"0\n")


def test_compressed(gateway: Any) -> None:
    """--compressed asks for gzip and the like; an answer without is as good."""
    _, body = curl(gateway, CHAT, "--compressed", *JSON, "-d", question())
    assert json.loads(body)["usage"]


def test_the_other_ways_to_give_a_key(gateway: Any) -> None:
    """As a bearer, as API Management's header, and in the query."""
    for given in (
        ["-H", f"authorization: Bearer {gateway.key}"],
        ["-H", f"Ocp-Apim-Subscription-Key: {gateway.key}"],
        [],
    ):
        place = gateway.url + CHAT + ("" if given else f"&subscription-key={gateway.key}")
        done = subprocess.run(
            ["curl", "-sS", *given, *JSON, "-d", question(), place],
            capture_output=True, check=True, timeout=30,
        )  # fmt: skip
        assert json.loads(done.stdout)["usage"], given


def test_head_and_options_are_answered(gateway: Any) -> None:
    """A browser gets the backend's word; of stored completions, which HEAD asks, nobody's."""
    for options, status in ((["-I"], b"403"), (["-X", "OPTIONS"], b"404")):
        done = subprocess.run(
            ["curl", "-sS", "-o", "-", "-w", "%{http_code}", *options, "-H",
             f"api-key: {gateway.key}", gateway.url + CHAT],
            capture_output=True, check=True, timeout=30,
        )  # fmt: skip
        assert done.stdout.endswith(status), options
