"""LiteLLM's StandardLoggingPayload, as its loggers write it to files, buckets and webhooks.

The fields are those that LiteLLM's callback gets, so they are read by the same code as in our own
callback (`gateway_hooks.litellm_event`). What is not in the payload cannot be told: without the
callback's arguments there is no end of a retry, so each call of a Router is a request of its own.

Tables and queues on the way keep its objects as JSON in a text and its flags as words; both are
read as what they were.

Two records are the same when call id, trace id, kind, start and outcome are. An answer from
LiteLLM's cache has a call id of its own and costs nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from gateway_hooks.litellm_call import LoggedCall
from gateway_hooks.litellm_event import compose
from gateway_hooks.reading import wire
from ingest.feeds.identity import event_id, timestamp
from ingest.feeds.types import Refused
from ingest.feeds.values import count, flag, name, seconds_since_epoch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gateway_hooks.event import UsageEvent
    from ingest.feeds.types import FeedFacts, Record

FEED: Final = "litellm_payload"
_KEYS: Final = frozenset({"call_type", "startTime", "endTime", "status"})
_TOKENS: Final = ("prompt_tokens", "completion_tokens", "total_tokens")
_OUTCOMES: Final = ("success", "failure")
_NESTED: Final = (
    "metadata",
    "response",
    "model_parameters",
    "hidden_params",
    "error_information",
    "request_tags",
)


class LiteLLMPayload:
    """See the module."""

    name = FEED

    def matches(self, record: Record) -> bool:
        """See `Feed`."""
        return record.fields.keys() >= _KEYS

    def read(self, record: Record, facts: FeedFacts) -> Iterator[UsageEvent | Refused]:
        """See `Feed`."""
        payload = record.fields
        started = seconds_since_epoch(payload["startTime"])
        identity = name(payload.get("litellm_call_id")) or name(payload.get("id"))
        if started is None:
            yield Refused("startTime is no time in seconds since 1970")
        elif identity is None:
            yield Refused("id is empty, so the record could not be told from its copies")
        elif payload["status"] not in _OUTCOMES:
            yield Refused("status is neither success nor failure")
        else:
            whole = _whole(payload)
            event = compose(LoggedCall(whole, _arguments(whole)), facts)
            kind, outcome = name(payload["call_type"]), str(payload["status"])
            key = (identity, name(payload.get("trace_id")), kind, outcome)
            event["event_id"] = event_id(FEED, started, *key)
            event["started_at"] = timestamp(started)
            event["feed"] = FEED
            yield event


def _whole(payload: dict[str, Any]) -> dict[str, Any]:
    """The payload with its values as newer versions write them, and its usage where they do."""
    whole = dict(payload)
    for field in ("startTime", "endTime", "completionStartTime"):
        at = seconds_since_epoch(payload.get(field))
        whole[field] = None if at is None else at.timestamp()
    for field in ("cache_hit", "stream"):
        whole[field] = flag(payload.get(field))
    for field in _NESTED:
        whole[field] = _opened(payload.get(field))
    metadata = wire.as_dict(whole["metadata"])
    whole["metadata"] = {**metadata, "usage_object": _usage(payload, metadata, whole["response"])}
    return whole


def _opened(value: object) -> object:
    """What a text holds as JSON; anything else as it is."""
    if not isinstance(value, str):
        return value
    return wire.decode(value.encode("utf-8", "replace"), wire.any_json)


def _usage(payload: dict[str, Any], metadata: dict[Any, Any], response: object) -> dict[Any, Any]:
    """The most detailed of the three places that counts anything."""
    told = wire.as_dict(_opened(metadata.get("usage_object")))
    answered = wire.as_dict(wire.as_dict(response).get("usage"))
    counted = {field: count(payload.get(field)) for field in _TOKENS}
    return next((one for one in (told, answered) if _counts_any(one)), counted)


def _counts_any(usage: dict[Any, Any]) -> bool:
    return any(count(value) for key, value in usage.items() if str(key).endswith("_tokens"))


def _arguments(payload: dict[str, Any]) -> dict[str, Any]:
    """Of the arguments that a callback gets, those that the payload repeats."""
    return {"optional_params": wire.as_dict(payload.get("model_parameters"))}
