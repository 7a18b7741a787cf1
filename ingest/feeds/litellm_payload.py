"""LiteLLM's StandardLoggingPayload, as its loggers write it to files, buckets and webhooks.

The fields are those that LiteLLM's callback gets, so they are read by the same code as in our own
callback (`gateway_hooks.litellm_event`). What is not in the payload cannot be told: without the
callback's arguments there is no end of a retry, so each call of a Router is a request of its own.

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
from ingest.feeds.values import count, name, seconds_since_epoch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gateway_hooks.event import UsageEvent
    from ingest.feeds.types import FeedFacts, Record

FEED: Final = "litellm_payload"
_KEYS: Final = frozenset({"call_type", "startTime", "endTime", "status"})
_TOKENS: Final = ("prompt_tokens", "completion_tokens", "total_tokens")
_OUTCOMES: Final = ("success", "failure")


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
            event = compose(LoggedCall(_with_usage(payload), _arguments(payload)), facts)
            kind, outcome = name(payload["call_type"]), str(payload["status"])
            key = (identity, name(payload.get("trace_id")), kind, outcome)
            event["event_id"] = event_id(FEED, started, *key)
            event["started_at"] = timestamp(started)
            event["feed"] = FEED
            yield event


def _with_usage(payload: dict[str, Any]) -> dict[str, Any]:
    """The payload with its usage where newer versions have it, and its times as numbers."""
    whole = dict(payload)
    for field in ("startTime", "endTime", "completionStartTime"):
        at = seconds_since_epoch(payload.get(field))
        whole[field] = None if at is None else at.timestamp()
    metadata = wire.as_dict(payload.get("metadata"))
    if not isinstance(metadata.get("usage_object"), dict):
        told = wire.as_dict(payload.get("response")).get("usage")
        if not isinstance(told, dict):
            told = {field: count(payload.get(field)) for field in _TOKENS}
        whole["metadata"] = {**metadata, "usage_object": told}
    return whole


def _arguments(payload: dict[str, Any]) -> dict[str, Any]:
    """Of the arguments that a callback gets, those that the payload repeats."""
    return {"optional_params": wire.as_dict(payload.get("model_parameters"))}
