"""Usage events of ai-hub-gateway, the Azure sample that many hubs of API Management began with.

Its policy sends one object of 21 keys for each answer of 200 to an Event Hub; Stream Analytics and
Cosmos exports of them have further keys and numbers as text. Three things in them are not what
they seem:

- Where an answer had no token counts the policy writes its defaults, 1 / 0 / 1. They are no tokens:
  such a call's usage is unknown, or nothing for searches and documents.
- Image and Responses answers count under other names, so only `totalTokens` is real: 1 / 0 / n.
- Streamed calls come from hourly sums of metrics, by an app that writes the same shape with ids of
  `streaming-...` or `llm-...`: they stand for many requests, and are estimates.

Two records are the same when id, time, caller, operation and backend are. The id alone would not
do: an answer from the semantic cache repeats the id of the answer that was cached.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ingest.feeds.compose import (
    add_attempt,
    add_caller,
    add_end_user,
    add_names,
    add_tags,
    add_tokens,
    new_event,
)
from ingest.feeds.operations import operation_of
from ingest.feeds.types import Refused
from ingest.feeds.values import count, moment, name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gateway_hooks.event import Operation, UsageEvent
    from ingest.feeds.types import FeedFacts, Record

FEED: Final = "ai_hub_gateway"
_TOKENS: Final = ("prompttokens", "responsetokens", "totaltokens")
_AGGREGATES: Final = ("streaming-", "llm-")
_WITHOUT_TOKENS: Final = ("search-", "doc-intel-", "ai-")
_PII: Final = "pii_processing"
_BY_ANSWER: Final[dict[str, Operation]] = {
    "chat.completion": "chat",
    "chat.completion.chunk": "chat",
    "text_completion": "text_completion",
    "list": "embeddings",
    "response": "responses",
}
_SINGLE_TOKEN: Final = frozenset({"embeddings"})
"""Operations whose input may be one token and whose output none."""


class AiHubGateway:
    """See the module."""

    name = FEED

    def matches(self, record: Record) -> bool:
        """See `Feed`. Citadel's hourly sums lack several of the keys."""
        keys = record.lower.keys()
        if _is_pii(record):
            return True
        return all(key in keys for key in (*_TOKENS, "id", "timestamp"))

    def read(self, record: Record, facts: FeedFacts) -> Iterator[UsageEvent | Refused]:
        """See `Feed`."""
        values = record.lower
        if _is_pii(record):
            yield Refused(
                "a PII_Processing record of ai-hub-gateway: it holds the original texts, so "
                "nothing of it is kept; send it to a hub of its own",
                secret=True,
            )
            return
        started, record_id = moment(values["timestamp"]), name(values["id"])
        if started is None:
            yield Refused("timestamp is no time that is known: ISO 8601, or 5/24/2024 2:45:56 PM")
            return
        if record_id is None:
            yield Refused("id is empty, so the record could not be told from its copies")
            return
        key = (
            record_id,
            *(
                name(values.get(part))
                for part in ("subscriptionid", "appid", "operationname", "backendid")
            ),
        )
        aggregate = record_id.lower().startswith(_AGGREGATES) or values.get("model") == "streaming"
        operation = _operation(record, record_id)
        event = new_event(FEED, facts, started, key, operation=operation, status_code=200)
        _add_common(event, record, facts)
        reason = (
            _add_sums(event, record)
            if aggregate
            else _add_usage(event, record, uses_tokens=not _is_other(record_id))
        )
        if reason is None:
            yield event
        else:
            yield Refused(reason)


def _is_pii(record: Record) -> bool:
    return str(record.lower.get("type", "")).lower() == _PII


def _is_other(record_id: str) -> bool:
    return record_id.lower().startswith(_WITHOUT_TOKENS)


def _operation(record: Record, record_id: str) -> Operation:
    """What was asked for: by the kind of the answer, else by the operation's display name."""
    if _is_other(record_id):
        return "other"
    answered = _BY_ANSWER.get(str(record.lower.get("targetservice", "")).lower())
    if answered is not None:
        return answered
    return operation_of(name(record.lower.get("operationname")) or "")


def _add_common(event: UsageEvent, record: Record, facts: FeedFacts) -> None:
    values = record.lower
    add_caller(event, facts, values.get("subscriptionid"), team=values.get("productname"))
    add_end_user(event, facts, values.get("enduserid"))
    add_names(
        event,
        gateway=values.get("gatewayname"),
        session_id=values.get("sessionid"),
        deployment=values.get("deploymentname"),
        request_model=values.get("deploymentname"),
    )
    add_tags(
        event,
        product=values.get("productname"),
        app=values.get("appid"),
        route=values.get("routename"),
        dimension1=values.get("customdimension1"),
        dimension2=values.get("customdimension2"),
    )
    backend = name(values.get("backendid")) or name(values.get("routename"))
    if backend is not None:
        add_attempt(
            event,
            facts,
            backend,
            region=values.get("routelocation"),
            deployment=values.get("deploymentname"),
            status_code=200,
        )


def _add_usage(event: UsageEvent, record: Record, *, uses_tokens: bool) -> str | None:
    """The counts of one call; why they cannot be used, when they are no counts."""
    values = record.lower
    add_names(event, response_id=values.get("id"), response_model=values.get("model"))
    taken, given, total = (count(values[key]) for key in _TOKENS)
    if taken is None or given is None:
        return "promptTokens or responseTokens is no whole number"
    if not uses_tokens:
        event.pop("response_id", None)
        return None
    defaults = taken == 1 and given == 0
    if defaults and event["operation"] not in _SINGLE_TOKEN:
        if total is not None and total > 1:
            # Of images and Responses the sum is all that was kept; its halves cost differently.
            add_tags(event, total_tokens=total)
        return None
    event["usage_source"] = "reported"
    add_tokens(event, input_tokens=taken, output_tokens=given)
    return None


def _add_sums(event: UsageEvent, record: Record) -> str | None:
    """The counts of an hour's calls, which API Management estimates when they are streamed."""
    values = record.lower
    taken, given, _ = (count(values[key]) for key in _TOKENS)
    if taken is None or given is None:
        return "promptTokens or responseTokens is no whole number"
    event["aggregate"] = True
    event["usage_source"] = "estimated"
    if values.get("model") != "streaming":
        add_names(event, response_model=values.get("model"))
    if str(values.get("id", "")).lower().startswith("streaming-"):
        event["stream"] = True
    add_tokens(event, input_tokens=taken, output_tokens=given)
    return None
