"""The half of a request that API Management's LLM log knows: its tokens.

Of a streamed answer API Management counts the tokens by itself, so they are estimates. Long
messages are split over several records by SequenceNumber, of which one or all tell the tokens; the
store counts them once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from analytics.types import FeedPart
from gateway_hooks.reading import wire
from ingest.feeds.compose import add_names, add_tokens, new_event, service_of
from ingest.feeds.operations import operation_of
from ingest.feeds.values import count, first, flag, name

if TYPE_CHECKING:
    from datetime import datetime

    from ingest.feeds.types import FeedFacts

FEED: Final = "apim_diagnostics"
_RESPONSE_IDS: Final = ("chatcmpl-", "cmpl-", "resp_", "msg_")


def read_llm(
    values: dict[str, Any], facts: FeedFacts, started: datetime, correlation_id: str
) -> FeedPart | None:
    """The half; None for the rows of health probes, which name no model and count nothing."""
    taken, given = count(values.get("prompttokens")), count(values.get("completiontokens"))
    total = count(values.get("totaltokens"))
    cached = count(values.get("promptcachedtokens"))
    request_id = name(values.get("requestid")) or ""
    model = first(values, "modelname", "deploymentname")
    used = any((taken, given, total, cached))
    if not used and not request_id and name(model) is None:
        return None
    if used and taken is None:
        taken = max(0, (total or 0) - (given or 0))
    if used and given is None:
        given = max(0, (total or 0) - (taken or 0))
    if taken is not None and cached and cached > taken:
        # Of models that count cached input apart; ours contains it.
        taken = min(taken + cached, wire.MAX_COUNT)
    event = new_event(
        FEED,
        facts,
        started,
        ("llm", correlation_id),
        operation=operation_of(name(values.get("operationname")) or ""),
        status_code=200,
    )
    streamed = flag(values.get("isstreamcompletion"))
    if streamed is not None:
        event["stream"] = streamed
    if used:
        event["usage_source"] = "estimated" if streamed else "reported"
        add_tokens(
            event, input_tokens=taken, output_tokens=given, cached_input_tokens=cached or None
        )
    add_names(
        event,
        gateway=service_of(values),
        request_id=correlation_id,
        response_id=request_id if request_id.startswith(_RESPONSE_IDS) else None,
        response_model=values.get("modelname"),
        deployment=values.get("deploymentname"),
        request_model=values.get("deploymentname"),
        api_version=values.get("apiversion"),
    )
    return FeedPart(
        correlation_id=correlation_id,
        kind="llm",
        recorded_at=started,
        received_at=started,
        fields=msgspec.json.encode(event).decode(),
        request_id=request_id,
        sequence=count(values.get("sequencenumber")) or 0,
        ready=facts.llm_alone,
    )
