"""Reading an answer while it passes: one reader for JSON, event streams, text and audio."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway_hooks import wire
from gateway_hooks.answer_facts import AnswerFacts
from gateway_hooks.usage import reported_usage

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway_hooks.operations import Call
    from gateway_hooks.request import RequestFacts

__all__ = ["AnswerFacts", "AnswerReader", "answer_reader"]


class AnswerReader:
    """Takes an answer's bytes as they pass and says what was in them; never raises."""

    def __init__(
        self,
        call: Call,
        status_code: int,
        headers: Mapping[str, str],
        request: RequestFacts,
        max_bytes: int,
    ) -> None:
        self.saw_content = False
        self.ended = False
        self._call = call
        self._status_code = status_code
        self._headers = headers
        self._request = request
        self._max_bytes = max_bytes
        self._buffer = bytearray()

    def feed(self, chunk: bytes) -> None:
        """Take the next bytes of the body."""
        self._buffer += chunk
        self.saw_content = self.saw_content or bool(chunk)

    def finish(self) -> AnswerFacts:
        """What was read, when the body ended or was cut; the reader is of no use after."""
        body = wire.as_dict(wire.decode(bytes(self._buffer), wire.any_json))
        return AnswerFacts(
            self._status_code,
            usage=reported_usage(self._call, body.get("usage")),
            response_id=wire.name(body.get("id")),
            response_model=wire.name(body.get("model")),
            complete=bool(body),
        )


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
    return AnswerReader(call, status_code, headers, request, max_bytes)
