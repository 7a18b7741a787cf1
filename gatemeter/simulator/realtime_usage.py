"""What a realtime session has said and heard so far, and what a response in it is billed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from gatemeter.simulator import tokens
from gatemeter.simulator.ledger import Used

if TYPE_CHECKING:
    from collections.abc import Mapping

AUDIO_BYTES_A_SECOND: Final = 48_000
"""16 bits at 24 kHz."""
HEARD_TOKENS_A_SECOND: Final = 10
SPOKEN_TOKENS_A_WORD: Final = 2
_TOKENS_AN_ITEM: Final = 3
_CACHED_STEP: Final = 16


@dataclass(frozen=True, slots=True)
class Size:
    """Tokens of one kind and the other."""

    text: int = 0
    audio: int = 0

    def plus(self, other: Size) -> Size:
        """Both together."""
        return Size(self.text + other.text, self.audio + other.audio)

    @property
    def total(self) -> int:
        """Of both kinds."""
        return self.text + self.audio


def audio_size(audio_bytes: int) -> Size:
    """Of so much sound that was heard."""
    return Size(audio=-(-audio_bytes * HEARD_TOKENS_A_SECOND // AUDIO_BYTES_A_SECOND))


def item_size(model: str, item: Mapping[str, Any]) -> Size:
    """Of an item that a client has put into the conversation."""
    text = _TOKENS_AN_ITEM
    content = item.get("content")
    for part in content if isinstance(content, list) else []:
        if isinstance(part, dict) and isinstance(part.get("text"), str):
            text += tokens.count(model, part["text"])
    for key in ("output", "arguments", "name"):
        if isinstance(item.get(key), str):
            text += tokens.count(model, item[key])
    return Size(text)


@dataclass(frozen=True, slots=True)
class ResponseUsage:
    """What one response is billed."""

    context: Size
    cached: Size
    output: Size

    @classmethod
    def of(cls, context: Size, known: Size, output: Size) -> ResponseUsage:
        """Of a context, of which `known` was in the response before and is cached by now."""
        cached = Size(
            known.text // _CACHED_STEP * _CACHED_STEP, known.audio // _CACHED_STEP * _CACHED_STEP
        )
        return cls(context, cached, output)

    def payload(self) -> dict[str, Any]:
        """As `response.done` says it."""
        return {
            "total_tokens": self.context.total + self.output.total,
            "input_tokens": self.context.total,
            "output_tokens": self.output.total,
            "input_token_details": {
                "text_tokens": self.context.text,
                "audio_tokens": self.context.audio,
                "image_tokens": 0,
                "cached_tokens": self.cached.total,
                "cached_tokens_details": {
                    "text_tokens": self.cached.text,
                    "audio_tokens": self.cached.audio,
                    "image_tokens": 0,
                },
            },
            "output_token_details": {
                "text_tokens": self.output.text,
                "audio_tokens": self.output.audio,
            },
        }

    def used(self) -> Used:
        """As it is billed: what is cached has one price, said or heard."""
        return Used(
            input_tokens=self.context.total,
            cached_input_tokens=self.cached.total,
            audio_input_tokens=self.context.audio - self.cached.audio,
            output_tokens=self.output.total,
            audio_output_tokens=self.output.audio,
        )
