"""An attempt as the event carries it, from the gateway's report and the answer's headers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway_hooks import wire
from gateway_hooks.clock import milliseconds, utc_now
from gateway_hooks.headers import lower_headers
from gateway_hooks.throttling import rate_limit_fields, retry_after_ms, throttle_kind

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway_hooks.attempts import AttemptRecorder
    from gateway_hooks.clock import Clock
    from gateway_hooks.event import Attempt, ThrottleKind
    from gateway_hooks.settings import BackendFacts

UNKNOWN_BACKEND = "unknown"
_UPSTREAM_HEADERS = ("x-ms-region", "apim-request-id", "x-ms-deployment-name")
_RATE_LIMIT_PREFIX = "x-ratelimit-"
HTTP_STATUS = range(100, 600)
"""What an event can carry; servers let applications send others."""


def compose_attempt(
    recorder: AttemptRecorder,
    *,
    request_started_ns: int,
    until_ns: int,
    backends: Mapping[str, BackendFacts],
    clock: Clock,
    throttle: ThrottleKind | None = None,
) -> Attempt:
    """The attempt that a gateway reported.

    Args:
        recorder: what it reported.
        request_started_ns: what `offset_ms` counts from.
        until_ns: the end of an attempt that still goes on.
        backends: what the settings say of hosts.
        clock: for a `Retry-After` that is a date.
        throttle: what the answer's body said of a refusal, for the attempt that gave it.
    """
    headers = lower_headers(recorder.headers)
    attempt = _describe(recorder.backend, headers, backends)
    ended_ns = until_ns if recorder.ended_ns is None else recorder.ended_ns
    attempt["offset_ms"] = milliseconds(recorder.started_ns - request_started_ns)
    attempt["duration_ms"] = milliseconds(ended_ns - recorder.started_ns)
    deployment = wire.name(recorder.deployment)
    if deployment is not None:
        # What the answer names has served and is billed: a full PTU may spill over.
        attempt.setdefault("deployment", deployment)
    if recorder.region:
        attempt["region"] = region_name(recorder.region)
    if recorder.deployment_type is not None:
        attempt["deployment_type"] = recorder.deployment_type
    error_type = wire.code(recorder.error_type)
    if error_type is not None:
        attempt["error_type"] = error_type
    if recorder.status_code is not None:
        _add_answer(attempt, recorder.status_code, headers, recorder.throttle or throttle, clock)
    return attempt


def derived_attempt(
    status_code: int,
    headers: Mapping[str, str],
    backends: Mapping[str, BackendFacts],
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


def answered_attempt(
    backend: str,
    status_code: int,
    headers: Mapping[str, str],
    *,
    backends: Mapping[str, BackendFacts],
    throttle: ThrottleKind | None,
    clock: Clock,
) -> Attempt:
    """An attempt of which no more is known than its answer."""
    attempt = _describe(backend, headers, backends)
    _add_answer(attempt, status_code, headers, throttle, clock)
    return attempt


def region_name(region: str) -> str:
    """A region as prices and settings spell it: `East US` is `eastus`."""
    return wire.name(region.replace(" ", "").lower()) or UNKNOWN_BACKEND


def waiting_ms(intervals: list[tuple[int, int]]) -> float:
    """Time covered by at least one of the intervals: attempts can run side by side."""
    covered = 0
    end = 0
    for start, stop in sorted(intervals):
        covered += max(0, stop - max(start, end))
        end = max(end, stop)
    return milliseconds(covered)


def _describe(
    backend: str, headers: Mapping[str, str], backends: Mapping[str, BackendFacts]
) -> Attempt:
    """What is known of the backend: by the settings, else by the answer's headers."""
    facts = backends.get(backend)
    attempt: Attempt = {"backend": wire.name(backend) or UNKNOWN_BACKEND}
    region = headers.get("x-ms-region")
    if facts is not None:
        attempt["backend"] = facts.name or attempt["backend"]
        region = facts.region or region
        if facts.deployment_type is not None:
            attempt["deployment_type"] = facts.deployment_type
    if region:
        attempt["region"] = region_name(region)
    deployment = wire.name(headers.get("x-ms-deployment-name"))
    if deployment is not None:
        attempt["deployment"] = deployment
    return attempt


def _add_answer(
    attempt: Attempt,
    status_code: int,
    headers: Mapping[str, str],
    throttle: ThrottleKind | None,
    clock: Clock,
) -> None:
    if status_code in HTTP_STATUS:
        attempt["status_code"] = status_code
    kind = throttle or throttle_kind(status_code, headers, None)
    if kind is not None:
        attempt["throttle"] = kind
    if "retry-after" in headers or "retry-after-ms" in headers:
        wait = retry_after_ms(headers, utc_now(clock))
        if wait is not None:
            attempt["retry_after_ms"] = wait
    attempt.update(rate_limit_fields(headers))
