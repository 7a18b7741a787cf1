"""The usage event: one request through a gateway, as every room of gatemeter sees it.

This is the only definition. It is a typed dictionary that pydantic validates, so that the hook can
build plain data on the request path while mypy checks every key, and so that the published JSON
Schema, the consumer's checks and the store's columns all come from the same lines.

On the log an event is one line of NDJSON; absent fields are omitted, never null. Names follow
OpenTelemetry's GenAI conventions for usage and Azure OpenAI's REST reference for calls; token
totals include their parts (`input_tokens` contains the cached, audio and image ones), as both do.
"""

from __future__ import annotations

import functools
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Literal, Required

from pydantic import AfterValidator, ConfigDict, Field, TypeAdapter, with_config
from typing_extensions import TypedDict

if TYPE_CHECKING:
    from collections.abc import Mapping

Operation = Literal[
    "chat",
    "text_completion",
    "embeddings",
    "responses",
    "fetch_response",
    "on_your_data",
    "ingestion_job",
    "image_generation",
    "image_edit",
    "image_operation",
    "transcription",
    "translation",
    "speech",
    "realtime",
    "other",
]
"""What was asked for. `fetch_response` and `image_operation` read or delete something an earlier
request paid for, so they never carry usage. `realtime` is one response of a session over WebSocket,
or a handshake that was refused."""

AuthType = Literal["api_key", "entra", "none"]
UsageSource = Literal["reported", "estimated", "derived", "none"]
"""Where the usage came from: the answer, a tokenizer, the request itself (images, characters,
audio length), or nowhere because nothing was used or nothing could be known."""

DeploymentType = Literal["global", "data_zone", "regional", "batch", "data_zone_batch", "ptu"]
DecisionAction = Literal["denied", "warned", "downgraded", "failed_open"]
"""`failed_open`: the policy could not be asked, and is set to let requests pass then."""
ThrottleKind = Literal["token_rate", "call_rate", "busy", "capacity", "gateway", "unknown"]

Count = Annotated[int, Field(ge=0, le=2**53)]
Milliseconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Name = Annotated[str, Field(max_length=256)]


def _real_moment(text: str) -> str:
    """Refuse a date that no calendar has; the pattern sees only digits."""
    try:
        datetime.fromisoformat(text)
    except ValueError:
        raise ValueError("there is no such date and time") from None
    return text


UtcTimestamp = Annotated[
    str,
    Field(
        pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z$",
        examples=["2026-11-21T09:00:00.000000Z"],
    ),
    AfterValidator(_real_moment),
]
EventId = Annotated[
    str, Field(pattern=r"^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$")
]

_STRICT = ConfigDict(extra="forbid", strict=True)


@with_config(_STRICT)
class FilterResult(TypedDict, total=False):
    """What the content filter said of one category, and never the text it was said of."""

    filtered: bool
    detected: bool
    severity: Literal["safe", "low", "medium", "high"]


@with_config(_STRICT)
class ContentFilter(TypedDict, total=False):
    """Filter annotations by category, for the prompt and for the completion; the worst of each."""

    prompt: dict[Name, FilterResult]
    completion: dict[Name, FilterResult]


@with_config(_STRICT)
class Decision(TypedDict, total=False):
    """What a policy of the gateway did to a request, when it did more than let it pass."""

    policy: Required[Annotated[Name, Field(description="The hook that decided")]]
    action: Required[DecisionAction]
    reason: Annotated[Name, Field(description="A code: tokens_per_minute, jailbreak, ...")]


@with_config(_STRICT)
class Attempt(TypedDict, total=False):
    """One call to one backend. A request has several when the gateway retried or failed over."""

    backend: Required[Annotated[Name, Field(description="Host or configured name of the backend")]]
    region: Annotated[Name, Field(description="Azure region, from x-ms-region or configuration")]
    deployment: Annotated[Name, Field(description="Deployment that was called or that served")]
    deployment_type: DeploymentType
    status_code: Annotated[int, Field(ge=100, le=599)]
    error_type: Annotated[Name, Field(description="Class of failure when there was no answer")]
    throttle: Annotated[ThrottleKind, Field(description="What a 429 said it was")]
    offset_ms: Annotated[Milliseconds, Field(description="Start, after the request's start")]
    duration_ms: Milliseconds
    retry_after_ms: Annotated[Milliseconds, Field(description="From retry-after-ms or Retry-After")]
    limit_tokens: Annotated[Count, Field(description="x-ratelimit-limit-tokens")]
    limit_requests: Annotated[Count, Field(description="x-ratelimit-limit-requests")]
    remaining_tokens: Annotated[Count, Field(description="x-ratelimit-remaining-tokens")]
    remaining_requests: Annotated[Count, Field(description="x-ratelimit-remaining-requests")]
    utilization: Annotated[
        float,
        Field(
            ge=0, allow_inf_nan=False, description="azure-openai-deployment-utilization, percent"
        ),
    ]


