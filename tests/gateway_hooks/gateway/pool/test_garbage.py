"""What is no answer of a model, whatever its status says."""

from __future__ import annotations

import pytest

from gateway_hooks.gateway.pool.garbage import is_garbage
from gateway_hooks.reading.operations import recognise
from tests.gateway_hooks.fakes import CHAT_PATH, chat_answer

CHAT = recognise("POST", CHAT_PATH, "")


def judged(
    kind: str, head: bytes, headers: dict[str, str] | None = None, *, whole: bool = True
) -> bool:
    """Whether an answer to a chat request is garbage."""
    return is_garbage(CHAT, {"content-type": kind, **(headers or {})}, head, whole=whole)


@pytest.mark.parametrize(
    ("kind", "head"),
    [
        ("text/html; charset=utf-8", b"<html>Please sign in</html>"),
        ("TEXT/HTML", b""),
        ("application/xhtml+xml", b"<html/>"),
        ("application/json", chat_answer()[:-1]),
        ("application/json", b"<html>"),
        ("application/json; charset=utf-8", b"null}"),
        ("text/event-stream", b"<html>"),
        ("text/event-stream", b'{"error": {}}'),
    ],
)
def test_nonsense_is_told(kind: str, head: bytes) -> None:
    """A sign-in page, half a JSON text and a stream that is none go to no caller."""
    assert judged(kind, head)


@pytest.mark.parametrize(
    ("kind", "head"),
    [
        ("application/json", chat_answer()),
        ("application/json", b""),
        ("application/json", b'\xef\xbb\xbf{"id": "a"}'),
        ("application/json", b'{"logprob": NaN, "worst": -Infinity}'),
        ("application/json", b'{"text": "half an emoji \\ud83d"}'),
        ("text/event-stream", b"data: {}\n\n"),
        ("text/event-stream", b"\r\n\r\nevent: x\n"),
        ("text/event-stream", b": ping\n"),
        ("text/event-stream", b"\xef\xbb\xbfdata: {}\n"),
        ("text/event-stream", b"da"),
        ("text/event-stream", b""),
        ("audio/mpeg", b"\xff\xfb"),
        ("", b"anything"),
    ],
)
def test_answers_are_not(kind: str, head: bytes) -> None:
    """What backends are known to send passes, also where it is not quite JSON."""
    assert not judged(kind, head)


def test_only_what_can_be_judged_is() -> None:
    """The beginning of a long text, what is compressed and unknown paths pass unjudged."""
    half = chat_answer()[:-1]
    assert not judged("application/json", half, whole=False)
    assert not judged("application/json", b"\x1f\x8b", {"content-encoding": "gzip"})
    unknown = recognise("GET", "/portal", "")
    assert not is_garbage(unknown, {"content-type": "text/html"}, b"<html>", whole=True)
