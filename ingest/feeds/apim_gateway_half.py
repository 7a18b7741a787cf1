"""The half of a request that API Management's gateway log knows: caller, outcome, backend.

Bodies are logged when the operator asks for it, cut at 8 KiB. They are read for usage, model and
error codes, and dropped; when the usage is in there, the LLM log is not needed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import msgspec

from analytics.types import FeedPart
from gateway_hooks.compose_attempt import answered_attempt
from gateway_hooks.compose_event import add_usage
from gateway_hooks.reading import wire
from gateway_hooks.reading.operations import Call, recognise
from gateway_hooks.reading.throttling import TOO_MANY_REQUESTS, throttle_kind
from gateway_hooks.reading.usage import TOKEN_OPERATIONS
from ingest.feeds.apim_bodies import Bodies
from ingest.feeds.compose import (
    add_caller,
    add_end_user,
    add_names,
    add_tags,
    new_event,
    service_of,
)
from ingest.feeds.operations import operation_of
from ingest.feeds.values import first, name, number, obj, status

if TYPE_CHECKING:
    from datetime import datetime

    from gateway_hooks.event import UsageEvent
    from ingest.feeds.types import FeedFacts

FEED: Final = "apim_diagnostics"
_CLIENT_LEFT: Final = frozenset({"clientconnectionfailure", "operationcanceled"})
_CLIENT_LEFT_STATUS: Final = 499
_NO_ANSWER: Final = 500
_FIRST_ERROR: Final = 400
_BACKEND_KEYS: Final = ("backendurl", "backendresponsecode", "backendid", "backendmethod")


def read_gateway(
    values: dict[str, Any], facts: FeedFacts, started: datetime, correlation_id: str
) -> FeedPart:
    """The half; `ready` when nothing of it is missing that another record could tell."""
    call = _call(values)
    error = _last_error(values)
    left = error in _CLIENT_LEFT
    code = status(values.get("responsecode"))
    if code is None:
        code = _CLIENT_LEFT_STATUS if left else _NO_ANSWER
    key = ("gateway", correlation_id)
    event = new_event(FEED, facts, started, key, operation=call.operation, status_code=code)
    _add_call(event, values, call, correlation_id)
    add_caller(event, facts, values.get("apimsubscriptionid"), team=values.get("productid"))
    add_end_user(event, facts, values.get("userid"))
    add_tags(event, product=values.get("productid"), api=values.get("apiid"))
    bodies = Bodies(values, call, code)
    _add_outcome(event, values, bodies, error=error, left=left)
    _add_backend(event, values, facts, bodies)
    if bodies.usage is not None:
        add_usage(event, bodies.usage)
    ready = (
        code >= _FIRST_ERROR
        or event["usage_source"] != "none"
        or call.operation not in TOKEN_OPERATIONS
        or event.get("cache_hit", False)
    )
    return FeedPart(
        correlation_id=correlation_id,
        kind="gateway",
        recorded_at=started,
        received_at=started,
        fields=msgspec.json.encode(event).decode(),
        ready=ready,
    )


def _call(values: dict[str, Any]) -> Call:
    """What was asked for: by the path that the backend got, the client's path, the operation."""
    method = name(first(values, "method", "backendmethod")) or "POST"
    for key in ("backendurl", "url"):
        url = values.get(key)
        if isinstance(url, str):
            found = _recognised(method, url)
            if found.operation != "other":
                return found
    asked = operation_of(name(values.get("operationid")) or "")
    return Call(asked, reads_usage=asked not in {"other", "fetch_response"})


def _recognised(method: str, url: str) -> Call:
    try:
        parts = urlsplit(url)
    except ValueError:  # a bracket that is no address
        return Call("other")
    return recognise(method, parts.path, parts.query)


def _host(url: object) -> str | None:
    if not isinstance(url, str):
        return None
    try:
        return name(urlsplit(url if "//" in url else f"//{url}").netloc.rpartition("@")[2])
    except ValueError:
        return None


def _last_error(values: dict[str, Any]) -> str:
    """The reason of the last error as one word in lower case; its message is not looked at."""
    reason = obj(values.get("lasterror")).get("reason") or values.get("lasterrorreason")
    return (wire.code(reason) or "").lower()


def _add_call(event: UsageEvent, values: dict[str, Any], call: Call, correlation_id: str) -> None:
    total = number(first(values, "totaltime", "durationms"))
    if total is not None:
        event["duration_ms"] = total
    add_names(
        event,
        gateway=service_of(values),
        request_id=correlation_id,
        deployment=call.deployment,
        request_model=call.deployment,
        api_version=call.api_version,
    )


def _add_outcome(
    event: UsageEvent, values: dict[str, Any], bodies: Bodies, *, error: str, left: bool
) -> None:
    if left:
        event["client_disconnected"] = True
    code = bodies.error_code or error or None
    if code is not None and (event["status_code"] >= _FIRST_ERROR or left):
        event["error_code"] = code
    if bodies.response_model is not None:
        event["response_model"] = bodies.response_model
    if bodies.response_id is not None:
        event["response_id"] = bodies.response_id
    if bodies.content_filter is not None:
        event["content_filter"] = bodies.content_filter
    if bodies.streamed is not None:
        event["stream"] = bodies.streamed
    answered = event["status_code"] < _FIRST_ERROR
    if str(values.get("cache", "")).lower() == "hit" or (answered and _not_forwarded(values)):
        event["cache_hit"] = True


def _not_forwarded(values: dict[str, Any]) -> bool:
    """Whether the gateway answered by itself, as from its semantic cache.

    Only records that are whole can say so: an export of some columns lacks the backend's as well.
    """
    whole = "cache" in values and "responsesize" in values
    return whole and not any(values.get(key) for key in _BACKEND_KEYS)


def _add_backend(
    event: UsageEvent, values: dict[str, Any], facts: FeedFacts, bodies: Bodies
) -> None:
    code = event["status_code"]
    backend = _host(values.get("backendurl")) or name(values.get("backendid"))
    answered = status(values.get("backendresponsecode"))
    if backend is not None and (answered is not None or not event.get("cache_hit")):
        headers = _headers(values)
        answer = answered if answered is not None else code
        attempt = answered_attempt(
            backend,
            answer,
            headers,
            backends=facts.operator.backends,
            throttle=throttle_kind(answer, headers, bodies.error_text),
            clock=facts.clock,
        )
        took = number(values.get("backendtime"))
        if took is not None:
            attempt["duration_ms"] = took
            if "duration_ms" in event:
                event["gateway_overhead_ms"] = round(max(0.0, event["duration_ms"] - took), 3)
        if answered is None:
            attempt.pop("status_code", None)
            attempt.pop("throttle", None)
            attempt["error_type"] = "no_answer"
        event["attempts"] = [attempt]
    if code == TOO_MANY_REQUESTS:
        event["throttled_by"] = "backend" if answered == TOO_MANY_REQUESTS else "gateway"


def _headers(values: dict[str, Any]) -> dict[str, str]:
    """The backend's headers, when they are logged; names in lower case."""
    headers = obj(first(values, "backendresponseheaders", "responseheaders"))
    return {
        key: str(value)[:256]
        for key, value in headers.items()
        if isinstance(value, str | int) and not isinstance(value, bool)
    }
