"""What LiteLLM logs of one call, read field by field.

What LiteLLM logs holds the whole conversation, and its error texts quote answers; so every field
that is taken stands here by name, and goes through `wire`, which lets names and codes pass only.
"""

from __future__ import annotations

import dataclasses
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from gateway_hooks.compose_attempt import HTTP_STATUS, UNKNOWN_BACKEND
from gateway_hooks.compose_event import NO_ANSWER
from gateway_hooks.reading import wire
from gateway_hooks.reading.answer_facts import AnswerFacts
from gateway_hooks.reading.headers import whole_number
from gateway_hooks.reading.operations import Call
from gateway_hooks.reading.request import RequestFacts
from gateway_hooks.reading.usage import IMAGE_OPERATIONS, Usage, derived_usage, reported_usage

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway_hooks.event import Operation

_OPERATIONS: Final[dict[str, Operation]] = {
    "completion": "chat",
    "anthropic_messages": "chat",
    "text_completion": "text_completion",
    "embedding": "embeddings",
    "responses": "responses",
    "get_responses": "fetch_response",
    "delete_responses": "fetch_response",
    "list_input_items": "fetch_response",
    "image_generation": "image_generation",
    "image_edit": "image_edit",
    "image_variation": "image_edit",
    "transcription": "transcription",
    "speech": "speech",
}
_FREE: Final = frozenset({"fetch_response", "other"})
_FILTERED: Final = "ContentPolicyViolationError"
_PROVIDER_PREFIX: Final = "llm_provider-"
_OK: Final = 200
_MADE_UP_ID = re.compile(r"[0-9a-f]{64}")
"""Ids that LiteLLM makes of a deployment's settings when the operator gave none."""


@dataclass(frozen=True, slots=True)
class LoggedCall:
    """One call as LiteLLM logs it: the standard payload, and the arguments it came with."""

    payload: Mapping[str, Any]
    arguments: Mapping[str, Any]

    @property
    def call_id(self) -> str:
        """LiteLLM's own id of the call."""
        return str(self.payload.get("litellm_call_id") or self.payload.get("id") or "")

    @property
    def trace_id(self) -> str:
        """What a Router's tries of one request have in common."""
        return trace_id(self.arguments) or str(self.payload.get("trace_id") or "")

    @property
    def failed(self) -> bool:
        """Whether the call ended in an exception."""
        return self.payload.get("status") != "success"

    @property
    def routed(self) -> bool:
        """Whether a Router made the call, and may make another for the same request."""
        return bool(router_notes(self.arguments).get("deployment"))

    @property
    def repeats(self) -> bool:
        """Whether it is a Router's retry or fallback."""
        return repeats(self.arguments)

    @property
    def exception(self) -> object:
        """What LiteLLM raised to its caller."""
        return self.arguments.get("exception")

    @property
    def options(self) -> dict[Any, Any]:
        """Arguments that LiteLLM sent on."""
        return wire.as_dict(self.arguments.get("optional_params"))


def router_notes(arguments: Mapping[str, Any]) -> dict[Any, Any]:
    """What LiteLLM's Router says of a call."""
    parameters = wire.as_dict(arguments.get("litellm_params"))
    return wire.as_dict(parameters.get("metadata") or parameters.get("litellm_metadata"))


def trace_id(arguments: Mapping[str, Any]) -> str:
    """What LiteLLM calls the request that a call belongs to."""
    return str(arguments.get("litellm_trace_id") or "")


def repeats(arguments: Mapping[str, Any]) -> bool:
    """Whether a call is a Router's retry or fallback."""
    return bool(wire.count(router_notes(arguments).get("request_retry_count")))


def call_of(logged: LoggedCall) -> Call:
    """The operation; LiteLLM's asynchronous call types have an `a` before the same name."""
    kind = str(logged.payload.get("call_type") or "")
    operation = _OPERATIONS.get(kind) or _OPERATIONS.get(kind.removeprefix("a")) or "other"
    return Call(
        operation,
        deployment=_azure_deployment(logged),
        reads_usage=operation not in _FREE,
        streams=operation in {"chat", "text_completion", "responses"},
    )


def _azure_deployment(logged: LoggedCall) -> str | None:
    if logged.payload.get("custom_llm_provider") != "azure":
        return None
    model = logged.payload.get("model")
    return wire.name(model.removeprefix("azure/")) if isinstance(model, str) else None


def _request(logged: LoggedCall) -> RequestFacts:
    """What the request says about usage that no answer reports."""
    options = logged.options
    spoken = logged.arguments.get("input")
    return RequestFacts(
        model=wire.name(logged.payload.get("model")),
        images=wire.count(options.get("n")) or 1,
        image_size=wire.name(options.get("size")),
        image_quality=wire.name(options.get("quality")),
        characters=len(spoken) if isinstance(spoken, str) else None,
    )


