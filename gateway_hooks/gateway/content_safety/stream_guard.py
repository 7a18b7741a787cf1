"""A stream that goes on window by window, each checked first; bytes and their order stay.

Frames are held from the first one with text on, until enough text is there to be checked or the
stream ends. What comes before, such as annotations of the prompt, goes on at once. A window is
checked together with the end of the one before, so that a phrase between two of them is found.

Once something is blocked, the caller gets the end of a filtered stream. The backend's stream is
read on, since its usage, which comes last, is charged.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from gateway_hooks.gateway.content_safety.answer_text import (
    DONE,
    StreamTexts,
    UnreadableAnswer,
    frame_events,
)
from gateway_hooks.gateway.content_safety.blocked import (
    failed_event,
    failed_response_event,
    final_chunk,
    final_event,
)
from gateway_hooks.reading import wire
from gateway_hooks.reading.sse import FrameSplitter, is_usage_chunk

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from gateway_hooks.gateway.content_safety.assessment import Assessment
    from gateway_hooks.gateway.content_safety.collect import Place
    from gateway_hooks.gateway.content_safety.settings import ContentSafetySettings

MOST_HELD_BYTES: Final = 32 << 20
_NAMES: Final = ("id", "object", "created", "model")
_DONE_FRAME: Final = b"data: [DONE]\n\n"
_RESPONSE_ENDS: Final = frozenset(
    {"response.completed", "response.incomplete", "response.failed", "response.cancelled"}
)


class StreamGuard:
    """Of one stream. `stopped_by` is set once it is not to go on."""

    def __init__(
        self,
        settings: ContentSafetySettings,
        judge: Callable[[str | None], Awaitable[Assessment | None]],
        *,
        window_characters: int | None,
    ) -> None:
        """Begin.

        Args:
            settings: the operator's.
            judge: checks a text (None: one that cannot be read) and tells why the stream must stop.
            window_characters: None checks all of it at the end.
        """
        self._settings = settings
        self._judge = judge
        self._window = window_characters
        self._splitter = FrameSplitter()
        self._texts = StreamTexts()
        self._held: list[bytes] = []
        self._held_bytes = 0
        self._waiting: dict[Place, str] = {}
        self._characters = 0
        self._tails: dict[Place, str] = {}
        self._unreadable = False
        self._last_chunk: dict[Any, Any] = {}
        self._choices: set[int] = set()
        self._response: dict[Any, Any] = {}
        self._sequence_number = 0
        self._is_over = False
        self._is_ended = False
        self.stopped_by: Assessment | None = None

    async def feed(self, data: bytes) -> bytes:
        """What may go out now."""
        out = [await self._take(frame) for frame in self._splitter.feed(data)]
        if self._splitter.held_bytes > MOST_HELD_BYTES:
            self._unreadable = True
            self._hold(self._splitter.rest())
            out.append(await self._check())
        return b"".join(out)

    async def finish(self) -> bytes:
        """The same when the stream has ended."""
        rest = self._splitter.rest()
        out = await self._take(rest) if rest else b""
        if self.stopped_by is None:
            out += await self._check()
        return out + self._ending()

    def end(self) -> bytes:
        """What ends a stopped stream whose backend is not waited for any longer."""
        return self._ending()

    async def _take(self, frame: bytes) -> bytes:
        events = frame_events(frame)
        for event in events:
            self._note(event)
        if self.stopped_by is not None:
            return self._after_the_stop(frame)
        try:
            texts = [one for event in events for one in self._texts.new(event)]
        except UnreadableAnswer:
            texts, self._unreadable = [], True
        if not (texts or self._held or self._unreadable):
            return frame
        self._hold(frame)
        for place, text in texts:
            self._waiting[place] = self._waiting.get(place, "") + text
            self._characters += len(text)
        return await self._check() if self._is_due() else b""

    def _hold(self, frame: bytes) -> None:
        self._held.append(frame)
        self._held_bytes += len(frame)

    def _is_due(self) -> bool:
        enough = self._window is not None and self._characters >= self._window
        return enough or self._is_over or self._held_bytes > MOST_HELD_BYTES or self._unreadable

    async def _check(self) -> bytes:
        """What was held, or the end."""
        if not self._held:
            return b""
        texts = {place: self._tails.get(place, "") + text for place, text in self._waiting.items()}
        text = None if self._unreadable else "\n".join(texts.values())
        self.stopped_by = await self._judge(text) if text != "" else None
        held, self._held, self._held_bytes = self._held, [], 0
        self._waiting, self._characters, self._unreadable = {}, 0, False
        overlap = self._settings.overlap_characters
        self._tails |= {place: said[max(0, len(said) - overlap) :] for place, said in texts.items()}
        return b"".join(held) if self.stopped_by is None else self._stop(held)

    def _note(self, event: object) -> None:
        """Remember what the end of a filtered stream is made of."""
        fields = wire.as_dict(event)
        if event == DONE:
            self._is_over = True
        elif "choices" in fields:
            if fields["choices"]:
                self._last_chunk = {key: fields.get(key) for key in _NAMES}
            for position, choice in enumerate(wire.as_list(fields["choices"])):
                index = wire.count(wire.as_dict(choice).get("index", position))
                self._choices.add(position if index is None else index)
        else:
            self._note_typed(fields)

    def _note_typed(self, fields: dict[Any, Any]) -> None:
        response = fields.get("response")
        if isinstance(response, dict):
            self._response = response
        self._sequence_number = wire.count(fields.get("sequence_number")) or self._sequence_number
        if fields.get("type") in _RESPONSE_ENDS:
            self._is_over = True

    def _stop(self, held: list[bytes]) -> bytes:
        """The end of a stream instead of what was held; a response ends when its backend's does."""
        stopped = self.stopped_by
        if stopped is None or self._response:
            return self._ending() if self._is_over else b""
        failure = stopped.unchecked_for(self._settings)
        if failure is not None:
            said = failed_event(failure)
        else:
            results = stopped.results(self._settings)
            said = final_chunk(self._last_chunk, results, self._choices)
        said += b"".join(frame for frame in held if is_usage_chunk(frame))
        return said + self._ending() if self._is_over else said

    def _after_the_stop(self, frame: bytes) -> bytes:
        if not self._response and not self._is_ended and is_usage_chunk(frame):
            return frame
        return self._ending() if self._is_over else b""

    def _ending(self) -> bytes:
        """The last bytes of a stopped stream, once."""
        stopped = self.stopped_by
        if stopped is None or self._is_ended:
            return b""
        self._is_ended = True
        if not self._response:
            return _DONE_FRAME
        failure = stopped.unchecked_for(self._settings)
        if failure is not None:
            return failed_response_event(self._response, failure, self._sequence_number)
        results = stopped.results(self._settings)
        return final_event(self._response, results, self._sequence_number)
