"""One request on its way through the gateway, from its first line to its event.

The adapters (`asgi`, `transport`) drive it with what they see; none of its public methods raises.
An exchange ends once and is recorded once, whoever comes first: the answer's end, the client that
leaves, a deadline, a cancelled task.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gateway_hooks.compose_event import CLIENT_LEFT, NO_ANSWER, compose_event
from gateway_hooks.event_id import new_event_id
from gateway_hooks.fingerprint import Caller
from gateway_hooks.reading.answer import answer_reader
from gateway_hooks.reading.answer_facts import AnswerFacts, is_success
from gateway_hooks.reading.request import RequestFacts, read_request
from gateway_hooks.reading.usage import Usage, derived_usage

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from concurrent.futures import Future

    from gateway_hooks.attempts import AttemptRecorder
    from gateway_hooks.clock import Clock
    from gateway_hooks.event import ContentFilter, Decision
    from gateway_hooks.known_caller import KnownCaller
    from gateway_hooks.meter import Meter
    from gateway_hooks.reading.answer import AnswerReader
    from gateway_hooks.reading.operations import Call

MAX_ATTEMPTS = 64
"""More attempts of one request than this are not recorded; the last ones are left out."""

_NOTHING_ASKED = RequestFacts()


@dataclass(slots=True)
class Notes:
    """What the gateway itself says of a request (`attempts.annotate`)."""

    key_name: str | None = None
    team: str | None = None
    product: str | None = None
    session_id: str | None = None
    cache_hit: bool | None = None
    content_filter: ContentFilter | None = None
    backend_headers: Mapping[str, str] | None = None
    """The answer's as a backend sent them, when a policy has put its own in their place."""
    tags: dict[str, str] = field(default_factory=dict)
    decisions: list[Decision] = field(default_factory=list)


