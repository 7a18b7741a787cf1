"""One response of a realtime session: its frames, one after another, and its bill."""

from __future__ import annotations

import asyncio
import base64
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from gatemeter.simulator.ids import new_id
from gatemeter.simulator.realtime_usage import SPOKEN_TOKENS_A_WORD, ResponseUsage, Size

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from gatemeter.simulator.answers import Pace
    from gatemeter.simulator.realtime_words import Dialect

_SILENCE: Final = base64.b64encode(bytes(1200)).decode()
"""What a word sounds like: 25 ms of nothing."""

Frame = dict[str, Any]


@dataclass(slots=True)
class Answer:
    """A response as it is generated."""

    dialect: Dialect
    words: Sequence[str]
    is_spoken: bool
    context: Size
    known: Size
    """What of the context the response before has seen."""
    is_cut: bool = False
    """Whether the limit of the request ends it."""
    response_id: str = field(default_factory=lambda: new_id("resp_", 22))
    item_id: str = field(default_factory=lambda: new_id("item_", 22))
    said: list[str] = field(default_factory=list)

    @property
    def output(self) -> Size:
        """What was generated so far."""
        said = len(self.said)
        return Size(said, said * SPOKEN_TOKENS_A_WORD if self.is_spoken else 0)

    @property
    def usage(self) -> ResponseUsage:
        """What it would be billed if it ended now."""
        return ResponseUsage.of(self.context, self.known, self.output)

    def created(self) -> Frame:
        """Its first frame."""
        return {"type": "response.created", "response": self._object("in_progress")}

    async def frames(self, pace: Pace) -> AsyncIterator[Frame]:
        """What comes between the first frame and the last."""
        place = {"response_id": self.response_id, "output_index": 0}
        part = {**place, "item_id": self.item_id, "content_index": 0}
        yield {**place, "type": "response.output_item.added", "item": self._item("in_progress")}
        yield {**part, "type": "response.content_part.added", "part": self._part("")}
        await asyncio.sleep(pace.first_token_ms / 1000)
        dialect = self.dialect
        words = dialect.transcript_delta if self.is_spoken else dialect.text_delta
        for word in self.words:
            self.said.append(word)
            yield {**part, "type": f"{words}.delta", "delta": word}
            if self.is_spoken:
                yield {**part, "type": f"{dialect.audio_delta}.delta", "delta": _SILENCE}
            await asyncio.sleep(pace.token_ms / 1000)
        text = "".join(self.said)
        yield {**part, "type": f"{words}.done", "transcript" if self.is_spoken else "text": text}
        if self.is_spoken:
            yield {**part, "type": f"{dialect.audio_delta}.done"}
        yield {**part, "type": "response.content_part.done", "part": self._part(text)}
        yield {**place, "type": "response.output_item.done", "item": self._item("completed")}

    def done(self, *, is_cancelled: bool, tells_usage: bool) -> Frame:
        """Its last frame."""
        if is_cancelled:
            response = self._object("cancelled", reason="client_cancelled")
        elif self.is_cut:
            response = self._object("incomplete", reason="max_output_tokens")
        else:
            response = self._object("completed")
        response["output"] = [self._item("incomplete" if is_cancelled else "completed")]
        response["usage"] = self.usage.payload() if tells_usage else None
        return {"type": "response.done", "response": response}

    def failed(self, code: str, message: str) -> Frame:
        """Its last frame when it does not come to anything."""
        error = {"type": code, "code": code, "message": message}
        return {"type": "response.done", "response": self._object("failed", error=error)}

    def _object(self, status: str, **details: object) -> Frame:
        return {
            "object": "realtime.response",
            "id": self.response_id,
            "status": status,
            "status_details": {"type": status, **details} if details else None,
            "output": [],
            "usage": None,
        }

    def _item(self, status: str) -> Frame:
        return {
            "id": self.item_id,
            "object": "realtime.item",
            "type": "message",
            "status": status,
            "role": "assistant",
            "content": [self._part("".join(self.said))] if self.said else [],
        }

    def _part(self, text: str) -> Frame:
        if not self.is_spoken:
            return {"type": self.dialect.text_part, "text": text}
        kind = "output_audio" if self.dialect.is_release else "audio"
        return {"type": kind, "transcript": text}