def _facts(logged: LoggedCall) -> AnswerFacts:
    error = wire.as_dict(logged.payload.get("error_information")).get("error_class")
    filtered = logged.failed and error == _FILTERED
    images = wire.as_list(wire.as_dict(logged.payload.get("response")).get("data"))
    return AnswerFacts(
        status_of(logged),
        error_code="content_filter" if filtered else wire.code(error) if logged.failed else None,
        images=len(images) or None,
    )


def usage_of(logged: LoggedCall) -> Usage | None:
    """What was used; None when nothing was, or nobody said."""
    call = call_of(logged)
    if logged.failed or not call.reads_usage:
        return None
    metadata = wire.as_dict(logged.payload.get("metadata"))
    found = reported_usage(call, metadata.get("usage_object"))
    if found is not None and (found.input_tokens or found.output_tokens):
        return _sourced(found, logged)
    # LiteLLM writes zeros where nothing was reported.
    if call.operation in IMAGE_OPERATIONS or call.operation == "speech":
        return derived_usage(call, _request(logged), _facts(logged))
    if call.operation == "transcription":
        response = wire.as_dict(logged.payload.get("response"))
        length = wire.seconds(response.get("duration"))
        return None if length is None else Usage("reported", audio_seconds=length)
    return None


def _sourced(found: Usage, logged: LoggedCall) -> Usage:
    """LiteLLM counts by itself what a stream did not report, and does not tell."""
    options = wire.as_dict(logged.options.get("stream_options"))
    if logged.payload.get("stream") is True and options.get("include_usage") is not True:
        found.source = "estimated"
    return found


def seconds_of(value: object) -> float:
    """A moment of the payload, in seconds since the epoch; 0 when it is none."""
    return wire.seconds(value) or 0.0


def status_of(logged: LoggedCall) -> int:
    """The HTTP status; LiteLLM gives every exception one."""
    if not logged.failed:
        return _OK
    error = wire.as_dict(logged.payload.get("error_information"))
    for code in (error.get("error_code"), getattr(logged.exception, "status_code", None)):
        status = whole_number(str(code))
        if status is not None and status in HTTP_STATUS:
            return status
    return NO_ANSWER


def answer_headers(payload: Mapping[str, Any]) -> dict[str, str]:
    """The backend's headers; LiteLLM prefixes them when the call succeeded."""
    hidden = wire.as_dict(payload.get("hidden_params"))
    headers = wire.as_dict(hidden.get("additional_headers"))
    return {
        str(name).lower().removeprefix(_PROVIDER_PREFIX).replace("_", "-"): str(value)
        for name, value in headers.items()
    }


def backend_of(logged: LoggedCall) -> str | None:
    """The host that was called; None when LiteLLM refused by itself."""
    payload = logged.payload
    hidden = wire.as_dict(payload.get("hidden_params"))
    parameters = wire.as_dict(logged.arguments.get("litellm_params"))
    for holder in (payload, hidden, parameters):
        base = holder.get("api_base")
        if isinstance(base, str) and base:
            host = urlsplit(base if "//" in base else f"//{base}").netloc.rpartition("@")[2]
            return wire.name(host) or UNKNOWN_BACKEND
    if payload.get("model_id") or not logged.failed:
        return wire.name(payload.get("custom_llm_provider")) or UNKNOWN_BACKEND
    return None


def deployment_of(logged: LoggedCall) -> str | None:
    """The id that the operator gave the Router's deployment, else Azure's name of it."""
    given = wire.name(logged.payload.get("model_id"))
    if given is not None and _MADE_UP_ID.fullmatch(given) is None:
        return given
    return _azure_deployment(logged) or wire.name(logged.payload.get("model"))


def needs_estimate(logged: LoggedCall) -> bool:
    """Whether tokens are charged that nobody reported: a stream's, those of a refused prompt."""
    if usage_of(logged) is not None:
        return False
    return derived_usage(call_of(logged), _request(logged), _facts(logged)) is None


def estimated_usage(logged: LoggedCall) -> Usage:
    """Tokens of the conversation that LiteLLM has logged. Slow: never on the event loop."""
    import msgspec

    from gateway_hooks.estimating.estimate import estimate_usage

    messages = logged.payload.get("messages")
    call = call_of(logged)
    if call.operation == "text_completion":
        call = dataclasses.replace(call, operation="chat")  # as LiteLLM logs its prompt
    field = "messages" if call.operation == "chat" else "input"
    body = msgspec.json.encode({"model": logged.payload.get("model"), field: messages})
    facts = _facts(logged)
    for choice in wire.as_list(wire.as_dict(logged.payload.get("response")).get("choices")):
        text = wire.as_dict(wire.as_dict(choice).get("message")).get("content")
        if isinstance(text, str):
            facts.completion_text.append(text)
    return estimate_usage(call, body, _request(logged), facts)
