"""The event of one call that LiteLLM has logged, and of a Router's several calls."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, Protocol

from gateway_hooks.clock import NANOSECONDS_PER_SECOND
from gateway_hooks.compose_attempt import answered_attempt
from gateway_hooks.compose_event import MAX_TAGS, add_usage
from gateway_hooks.event_id import new_event_id
from gateway_hooks.litellm_call import (
    LoggedCall,
    answer_headers,
    backend_of,
    call_of,
    deployment_of,
    seconds_of,
    status_of,
    usage_of,
)
from gateway_hooks.reading import wire
from gateway_hooks.reading.content_filter import FilterFindings, prompt_shield
from gateway_hooks.reading.throttling import throttle_kind

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway_hooks.clock import Clock
    from gateway_hooks.compose_event import OperatorFacts
    from gateway_hooks.event import Attempt, UsageEvent
    from gateway_hooks.fingerprint import Fingerprinter

_WITHOUT_ANSWER: Final = frozenset({"APIConnectionError", "Timeout"})
_TOO_MANY: Final = 429


class Recorder(Protocol):
    """What an event needs besides the call; a `Meter` is one."""

    @property
    def operator(self) -> OperatorFacts:
        """What the operator has set."""

    @property
    def fingerprints(self) -> Fingerprinter:
        """Makes fingerprints of keys."""

    @property
    def clock(self) -> Clock:
        """Tells the time."""


def compose(logged: LoggedCall, meter: Recorder) -> UsageEvent:
    """The event of one call; its usage is `none` while `needs_estimate`."""
    payload = logged.payload
    started = seconds_of(payload.get("startTime"))
    ended = max(started, seconds_of(payload.get("endTime")))
    started_ns = int(started * NANOSECONDS_PER_SECOND)
    event: UsageEvent = {
        "event_id": new_event_id(started_ns),
        "schema_version": 1,
        "started_at": meter.operator.timestamps.text(started_ns),
        "gateway": meter.operator.gateway,
        "auth_type": "none",
        "operation": call_of(logged).operation,
        "usage_source": "none",
        "duration_ms": round((ended - started) * 1000, 3),
        "status_code": status_of(logged),
    }
    headers = answer_headers(payload)
    _add_identity(event, logged, headers)
    _add_caller(event, logged, meter)
    _add_call(event, logged)
    _add_outcome(event, logged, started)
    usage = usage_of(logged)
    if usage is not None:
        add_usage(event, usage)
    _add_attempt(event, logged, headers, meter)
    return event


def joined(earlier: UsageEvent, later: UsageEvent) -> UsageEvent:
    """One event of a Router's request: the later try's outcome, and every attempt."""
    event = later.copy()
    offset = _milliseconds_between(earlier["started_at"], later["started_at"])
    attempts = [*earlier.get("attempts", [])]
    for attempt in later.get("attempts", []):
        moved = attempt.copy()
        moved["offset_ms"] = round(moved.get("offset_ms", 0.0) + offset, 3)
        attempts.append(moved)
    event["event_id"] = earlier["event_id"]
    event["started_at"] = earlier["started_at"]
    event["duration_ms"] = round(later["duration_ms"] + offset, 3)
    if "request_model" in earlier:
        # A fallback names another model group than the caller did.
        event["request_model"] = earlier["request_model"]
    if "time_to_first_chunk_ms" in event:
        event["time_to_first_chunk_ms"] = round(event["time_to_first_chunk_ms"] + offset, 3)
    event.pop("gateway_overhead_ms", None)
    if attempts:
        event["attempts"] = attempts
    return event


def _add_identity(event: UsageEvent, logged: LoggedCall, headers: Mapping[str, str]) -> None:
    request_id = wire.name(headers.get("apim-request-id")) or wire.name(logged.call_id)
    if request_id is not None:
        event["request_id"] = request_id
    response_id = wire.name(wire.as_dict(logged.payload.get("response")).get("id"))
    if response_id is not None:
        event["response_id"] = response_id
    session_id = wire.name(logged.payload.get("session_id"))
    if session_id is not None:
        event["session_id"] = session_id


def _add_caller(event: UsageEvent, logged: LoggedCall, meter: Recorder) -> None:
    """Of the proxy only a hash of the virtual key is known; its fingerprint is the key's id."""
    metadata = wire.as_dict(logged.payload.get("metadata"))
    key_hash = metadata.get("user_api_key_hash")
    key_name = wire.name(metadata.get("user_api_key_alias"))
    team = wire.name(metadata.get("user_api_key_team_alias")) or wire.name(
        metadata.get("user_api_key_team_id")
    )
    if isinstance(key_hash, str) and key_hash:
        event["auth_type"] = "api_key"
        event["key_id"] = meter.fingerprints.key_id(key_hash)
        alias = meter.operator.keys.get(event["key_id"])
        if alias is not None:
            key_name, team = alias.name or key_name, alias.team or team
    if key_name is not None:
        event["key_name"] = key_name
    if team is not None:
        event["team"] = team
    user = logged.payload.get("end_user") or logged.options.get("user")
    if isinstance(user, str) and user:
        event["end_user"] = meter.fingerprints.end_user(user)
    tags = _tags(wire.as_list(logged.payload.get("request_tags")))
    if tags:
        event["tags"] = tags


