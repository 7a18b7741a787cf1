"""The texts of an answer: of a whole one, and of a stream frame by frame.

A stream of the responses API repeats at the end of each part what it said in pieces. That has been
checked by then and is not counted again; a repetition that says something else is.
"""

from __future__ import annotations

from typing import Any, Final

from gateway_hooks.gateway.content_safety.collect import Place, TooDeep, collect
from gateway_hooks.reading import wire
from gateway_hooks.reading.sse import data_lines

DONE: Final = b"[DONE]"
_FIELDS: Final = frozenset(
    {
        "message",
        "messages",
        "delta",
        "text",
        "output",
        "outputs",
        "logs",
        "content",
        "summary",
        "refusal",
        "reasoning",
        "reasoning_content",
        "tool_calls",
        "function_call",
        "function",
        "custom",
        "arguments",
        "input",
        "code",
        "audio",
        "transcript",
        "response",
        "item",
        "part",
    }
)
_SOUND: Final = frozenset({"response.audio.delta", "speech.audio.delta"})
_MOST_REMEMBERED: Final = 4 << 20

Texts = list[tuple[Place, str]]


class UnreadableAnswer(Exception):
    """An answer may have text that cannot be found here."""


def whole_texts(payload: object) -> list[str]:
    """What was generated, of an answer in one piece.

    Raises:
        UnreadableAnswer: it is no answer that is known.
    """
    if not isinstance(payload, dict):
        raise UnreadableAnswer
    try:
        found = collect(payload.get("choices"), _FIELDS) + collect(payload.get("output"), _FIELDS)
    except TooDeep:
        raise UnreadableAnswer from None
    return [text for _, text in found]


def frame_events(frame: bytes) -> list[object]:
    """The decoded events of a frame; bytes where an event is no JSON."""
    lines = data_lines(frame)
    if len(lines) > 1:
        whole = wire.decode(b"\n".join(lines), wire.any_json)
        if isinstance(whole, dict):
            return [whole]
    return [_decoded(line) for line in lines if line.strip()]


def _decoded(line: bytes) -> object:
    if line.strip() == DONE:
        return DONE
    event = wire.decode(line, wire.any_json)
    return line if event is None else event


class StreamTexts:
    """Reads the events of one stream; remembers what was said, to know it when it is repeated."""

    def __init__(self) -> None:
        self._said: dict[Place, list[str]] = {}
        self._characters = 0

    def new(self, event: object) -> Texts:
        """What an event says that was not said before.

        Raises:
            UnreadableAnswer: it cannot be looked through.
        """
        if event == DONE:
            return []
        if isinstance(event, bytes):
            return [(("raw",), event.decode("utf-8", "replace"))]
        try:
            return self._new(event)
        except TooDeep:
            raise UnreadableAnswer from None

    def _new(self, event: object) -> Texts:
        fields = wire.as_dict(event)
        kind = fields.get("type")
        if "choices" in fields or not isinstance(kind, str):
            return collect(fields.get("choices"), _FIELDS) + self._unknown(fields, event)
        if kind in _SOUND:
            return []
        if kind.endswith(".delta"):
            return self._said_now(self._delta(kind, fields))
        repeated = {"".join(pieces) for pieces in self._said.values()}
        return [one for one in collect(fields, _FIELDS) if one[1] not in repeated]

    def _unknown(self, fields: dict[Any, Any], event: object) -> Texts:
        """Texts of an event that is neither a chunk nor typed."""
        return [] if "choices" in fields else collect(event, _FIELDS)

    def _delta(self, kind: str, fields: dict[Any, Any]) -> Texts:
        names = ("item_id", "output_index", "content_index", "summary_index")
        place = (kind, *(str(fields.get(name)) for name in names))
        return [((*place, *inner), text) for inner, text in collect(fields.get("delta"), _FIELDS)]

    def _said_now(self, texts: Texts) -> Texts:
        for place, text in texts:
            self._characters += len(text)
            if self._characters <= _MOST_REMEMBERED:
                self._said.setdefault(place, []).append(text)
        return texts
