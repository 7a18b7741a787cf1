"""Finding a backend for a session: one after another, until one accepts the handshake."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from websockets.asyncio.client import connect
from websockets.exceptions import InvalidHandshake, InvalidStatus, InvalidURI
from websockets.typing import Subprotocol

from gateway_hooks.attempts import record_attempt
from gateway_hooks.clock import SystemClock, utc_now
from gateway_hooks.gateway import refusals
from gateway_hooks.gateway.pool.credentials import CredentialError
from gateway_hooks.gateway.pool.outcomes import Outcome, best, with_retry_after
from gateway_hooks.gateway.pool.verdict import Verdict, judge
from gateway_hooks.gateway.pool.wire_headers import answer_headers
from gateway_hooks.gateway.realtime.handshake import accepted_headers
from gateway_hooks.reading.headers import lower_headers
from gateway_hooks.reading.throttling import retry_after_ms, throttle_kind

if TYPE_CHECKING:
    from websockets.asyncio.client import ClientConnection
    from websockets.datastructures import Headers
    from websockets.http11 import Response

    from gateway_hooks.attempts import AttemptRecorder
    from gateway_hooks.gateway.pool.backends import Backend
    from gateway_hooks.gateway.pool.wire_headers import RawHeaders
    from gateway_hooks.gateway.realtime.handshake import Handshake
    from gateway_hooks.gateway.realtime.pool import RealtimePool
    from gateway_hooks.gateway.realtime.settings import RealtimeSettings
    from gateway_hooks.gateway.refusals import Refusal

_ERRORS: Final = (OSError, InvalidHandshake, InvalidURI, EOFError)
_FIRST_REFUSAL: Final = 400
_SWITCHING: Final = 101
# A few messages are enough to keep both sides at work; each may be as long as allowed.
_QUEUED_FRAMES: Final = 8
_WRITE_BUFFER_BYTES: Final = 64 << 10


@dataclass(frozen=True, slots=True)
class Connected:
    """A backend has accepted."""

    connection: ClientConnection
    headers: RawHeaders
    """Of its answer, for the client."""


class _Connect(connect):
    """Goes nowhere else: a redirect would take the backend's key to another host."""

    def process_redirect(self, exc: Exception) -> Exception | str:
        return exc


class Connector:
    """Opens connections to backends."""

    def __init__(self, pool: RealtimePool, settings: RealtimeSettings) -> None:
        self._pool = pool
        self._settings = settings
        self._clock = SystemClock()
        self._trusted: ssl.SSLContext | None = None

    async def connect(self, handshake: Handshake) -> Connected | Refusal:
        """The first backend that accepts, or what the client is told."""
        outcomes: list[Outcome] = []
        for route in self._pool.candidates(handshake.deployment):
            backend = route.backend
            deployment = route.deployment_for(handshake.deployment)
            with record_attempt(
                backend.name,
                deployment=deployment,
                region=backend.region,
                deployment_type=route.deployment_type or backend.deployment_type,
            ) as recorder:
                found = await self._try(handshake, backend, deployment, recorder)
            if isinstance(found, Connected):
                return found
            outcomes.append(found)
            if found.verdict is Verdict.PASS:
                break
        return self._last_word(handshake, outcomes)

    async def _try(
        self,
        handshake: Handshake,
        backend: Backend,
        deployment: str | None,
        recorder: AttemptRecorder,
    ) -> Connected | Outcome:
        try:
            connection = await self._open(handshake, backend, deployment)
        except InvalidStatus as error:
            return self._refused(backend, deployment, recorder, error.response)
        except (*_ERRORS, CredentialError) as error:
            recorder.failed(_error_name(error))
            self._pool.note(backend, deployment, Verdict.FAILED, None)
            late = isinstance(error, TimeoutError)
            refusal = refusals.too_slow() if late else refusals.unreachable()
            return Outcome(Verdict.FAILED, refusal)
        headers = _raw(connection.response.headers) if connection.response else []
        recorder.answered(_SWITCHING, headers)
        self._pool.note(backend, deployment, Verdict.PASS, None)
        return Connected(connection, accepted_headers(headers, backend))

    async def _open(
        self, handshake: Handshake, backend: Backend, deployment: str | None
    ) -> ClientConnection:
        settings = self._settings
        credential = await self._pool.credential(backend)
        return await _Connect(
            handshake.url(backend, deployment),
            subprotocols=[Subprotocol(one) for one in handshake.subprotocols_for(backend)] or None,
            additional_headers=handshake.headers_for(backend, credential),
            user_agent_header=None,
            compression=None,
            proxy=None,
            open_timeout=settings.connect_seconds,
            ping_interval=settings.ping_seconds,
            ping_timeout=settings.pong_seconds,
            close_timeout=settings.close_seconds,
            max_size=settings.message_bytes,
            max_queue=_QUEUED_FRAMES,
            write_limit=_WRITE_BUFFER_BYTES,
            ssl=self._context() if backend.scheme == "https" else None,
        )

    def _context(self) -> ssl.SSLContext:
        """Loaded once, as that takes a while."""
        if self._trusted is None:
            self._trusted = ssl.create_default_context()
        return self._trusted

    def _refused(
        self,
        backend: Backend,
        deployment: str | None,
        recorder: AttemptRecorder,
        answer: Response,
    ) -> Outcome:
        status, headers, body = answer.status_code, _raw(answer.headers), bytes(answer.body or b"")
        lowered = lower_headers(headers)
        kind = throttle_kind(status, lowered, body[:4096].decode("utf-8", "replace"))
        recorder.answered(status, headers, kind)
        # A handshake begins something, whatever its method: only what is said to be not there is.
        verdict = judge("POST", status, body, refers_to_item=False, own_key=backend.has_credential)
        wait = retry_after_ms(lowered, utc_now(self._clock))
        if status < _FIRST_REFUSAL:
            # It speaks HTTP, but no WebSocket: nothing of this could be passed on.
            self._pool.note(backend, deployment, Verdict.FAILED, None)
            return Outcome(Verdict.FAILED, refusals.unreachable())
        self._pool.note(backend, deployment, verdict, wait)
        passed = answer_headers(headers, backend, None)
        return Outcome(verdict, refusals.kept(status, passed, body), wait)

    def _last_word(self, handshake: Handshake, outcomes: list[Outcome]) -> Refusal:
        if not outcomes:
            return self._pool.nobody(handshake.deployment)
        resting = self._pool.wait_ms(handshake.deployment)
        chosen = best(outcomes)
        own = chosen.retry_after_ms
        if chosen.verdict is Verdict.THROTTLED and (own is None or 0 < resting < own):
            return with_retry_after(chosen.refusal, resting)
        return chosen.refusal


def _error_name(error: Exception) -> str:
    """In the words of events, whatever library it happens in."""
    if isinstance(error, CredentialError):
        return type(error).__name__
    if isinstance(error, TimeoutError):
        return "ConnectTimeout"
    return "ConnectError" if isinstance(error, OSError) else "RemoteProtocolError"


def _raw(headers: Headers) -> RawHeaders:
    return [
        (name.encode("latin-1", "replace"), value.encode("latin-1", "replace"))
        for name, value in headers.raw_items()
    ]
