"""One realtime session: what the client says, and what is said back."""

from __future__ import annotations

import asyncio
import base64
import binascii
import contextlib
import json
from typing import TYPE_CHECKING, Any, Final

from starlette.websockets import WebSocketDisconnect

from gatemeter.simulator import connection, tokens
from gatemeter.simulator.answers import Pace
from gatemeter.simulator.ids import new_id
from gatemeter.simulator.ledger import Entry, Used
from gatemeter.simulator.realtime_answer import Answer
from gatemeter.simulator.realtime_usage import AUDIO_BYTES_A_SECOND, Size, audio_size, item_size
from gatemeter.simulator.realtime_words import merged
from gatemeter.simulator.words import filler

if TYPE_CHECKING:
    from random import Random

    from starlette.websockets import WebSocket

    from gatemeter.simulator.config import Deployment
    from gatemeter.simulator.realtime_words import Dialect
    from gatemeter.simulator.resource import SimulatedResource

Frame = dict[str, Any]
_BY_TOKENS: Final = ("gpt-4o",)
"""Transcription models that report tokens; the others report seconds."""


class Refused(Exception):
    """A frame that cannot be used; the session goes on."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class RealtimeSession:
    """State of one session."""

    def __init__(
        self,
        websocket: WebSocket,
        resource: SimulatedResource,
        deployment: Deployment,
        dialect: Dialect,
        *,
        request_id: str,
        fault: str | None,
        rng: Random,
    ) -> None:
        self._websocket = websocket
        self._resource = resource
        self._deployment = deployment
        self._dialect = dialect
        self._request_id = request_id
        self._fault = fault
        self._rng = rng
        self._session = dialect.session(new_id("sess_", 22), deployment.model)
        self._context = Size()
        self._known = Size()
        self._audio = bytearray()
        self._answering: asyncio.Task[None] | None = None
        self._sending = asyncio.Lock()

    async def run(self) -> None:
        """Talk until the client leaves."""
        await self._send({"type": "session.created", "session": self._session})
        try:
            while True:
                await self._hear(await self._receive())
        except WebSocketDisconnect:
            pass
        finally:
            await self._stop()

    async def _receive(self) -> str | bytes:
        message = await self._websocket.receive()
        if message["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(message.get("code", 1005))
        text: str | None = message.get("text")
        return text if text is not None else message["bytes"]

    async def _hear(self, data: str | bytes) -> None:
        event_id = None
        try:
            frame = _decoded(data)
            event_id = frame.get("event_id")
            await self._act(frame)
        except Refused as error:
            found = {
                "type": "invalid_request_error",
                "code": error.code,
                "message": str(error),
                "param": None,
                "event_id": event_id,
            }
            await self._send({"type": "error", "error": found})

    async def _act(self, frame: Frame) -> None:
        match frame.get("type"):
            case "session.update" | "transcription_session.update":
                self._session = merged(self._session, _object(frame, "session"))
                await self._send({"type": "session.updated", "session": self._session})
            case "conversation.item.create":
                item = _object(frame, "item")
                await self._add(item, item_size(self._deployment.model, item))
            case "input_audio_buffer.append":
                self._audio += _sound(frame.get("audio"))
            case "input_audio_buffer.clear":
                self._audio.clear()
                await self._send({"type": "input_audio_buffer.cleared"})
            case "input_audio_buffer.commit":
                await self._commit()
            case "response.create":
                await self._create(frame)
            case "response.cancel":
                if self._answering is None:
                    raise Refused("response_cancel_not_active", "No response is under way.")
                await self._stop()
            case kind:
                raise Refused("invalid_value", f"{kind!r} is no event of the realtime API.")

    async def _add(self, item: Frame, size: Size) -> None:
        item = {"id": new_id("item_", 22), "object": "realtime.item", "status": "completed"} | item
        self._context = self._context.plus(size)
        names = (
            ("conversation.item.added", "conversation.item.done")
            if self._dialect.is_release
            else ("conversation.item.created",)
        )
        for name in names:
            await self._send({"type": name, "previous_item_id": None, "item": item})

    async def _commit(self) -> None:
        heard = len(self._audio)
        if not heard:
            raise Refused("input_audio_buffer_commit_empty", "The input audio buffer is empty.")
        self._audio.clear()
        item_id = new_id("item_", 22)
        await self._send(
            {"type": "input_audio_buffer.committed", "previous_item_id": None, "item_id": item_id}
        )
        content = [{"type": "input_audio", "transcript": None}]
        item = {"id": item_id, "type": "message", "role": "user", "content": content}
        await self._add(item, audio_size(heard))
        model = self._dialect.hearing_model(self._session)
        if model is not None:
            await self._transcribe(model, item_id, heard)

    async def _transcribe(self, model: str, item_id: str, audio_bytes: int) -> None:
        seconds = audio_bytes / AUDIO_BYTES_A_SECOND
        text = filler(self._rng, max(1, int(seconds * 2)))
        usage: Frame = {"type": "duration", "seconds": seconds}
        used = Used(audio_seconds=seconds)
        if model.startswith(_BY_TOKENS):
            heard, said = audio_size(audio_bytes).audio, tokens.count(model, text)
            used = Used(input_tokens=heard, audio_input_tokens=heard, output_tokens=said)
            usage = {
                "type": "tokens",
                "total_tokens": heard + said,
                "input_tokens": heard,
                "input_token_details": {"text_tokens": 0, "audio_tokens": heard},
                "output_tokens": said,
            }
        self._bill("transcription", model, used)
        await self._send(
            {
                "type": "conversation.item.input_audio_transcription.completed",
                "item_id": item_id,
                "content_index": 0,
                "transcript": text,
                "usage": usage,
            }
        )

    async def _create(self, frame: Frame) -> None:
        if self._answering is not None:
            raise Refused(
                "conversation_already_has_active_response",
                "Conversation already has an active response in progress.",
            )
        wanted = frame.get("response")
        response: Frame = wanted if isinstance(wanted, dict) else {}
        answer = self._answer(response)
        await self._send(answer.created())
        limiter = self._resource.limiters[self._deployment.name]
        if limiter.admit(answer.context.total + len(answer.words)) is not None:
            message = "The rate limit of the deployment is reached."
            self._bill_response(answer, Used(), status_code=429)
            await self._send(answer.failed("rate_limit_exceeded", message))
            return
        self._answering = asyncio.create_task(self._say(answer))

    def _answer(self, response: Frame) -> Answer:
        limit = response.get("max_output_tokens", response.get("max_response_output_tokens"))
        count = self._rng.randint(*self._resource.config.answer_tokens)
        is_cut = isinstance(limit, int) and limit < count
        text = filler(self._rng, limit if is_cut and isinstance(limit, int) else count)
        return Answer(
            self._dialect,
            tokens.pieces(self._deployment.model, text),
            self._dialect.speaks(self._session, response),
            self._context,
            self._known,
            is_cut=is_cut,
        )

    async def _say(self, answer: Answer) -> None:
        config = self._resource.config
        slow = 10.0 if self._fault == "slow" else 1.0
        pace = Pace(config.first_token_ms * slow, config.token_ms * slow)
        is_cancelled = True
        try:
            async for frame in answer.frames(pace):
                if self._fault == "cut-stream" and len(answer.said) > len(answer.words) // 2:
                    self._cut(answer)
                    return
                await self._send(frame)
            is_cancelled = False
        except asyncio.CancelledError:
            pass  # by the client: what was said until then is billed and reported
        except WebSocketDisconnect:
            self._bill_response(answer, answer.usage.used(), finished=False)
            return
        self._answering = None
        self._known, self._context = self._context, self._context.plus(answer.output)
        self._bill_response(answer, answer.usage.used(), finished=not is_cancelled)
        last = answer.done(is_cancelled=is_cancelled, tells_usage=self._fault != "no-usage")
        with contextlib.suppress(WebSocketDisconnect):
            await self._send(last)
            await self._send(self._limits())

    def _cut(self, answer: Answer) -> None:
        self._bill_response(answer, answer.usage.used(), finished=False)
        connection.abort(self._websocket.scope)

    async def _stop(self) -> None:
        """End the response under way, if there is one, and wait until it is."""
        answering, self._answering = self._answering, None
        if answering is not None:
            answering.cancel()
            await asyncio.gather(answering, return_exceptions=True)

    def _limits(self) -> Frame:
        headroom = self._resource.limiters[self._deployment.name].headroom()
        limits = [
            {"name": name, "limit": limit, "remaining": remaining, "reset_seconds": 0.0}
            for name, limit, remaining in (
                ("requests", headroom.limit_requests, headroom.remaining_requests),
                ("tokens", headroom.limit_tokens, headroom.remaining_tokens),
            )
            if limit is not None
        ]
        return {"type": "rate_limits.updated", "rate_limits": limits}

    def _bill_response(
        self, answer: Answer, used: Used, *, status_code: int = 200, finished: bool = True
    ) -> None:
        self._bill(
            "realtime",
            self._deployment.model,
            used,
            status_code=status_code,
            response_id=answer.response_id,
            finished=finished,
        )

    def _bill(
        self,
        operation: str,
        model: str,
        used: Used,
        *,
        status_code: int = 200,
        response_id: str | None = None,
        finished: bool = True,
    ) -> None:
        self._resource.ledger.add(
            Entry(
                request_id=self._request_id,
                operation=operation,
                deployment=self._deployment.name,
                model=model,
                status_code=status_code,
                region=self._deployment.region or self._resource.config.region,
                used=used,
                response_id=response_id,
                client_request_id=self._websocket.headers.get("x-ms-client-request-id"),
                streamed=operation == "realtime",
                finished=finished,
                fault=self._fault,
            )
        )

    async def _send(self, frame: Frame) -> None:
        text = json.dumps({"event_id": new_id("event_", 21), **frame}, separators=(",", ":"))
        async with self._sending:
            try:
                await self._websocket.send_text(text)
            except (OSError, RuntimeError):
                raise WebSocketDisconnect(1006) from None


def _decoded(data: str | bytes) -> Frame:
    try:
        frame = json.loads(data)
    except ValueError:
        frame = None
    if not isinstance(frame, dict):
        raise Refused("invalid_json", "The event is no JSON object.")
    return frame


def _object(frame: Frame, key: str) -> Frame:
    value = frame.get(key)
    if not isinstance(value, dict):
        raise Refused("missing_required_parameter", f"Missing required parameter: '{key}'.")
    return value


def _sound(audio: object) -> bytes:
    try:
        return base64.b64decode(audio if isinstance(audio, str) else b"\0", validate=True)
    except binascii.Error:
        raise Refused("invalid_value", "'audio' is no base64.") from None
