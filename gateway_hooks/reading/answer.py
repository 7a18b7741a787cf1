"""Reading an answer while it passes: one reader for JSON, event streams, text and audio."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from gateway_hooks.reading.answer_facts import AnswerFacts
from gateway_hooks.reading.body import read_body
from gateway_hooks.reading.decompress import Undecodable, decompressor
from gateway_hooks.reading.events import StreamReader
from gateway_hooks.reading.findings import Findings
from gateway_hooks.reading.salvage import TAIL_BYTES, last_usage

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway_hooks.reading.operations import Call
    from gateway_hooks.reading.request import RequestFacts

__all__ = ["AnswerFacts", "AnswerReader", "answer_reader"]

_MEDIA_TYPES: Final = ("audio/", "image/", "video/", "application/octet-stream")
_EVENT_STARTS: Final = (b"data:", b"event:", b"id:", b"retry:", b":")
_LONGEST_START: Final = max(map(len, _EVENT_STARTS))
_DIGITS: Final = re.compile(r"\d{1,15}", re.ASCII)
_MAX_ERROR_BYTES: Final = 1 << 20
_NO_CONTENT: Final = 204
_BOM: Final = b"\xef\xbb\xbf"


class AnswerReader:
    """Takes an answer's bytes as they pass and says what was in them; never raises.

    `saw_content` and `ended` may be asked after each chunk.
    """

    def __init__(self, findings: Findings, headers: Mapping[str, str], max_bytes: int) -> None:
        self._findings = findings
        self._content_type = headers.get("content-type", "").strip().lower()
        self._content_length = _length(headers.get("content-length", ""))
        encoding = headers.get("content-encoding", "")
        self._is_plain = encoding in {"", "identity"}
        self._unpack = decompressor(encoding)
        self._max_bytes = max_bytes
        self._received_bytes = 0
        self._body: _JsonBody | StreamReader | _Opaque | None = None
        self._head = b""
        self._tail = b""
        if self._unpack is None:
            findings.unreadable = True

    @property
    def saw_content(self) -> bool:
        """Whether the first chunk with something generated has passed."""
        return self._findings.saw_content

    @property
    def _is_empty(self) -> bool:
        """Whether the answer says itself that it has nothing in it."""
        return self._findings.status_code == _NO_CONTENT or self._content_length == 0

    @property
    def ended(self) -> bool:
        """Whether the answer said that it is over; nothing that counts comes after."""
        return self._findings.ended

    def feed(self, chunk: bytes) -> None:
        """Take the next bytes of the body, as they come from the backend."""
        if not chunk:
            return
        self._received_bytes += len(chunk)
        if not self._findings.unreadable:
            self._unpack_and_read(chunk)
        if self._findings.unreadable:
            self._body = None
            self._findings.saw_content = self._findings.succeeded
            self._keep_tail(chunk)
        if self._content_length is not None and self._received_bytes >= self._content_length:
            self._findings.ended = True

    def finish(self) -> AnswerFacts:
        """What was read, when the body ended or was cut; the reader is of no use after."""
        findings = self._findings
        if self._body is None and self._head and not findings.unreadable:
            self._start(self._head, at_end=True)
        if self._body is not None:
            self._body.finish()
        if self._tail:
            findings.usage(last_usage(self._tail))
        if self._is_empty and findings.succeeded and findings.call.reads_usage:
            findings.error({"code": "empty_answer"})
        if isinstance(self._body, _Opaque) or findings.unreadable:
            findings.complete = self._content_length in {None, self._received_bytes}
        return findings.facts()

    def _keep_tail(self, chunk: bytes) -> None:
        """Usage stands at the end of an answer: the end of one too long to be kept is enough."""
        if self._is_plain and self._findings.succeeded and self._findings.call.reads_usage:
            self._tail = (self._tail + chunk)[-TAIL_BYTES:]

    def _unpack_and_read(self, chunk: bytes) -> None:
        if self._unpack is None:
            return
        try:
            for piece in self._unpack.feed(chunk):
                self._read(piece)
                if self._findings.unreadable:
                    return
        except Undecodable:
            self._findings.unreadable = True

    def _read(self, data: bytes) -> None:
        if self._body is None:
            self._start(self._head + data, at_end=False)
        else:
            self._body.feed(data)

    def _start(self, head: bytes, *, at_end: bool) -> None:
        """Choose how to read the body by its type and its first bytes."""
        first = head.removeprefix(_BOM).lstrip()
        if not first or (self._is_unclear(first) and not at_end):
            self._head = head
            return
        self._head = b""
        self._body = self._choose(first)
        self._body.feed(first)

    def _is_unclear(self, first: bytes) -> bool:
        return len(first) < _LONGEST_START and any(
            start.startswith(first) for start in (_BOM, *_EVENT_STARTS)
        )

    def _choose(self, first: bytes) -> _JsonBody | StreamReader | _Opaque:
        findings = self._findings
        if findings.succeeded and not findings.call.reads_usage:
            return _Opaque(findings)
        if findings.call.operation == "speech" and self._content_type.startswith(_MEDIA_TYPES):
            return _Opaque(findings)
        if first.startswith(b"<") and self._content_type.startswith("text/html"):
            return _WebPage(findings)
        if first[:1] in {b"{", b"["}:
            return _JsonBody(findings, self._max_bytes)
        if self._content_type.startswith("text/event-stream") or (
            findings.request.stream and first.startswith(_EVENT_STARTS)
        ):
            return StreamReader(findings, self._max_bytes)
        return _Opaque(findings)


class _JsonBody:
    """Keeps the body until it is whole: JSON cannot be read before."""

    def __init__(self, findings: Findings, max_bytes: int) -> None:
        self._findings = findings
        self._max_bytes = max_bytes if findings.succeeded else min(max_bytes, _MAX_ERROR_BYTES)
        self._chunks: list[bytes] = []
        self._held_bytes = 0

    def feed(self, data: bytes) -> None:
        """Keep a chunk, or give up on a body that is too long."""
        self._findings.saw_content = self._findings.succeeded
        self._held_bytes += len(data)
        if self._held_bytes > self._max_bytes:
            self._findings.unreadable = True
            self._chunks.clear()
        else:
            self._chunks.append(data)

    def finish(self) -> None:
        """Read the body."""
        read_body(self._findings, b"".join(self._chunks))


class _Opaque:
    """Audio, subtitles: passes, and says only that something came."""

    def __init__(self, findings: Findings) -> None:
        self._findings = findings

    def feed(self, data: bytes) -> None:  # noqa: ARG002 - the same signature for every body
        """Note that something came."""
        self._findings.saw_content = self._findings.succeeded

    def finish(self) -> None:
        """Nothing is left to read."""


class _WebPage(_Opaque):
    """A proxy's page instead of an answer, with whatever status: no model was asked."""

    def feed(self, data: bytes) -> None:
        """Nothing of it was generated."""

    def finish(self) -> None:
        """Say what it was."""
        self._findings.error({"code": "web_page"})


def _length(text: str) -> int | None:
    return int(text) if _DIGITS.fullmatch(text) else None


def answer_reader(
    call: Call,
    status_code: int,
    headers: Mapping[str, str],
    request: RequestFacts,
    max_bytes: int,
) -> AnswerReader:
    """The reader for one answer.

    Args:
        call: what `recognise` made of the request line.
        status_code: the answer's.
        headers: the answer's, names in lower case.
        request: what `read_request` made of the request's body.
        max_bytes: the most that is held in memory; a longer answer is `unreadable`.
    """
    findings = Findings(call, status_code, headers, request, max_bytes)
    return AnswerReader(findings, headers, max_bytes)
