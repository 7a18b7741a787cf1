"""The event of a finished exchange, as plain data with only the fields that are known."""

from __future__ import annotations

import functools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gateway_hooks.clock import Timestamps, milliseconds
from gateway_hooks.compose_attempt import (
    HTTP_STATUS,
    Backends,
    compose_attempt,
    covered_ns,
    derived_attempt,
)
from gateway_hooks.reading import wire
from gateway_hooks.reading.answer_facts import AnswerFacts
from gateway_hooks.reading.content_filter import prompt_shield, worst_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from gateway_hooks.event import Attempt, UsageEvent
    from gateway_hooks.exchange import Exchange
    from gateway_hooks.reading.usage import Usage
    from gateway_hooks.settings import KeyAlias

TAGS_HEADER = "x-gatemeter-tags"
MAX_TAGS = 16
_LONGEST_CACHED_TAGS = 512
CLIENT_LEFT = 499
"""Status of a request whose client left before there was an answer, as nginx counts them."""
NO_ANSWER = 500
"""Status of a request that the gateway did not answer; its server answers 500 then."""

_TOO_MANY = 429
_REFUSED_FOR_LOAD = (_TOO_MANY, 503)
_FIRST_ERROR = 400
_MAX_FINISH_REASONS = 64


@dataclass(frozen=True, slots=True)
class OperatorFacts:
    """What the operator's settings add to events."""

    gateway: str
    end_user: Callable[[str], str]
    """Fingerprint of a user field."""
    keys: Mapping[str, KeyAlias]
    backends: Backends
    timestamps: Timestamps = field(default_factory=Timestamps)


def compose_event(exchange: Exchange, operator: OperatorFacts, usage: Usage) -> UsageEvent:
    """The event of an exchange that has ended."""
    facts = exchange.facts or AnswerFacts(exchange.status_code or 0)
    ended_ns = exchange.ended_ns or exchange.started_ns
    event: UsageEvent = {
        "event_id": exchange.event_id,
        "schema_version": 1,
        "started_at": operator.timestamps.text(exchange.started_wall_ns),
        "gateway": operator.gateway,
        "auth_type": exchange.caller.auth_type,
        "operation": exchange.call.operation,
        "usage_source": usage.source,
        "duration_ms": milliseconds(ended_ns - exchange.started_ns),
        "status_code": _status(exchange.status_code),
    }
    _add_identity(event, exchange, facts)
    _add_caller(event, exchange, operator)
    _add_call(event, exchange, facts)
    add_usage(event, usage)
    _add_outcome(event, exchange, facts)
    _add_attempts(event, exchange, facts, operator)
    return event


def _status(status_code: int | None) -> int:
    return status_code if status_code is not None and status_code in HTTP_STATUS else NO_ANSWER


def _add_identity(event: UsageEvent, exchange: Exchange, facts: AnswerFacts) -> None:
    answered, asked = exchange.answer_headers, exchange.headers
    request_id = wire.name(
        answered.get("apim-request-id")
        or answered.get("x-request-id")
        or asked.get("x-request-id")
        or asked.get("x-ms-client-request-id")
    )
    if request_id is not None:
        event["request_id"] = request_id
    response_id = facts.response_id
    if response_id is None and exchange.withheld is not None:
        response_id = exchange.withheld.response_id
    if response_id is not None:
        event["response_id"] = response_id
    session_id = wire.name(
        exchange.notes.session_id
        or asked.get("x-session-id")
        or asked.get("x-ms-client-session-id")
        or asked.get("session-id")
    )
    if session_id is not None:
        event["session_id"] = session_id


def _add_caller(event: UsageEvent, exchange: Exchange, operator: OperatorFacts) -> None:
    notes = exchange.notes
    key_name, team = notes.key_name, notes.team
    key_id = exchange.caller.key_id
    if key_id is not None:
        event["key_id"] = key_id
        alias = operator.keys.get(key_id)
        if alias is not None:
            key_name, team = alias.name or key_name, alias.team or team
    if key_name:
        event["key_name"] = wire.name(key_name) or ""
    if team:
        event["team"] = wire.name(team) or ""
    if notes.product:
        event["product"] = wire.name(notes.product) or ""
    if exchange.request.end_user:
        event["end_user"] = operator.end_user(exchange.request.end_user)
    header = exchange.headers.get(TAGS_HEADER)
    if header or notes.tags:
        tags = read_tags(header or "", notes.tags)
        if tags:
            event["tags"] = tags


