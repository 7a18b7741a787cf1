"""Metering for LiteLLM, as a library and as a proxy.

    litellm.callbacks = [GatemeterCallback()]

In the proxy's configuration:

    litellm_settings:
      callbacks: gateway_hooks.litellm_callback.proxy_callback

LiteLLM tells what happened after it has answered, so unlike the middleware this hook cannot store
the event before its caller has the answer; LiteLLM's own loggers have the same gap.

One request to a Router is one event: what it tried before (retries, fallbacks) becomes the event's
attempts. Nothing tells when a Router gives up, so a failure it may repeat is held for the time
until the next try must have begun (its Retry-After and 15 seconds) and is recorded alone when none
has. LiteLLM may call both its synchronous and its asynchronous hook for one call: one counts.
"""

from __future__ import annotations

import functools
import threading
from functools import partial
from typing import TYPE_CHECKING

from litellm.integrations.custom_logger import CustomLogger

from gateway_hooks.compose_event import add_usage
from gateway_hooks.held import Held
from gateway_hooks.litellm_call import (
    LoggedCall,
    estimated_usage,
    needs_estimate,
    repeats,
    trace_id,
)
from gateway_hooks.litellm_event import compose, joined
from gateway_hooks.meter import HOOK_ERROR, default_meter
from gateway_hooks.reading import wire

if TYPE_CHECKING:
    from gateway_hooks.event import UsageEvent
    from gateway_hooks.meter import Meter

_MAX_SEEN = 4096
_NEXT_TRY_SECONDS = 15.0
_LONGEST_RETRY_AFTER_SECONDS = 120.0
_UNDER_WAY_SECONDS = 3600.0


class GatemeterCallback(CustomLogger):  # type: ignore[misc] # not typed where it is not installed
    """Records each of LiteLLM's calls as an event."""

    def __init__(self, meter: Meter | None = None) -> None:
        """Make a callback.

        Args:
            meter: the process's own when not given.

        Raises:
            SettingsError: a setting cannot be used; the message names the variable.
        """
        super().__init__()
        self._meter = meter or default_meter()
        self._lock = threading.Lock()
        self._seen: dict[str, None] = {}
        self._held: Held[str, UsageEvent] = Held(self._meter.clock, self._record)
        self._meter.before_close(self._held.end_all)

    def log_pre_api_call(self, model: object, messages: object, kwargs: object) -> None:  # noqa: ARG002 - LiteLLM's signature
        """A call begins; if it is a Router's next try, the failure before it waits for its end."""
        with self._meter.safety("litellm"):
            arguments = wire.as_dict(kwargs)
            if repeats(arguments):
                self._keep_waiting(trace_id(arguments))

    # LiteLLM hands over the answer and two times besides, of which the payload has all that counts.

    def log_success_event(self, kwargs: object, *_: object, **__: object) -> None:
        """LiteLLM's synchronous hook."""
        self._logged(kwargs)

    def log_failure_event(self, kwargs: object, *_: object, **__: object) -> None:
        """LiteLLM's synchronous hook."""
        self._logged(kwargs)

    async def async_log_success_event(self, kwargs: object, *_: object, **__: object) -> None:
        """LiteLLM's asynchronous hook."""
        self._logged(kwargs)

    async def async_log_failure_event(self, kwargs: object, *_: object, **__: object) -> None:
        """LiteLLM's asynchronous hook."""
        self._logged(kwargs)

    def _logged(self, kwargs: object) -> None:
        with self._meter.safety("litellm"):
            arguments = wire.as_dict(kwargs)
            payload = wire.as_dict(arguments.get("standard_logging_object"))
            if payload:  # there is none while a stream goes on
                logged = LoggedCall(payload, arguments)
                if self._is_new(logged.call_id):
                    self._take(logged)
            return
        self._meter.counts.dropped(HOOK_ERROR)

    def _is_new(self, call_id: str) -> bool:
        """Whether the call was not recorded yet, among the last 4,096."""
        with self._lock:
            if call_id in self._seen:
                return False
            if len(self._seen) >= _MAX_SEEN:
                del self._seen[next(iter(self._seen))]
            self._seen[call_id] = None
            return True

    def _take(self, logged: LoggedCall) -> None:
        event = compose(logged, self._meter)
        earlier = self._held.take(logged.trace_id)
        if earlier is not None and logged.repeats:
            event = joined(earlier, event)
        elif earlier is not None:
            self._record(earlier)
        if needs_estimate(logged):
            job = partial(self._estimate_and_record, logged, event)
            if self._meter.background.submit(job, 0) is None:
                self._record(event)
        elif logged.failed and logged.routed:
            self._held.hold(logged.trace_id, event, _wait_seconds(event))
        else:
            self._record(event)

    def _keep_waiting(self, trace: str) -> None:
        earlier = self._held.take(trace)
        if earlier is not None:
            self._held.hold(trace, earlier, _UNDER_WAY_SECONDS)

    def _estimate_and_record(self, logged: LoggedCall, event: UsageEvent) -> None:
        with self._meter.safety("estimate"):
            add_usage(event, estimated_usage(logged))
        self._record(event)

    def _record(self, event: UsageEvent) -> None:
        self._meter.record(event)


def _wait_seconds(event: UsageEvent) -> float:
    """Time until a Router's next try must have begun."""
    attempts = event.get("attempts", [])
    retry_after_ms = attempts[-1].get("retry_after_ms", 0.0) if attempts else 0.0
    return _NEXT_TRY_SECONDS + min(retry_after_ms / 1000, _LONGEST_RETRY_AFTER_SECONDS)


@functools.cache
def _proxy_callback() -> GatemeterCallback:
    return GatemeterCallback()


def __getattr__(name: str) -> GatemeterCallback:
    """`proxy_callback`, made when the proxy's configuration asks for it."""
    if name == "proxy_callback":
        return _proxy_callback()
    raise AttributeError(name)
