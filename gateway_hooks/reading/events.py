"""The events of a streamed answer, each decoded once: chat chunks and typed events."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from gateway_hooks.reading import wire
from gateway_hooks.reading.body import read_image_facts, read_response_object
from gateway_hooks.reading.choices import ChoiceReader
from gateway_hooks.reading.sse import FrameSplitter, data_lines

if TYPE_CHECKING:
    from gateway_hooks.reading.findings import Findings

_DONE: Final = b"[DONE]"
_RESPONSE_ENDS: Final = frozenset(
    {"response.completed", "response.incomplete", "response.failed", "response.cancelled"}
)
_AUDIO_ENDS: Final = frozenset({"transcript.text.done", "speech.audio.done"})
_IMAGE_ENDS: Final = frozenset({"image_generation.completed", "image_edit.completed"})
_AUDIO_DELTAS: Final = frozenset({"response.audio.delta", "speech.audio.delta"})
_LONG_FRAME_BYTES: Final = 4096
_HEAD_BYTES: Final = 256
# Frames that hold nothing but a picture or sound: known by their head, not worth decoding.
_MEDIA_HEADS: Final = (b'.partial_image"', b".partial_image\n", b"audio.delta")


class StreamReader:
    """Reads server-sent events into findings, one frame at a time."""

    def __init__(self, findings: Findings, max_bytes: int) -> None:
        self._findings = findings
        self._max_bytes = max_bytes
        self._splitter = FrameSplitter()
        self._events = EventReader(findings)

    def feed(self, data: bytes) -> None:
        """Take the next bytes; a frame longer than `max_bytes` makes the rest unreadable."""
        for frame in self._splitter.feed(data):
            self._read_frame(frame)
        if self._splitter.held_bytes > self._max_bytes:
            self._findings.unreadable = True

    def finish(self) -> None:
        """The stream ended; its last frame may lack the blank line."""
        self._read_frame(self._splitter.rest())
        findings = self._findings
        findings.complete = findings.complete or findings.ended or findings.finished

    def _read_frame(self, frame: bytes) -> None:
        if len(frame) > _LONG_FRAME_BYTES and _is_media(frame[:_HEAD_BYTES]):
            self._findings.saw_content = True
            return
        lines = data_lines(frame)
        if not lines:
            return
        if len(lines) > 1:
            whole = wire.decode(b"\n".join(lines), wire.any_json)
            if isinstance(whole, dict):
                self._events.read(whole)
                return
        for line in lines:  # some gateways leave out the blank lines between their events
            if line.strip() == _DONE:
                self._findings.ended = True
            else:
                self._events.read(wire.decode(line, wire.any_json))


def _is_media(head: bytes) -> bool:
    return any(mark in head for mark in _MEDIA_HEADS)


class EventReader:
    """Reads decoded events into findings."""

    def __init__(self, findings: Findings) -> None:
        self._findings = findings
        self._choices = ChoiceReader(findings)

    def read(self, event: object) -> None:
        """Read one event; one that is no object or of no known shape is passed over."""
        if not isinstance(event, dict):
            return
        kind = event.get("type")
        if "choices" not in event and isinstance(kind, str):
            self._read_typed(kind, event)
        else:
            self._read_chunk(event)

    def _read_chunk(self, chunk: dict[Any, Any]) -> None:
        findings = self._findings
        findings.identity(chunk.get("id"), chunk.get("model"), chunk.get("service_tier"))
        usage = chunk.get("usage")
        if usage is not None:
            findings.usage(usage)
        for key in ("prompt_filter_results", "prompt_annotations"):
            for annotated in wire.as_list(chunk.get(key)):
                findings.filters.add_prompt(annotated)
        self._choices.read(chunk.get("choices"))
        if chunk.get("error"):
            findings.error(chunk["error"])

    def _read_typed(self, kind: str, event: dict[Any, Any]) -> None:
        findings = self._findings
        if kind.endswith(".delta"):
            self._read_delta(kind, event)
        elif kind in _RESPONSE_ENDS:
            read_response_object(findings, wire.as_dict(event.get("response")))
            findings.ended = True
        elif kind in _AUDIO_ENDS:
            findings.usage(event.get("usage"))
            findings.ended = True
        elif kind in _IMAGE_ENDS:
            self._read_image_end(event)
        elif kind.endswith(".partial_image"):
            findings.saw_content = True
        elif kind == "error" or event.get("error"):
            findings.error(event.get("error") or {**event, "type": None})
        elif isinstance(event.get("response"), dict):
            response = event["response"]
            findings.identity(response.get("id"), response.get("model"))

    def _read_delta(self, kind: str, event: dict[Any, Any]) -> None:
        if kind in _AUDIO_DELTAS:
            if event.get("audio") or event.get("delta"):
                self._findings.saw_content = True
            return
        part = (kind, event.get("output_index"), event.get("item_id"), event.get("content_index"))
        self._findings.content(str(part), event.get("delta"))

    def _read_image_end(self, event: dict[Any, Any]) -> None:
        findings = self._findings
        findings.saw_content = True
        findings.usage(event.get("usage"))
        findings.images += 1
        read_image_facts(findings, event.get("size"), event.get("quality"))
        if findings.images >= (findings.request.images or 1):
            findings.ended = True
