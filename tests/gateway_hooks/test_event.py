"""The event's definition: what it takes, what it refuses, and the schema that it publishes."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import ValidationError

from gateway_hooks.event import json_schema, validate_line

LEAST: dict[str, Any] = {
    "event_id": "01890a5d-ac96-774b-bcce-b302099a8057",
    "schema_version": 1,
    "started_at": "2026-11-21T09:00:00.000001Z",
    "gateway": "gw",
    "auth_type": "none",
    "operation": "other",
    "usage_source": "none",
    "status_code": 200,
}


def line(**changes: object) -> str:
    """The least event there is, with changes."""
    return json.dumps({**LEAST, **changes})


def test_the_least_event_is_valid() -> None:
    """A request of which nothing is known but that it happened can be recorded."""
    assert validate_line(line()) == LEAST


@pytest.mark.parametrize("field", sorted(LEAST))
def test_what_every_event_has_is_required(field: str) -> None:
    """The store can rely on these fields."""
    with pytest.raises(ValidationError, match=field):
        validate_line(json.dumps({key: value for key, value in LEAST.items() if key != field}))


@pytest.mark.parametrize(
    "wrong",
    [
        {"input_tokens": -1},
        {"input_tokens": 1.5},
        {"input_tokens": "1"},
        {"input_tokens": 2**53 + 1},
        {"duration_ms": float("inf")},
        {"duration_ms": float("nan")},
        {"audio_seconds": float("inf")},
        {"started_at": "2026-11-21T09:00:00Z"},
        {"started_at": "2026-11-21T09:00:00.000001+01:00"},
        {"started_at": "2026-02-30T09:00:00.000001Z"},
        {"event_id": "chatcmpl-1"},
        {"event_id": "01890a5d-ac96-474b-bcce-b302099a8057"},
        {"operation": "magic"},
        {"status_code": 99},
        {"schema_version": 2},
        {"prompt": "what was asked"},
        {"team": "x" * 257},
        {"team": None},
        {"attempts": [{"status_code": 200}]},
        {"content_filter": {"prompt": {"hate": {"text": "what was asked"}}}},
    ],
    ids=str,
)
def test_what_is_no_event_is_refused(wrong: dict[str, object]) -> None:
    """No wrong number gets into a sum, and nothing but the known fields onto the log."""
    with pytest.raises(ValidationError):
        validate_line(line(**wrong))


def test_the_published_schema_says_the_same() -> None:
    """Readers in other languages get the same required fields, patterns and closed objects."""
    schema: Any = json_schema()
    assert set(schema["required"]) == set(LEAST)
    assert schema["additionalProperties"] is False
    assert schema["properties"]["started_at"]["pattern"].endswith("Z$")
    assert schema["properties"]["input_tokens"]["minimum"] == 0
