"""The answer's side of the policy: held back until it was checked, whole or window by window."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal

from gateway_hooks.attempts import annotate
from gateway_hooks.decisions import record_decision, withhold_answer
from gateway_hooks.gateway.content_safety.answer_text import UnreadableAnswer, whole_texts
from gateway_hooks.gateway.content_safety.assessment import Assessment, failed
from gateway_hooks.gateway.content_safety.blocked import (
    as_json,
    blocked_answer,
    filtered_payload,
    unchecked_answer,
)
from gateway_hooks.gateway.content_safety.stream_guard import MOST_HELD_BYTES, StreamGuard
from gateway_hooks.reading import wire
from gateway_hooks.reading.answer_facts import is_success
from gateway_hooks.reading.decompress import Undecodable, decompressor
from gateway_hooks.reading.headers import lower_headers

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway_hooks.asgi_types import Message, Send
    from gateway_hooks.gateway.content_safety.checker import Checker
    from gateway_hooks.gateway.content_safety.settings import ContentSafetySettings

POLICY: Final = "content_safety"
CHECKED_ANSWERS: Final = frozenset(
    {"chat", "on_your_data", "text_completion", "responses", "fetch_response"}
)
"""Operations whose answer is text of a model; a stored response is one, too."""
_EVENTS: Final = "text/event-stream"
_OF_THE_BODY: Final = frozenset({b"content-length", b"content-type", b"content-encoding"})
_AZURES_OWN: Final = 400


class AnswerSide:
    """Stands between the application and the caller, for one answer."""

    def __init__(
        self,
        settings: ContentSafetySettings,
        checker: Checker,
        send: Send,
        on_stop: Callable[[], None],
    ) -> None:
        """Begin.

        Args:
            settings: the operator's.
            checker: asks the service.
            send: the caller's.
            on_stop: called when a stream was ended and only its usage is still waited for.
        """
        self._settings = settings
        self._checker = checker
        self._send = send
        self._on_stop = on_stop
        self._guard: StreamGuard | None = None
        self._start: Message = {}
        self._headers: dict[str, str] = {}
        self._held: list[bytes] | None = None
        self._held_bytes = 0
        self._let_unchecked = False
        self._is_over = False

    async def send(self, message: Message) -> None:
        """The application's `send`."""
        match message["type"]:
            case "http.response.start":
                await self._begin(message)
            case "http.response.body" if self._guard is not None:
                await self._pass_windows(self._guard, message)
            case "http.response.body" if self._held is not None:
                await self._hold(self._held, message)
            case _ if not self._is_over:
                await self._send(message)

    async def end(self) -> None:
        """End a stopped stream now, without what its backend would still say."""
        if self._guard is not None and not self._is_over:
            self._is_over = True
            await self._send_body(self._guard.end(), more=False)

    async def _begin(self, message: Message) -> None:
        if not is_success(message["status"]):
            await self._send(message)
            return
        self._start = message
        self._headers = lower_headers(message.get("headers", ()))
        is_plain = self._headers.get("content-encoding", "identity") in {"", "identity"}
        if self._settings.check_answers == "window" and is_plain and self._is_stream():
            window = self._settings.window_characters
            self._guard = StreamGuard(self._settings, self._judge, window_characters=window)
            await self._send({**message, "headers": _without(message, {b"content-length"})})
        else:
            self._held = []

    def _is_stream(self) -> bool:
        return self._headers.get("content-type", "").strip().lower().startswith(_EVENTS)

    async def _pass_windows(self, guard: StreamGuard, message: Message) -> None:
        if self._is_over:
            return
        more = message.get("more_body", False)
        was_stopped = guard.stopped_by is not None
        out = await guard.feed(message.get("body", b""))
        if not more:
            out += await guard.finish()
            self._is_over = True
        if out or not more:
            await self._send_body(out, more=more)
        if guard.stopped_by is not None and not was_stopped and more:
            self._on_stop()

    async def _hold(self, held: list[bytes], message: Message) -> None:
        chunk = message.get("body", b"")
        held.append(chunk)
        self._held_bytes += len(chunk)
        if self._is_over:
            return
        more = message.get("more_body", False)
        if self._held_bytes > MOST_HELD_BYTES:
            await self._give_up(b"".join(held), more=more)
        elif not more:
            await self._check_whole(b"".join(held))

    async def _give_up(self, body: bytes, *, more: bool) -> None:
        """The answer is longer than may be held."""
        self._held = None
        stopped = await self._judge(None, failure="too_long")
        if stopped is None:
            await self._send(self._start)
            await self._send_body(body, more=more)
        else:
            self._is_over = True
            await self._send_instead(stopped, body)

    async def _check_whole(self, body: bytes) -> None:
        plain = _unpacked(self._headers.get("content-encoding", ""), body)
        payload: Any = None
        stream: bytes | None = None
        if plain is None:
            stopped = await self._judge(None)
        elif self._is_stream():
            guard = StreamGuard(self._settings, self._judge, window_characters=None)
            stream = await guard.feed(plain) + await guard.finish()
            stopped = guard.stopped_by
        else:
            payload = wire.decode(plain, wire.any_json)
            stopped = await self._judge(_joined(payload))
        if stopped is None:
            await self._send(self._start)
            await self._send_body(body, more=False)
        elif not self._is_azures_way(stopped):
            await self._send_instead(stopped, body)
        elif stream is not None:
            await self._replace(stream, _EVENTS)
        else:
            filtered = filtered_payload(payload, stopped.results(self._settings))
            await self._replace(as_json(200, filtered).body, "application/json")

    def _is_azures_way(self, stopped: Assessment) -> bool:
        """Whether the caller gets a 200 without content."""
        blocked = stopped.blocked_for(self._settings) is not None
        return blocked and self._settings.blocked_status == _AZURES_OWN

    async def _replace(self, body: bytes, content_type: str) -> None:
        headers = [
            *_without(self._start, _OF_THE_BODY),
            (b"content-type", content_type.encode()),
            (b"content-length", b"%d" % len(body)),
        ]
        await self._send({**self._start, "headers": headers})
        await self._send_body(body, more=False)

    async def _send_instead(self, stopped: Assessment, body: bytes) -> None:
        """A refusal in place of the answer, whose usage is charged all the same."""
        withhold_answer(self._start["status"], self._headers, body)
        failure = stopped.unchecked_for(self._settings)
        if failure is not None:
            refused = unchecked_answer(failure)
        else:
            results = stopped.results(self._settings)
            refused = blocked_answer(self._settings.blocked_status, results)
        headers = [*_without(self._start, _OF_THE_BODY), *refused.headers]
        await self._send({**self._start, "status": refused.status, "headers": headers})
        await self._send_body(refused.body, more=False)

    async def _judge(
        self, text: str | None, *, failure: Literal["unreadable", "too_long"] = "unreadable"
    ) -> Assessment | None:
        """Check a text, or None for one that is there but cannot be read; why it may not pass."""
        assessment = failed(failure) if text is None else await self._checker.check_text(text)
        reason = assessment.blocked_for(self._settings)
        if reason is None and assessment.failure is not None:
            if self._settings.on_failure == "closed":
                reason = assessment.failure
            elif not self._let_unchecked:
                self._let_unchecked = True
                record_decision(POLICY, "failed_open", assessment.failure)
        if reason is not None:
            record_decision(POLICY, "denied", reason)
            return assessment
        noted = assessment.noteworthy(self._settings)
        if noted:
            annotate(content_filter={"completion": noted})
        return None

    async def _send_body(self, body: bytes, *, more: bool) -> None:
        await self._send({"type": "http.response.body", "body": body, "more_body": more})


def _without(start: Message, names: frozenset[bytes] | set[bytes]) -> list[tuple[bytes, bytes]]:
    return [pair for pair in start.get("headers", ()) if pair[0].lower() not in names]


def _joined(payload: object) -> str | None:
    try:
        return "\n".join(whole_texts(payload))
    except UnreadableAnswer:
        return None


def _unpacked(encoding: str, body: bytes) -> bytes | None:
    """The answer without its compression; None when that cannot be undone or gets too long."""
    unpack = decompressor(encoding)
    if unpack is None:
        return None
    plain = bytearray()
    try:
        for piece in unpack.feed(body):
            plain += piece
            if len(plain) > MOST_HELD_BYTES:
                return None
    except Undecodable:
        return None
    return bytes(plain)
