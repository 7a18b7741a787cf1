"""The two dialects of realtime: Azure's dated paths speak the preview, `/openai/v1` the release."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Dialect:
    """How one of them calls what differs."""

    is_release: bool
    text_delta: str
    transcript_delta: str
    audio_delta: str
    text_part: str

    def session(self, session_id: str, model: str) -> dict[str, Any]:
        """A session as it is before the client has changed anything."""
        session: dict[str, Any] = {
            "id": session_id,
            "object": "realtime.session",
            "model": model,
            "instructions": "",
            "tools": [],
            "tool_choice": "auto",
        }
        if self.is_release:
            audio = {
                "input": {"format": {"type": "audio/pcm", "rate": 24000}},
                "output": {"format": {"type": "audio/pcm", "rate": 24000}, "voice": "alloy"},
            }
            return {**session, "type": "realtime", "output_modalities": ["audio"], "audio": audio}
        return {
            **session,
            "modalities": ["text", "audio"],
            "voice": "alloy",
            "input_audio_format": "pcm16",
            "output_audio_format": "pcm16",
            "input_audio_transcription": None,
            "turn_detection": None,
            "temperature": 0.8,
            "max_response_output_tokens": "inf",
        }

    def speaks(self, session: Mapping[str, Any], response: Mapping[str, Any]) -> bool:
        """Whether the answer shall be spoken."""
        key = "output_modalities" if self.is_release else "modalities"
        wanted = response.get(key) or session.get(key)
        return isinstance(wanted, list) and "audio" in wanted

    def hearing_model(self, session: Mapping[str, Any]) -> str | None:
        """Which model writes down what the user says."""
        found: Any = session.get("input_audio_transcription")
        if self.is_release:
            found = ((session.get("audio") or {}).get("input") or {}).get("transcription")
        model = found.get("model") if isinstance(found, dict) else None
        return model if isinstance(model, str) else None


PREVIEW = Dialect(
    is_release=False,
    text_delta="response.text",
    transcript_delta="response.audio_transcript",
    audio_delta="response.audio",
    text_part="text",
)
RELEASE = Dialect(
    is_release=True,
    text_delta="response.output_text",
    transcript_delta="response.output_audio_transcript",
    audio_delta="response.output_audio",
    text_part="output_text",
)


def merged(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """`one` changed by what `other` says, as `session.update` does it."""
    result = dict(one)
    for key, value in other.items():
        known = result.get(key)
        both = isinstance(known, dict) and isinstance(value, dict)
        result[key] = merged(known, value) if both and isinstance(known, dict) else value
    return result
