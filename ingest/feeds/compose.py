"""What events of every feed have in common: identity, caller, backend."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, cast

from gateway_hooks.compose_attempt import UNKNOWN_BACKEND, region_name
from gateway_hooks.reading.throttling import TOO_MANY_REQUESTS
from ingest.feeds.identity import event_id, timestamp
from ingest.feeds.values import name

if TYPE_CHECKING:
    from datetime import datetime

    from gateway_hooks.event import Attempt, Operation, UsageEvent
    from ingest.feeds.types import FeedFacts

_FIRST_ERROR: Final = 400


def new_event(
    feed: str,
    facts: FeedFacts,
    started: datetime,
    key: tuple[str | None, ...],
    *,
    operation: Operation,
    status_code: int,
) -> UsageEvent:
    """An event without caller and usage. `key` tells the record apart from others of its time."""
    event: UsageEvent = {
        "event_id": event_id(feed, started, *key),
        "schema_version": 1,
        "started_at": timestamp(started),
        "gateway": facts.operator.gateway,
        "feed": feed,
        "auth_type": "none",
        "operation": operation,
        "usage_source": "none",
        "status_code": status_code,
    }
    if status_code >= _FIRST_ERROR:
        event["error_type"] = str(status_code)
    return event


def service_of(values: dict[str, Any]) -> str | None:
    """The name of the Azure resource that wrote a record; ids of resources come in capitals."""
    resource = name(values.get("resourceid")) or name(values.get("_resourceid"))
    return None if resource is None else name(resource.rstrip("/").rpartition("/")[2].lower())


def add_names(event: UsageEvent, **values: object) -> None:
    """Set the fields whose values name something; others stay absent."""
    fields = cast("dict[str, Any]", event)
    for field, value in values.items():
        text = name(value)
        if text is not None:
            fields[field] = text


def add_tags(event: UsageEvent, **values: object) -> None:
    """Set tags whose values name something."""
    tags = {key: text for key, value in values.items() if (text := name(value)) is not None}
    if tags:
        event["tags"] = {**event.get("tags", {}), **tags}


def add_caller(
    event: UsageEvent, facts: FeedFacts, subscription: object, *, team: object = None
) -> None:
    """The caller by the id of its subscription, which is no secret and so its name, too.

    A name and a team that settings give to the fingerprint win.
    """
    caller = name(subscription)
    team_name = name(team)
    if caller is not None:
        event["auth_type"] = "api_key"
        event["key_id"] = facts.fingerprints.key_id(caller)
        event["key_name"] = caller
        alias = facts.operator.keys.get(event["key_id"])
        if alias is not None:
            event["key_name"] = alias.name or caller
            team_name = alias.team or team_name
    if team_name is not None:
        event["team"] = team_name


def add_end_user(event: UsageEvent, facts: FeedFacts, user: object) -> None:
    """The user behind the caller, as a fingerprint."""
    text = name(user)
    if text is not None:
        event["end_user"] = facts.fingerprints.end_user(text)


def add_attempt(
    event: UsageEvent,
    facts: FeedFacts,
    backend: object,
    *,
    region: object = None,
    deployment: object = None,
    status_code: int | None = None,
    duration_ms: float | None = None,
) -> Attempt:
    """The call to a backend; feeds know the last one only."""
    region_text = name(region)
    attempt = facts.operator.backends.describe(
        name(backend) or UNKNOWN_BACKEND,
        region_name(region_text) if region_text is not None else None,
        name(deployment),
    )
    if status_code is not None:
        attempt["status_code"] = status_code
        if status_code == TOO_MANY_REQUESTS:
            attempt["throttle"] = "unknown"
    if duration_ms is not None:
        attempt["duration_ms"] = duration_ms
    event["attempts"] = [attempt]
    return attempt


def add_tokens(event: UsageEvent, **counts: int | None) -> None:
    """Set the counts that are known."""
    fields = cast("dict[str, Any]", event)
    for field, value in counts.items():
        if value is not None:
            fields[field] = value
