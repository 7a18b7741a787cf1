"""A realtime session: which of its responses are under way, and what becomes an event.

    session = RealtimeSession(handshake)      # the exchange of the handshake
    session.from_client(frame)
    for exchange in session.from_server(frame):
        await settle(exchange)                # before the frame is passed on

Each response, and each transcription of what the user said, is an exchange of its own that
inherits the caller and the backend from the handshake.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from gateway_hooks.attempts import AttemptRecorder
from gateway_hooks.exchange import Exchange
from gateway_hooks.reading import wire
from gateway_hooks.reading.answer_facts import AnswerFacts
from gateway_hooks.reading.headers import lower_headers
from gateway_hooks.reading.operations import Call
from gateway_hooks.reading.request import RequestFacts
from gateway_hooks.reading.usage import Usage, reported_usage
from gateway_hooks.realtime.frames import client_frame, rate_limit_headers, server_frame
from gateway_hooks.realtime.response import Response

if TYPE_CHECKING:
    from gateway_hooks.reading.headers import HeadersLike
    from gateway_hooks.realtime.frames import ServerFrame

SWITCHING: Final = 101
_MOST: Final = 64
"""More responses under way, or spoken items not yet transcribed, than this are not followed."""
_KEPT_HEADERS: Final = frozenset(
    {"apim-request-id", "x-request-id", "x-ms-region", "x-ms-deployment-name"}
)
_TRANSCRIBED: Final = "conversation.item.input_audio_transcription."


class RealtimeSession:
    """State of one session, driven by the task that relays it."""

    def __init__(self, handshake: Exchange) -> None:
        self.handshake = handshake
        call = handshake.call
        handshake.request = RequestFacts(model=call.deployment or call.model, stream=True)
        self._hears = Call("transcription", api_version=call.api_version, reads_usage=True)
        self._answer_headers: dict[str, str] = {}
        self._limits: dict[str, str] = {}
        self._asked: deque[tuple[str | None, Response]] = deque(maxlen=_MOST)
        self._under_way: OrderedDict[str, Response] = OrderedDict()
        self._spoken: OrderedDict[str, Exchange] = OrderedDict()
        self._model: str | None = None
        self._hearing_model: str | None = None
        self._is_phone = False
        self._has_told = False

    @property
    def is_busy(self) -> bool:
        """Whether a response is under way, so that what it uses is not known yet."""
        return bool(self._under_way or self._asked)

    def accepted(self, headers: HeadersLike) -> list[Exchange]:
        """The handshake has succeeded; it is an event only when a backend before had failed."""
        self._answer_headers = lower_headers(headers, _KEPT_HEADERS)
        if len(self.handshake.attempts) <= 1:
            return []
        switched = self._child(self.handshake.call)
        switched.started_ns = self.handshake.started_ns
        switched.started_wall_ns = self.handshake.started_wall_ns
        switched.attempts = list(self.handshake.attempts)
        switched.status_code = SWITCHING
        switched.facts = AnswerFacts(SWITCHING, usage=Usage("none"))
        switched.observers = []
        return [switched]

    def from_client(self, data: str | bytes) -> None:
        """A frame of the client is on its way to the backend."""
        with self.handshake.meter.safety("realtime"):
            frame = client_frame(data)
            if frame.type == "response.create":
                self._asked.append((wire.name(frame.event_id), self._new_response()))

    def from_server(self, data: str | bytes) -> list[Exchange]:
        """A frame of the backend is on its way to the client; what ends with it."""
        with self.handshake.meter.safety("realtime"):
            frame = server_frame(data)
            kind = frame.type
            if isinstance(kind, str):
                return self._read(kind, frame)
        return []

    def ended(self, error: str | None) -> list[Exchange]:
        """The session is over; what was under way is broken off.

        Args:
            error: why, when it was not the client that left.
        """
        broken = [*self._under_way.values(), *(response for _, response in self._asked)]
        self._under_way.clear()
        self._asked.clear()
        for response in broken:
            response.broke_off(self._model, error, is_phone=self._is_phone)
        return [self._event(response.exchange) for response in broken]

    def tell_nothing_was_used(self) -> None:
        """Those who wait for the session's usage shall hear of its end, though it used nothing."""
        if not self._has_told:
            self._has_told = True
            for tell in self.handshake.observers:
                with self.handshake.meter.safety("observer"):
                    tell(Usage("none"))

    def _read(self, kind: str, frame: ServerFrame) -> list[Exchange]:
        if kind.endswith(".delta"):
            response = self._under_way.get(str(frame.response_id))
            if response is not None:
                response.delta(kind, frame.delta)
            return []
        if kind.startswith(_TRANSCRIBED):
            return self._transcribed(kind.removeprefix(_TRANSCRIBED), frame)
        match kind:
            case "response.created":
                return self._created(wire.as_dict(frame.response))
            case "response.done":
                return self._done(wire.as_dict(frame.response))
            case "error":
                return self._error(wire.as_dict(frame.error))
            case "session.created" | "session.updated":
                self._configured(wire.as_dict(frame.session))
            case "rate_limits.updated":
                self._limits = rate_limit_headers(frame.rate_limits)
            case "input_audio_buffer.committed":
                self._committed(frame.item_id)
        return []

    def _configured(self, session: dict[Any, Any]) -> None:
        audio = wire.as_dict(session.get("audio"))
        heard = wire.as_dict(audio.get("input"))
        spoken = wire.as_dict(wire.as_dict(audio.get("output")).get("format"))
        transcription = wire.as_dict(
            session.get("input_audio_transcription") or heard.get("transcription")
        )
        self.handshake.notes.session_id = (
            wire.name(session.get("id")) or self.handshake.notes.session_id
        )
        self._model = wire.name(session.get("model")) or self._model
        self._hearing_model = wire.name(transcription.get("model"))
        sound = str(session.get("output_audio_format") or spoken.get("type"))
        self._is_phone = sound.startswith(("g711", "audio/pcmu", "audio/pcma"))

    def _created(self, response: dict[Any, Any]) -> list[Exchange]:
        response_id = wire.name(response.get("id"))
        if response_id is None or len(self._under_way) >= _MOST:
            return []
        # Nobody asked: the server itself has begun, because the user stopped speaking.
        begun = self._asked.popleft()[1] if self._asked else self._new_response()
        begun.created(response_id)
        self._under_way[response_id] = begun
        return []

    def _done(self, response: dict[Any, Any]) -> list[Exchange]:
        response_id = wire.name(response.get("id")) or ""
        done = self._under_way.pop(response_id, None)
        if done is None:
            done = self._asked.popleft()[1] if self._asked else self._new_response()
            done.created(response_id)
        done.done(response, self._model, is_phone=self._is_phone)
        return [self._event(done.exchange)]

    def _error(self, error: dict[Any, Any]) -> list[Exchange]:
        """An error instead of `response.created`; others are the client's business.

        It names the client's frame as the client has named it: by nothing, when that gave no name.
        """
        cause = wire.name(error.get("event_id"))
        for asked in self._asked:
            if asked[0] == cause:
                self._asked.remove(asked)
                asked[1].refused(error)
                return [self._event(asked[1].exchange)]
        return []

    def _committed(self, item_id: object) -> None:
        name = wire.name(item_id)
        if name is None or self._hearing_model is None:
            return
        self._spoken[name] = self._child(self._hears)
        if len(self._spoken) > _MOST:
            self._spoken.popitem(last=False)

    def _transcribed(self, how: str, frame: ServerFrame) -> list[Exchange]:
        """The transcription model has read what the user said: charged by itself."""
        if how not in {"completed", "failed"}:
            return []
        exchange = self._spoken.pop(str(frame.item_id), None) or self._child(self._hears)
        exchange.request = RequestFacts(model=self._hearing_model)
        facts = AnswerFacts(200, response_model=self._hearing_model)
        if how == "failed":
            error = wire.as_dict(frame.error)
            facts.status_code = 400 if error.get("type") == "invalid_request_error" else 500
            facts.error_type, facts.error_code = (
                wire.code(error.get("type")),
                wire.code(error.get("code")),
            )
        facts.usage = reported_usage(exchange.call, frame.usage) or Usage("none")
        exchange.status_code, exchange.facts = facts.status_code, facts
        for attempt in exchange.attempts:
            attempt.status_code = facts.status_code
            attempt.deployment = None  # the session's serves another model
            attempt.end()
        return [self._event(exchange)]

    def _new_response(self) -> Response:
        return Response(self._child(self.handshake.call))

    def _child(self, call: Call) -> Exchange:
        """An exchange that begins now, of the same caller at the same backend."""
        handshake = self.handshake
        child = Exchange(handshake.meter, call, handshake.caller, handshake.headers)
        child.request = handshake.request
        child.answer_headers = self._answer_headers
        child.observers = handshake.observers
        if handshake.attempts:
            reached = handshake.attempts[-1]
            child.attempts = [
                AttemptRecorder(
                    reached.backend,
                    deployment=reached.deployment,
                    region=reached.region,
                    deployment_type=reached.deployment_type,
                    exchange=child,
                )
            ]
        return child

    def _event(self, exchange: Exchange) -> Exchange:
        """Give an exchange what the handshake knows by now; policies may have added to it."""
        notes = self.handshake.notes
        exchange.notes = replace(notes, tags=dict(notes.tags))
        # Each decision belongs to one event: the next one after it was taken.
        notes.decisions = []
        headers = {**self._answer_headers, **self._limits}
        if exchange.call.operation == "transcription":
            headers = {key: value for key, value in headers.items() if key == "x-ms-region"}
        for attempt in exchange.attempts:
            attempt.headers = headers
        if self.handshake.client_disconnected:
            exchange.client_left()
        self._has_told = self._has_told or bool(exchange.observers)
        return exchange