@with_config(_STRICT)
class UsageEvent(TypedDict, total=False):
    """One client request, recorded when its answer ended, failed, or the client left."""

    # identity
    event_id: Required[Annotated[EventId, Field(description="UUIDv7 made at the request's start")]]
    schema_version: Required[Literal[1]]
    started_at: Required[Annotated[UtcTimestamp, Field(description="UTC, microseconds")]]
    gateway: Required[Annotated[Name, Field(description="Name of the gateway that recorded it")]]
    feed: Annotated[
        Name, Field(description="Log of another gateway that it was read from; absent: our hooks")
    ]
    aggregate: Annotated[
        bool, Field(description="A sum over many requests: tokens and cost count, requests do not")
    ]
    request_id: Annotated[Name, Field(description="The provider's or the client's request id")]
    response_id: Annotated[Name, Field(description="The provider's response id; not unique")]
    session_id: Name

    # caller
    auth_type: Required[AuthType]
    key_id: Annotated[Name, Field(description="Keyed fingerprint of the caller's key or identity")]
    key_name: Annotated[Name, Field(description="Alias of the key, from configuration")]
    team: Annotated[Name, Field(description="Team of the key, from configuration")]
    product: Annotated[Name, Field(description="Product that let the caller in")]
    end_user: Annotated[Name, Field(description="Fingerprint of the request's user field")]
    tags: dict[Name, Name]

    # call
    operation: Required[Operation]
    api_version: Annotated[Name, Field(description="api-version of the query, or v1")]
    stream: bool
    request_model: Annotated[Name, Field(description="Model or deployment the caller named")]
    response_model: Annotated[Name, Field(description="Model that served, as the answer says")]
    deployment: Annotated[Name, Field(description="Azure deployment of the path")]
    service_tier: Name

    # usage
    usage_source: Required[UsageSource]
    input_tokens: Count
    cached_input_tokens: Count
    cache_write_tokens: Count
    audio_input_tokens: Annotated[
        Count, Field(description="Without those from the cache, where the answer tells them apart")
    ]
    image_input_tokens: Annotated[
        Count, Field(description="Without those from the cache, where the answer tells them apart")
    ]
    output_tokens: Count
    reasoning_output_tokens: Count
    audio_output_tokens: Count
    image_output_tokens: Count
    images: Count
    image_size: Name
    image_quality: Name
    audio_seconds: Annotated[float, Field(ge=0, allow_inf_nan=False)]
    characters: Count

    # time
    duration_ms: Annotated[
        Milliseconds, Field(description="Absent only when another gateway's log does not tell")
    ]
    time_to_first_chunk_ms: Annotated[
        Milliseconds, Field(description="To the first chunk with content, not the first frame")
    ]
    gateway_overhead_ms: Annotated[
        Milliseconds, Field(description="Duration less the time spent waiting for backends")
    ]

    # outcome
    status_code: Required[Annotated[int, Field(ge=100, le=599)]]
    error_type: Name
    error_code: Name
    finish_reasons: list[Name]
    throttled_by: Literal["backend", "gateway"]
    content_filter: ContentFilter
    prompt_shield: bool
    cache_hit: bool
    client_disconnected: bool
    decisions: Annotated[
        list[Decision], Field(description="Policies that did more than let the request pass")
    ]

    attempts: list[Attempt]


@functools.cache
def event_adapter() -> TypeAdapter[UsageEvent]:
    """The validator of events; built on first use, so that importing the hooks stays cheap."""
    return TypeAdapter(UsageEvent)


def validate_line(line: bytes | str) -> UsageEvent:
    """Parse and check one line of the log.

    Raises:
        pydantic.ValidationError: the line is no JSON or no event; the error says what and where.
    """
    return event_adapter().validate_json(line)


def json_schema() -> Mapping[str, object]:
    """The JSON Schema of an event (draft 2020-12), as `gatemeter schema` prints it."""
    schema = event_adapter().json_schema()
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