def _add_call(event: UsageEvent, exchange: Exchange, facts: AnswerFacts) -> None:
    call, request = exchange.call, exchange.request
    if call.api_version is not None:
        event["api_version"] = call.api_version
    if call.streams:
        event["stream"] = _streamed(exchange)
    request_model = request.model or call.deployment
    if request_model is not None:
        event["request_model"] = request_model
    response_model = facts.response_model
    if response_model is None and exchange.withheld is not None:
        response_model = exchange.withheld.response_model
    if response_model is not None:
        event["response_model"] = response_model
    if call.deployment is not None:
        event["deployment"] = call.deployment
    tier = facts.service_tier or request.service_tier
    # "auto" leaves the choice to the backend; only its answer says which tier it was.
    if tier is not None and tier != "auto":
        event["service_tier"] = tier


def _streamed(exchange: Exchange) -> bool:
    """Whether a stream was asked for; when the request passed unread, its answer tells."""
    if exchange.request.stream or exchange.body:
        return exchange.request.stream
    content_type = exchange.answer_headers.get("content-type", "")
    return content_type.lower().startswith("text/event-stream")


def add_usage(event: UsageEvent, usage: Usage) -> None:
    """Add what is known of a usage to an event."""
    event["usage_source"] = usage.source
    _add_input(event, usage)
    _add_output(event, usage)
    _add_media(event, usage)


def _add_input(event: UsageEvent, usage: Usage) -> None:
    if usage.input_tokens is not None:
        event["input_tokens"] = usage.input_tokens
    if usage.cached_input_tokens is not None:
        event["cached_input_tokens"] = usage.cached_input_tokens
    if usage.cache_write_tokens is not None:
        event["cache_write_tokens"] = usage.cache_write_tokens
    if usage.audio_input_tokens is not None:
        event["audio_input_tokens"] = usage.audio_input_tokens
    if usage.image_input_tokens is not None:
        event["image_input_tokens"] = usage.image_input_tokens


def _add_output(event: UsageEvent, usage: Usage) -> None:
    if usage.output_tokens is not None:
        event["output_tokens"] = usage.output_tokens
    if usage.reasoning_output_tokens is not None:
        event["reasoning_output_tokens"] = usage.reasoning_output_tokens
    if usage.audio_output_tokens is not None:
        event["audio_output_tokens"] = usage.audio_output_tokens
    if usage.image_output_tokens is not None:
        event["image_output_tokens"] = usage.image_output_tokens


def _add_media(event: UsageEvent, usage: Usage) -> None:
    if usage.images is not None:
        event["images"] = usage.images
    if usage.image_size is not None:
        event["image_size"] = usage.image_size
    if usage.image_quality is not None:
        event["image_quality"] = usage.image_quality
    if usage.audio_seconds is not None:
        event["audio_seconds"] = usage.audio_seconds
    if usage.characters is not None:
        event["characters"] = usage.characters


def _add_outcome(event: UsageEvent, exchange: Exchange, facts: AnswerFacts) -> None:
    if exchange.first_content_ns is not None and _streamed(exchange):
        event["time_to_first_chunk_ms"] = milliseconds(
            exchange.first_content_ns - exchange.started_ns
        )
    if exchange.error_type is not None or facts.error_type or event["status_code"] >= _FIRST_ERROR:
        event["error_type"] = (
            wire.code(exchange.error_type) or facts.error_type or str(event["status_code"])
        )
    if facts.error_code is not None:
        event["error_code"] = facts.error_code
    if facts.finish_reasons:
        event["finish_reasons"] = facts.finish_reasons[:_MAX_FINISH_REASONS]
    _add_filters(event, exchange, facts)
    if exchange.notes.cache_hit is not None:
        event["cache_hit"] = exchange.notes.cache_hit
    if exchange.notes.decisions:
        event["decisions"] = exchange.notes.decisions
    if exchange.client_disconnected:
        event["client_disconnected"] = True