class Exchange:
    """State of one request; driven by one task or thread at a time, recorded by any."""

    __slots__ = (
        "_claim",
        "_paused_ns",
        "_reader",
        "answer_headers",
        "attempts",
        "body",
        "call",
        "caller",
        "client_disconnected",
        "clock",
        "ended_ns",
        "error_type",
        "event_id",
        "facts",
        "first_content_ns",
        "headers",
        "meter",
        "notes",
        "observers",
        "request",
        "started_ns",
        "started_wall_ns",
        "status_code",
        "withheld",
    )

    def __init__(
        self, meter: Meter, call: Call, caller: Caller, headers: Mapping[str, str]
    ) -> None:
        self.meter = meter
        self.clock: Clock = meter.clock
        self.started_wall_ns = self.clock.wall_ns()
        self.started_ns = self.clock.monotonic_ns()
        self.event_id = new_event_id(self.started_wall_ns)
        self.call = call
        self.caller = caller
        self.headers = headers
        self.body = b""
        self.request = _NOTHING_ASKED
        self.notes = Notes()
        self.observers: list[Callable[[Usage], None]] = []
        self.attempts: list[AttemptRecorder] = []
        self.status_code: int | None = None
        self.answer_headers: Mapping[str, str] = {}
        self._reader: AnswerReader | None = None
        self.first_content_ns: int | None = None
        self.error_type: str | None = None
        self.client_disconnected = False
        self.ended_ns: int | None = None
        self._paused_ns: int | None = None
        self.facts: AnswerFacts | None = None
        self.withheld: AnswerFacts | None = None
        self._claim = threading.Lock()

    @property
    def ended(self) -> bool:
        """Whether nothing can be added any more."""
        return self.ended_ns is not None

    @property
    def takes_attempts(self) -> bool:
        """Whether calls to backends belong to this request: it is an LLM call that goes on."""
        return self.ended_ns is None and self.call.operation != "other"

    @property
    def answer_ended(self) -> bool:
        """Whether the answer's own text says that nothing comes after it (`[DONE]`)."""
        return self._reader is not None and self._reader.ended

    def called_by(self, known: KnownCaller) -> None:
        """The gateway has checked who calls."""
        self.caller = Caller(known.auth_type, known.key_id)
        self.notes.key_name = known.key_name
        self.notes.team = known.team
        self.notes.product = known.product

    def add_attempt(self, attempt: AttemptRecorder) -> None:
        """A call to a backend begins."""
        if len(self.attempts) < MAX_ATTEMPTS:
            self.attempts.append(attempt)

    def read_request(self, body: bytes) -> None:
        """Read the request's whole body; kept until the end for the estimate."""
        self.body = body
        with self.meter.safety("request"):
            self.request = read_request(self.call, self.headers.get("content-type", ""), body)

    def start_answer(self, status_code: int, headers: Mapping[str, str]) -> None:
        """The answer's first line and headers (names in lower case) are there."""
        self.status_code = status_code
        self.answer_headers = headers
        with self.meter.safety("answer"):
            self._reader = answer_reader(
                self.call, status_code, headers, self.request, self.meter.max_body_bytes
            )

    def feed_answer(self, chunk: bytes) -> None:
        """The next bytes of the answer's body, as they came."""
        if self._reader is None or self.ended_ns is not None:
            return
        with self.meter.safety("answer"):
            self._reader.feed(chunk)
            if self.first_content_ns is None and self._reader.saw_content:
                self.first_content_ns = self.clock.monotonic_ns()

    def withhold_answer(self, status_code: int, headers: Mapping[str, str], body: bytes) -> None:
        """Read the whole answer of a backend in whose place the caller gets another one."""
        with self.meter.safety("answer"):
            reader = answer_reader(
                self.call, status_code, headers, self.request, self.meter.max_body_bytes
            )
            reader.feed(body)
            self.withheld = reader.finish()

    def client_left(self) -> None:
        """The client is gone; after the end that is no news."""
        if self.ended_ns is None:
            self.client_disconnected = True

    def failed(self, error: BaseException | str) -> None:
        """The gateway itself failed, and not as its client left; only the error's class is kept."""
        if self.ended_ns is None and not self.client_disconnected:
            self.error_type = error if isinstance(error, str) else type(error).__name__

    def pause(self) -> None:
        """The attempt is over and the client may make another: the end, unless it does."""
        self._paused_ns = self.clock.monotonic_ns()
        self._finish_reading()
        if self.attempts and self.facts is not None:
            self.attempts[-1].throttle = self.facts.throttle

    def resume(self) -> None:
        """The client tries again: forget the answer that it did not take."""
        self._paused_ns = None
        self.status_code = None
        self.answer_headers = {}
        self.error_type = None
        self.first_content_ns = None
        self.facts = None
        self._reader = None

    def settle(self) -> None:
        """End and record, all in this thread: it may take the time of a token count."""
        if self._end():
            usage = self._usage_at_hand()
            self._record(usage if usage is not None else self._estimate())

    def settle_in_background(self) -> Future[None] | None:
        """End and record; when tokens have to be counted, in the background thread.

        The caller should wait for the result before it lets go of the answer's last bytes, and
        call `settle_roughly` when that takes too long. None when the event is recorded already.
        """
        if not self._end():
            return None
        usage = self._usage_at_hand()
        if usage is None:
            future = self.meter.background.submit(self._estimate_and_record, len(self.body))
            if future is not None:
                return future
            usage = self._rough_estimate()
        self._record(usage)
        return None

    def settle_roughly(self) -> None:
        """Record with a guess, now; an estimate that is still being made is dropped."""
        self._record(self._rough_estimate())

    def _end(self) -> bool:
        """Freeze times and facts; false when that was done before."""
        if self.ended_ns is not None:
            return False
        self.ended_ns = self._paused_ns or self.clock.monotonic_ns()
        if self.status_code is None:
            self.status_code = CLIENT_LEFT if self.client_disconnected else NO_ANSWER
        self._finish_reading()
        if self.facts is None:
            self.facts = AnswerFacts(self.status_code, abandoned=self._was_abandoned())
        return True

    def _was_abandoned(self) -> bool:
        """Whether the client left while a backend was working on the whole request."""
        if not (self.client_disconnected and self.body and self.status_code == CLIENT_LEFT):
            return False
        status = self.attempts[-1].status_code if self.attempts else None
        return status is None or is_success(status)

    def _finish_reading(self) -> None:
        reader, self._reader = self._reader, None
        if reader is not None:
            with self.meter.safety("answer"):
                self.facts = reader.finish()

    def _usage_at_hand(self) -> Usage | None:
        """What was reported or follows from the request; None when it has to be estimated."""
        facts = self._final_facts()
        if facts.usage is not None:
            return facts.usage
        if self._was_denied():
            return Usage("none")
        with self.meter.safety("usage"):
            return derived_usage(self.call, self.request, facts)
        return None

    def _was_denied(self) -> bool:
        """Whether a policy of the gateway answered by itself: no backend has seen the request."""
        return not self.attempts and any(
            decision["action"] == "denied" for decision in self.notes.decisions
        )

    def _estimate_and_record(self) -> None:
        self._record(self._estimate())

    def _estimate(self) -> Usage:
        with self.meter.safety("estimate"):
            from gateway_hooks.estimating.estimate import estimate_usage

            return self._as_far_as_read(
                estimate_usage(self.call, self.body, self.request, self._final_facts())
            )
        return self._rough_estimate()

    def _rough_estimate(self) -> Usage:
        self.meter.counts.rough_estimate()
        with self.meter.safety("estimate"):
            from gateway_hooks.estimating.estimate import rough_usage

            return self._as_far_as_read(
                rough_usage(self.call, self.body, self.request, self._final_facts())
            )
        return Usage("none")

    def _as_far_as_read(self, estimated: Usage) -> Usage:
        """Without the input's tokens when the request passed unread: nobody knows those."""
        if not self.body:
            estimated.input_tokens = None
        return estimated

    def _final_facts(self) -> AnswerFacts:
        """The answer that was used up: the backend's, also where the caller got another one."""
        if self.withheld is not None:
            return self.withheld
        return self.facts or AnswerFacts(self.status_code or NO_ANSWER)

    def _record(self, usage: Usage) -> None:
        """Compose the event and have the log take it, unless somebody else has."""
        if not self._claim.acquire(blocking=False):
            return
        event = None
        with self.meter.safety("event"):
            event = compose_event(self, self.meter.operator, usage)
        self.meter.record(event)
        for tell in self.observers:
            with self.meter.safety("observer"):
                tell(usage)
        # What is large goes with the event, though a background task may keep the exchange.
        self.body = b""
