"""Spans of OpenTelemetry's GenAI conventions, as OTLP writes them in JSON.

Names that changed over time are all read: `gen_ai.system` and `gen_ai.provider.name`,
`prompt_tokens` and `input_tokens`, `cache_creation` and `cache_write`. By the conventions the
input contains what was read from and written to caches; where a library reports less input than
that, it leaves it out, and it is added.

Only spans of model calls count. Agents, tools and workflows around them repeat the same tokens.
Two spans are the same when trace and span ids are.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from gateway_hooks.reading import wire
from ingest.feeds.compose import (
    add_attempt,
    add_caller,
    add_end_user,
    add_names,
    add_tokens,
    new_event,
)
from ingest.feeds.types import Refused
from ingest.feeds.values import (
    count,
    first,
    flag,
    milliseconds_between,
    name,
    nanoseconds_since_epoch,
    number,
    status,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gateway_hooks.event import Operation, UsageEvent
    from ingest.feeds.types import FeedFacts, Record

FEED: Final = "otlp_spans"
_OPERATIONS: Final[dict[str, Operation]] = {
    "chat": "chat",
    "generate_content": "chat",
    "text_completion": "text_completion",
    "completion": "text_completion",
    "embeddings": "embeddings",
    "embedding": "embeddings",
    "responses": "responses",
    "fetch_response": "fetch_response",
    "image_generation": "image_generation",
    "transcription": "transcription",
    "speech": "speech",
}
_AROUND: Final = frozenset(
    {"create_agent", "invoke_agent", "execute_tool", "invoke_workflow", "plan", "retrieval"}
)
"""Operations that have calls of models inside them."""
_USAGE: Final = "gen_ai.usage."
_INPUT: Final = ("input_tokens", "prompt_tokens")
_OUTPUT: Final = ("output_tokens", "completion_tokens")
_CACHE_READ: Final = (
    "cache_read.input_tokens",
    "cache_read_input_tokens",
    "input_tokens.cached",
    "cached_input_tokens",
)
_CACHE_WRITE: Final = (
    "cache_write.input_tokens",
    "cache_creation.input_tokens",
    "cache_write_input_tokens",
    "cache_creation_input_tokens",
)
_PARTS: Final = {
    "audio_input_tokens": ("audio.input_tokens",),
    "image_input_tokens": ("image.input_tokens",),
    "reasoning_output_tokens": ("reasoning.output_tokens", "reasoning_tokens"),
    "audio_output_tokens": ("audio.output_tokens",),
}
_FAILED: Final = frozenset({2, "2", "STATUS_CODE_ERROR"})
_ID: Final = re.compile(r"[0-9A-Za-z+/=]{8,64}", re.ASCII)


class OtlpSpans:
    """See the module."""

    name = FEED

    def matches(self, record: Record) -> bool:
        """See `Feed`; `messages` has wrapped each span so."""
        return "otlpSpan" in record.fields

    def read(self, record: Record, facts: FeedFacts) -> Iterator[UsageEvent | Refused]:
        """See `Feed`."""
        span = wire.as_dict(record.fields["otlpSpan"])
        values = _attributes(span.get("attributes"))
        asked = name(values.get("gen_ai.operation.name"))
        operation = _operation(asked, values)
        if operation is None:
            return
        started = nanoseconds_since_epoch(span.get("startTimeUnixNano"))
        identity = [span.get("traceId"), span.get("spanId")]
        if started is None:
            yield Refused("startTimeUnixNano is no time in nanoseconds since 1970")
        elif not all(isinstance(one, str) and _ID.fullmatch(one) for one in identity):
            yield Refused("traceId or spanId is missing or no id")
        else:
            code = _status(span, values)
            key = (str(identity[0]).lower(), str(identity[1]).lower())
            event = new_event(FEED, facts, started, key, operation=operation, status_code=code)
            ended = nanoseconds_since_epoch(span.get("endTimeUnixNano"))
            lasted = None if ended is None else milliseconds_between(started, ended)
            if lasted is not None:
                event["duration_ms"] = lasted
            _describe(
                event,
                values,
                _attributes(wire.as_dict(record.fields.get("resource")).get("attributes")),
                facts,
            )
            _add_usage(event, values)
            yield event


def _operation(asked: str | None, values: dict[str, Any]) -> Operation | None:
    """What was asked for; None for spans that are no call of a model."""
    if asked is not None:
        return None if asked in _AROUND else _OPERATIONS.get(asked, "other")
    if "gen_ai.system" in values or "gen_ai.request.model" in values:
        # Early libraries named no operation, but a system and tokens.
        known = str(first(values, "llm.request.type", "openai.api.type") or "chat")
        return _OPERATIONS.get(known, "chat")
    return None


def _attributes(listed: object) -> dict[str, Any]:
    """Attributes by name; what is nested is content and left out."""
    values: dict[str, Any] = {}
    for entry in wire.as_list(listed):
        pair = wire.as_dict(entry)
        key, value = pair.get("key"), wire.as_dict(pair.get("value"))
        if isinstance(key, str):
            for kind in ("stringValue", "intValue", "doubleValue", "boolValue"):
                if kind in value:
                    values.setdefault(key, value[kind])
            if "arrayValue" in value:
                items = wire.as_list(wire.as_dict(value["arrayValue"]).get("values"))
                values.setdefault(key, [wire.as_dict(item).get("stringValue") for item in items])
    return values


def _status(span: dict[Any, Any], values: dict[str, Any]) -> int:
    told = status(first(values, "http.response.status_code", "http.status_code", "error.type"))
    if told is not None:
        return told
    code = wire.as_dict(span.get("status")).get("code")
    failed = (isinstance(code, int | str) and code in _FAILED) or "error.type" in values
    return 500 if failed else 200


def _describe(
    event: UsageEvent, values: dict[str, Any], resource: dict[str, Any], facts: FeedFacts
) -> None:
    add_names(
        event,
        gateway=resource.get("service.name"),
        request_model=first(values, "gen_ai.request.model"),
        response_model=first(values, "gen_ai.response.model"),
        response_id=values.get("gen_ai.response.id"),
        session_id=first(values, "gen_ai.conversation.id", "session.id"),
        service_tier=first(
            values, "openai.response.service_tier", "gen_ai.openai.response.service_tier"
        ),
    )
    add_caller(
        event,
        facts,
        first(values, "gatemeter.key_name", "gen_ai.user.api_key_alias"),
        team=first(values, "gatemeter.team", "team.id"),
    )
    add_end_user(event, facts, first(values, "enduser.id", "user.id"))
    streamed = flag(first(values, "gen_ai.request.stream", "llm.is_streaming"))
    if streamed is not None:
        event["stream"] = streamed
    waited = number(values.get("gen_ai.response.time_to_first_chunk"))
    if waited is not None:
        event["time_to_first_chunk_ms"] = round(waited * 1000, 3)
    reasons = [wire.code(one) for one in wire.as_list(values.get("gen_ai.response.finish_reasons"))]
    known = [reason for reason in reasons if reason is not None]
    if known:
        event["finish_reasons"] = known[:64]
    error = wire.code(values.get("error.type"))
    if error is not None:
        event["error_type"] = error
    backend = first(
        values, "server.address", "net.peer.name", "gen_ai.provider.name", "gen_ai.system"
    )
    if name(backend) is not None:
        add_attempt(
            event,
            facts,
            backend,
            region=first(values, "cloud.region"),
            deployment=values.get("gen_ai.request.model"),
            status_code=event["status_code"],
            duration_ms=event.get("duration_ms"),
        )
    if event["status_code"] == 429:  # noqa: PLR2004 - too many requests
        event["throttled_by"] = "backend"


def _add_usage(event: UsageEvent, values: dict[str, Any]) -> None:
    if event["operation"] == "fetch_response":
        return  # paid when it was made
    taken, given = _count(values, _INPUT), _count(values, _OUTPUT)
    if taken is None and given is None:
        return
    read, written = _count(values, _CACHE_READ), _count(values, _CACHE_WRITE)
    cached = (read or 0) + (written or 0)
    if taken is not None and cached > taken:
        taken = min(taken + cached, wire.MAX_COUNT)
    event["usage_source"] = "reported"
    add_tokens(
        event,
        input_tokens=taken,
        output_tokens=given,
        cached_input_tokens=read,
        cache_write_tokens=written,
        **{field: _count(values, names) for field, names in _PARTS.items()},
    )


def _count(values: dict[str, Any], names: tuple[str, ...]) -> int | None:
    """The count under any of its names; spans that carry two may have filled one with zero."""
    found = [count(values.get(_USAGE + one)) for one in names]
    return max((one for one in found if one is not None), default=None)