def _add_filters(event: UsageEvent, exchange: Exchange, facts: AnswerFacts) -> None:
    found, shielded = facts.content_filter, facts.prompt_shield
    noted = exchange.notes.content_filter
    # A 400 with annotations is a prompt that the backend's filter refused, and is charged. What
    # the gateway's own filter let pass shall not make such a one of a request that is just wrong.
    if noted and (found or event["status_code"] != _FIRST_ERROR):
        found = worst_of(found, noted)
        shielded = prompt_shield(found)
    if found:
        event["content_filter"] = found
    if shielded is not None:
        event["prompt_shield"] = shielded


def _add_attempts(
    event: UsageEvent, exchange: Exchange, facts: AnswerFacts, operator: OperatorFacts
) -> None:
    attempts = _attempts(exchange, facts, operator)
    if attempts:
        event["attempts"] = attempts
    if exchange.attempts:
        ended_ns = exchange.ended_ns or exchange.started_ns
        waiting_ns = covered_ns([one.interval(ended_ns) for one in exchange.attempts])
        event["gateway_overhead_ms"] = milliseconds(ended_ns - exchange.started_ns - waiting_ns)
    status = event["status_code"]
    if status in _REFUSED_FOR_LOAD:
        _add_throttling(event, status, attempts)


def _add_throttling(event: UsageEvent, status: int, attempts: list[Attempt]) -> None:
    last = attempts[-1].get("status_code") if attempts else None
    if last == _TOO_MANY:
        # Some gateways turn the last backend's 429 into a 503 of their own.
        event["throttled_by"] = "backend"
    elif status == _TOO_MANY:
        event["throttled_by"] = "gateway"


def _attempts(exchange: Exchange, facts: AnswerFacts, operator: OperatorFacts) -> list[Attempt]:
    ended_ns = exchange.ended_ns or exchange.started_ns
    if not exchange.attempts:
        kept = exchange.notes.backend_headers
        headers = exchange.answer_headers if kept is None else kept
        derived = (
            derived_attempt(
                exchange.status_code, headers, operator.backends, facts.throttle, exchange.clock
            )
            if exchange.status_code is not None and headers
            else None
        )
        return [derived] if derived is not None else []
    last = exchange.attempts[-1]
    attempts = []
    for recorder in exchange.attempts:
        # The answer that was read is the last attempt's, unless the gateway made its own.
        is_answer = recorder is last and recorder.status_code == exchange.status_code
        with exchange.meter.safety("attempt"):
            attempts.append(
                compose_attempt(
                    recorder,
                    request_started_ns=exchange.started_ns,
                    until_ns=ended_ns,
                    backends=operator.backends,
                    answer_headers=exchange.answer_headers,
                    clock=exchange.clock,
                    throttle=facts.throttle if is_answer else None,
                )
            )
    return attempts


def read_tags(header: str, noted: Mapping[str, str]) -> dict[str, str]:
    """Tags of the header `x-gatemeter-tags: k=v,k2=v2` and those the gateway noted, which win.

    At most 16; what is no pair is left out.
    """
    named = _tags_of_header(header) if len(header) <= _LONGEST_CACHED_TAGS else _parse_tags(header)
    if not noted:
        return named
    tags: dict[str, str] = {}
    for key, value in [*noted.items(), *named.items()]:
        name, text = wire.name(key), wire.name(value)
        if name is not None and text is not None and len(tags) < MAX_TAGS:
            tags.setdefault(name, text)
    return tags


def _parse_tags(header: str) -> dict[str, str]:
    tags: dict[str, str] = {}
    for pair in header.split(","):
        key, _, value = pair.partition("=")
        name, text = wire.name(key.strip()), wire.name(value.strip())
        if name is not None and text is not None and len(tags) < MAX_TAGS:
            tags.setdefault(name, text)
    return tags


_tags_of_header = functools.lru_cache(maxsize=1024)(_parse_tags)
"""A caller's tags are the same from request to request; nobody changes the dictionary."""
