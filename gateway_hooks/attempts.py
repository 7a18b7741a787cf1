"""How a gateway tells which backends it called for a request.

The transports for the openai SDK do it by themselves. With any other HTTP client:

    with record_attempt("eastus.openai.azure.com", deployment="gpt-4o") as attempt:
        response = await client.send(request, stream=True)
        attempt.answered(response.status_code, response.headers)
        ...  # for a stream: the block lasts until the body has ended

Attempts go to the request that is being served where the call is made (`UsageMiddleware` sets it,
a context variable carries it into tasks and threads). Outside of any request they go nowhere.
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING, Self

from gateway_hooks.clock import SystemClock
from gateway_hooks.reading.content_filter import worst_of
from gateway_hooks.reading.headers import lower_headers

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

    from gateway_hooks.event import ContentFilter, DeploymentType, ThrottleKind
    from gateway_hooks.exchange import Exchange
    from gateway_hooks.reading.headers import HeadersLike

current_exchange: ContextVar[Exchange | None] = ContextVar("gatemeter_exchange", default=None)
"""The request being served here, if any."""

_SYSTEM_CLOCK = SystemClock()


class AttemptRecorder:
    """One call to one backend while it is going on. Its methods never raise."""

    __slots__ = (
        "_clock",
        "backend",
        "deployment",
        "deployment_type",
        "ended_ns",
        "error_type",
        "headers",
        "region",
        "started_ns",
        "status_code",
        "throttle",
    )

    def __init__(
        self,
        backend: str,
        *,
        deployment: str | None = None,
        region: str | None = None,
        deployment_type: DeploymentType | None = None,
        exchange: Exchange | None = None,
    ) -> None:
        self.backend = backend
        self.deployment = deployment
        self.region = region
        self.deployment_type = deployment_type
        self._clock = _SYSTEM_CLOCK if exchange is None else exchange.clock
        self.started_ns = self._clock.monotonic_ns()
        self.ended_ns: int | None = None
        self.headers: HeadersLike = {}
        self.error_type: str | None = None
        self.throttle: ThrottleKind | None = None
        self.status_code: int | None = None

    def answered(
        self, status_code: int, headers: HeadersLike, throttle: ThrottleKind | None = None
    ) -> None:
        """The backend has answered; its body may still be on the way.

        Args:
            status_code: the answer's.
            headers: the answer's, in any spelling.
            throttle: what a refusal for load said it was, when more is known than the headers say.
        """
        self.status_code = status_code
        self.headers = headers
        self.throttle = throttle

    def failed(self, error: BaseException | str) -> None:
        """There was no answer, or it broke off; only the error's class is kept."""
        self.error_type = error if isinstance(error, str) else type(error).__name__

    def end(self) -> None:
        """The attempt is over: the body has ended, or there will be none."""
        if self.ended_ns is None:
            self.ended_ns = self._clock.monotonic_ns()

    def interval(self, until_ns: int) -> tuple[int, int]:
        """Start and end on the clock; an attempt that still goes on ends at `until_ns`."""
        return self.started_ns, until_ns if self.ended_ns is None else self.ended_ns

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End the attempt; an exception makes it a failed one and goes on."""
        if error is not None and not isinstance(error, GeneratorExit):
            self.failed(error)
        self.end()


def record_attempt(
    backend: str,
    *,
    deployment: str | None = None,
    region: str | None = None,
    deployment_type: DeploymentType | None = None,
) -> AttemptRecorder:
    """Begin an attempt of the request that is being served here; use it in a `with` block.

    Args:
        backend: host or configured name; `[backends."<host>"]` in the settings can add to it.
        deployment: the deployment that is called, when the answer will not name it.
        region: Azure region, when the answer will not name it.
        deployment_type: how the deployment is billed.
    """
    exchange = current_exchange.get()
    recorder = AttemptRecorder(
        backend,
        deployment=deployment,
        region=region,
        deployment_type=deployment_type,
        exchange=exchange,
    )
    if exchange is not None and not exchange.ended:
        exchange.add_attempt(recorder)
    return recorder


def open_exchange() -> Exchange | None:
    """The request being served here, when a model call made now is an attempt of it.

    None for what is no LLM call itself: an application that calls models while it serves some
    other request has its model calls recorded as requests of their own.
    """
    exchange = current_exchange.get()
    return exchange if exchange is not None and exchange.takes_attempts else None


def annotate(
    *,
    key_name: str | None = None,
    team: str | None = None,
    product: str | None = None,
    session_id: str | None = None,
    tags: Mapping[str, str] | None = None,
    cache_hit: bool | None = None,
    content_filter: ContentFilter | None = None,
) -> None:
    """Tell what the gateway knows of the request that is being served here.

    Args:
        key_name: name of the caller's key, when the settings do not have it.
        team: team of the caller's key, when the settings do not have it.
        product: what the caller was let in by.
        session_id: the caller's session.
        tags: the operator's own dimensions; added to those of the request's header.
        cache_hit: the answer came from the gateway's cache and costs nothing.
        content_filter: what a filter of the gateway found; what the answer says is added to it.
    """
    exchange = current_exchange.get()
    if exchange is None:
        return
    with exchange.meter.safety("annotate"):
        notes = exchange.notes
        notes.key_name = key_name or notes.key_name
        notes.team = team or notes.team
        notes.product = product or notes.product
        notes.session_id = session_id or notes.session_id
        notes.tags.update(tags or {})
        if cache_hit is not None:
            notes.cache_hit = cache_hit
        notes.content_filter = worst_of(notes.content_filter, content_filter)


def keep_answer_headers(headers: HeadersLike) -> None:
    """An answer's headers are about to be changed: the event shall read these.

    For policies that tell callers of limits of their own, by names that backends use as well.
    """
    exchange = current_exchange.get()
    if exchange is not None and exchange.notes.backend_headers is None:
        exchange.notes.backend_headers = lower_headers(headers)
