"""Finding a backend for a session: one after another, until one accepts the handshake."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from websockets.asyncio.client import connect
from websockets.exceptions import InvalidHandshake, InvalidStatus, InvalidURI
from websockets.typing import Subprotocol

from gateway_hooks.attempts import record_attempt
from gateway_hooks.clock import SystemClock, utc_now
from gateway_hooks.gateway import refusals
from gateway_hooks.gateway.outcomes import Outcome, best, with_retry_after
from gateway_hooks.gateway.realtime.handshake import accepted_headers
from gateway_hooks.gateway.verdict import Verdict, judge
from gateway_hooks.gateway.wire_headers import answer_headers
from gateway_hooks.reading.headers import lower_headers
from gateway_hooks.reading.throttling import retry_after_ms, throttle_kind

if TYPE_CHECKING:
    import ssl

    from websockets.asyncio.client import ClientConnection
    from websockets.datastructures import Headers
    from websockets.http11 import Response

    from gateway_hooks.attempts import AttemptRecorder
    from gateway_hooks.gateway.backends import Backend
    from gateway_hooks.gateway.realtime.handshake import Handshake
    from gateway_hooks.gateway.realtime.pool import RealtimePool
    from gateway_hooks.gateway.realtime.settings import RealtimeSettings
    from gateway_hooks.gateway.refusals import Refusal
    from gateway_hooks.gateway.wire_headers import RawHeaders

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
        for backend in self._pool.candidates(handshake.deployment):
            with record_attempt(
                backend.name,
                deployment=handshake.deployment,
                region=backend.region,
                deployment_type=backend.deployment_type,
            ) as recorder:
                found = await self._try(handshake, backend, recorder)
            if isinstance(found, Connected):
                return found
            outcomes.append(found)
            if found.verdict is Verdict.PASS:
                break
        return self._last_word(handshake, outcomes)

    async def _try(
        self, handshake: Handshake, backend: Backend, recorder: AttemptRecorder
    ) -> Connected | Outcome:
        try:
            connection = await self._open(handshake, backend)
        except InvalidStatus as error:
            return self._refused(handshake, backend, recorder, error.response)
        except _ERRORS as error:
            recorder.failed(error)
            self._pool.troubled(backend, handshake.deployment)
            late = isinstance(error, TimeoutError)
            refusal = refusals.too_slow() if late else refusals.unreachable()
            return Outcome(Verdict.FAILED, refusal)
        headers = _raw(connection.response.headers) if connection.response else []
        recorder.answered(_SWITCHING, headers)
        self._pool.answered(backend, handshake.deployment)
        return Connected(connection, accepted_headers(headers, backend))

    async def _open(self, handshake: Handshake, backend: Backend) -> ClientConnection:
        settings = self._settings
        return await _Connect(
            handshake.url(backend),
            subprotocols=[Subprotocol(one) for one in handshake.subprotocols_for(backend)] or None,
            additional_headers=handshake.headers_for(backend),
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
        """Trusts whom the calls over HTTP trust; loaded once, as that takes a while."""
        if self._trusted is None:
            import httpcore

            self._trusted = httpcore.default_ssl_context()
        return self._trusted

    def _refused(
        self,
        handshake: Handshake,
        backend: Backend,
        recorder: AttemptRecorder,
        answer: Response,
    ) -> Outcome:
        status, headers, body = answer.status_code, _raw(answer.headers), bytes(answer.body or b"")
        lowered = lower_headers(headers)
        kind = throttle_kind(status, lowered, body[:4096].decode("utf-8", "replace"))
        recorder.answered(status, headers, kind)
        # A handshake begins something, whatever its method: only what is said to be not there is.
        verdict = judge("POST", status, body, refers_to_item=False, own_key=backend.key is not None)
        wait = retry_after_ms(lowered, utc_now(self._clock))
        if status < _FIRST_REFUSAL:
            # It speaks HTTP, but no WebSocket: nothing of this could be passed on.
            self._pool.troubled(backend, handshake.deployment)
            return Outcome(Verdict.FAILED, refusals.unreachable())
        if verdict is Verdict.THROTTLED or (verdict is Verdict.FAILED and wait is not None):
            self._pool.throttled(backend, handshake.deployment, wait)
        elif verdict is Verdict.FAILED:
            self._pool.troubled(backend, handshake.deployment)
        elif verdict is Verdict.ELSEWHERE:
            self._pool.absent(backend, handshake.deployment)
        passed = answer_headers(headers, backend, None)
        return Outcome(verdict, refusals.kept(status, passed, body), wait)

    def _last_word(self, handshake: Handshake, outcomes: list[Outcome]) -> Refusal:
        resting = self._pool.wait_ms(handshake.deployment)
        if not outcomes:
            return refusals.all_resting(resting)
        chosen = best(outcomes)
        own = chosen.retry_after_ms
        if chosen.verdict is Verdict.THROTTLED and (own is None or 0 < resting < own):
            return with_retry_after(chosen.refusal, resting)
        return chosen.refusal


def _raw(headers: Headers) -> RawHeaders:
    return [
        (name.encode("latin-1", "replace"), value.encode("latin-1", "replace"))
        for name, value in headers.raw_items()
    ]
