"""Resource logs of Azure OpenAI: the category RequestResponse, and its rows in AzureDiagnostics.

They tell who was called, when, and how it ended, but neither tokens nor keys: of token operations
the usage is unknown, and shows up as such. They are for requests that pass no gateway; whoever
logs the same requests at a gateway too would have them twice.

Two records are the same when correlation id, operation, resource, deployment and both times are:
calls of one client request share a correlation id.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ingest.feeds.compose import add_attempt, add_names, new_event, service_of
from ingest.feeds.operations import operation_of
from ingest.feeds.types import Refused
from ingest.feeds.values import (
    first,
    flag,
    milliseconds_between,
    moment,
    name,
    number,
    obj,
    status,
    ticks,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from typing import Any

    from gateway_hooks.event import UsageEvent
    from ingest.feeds.types import FeedFacts, Record

FEED: Final = "azure_openai_logs"
_CATEGORY: Final = "requestresponse"
_PROVIDER: Final = "microsoft.cognitiveservices"
_STREAMED: Final = {"streaming": True, "non-streaming": False}


class AzureOpenAILogs:
    """See the module."""

    name = FEED

    def matches(self, record: Record) -> bool:
        """See `Feed`."""
        values = record.lower
        if not isinstance(values.get("category"), str) and "metricname" not in values:
            return False
        places = (values.get("resourceid"), values.get("resourceprovider"))
        of_azure = any(_PROVIDER in str(place).lower() for place in places if place)
        return of_azure or (
            str(values.get("category")).lower() == _CATEGORY
            and ("properties" in values or "properties_s" in values)
        )

    def read(self, record: Record, facts: FeedFacts) -> Iterator[UsageEvent | Refused]:
        """See `Feed`. Audit, Trace, metrics and the like hold no requests."""
        values = record.lower
        if str(values.get("category")).lower() != _CATEGORY:
            return
        properties = obj(first(values, "properties", "properties_s"))
        began = ticks(properties.get("requesttime"))
        started = began or moment(first(values, "time", "timegenerated"))
        code = status(first(values, "resultsignature", "resulttype"))
        if started is None:
            yield Refused("neither requestTime nor time is a time that is known")
        elif code is None:
            yield Refused("resultSignature is no HTTP status")
        else:
            yield _event(values, properties, facts, started, code)


def _event(
    values: dict[str, Any],
    properties: dict[str, Any],
    facts: FeedFacts,
    started: datetime,
    code: int,
) -> UsageEvent:
    asked = name(values.get("operationname")) or ""
    resource = _resource(values)
    ended = ticks(properties.get("responsetime"))
    key = (
        name(values.get("correlationid")),
        asked,
        resource,
        name(properties.get("modeldeploymentname")),
        None if ended is None else ended.isoformat(),
    )
    event = new_event(FEED, facts, started, key, operation=operation_of(asked), status_code=code)
    measured = number(values.get("durationms"))  # has been negative
    if measured is None and ended is not None:
        measured = milliseconds_between(started, ended)
    if measured is not None:
        event["duration_ms"] = measured
    deployment = properties.get("modeldeploymentname")
    add_names(
        event,
        request_id=values.get("correlationid"),
        deployment=deployment,
        request_model=deployment,
        response_model=_model(properties),
        api_version=_api_version(properties),
    )
    streamed = _STREAMED.get(str(properties.get("streamtype", "")).lower())
    if streamed is None:
        streamed = flag(properties.get("streamtype"))
    if streamed is not None:
        event["stream"] = streamed
    caller = name(properties.get("objectid"))
    if caller is not None:
        event["auth_type"] = "entra"
        event["key_id"] = facts.fingerprints.key_id(caller)
        alias = facts.operator.keys.get(event["key_id"])
        if alias is not None:
            add_names(event, key_name=alias.name, team=alias.team)
    add_attempt(
        event,
        facts,
        resource,
        region=first(values, "location", "location_s"),
        deployment=deployment,
        status_code=code,
        duration_ms=event.get("duration_ms"),
    )
    if code == 429:  # noqa: PLR2004 - too many requests
        event["throttled_by"] = "backend"
    return event


def _resource(values: dict[str, Any]) -> str | None:
    """The account's name."""
    return service_of(values) or name(str(values.get("resource", "")).lower())


def _model(properties: dict[str, Any]) -> str | None:
    model, version = name(properties.get("modelname")), name(properties.get("modelversion"))
    if model is None or version is None or model.endswith(version):
        return model
    return f"{model}-{version}"


def _api_version(properties: dict[str, Any]) -> str | None:
    """Of "Azure OpenAI API version 2024-02-15-preview" the last word."""
    told = name(properties.get("apiname"))
    return None if told is None else told.rpartition(" ")[2]
