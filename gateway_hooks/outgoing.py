"""One HTTP call that a client makes, as its transport sees it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from gateway_hooks.attempts import AttemptRecorder, open_exchange, record_attempt
from gateway_hooks.clock import utc_now
from gateway_hooks.reading.answer import answer_reader
from gateway_hooks.reading.headers import lower_headers, whole_number
from gateway_hooks.reading.operations import recognise
from gateway_hooks.reading.request import RequestFacts, ask_for_usage
from gateway_hooks.reading.sse import UsageChunkFilter, can_hide_usage_chunk
from gateway_hooks.reading.throttling import retry_after_ms

if TYPE_CHECKING:
    from gateway_hooks.exchange import Exchange
    from gateway_hooks.meter import Meter
    from gateway_hooks.paused import Lane
    from gateway_hooks.reading.answer import AnswerReader
    from gateway_hooks.reading.headers import HeadersLike

RETRY_HEADER = "x-stainless-retry-count"
"""The openai SDK's number of the try; without it a call is no SDK's and never held."""

_LONGEST_RETRY_AFTER_SECONDS = 120.0
_LONGEST_BACKOFF_SECONDS = 8.0
_SLACK_SECONDS = 5.0
_REFUSED_FOR_LOAD = frozenset({429, 503})
_LONGEST_REFUSAL_BYTES = 8192
_REPEATED = frozenset({408, 409, 429})
_FIRST_SERVER_ERROR = 500
_FIRST_ERROR = 400
_BAD_GATEWAY = 502
_GATEWAY_TIMEOUT = 504


@dataclass(frozen=True, slots=True)
class OutgoingRequest:
    """What a transport is asked to send."""

    method: str
    host: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes | None
    """None when it is not in memory, or too long to be read."""


class Watch(Protocol):
    """What a transport tells of a call; nothing here raises or blocks."""

    body_to_send: bytes | None
    """The changed body, when usage is asked for on the caller's behalf."""

    def answered(self, status_code: int, headers: HeadersLike) -> None:
        """The answer's headers are there."""

    def feed(self, chunk: bytes) -> bytes:
        """The next bytes of the answer; what of them goes on to the caller."""

    def rest(self) -> bytes:
        """What was held back, at the body's end."""

    @property
    def answer_ended(self) -> bool:
        """Whether the bytes fed last complete the answer."""

    def failed(self, error: BaseException) -> None:
        """There was no answer, or it broke off."""

    def left(self) -> None:
        """The caller closes the answer before its end."""

    def over(self) -> Exchange | None:
        """The call is over: the exchange that has to be settled now, if any. Once only."""


class AttemptWatch:
    """A call made while a metered request is served: an attempt of that request."""

    answer_ended = False

    def __init__(self, request: OutgoingRequest, meter: Meter) -> None:
        self.body_to_send: bytes | None = None
        self._meter = meter
        self._call = recognise(request.method, request.path, request.query)
        self._attempt = record_attempt(request.host, deployment=self._call.deployment)
        self._reader: AnswerReader | None = None

    def answered(self, status_code: int, headers: HeadersLike) -> None:
        """See `Watch`."""
        with self._meter.safety("answer"):
            lowered = lower_headers(headers)
            self._attempt.answered(status_code, lowered)
            if status_code in _REFUSED_FOR_LOAD:
                self._reader = answer_reader(
                    self._call, status_code, lowered, RequestFacts(), _LONGEST_REFUSAL_BYTES
                )

    def feed(self, chunk: bytes) -> bytes:
        """See `Watch`; only a refusal is read, for what it says it is."""
        if self._reader is not None:
            with self._meter.safety("answer"):
                self._reader.feed(chunk)
        return chunk

    def rest(self) -> bytes:
        """See `Watch`."""
        return b""

    def failed(self, error: BaseException) -> None:
        """See `Watch`."""
        self._attempt.failed(error)

    def left(self) -> None:
        """See `Watch`."""

    def over(self) -> None:
        """See `Watch`: the surrounding request is settled by its own adapter."""
        self._attempt.end()
        reader, self._reader = self._reader, None
        if reader is not None:
            with self._meter.safety("answer"):
                self._attempt.throttle = reader.finish().throttle


