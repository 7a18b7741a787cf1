"""An attempt as the event carries it, from the gateway's report and the answer's headers.

This is on the request path, so what is the same from call to call is made once: how a backend is
described, how its region is spelled.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gateway_hooks.clock import milliseconds, utc_now
from gateway_hooks.reading import wire
from gateway_hooks.reading.headers import lower_headers
from gateway_hooks.reading.throttling import rate_limit_fields, retry_after_ms, throttle_kind

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway_hooks.attempts import AttemptRecorder
    from gateway_hooks.clock import Clock
    from gateway_hooks.event import Attempt, ThrottleKind
    from gateway_hooks.settings import BackendFacts

UNKNOWN_BACKEND: Final = "unknown"
HTTP_STATUS: Final = range(100, 600)
"""What an event can carry; servers let applications send others."""

_REGION: Final = "x-ms-region"
_DEPLOYMENT: Final = "x-ms-deployment-name"
_SPILLED_FROM: Final = "x-ms-spillover-from-deployment"
_UPSTREAM_HEADERS: Final = (_REGION, "apim-request-id", _DEPLOYMENT)
_RATE_LIMIT_PREFIX: Final = "x-ratelimit-"
_WANTED: Final = frozenset(
    {
        _REGION,
        _DEPLOYMENT,
        _SPILLED_FROM,
        "retry-after",
        "retry-after-ms",
        "x-ratelimit-limit-tokens",
        "x-ratelimit-limit-requests",
        "x-ratelimit-remaining-tokens",
        "x-ratelimit-remaining-requests",
        "azure-openai-deployment-utilization",
    }
)
_FIRST_ERROR: Final = 400
_MAX_KNOWN: Final = 1024


class Backends:
    """What is known of backends: by the settings, else by their answers' headers."""

    def __init__(self, facts: Mapping[str, BackendFacts]) -> None:
        self._facts = facts
        self._known: dict[tuple[str, str | None, str | None], Attempt] = {}

    def describe(self, backend: str, region: str | None, deployment: str | None) -> Attempt:
        """A new attempt that names the backend.

        Args:
            backend: host or configured name.
            region: as the answer's headers spell it.
            deployment: that served, as the answer's headers say.
        """
        key = (backend, region, deployment)
        known = self._known.get(key)
        if known is None:
            known = self._describe(backend, region, deployment)
            if len(self._known) >= _MAX_KNOWN:
                self._known.clear()
            self._known[key] = known
        return known.copy()

    def _describe(self, backend: str, region: str | None, deployment: str | None) -> Attempt:
        facts = self._facts.get(backend)
        attempt: Attempt = {"backend": wire.name(backend) or UNKNOWN_BACKEND}
        if facts is not None:
            attempt["backend"] = facts.name or attempt["backend"]
            region = facts.region or region
            if facts.deployment_type is not None:
                attempt["deployment_type"] = facts.deployment_type
        if region:
            attempt["region"] = region_name(region)
        name = wire.name(deployment)
        if name is not None:
            attempt["deployment"] = name
        return attempt


def compose_attempt(
    recorder: AttemptRecorder,
    *,
    request_started_ns: int,
    until_ns: int,
    backends: Backends,
    answer_headers: Mapping[str, str],
    clock: Clock,
    throttle: ThrottleKind | None = None,
) -> Attempt:
    """The attempt that a gateway reported.

    Args:
        recorder: what it reported.
        request_started_ns: what `offset_ms` counts from.
        until_ns: the end of an attempt that still goes on.
        backends: what is known of them.
        answer_headers: those of the request's answer, names in lower case.
        clock: for a `Retry-After` that is a date.
        throttle: what the answer's body said of a refusal, for the attempt that gave it.
    """
    if recorder.headers is answer_headers:
        headers = answer_headers
    else:
        headers = lower_headers(recorder.headers, _WANTED)
    attempt = backends.describe(recorder.backend, headers.get(_REGION), headers.get(_DEPLOYMENT))
    started_ns, ended_ns = recorder.interval(until_ns)
    attempt["offset_ms"] = milliseconds(started_ns - request_started_ns)
    attempt["duration_ms"] = milliseconds(ended_ns - started_ns)
    if recorder.deployment and "deployment" not in attempt:
        # What the answer names has served and is billed: a full PTU may spill over.
        attempt["deployment"] = wire.name(recorder.deployment) or UNKNOWN_BACKEND
    if recorder.region:
        attempt["region"] = region_name(recorder.region)
    if recorder.deployment_type is not None:
        attempt["deployment_type"] = recorder.deployment_type
    if recorder.error_type is not None:
        _add_error(attempt, recorder.error_type)
    if recorder.status_code is not None:
        _add_answer(attempt, recorder.status_code, headers, recorder.throttle or throttle, clock)
    return attempt


def answered_attempt(
    backend: str,
    status_code: int,
    headers: Mapping[str, str],
    *,
    backends: Backends,
    throttle: ThrottleKind | None,
    clock: Clock,
) -> Attempt:
    """An attempt of which no more is known than its answer."""
    attempt = backends.describe(backend, headers.get(_REGION), headers.get(_DEPLOYMENT))
    _add_answer(attempt, status_code, headers, throttle, clock)
    return attempt


def derived_attempt(
    status_code: int,
    headers: Mapping[str, str],
    backends: Backends,
    throttle: ThrottleKind | None,
    clock: Clock,
) -> Attempt | None:
    """The attempt that an answer's headers show when the gateway reported none.

    Azure's headers pass through most gateways and tell region, deployment and limits, but no host:
    the backend is `unknown`, which `[backends.unknown]` in the settings can name when the gateway
    has but one. None when they show no backend, so that a refusal by the gateway itself does not
    look like one by Azure.
    """
    shows_backend = any(name in headers for name in _UPSTREAM_HEADERS) or any(
        name.startswith(_RATE_LIMIT_PREFIX) for name in headers
    )
    if not shows_backend:
        return None
    return answered_attempt(
        UNKNOWN_BACKEND, status_code, headers, backends=backends, throttle=throttle, clock=clock
    )


def region_name(region: str) -> str:
    """A region as prices and settings spell it: `East US` is `eastus`."""
    return wire.name(region.replace(" ", "").lower()) or UNKNOWN_BACKEND


def covered_ns(intervals: list[tuple[int, int]]) -> int:
    """Time covered by at least one of the intervals: attempts can run side by side."""
    if len(intervals) == 1:
        return intervals[0][1] - intervals[0][0]
    covered = 0
    end = 0
    for start, stop in sorted(intervals):
        covered += max(0, stop - max(start, end))
        end = max(end, stop)
    return covered


def _add_error(attempt: Attempt, error_type: str) -> None:
    code = wire.code(error_type)
    if code is not None:
        attempt["error_type"] = code


def _add_answer(
    attempt: Attempt,
    status_code: int,
    headers: Mapping[str, str],
    throttle: ThrottleKind | None,
    clock: Clock,
) -> None:
    if status_code in HTTP_STATUS:
        attempt["status_code"] = status_code
    if status_code >= _FIRST_ERROR:
        kind = throttle or throttle_kind(status_code, headers, None)
        if kind is not None:
            attempt["throttle"] = kind
    if "retry-after" in headers or "retry-after-ms" in headers:
        wait = retry_after_ms(headers, utc_now(clock))
        if wait is not None:
            attempt["retry_after_ms"] = wait
    if _SPILLED_FROM in headers and attempt.get("deployment_type") == "ptu":
        # Azure itself sent it on to a deployment that is billed by the token.
        del attempt["deployment_type"]
    attempt.update(rate_limit_fields(headers))