def _tags(labels: list[Any]) -> dict[str, str]:
    """LiteLLM's tags are words, often `key:value`."""
    tags: dict[str, str] = {}
    for label in labels[:MAX_TAGS]:
        if isinstance(label, str):
            key, _, value = label.replace("=", ":", 1).partition(":")
            name, text = wire.name(key.strip()), wire.name(value.strip())
            if name is not None:
                tags[name] = text or "true"
    return tags


def _add_call(event: UsageEvent, logged: LoggedCall) -> None:
    payload = logged.payload
    call = call_of(logged)
    parameters = wire.as_dict(logged.arguments.get("litellm_params"))
    version = wire.name(parameters.get("api_version"))
    if version is not None:
        event["api_version"] = version
    if call.streams:
        event["stream"] = payload.get("stream") is True
    asked = wire.name(payload.get("model_group")) or wire.name(payload.get("model"))
    if asked is not None:
        event["request_model"] = asked
    response = wire.as_dict(payload.get("response"))
    served = wire.name(response.get("model"))
    if served is not None:
        event["response_model"] = served
    if call.deployment is not None:
        event["deployment"] = call.deployment
    tier = wire.name(response.get("service_tier"))
    if tier is not None:
        event["service_tier"] = tier


def _add_outcome(event: UsageEvent, logged: LoggedCall, started: float) -> None:
    payload = logged.payload
    first = seconds_of(payload.get("completionStartTime"))
    if event.get("stream") and not logged.failed and first >= started:
        event["time_to_first_chunk_ms"] = round((first - started) * 1000, 3)
    hidden = wire.as_dict(payload.get("hidden_params"))
    overhead = hidden.get("litellm_overhead_time_ms")
    if isinstance(overhead, (int, float)) and overhead >= 0:
        event["gateway_overhead_ms"] = round(float(overhead), 3)
    if logged.failed:
        error = wire.as_dict(payload.get("error_information"))
        event["error_type"] = wire.code(error.get("error_class")) or "unknown"
        error_code = wire.code(error.get("error_code"))
        if error_code is not None and not error_code.isdecimal():
            event["error_code"] = error_code
    if payload.get("cache_hit") is True:
        event["cache_hit"] = True
    response = wire.as_dict(payload.get("response"))
    reasons = [
        wire.code(wire.as_dict(choice).get("finish_reason"))
        for choice in wire.as_list(response.get("choices"))
    ]
    known = [reason for reason in reasons if reason is not None]
    if known:
        event["finish_reasons"] = known[:64]
    _add_filter(event, logged, response)


def _add_filter(event: UsageEvent, logged: LoggedCall, response: dict[Any, Any]) -> None:
    findings = FilterFindings()
    for entry in wire.as_list(response.get("prompt_filter_results")):
        findings.add_prompt(entry)
    for choice in wire.as_list(response.get("choices")):
        fields = wire.as_dict(choice)
        findings.add_completion(fields)
        findings.add_completion(fields.get("provider_specific_fields"))
    details = wire.as_dict(getattr(logged.exception, "provider_specific_fields", None))
    findings.add_prompt(details.get("innererror"))
    found = findings.found()
    if found is not None:
        event["content_filter"] = found
    shield = prompt_shield(found)
    if shield is not None:
        event["prompt_shield"] = shield


def _add_attempt(
    event: UsageEvent, logged: LoggedCall, headers: Mapping[str, str], meter: Recorder
) -> None:
    backend = backend_of(logged)
    status = event["status_code"]
    if event.get("cache_hit") or backend is None:
        if status == _TOO_MANY:
            event["throttled_by"] = "gateway"
        return
    error = str(logged.payload.get("error_str") or "")
    attempt: Attempt = answered_attempt(
        backend,
        status,
        headers,
        backends=meter.operator.backends,
        throttle=throttle_kind(status, headers, error),
        clock=meter.clock,
    )
    deployment = deployment_of(logged)
    if deployment is not None:
        attempt.setdefault("deployment", deployment)
    attempt["offset_ms"] = 0.0
    attempt["duration_ms"] = event["duration_ms"]
    if event.get("error_type") in _WITHOUT_ANSWER:
        attempt.pop("status_code", None)
        attempt["error_type"] = event["error_type"]
    event["attempts"] = [attempt]
    if status == _TOO_MANY:
        event["throttled_by"] = "backend"


def _milliseconds_between(earlier: str, later: str) -> float:
    gap = datetime.fromisoformat(later) - datetime.fromisoformat(earlier)
    return max(0.0, gap.total_seconds() * 1000)