class CallWatch:
    """A call that is a request of its own, or the next try of one."""

    def __init__(
        self, meter: Meter, exchange: Exchange, request: OutgoingRequest, repeats: Repeats | None
    ) -> None:
        self._meter = meter
        self._exchange = exchange
        self._repeats = repeats
        self._attempt = AttemptRecorder(
            request.host, deployment=exchange.call.deployment, exchange=exchange
        )
        exchange.add_attempt(self._attempt)
        self._filter: UsageChunkFilter | None = None
        self._announced: int | None = None
        self._passed = 0
        self._broken = False
        self._is_over = False
        if request.body is not None and exchange.call.reads_usage:
            exchange.read_request(request.body)
        self.body_to_send: bytes | None = None
        if meter.include_usage and request.body is not None:
            with meter.safety("ask_for_usage"):
                self.body_to_send = ask_for_usage(exchange.call, request.body)

    def answered(self, status_code: int, headers: HeadersLike) -> None:
        """See `Watch`."""
        with self._meter.safety("answer"):
            lowered = lower_headers(headers)
            self._attempt.answered(status_code, lowered)
            self._exchange.start_answer(status_code, lowered)
            self._announced = whole_number(lowered.get("content-length"))
            if self.body_to_send is not None and can_hide_usage_chunk(lowered):
                self._filter = UsageChunkFilter()

    def feed(self, chunk: bytes) -> bytes:
        """See `Watch`."""
        self._exchange.feed_answer(chunk)
        self._passed += len(chunk)
        if self._filter is None:
            return chunk
        with self._meter.safety("usage_chunk"):
            return self._filter.feed(chunk)
        self._filter = None
        return chunk

    def rest(self) -> bytes:
        """See `Watch`."""
        if self._filter is not None:
            with self._meter.safety("usage_chunk"):
                return self._filter.finish()
        return b""

    @property
    def answer_ended(self) -> bool:
        """See `Watch`."""
        return self._exchange.answer_ended or self._passed == self._announced

    def failed(self, error: BaseException) -> None:
        """See `Watch`."""
        self._broken = True
        self._attempt.failed(error)
        if self._exchange.status_code is None:
            timeout = "Timeout" in type(error).__name__
            self._exchange.status_code = _GATEWAY_TIMEOUT if timeout else _BAD_GATEWAY
        self._exchange.failed(error)

    def left(self) -> None:
        """See `Watch`; an error's body is often closed unread, which is no leaving."""
        if not self._is_over and (self._exchange.status_code or 0) < _FIRST_ERROR:
            self._exchange.client_left()

    def over(self) -> Exchange | None:
        """See `Watch`."""
        if self._is_over:
            return None
        self._is_over = True
        self._attempt.end()
        if self._repeats is None or not self._may_be_repeated():
            return self._exchange
        with self._meter.safety("pause"):
            self._repeats.hold(self._exchange, self._longest_wait())
            return None
        return self._exchange

    def _may_be_repeated(self) -> bool:
        """Whether the SDK takes this end for one to try again; its own rules, as it states them."""
        if self._broken:
            # A stream that breaks off was handed out already; only whole answers are repeated.
            return not (self._exchange.request.stream and self._exchange.answer_headers)
        headers = self._exchange.answer_headers
        if self._retry_after() > _LONGEST_RETRY_AFTER_SECONDS:
            return False
        wish = headers.get("x-should-retry")
        if wish in {"true", "false"}:
            return wish == "true"
        status = self._exchange.status_code or 0
        return status in _REPEATED or status >= _FIRST_SERVER_ERROR

    def _retry_after(self) -> float:
        wait = None
        with self._meter.safety("answer"):
            wait = retry_after_ms(self._exchange.answer_headers, utc_now(self._meter.clock))
        return (wait or 0.0) / 1000

    def _longest_wait(self) -> float:
        return max(self._retry_after(), _LONGEST_BACKOFF_SECONDS) + _SLACK_SECONDS


@dataclass(frozen=True, slots=True)
class Repeats:
    """Where this call stands among the tries that the SDK may make of it."""

    meter: Meter
    lane: Lane
    route: tuple[str, str, str]
    number: int

    def hold(self, exchange: Exchange, wait_seconds: float) -> None:
        """Keep the exchange for the next try."""
        self.meter.paused.hold(
            self.lane, exchange, route=self.route, tried=self.number, wait_seconds=wait_seconds
        )


def watch(
    meter: Meter, request: OutgoingRequest, lane: Lane | None, max_retries: int
) -> Watch | None:
    """Begin to watch a call; None when it cannot be metered.

    Args:
        meter: records it.
        request: what is sent.
        lane: where the SDK's next try would come; None when that cannot be told.
        max_retries: how often the SDK tries again.
    """
    if open_exchange() is not None:
        return AttemptWatch(request, meter)
    number = whole_number(request.headers.get(RETRY_HEADER))
    exchange = repeats = None
    if lane is not None and number is not None:
        route = (request.method, request.host, request.path)
        exchange = meter.paused.take(lane, route=route, number=number)
        if number < max_retries:
            repeats = Repeats(meter, lane, route, number)
    if exchange is None:
        exchange = meter.begin(request.method, request.path, request.query, request.headers)
    return None if exchange is None else CallWatch(meter, exchange, request, repeats)
