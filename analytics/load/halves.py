"""Halves of one request, put together: a function of the set of halves, in whatever order.

A gateway half tells caller, outcome and backend; `llm` halves tell the tokens. What of it is an
event of ours stands in their `fields` already, so this only merges: it takes the tokens of the
`llm` halves unless the gateway half knows them itself.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Sequence

MOST: Final = 2**53
"""The largest count that an event takes."""
_COUNTS: Final = (
    "input_tokens",
    "cached_input_tokens",
    "cache_write_tokens",
    "audio_input_tokens",
    "image_input_tokens",
    "output_tokens",
    "reasoning_output_tokens",
    "audio_output_tokens",
    "image_output_tokens",
)
_NAMES: Final = ("response_model", "response_id", "deployment", "request_model", "api_version")


@dataclass(frozen=True, slots=True)
class Half:
    """A half as it is stored."""

    kind: str
    request_id: str
    sequence: int
    ready: bool
    fields: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What halves come to: an event's line, or the kind of half that is waited for."""

    line: str | None
    waiting_for: Literal["gateway", "llm"] | None


def put_together(halves: Sequence[Half], *, overdue: bool) -> Verdict:
    """The event that the halves of one correlation id are, or what is missing.

    Args:
        halves: all that came, in any order; at least one.
        overdue: whether the tokens have been waited for long enough.
    """
    gateways = [half for half in halves if half.kind == "gateway"]
    tokens = _tokens([half for half in halves if half.kind == "llm"])
    if not gateways:
        alone = sorted(half.fields for half in halves if half.ready)
        if not alone or not tokens:
            return Verdict(None, "gateway")
        return Verdict(_line(_merged(json.loads(alone[0]), tokens)), None)
    best = max(gateways, key=lambda half: (len(half.fields), half.fields))
    event: dict[str, Any] = json.loads(best.fields)
    if event["usage_source"] != "none":
        return Verdict(_line(event), None)
    if tokens:
        return Verdict(_line(_merged(event, tokens)), None)
    if overdue or any(half.ready for half in gateways):
        return Verdict(_line(event), None)
    return Verdict(None, "llm")


def _tokens(halves: Sequence[Half]) -> dict[str, Any]:
    """What all `llm` halves say together; empty while none of them counts anything.

    Those of one request repeat each other or are silent, so the largest number counts. Requests of
    one correlation id add up. Halves that name no request are copies of the others, if there are
    others.
    """
    by_request: dict[str, list[tuple[int, str, dict[str, Any]]]] = {}
    for half in halves:
        known = (half.sequence, half.fields, json.loads(half.fields))
        by_request.setdefault(half.request_id, []).append(known)
    every = sorted((one for known in by_request.values() for one in known), key=lambda one: one[:2])
    if not any(fields["usage_source"] != "none" for _, _, fields in every):
        return {}
    merged: dict[str, Any] = {}
    for name in _COUNTS:
        largest = {
            request: [fields[name] for _, _, fields in known if name in fields]
            for request, known in by_request.items()
        }
        counted = {request: max(counts) for request, counts in largest.items() if counts}
        if counted:
            nameless = counted.pop("", 0)
            merged[name] = min(MOST, max(nameless, sum(counted.values())))
    for name in _NAMES:
        said = [fields[name] for _, _, fields in every if name in fields]
        if said:
            merged[name] = said[0]
    streams = [fields["stream"] for _, _, fields in every if "stream" in fields]
    if streams:
        merged["stream"] = any(streams)
    sources = {fields["usage_source"] for _, _, fields in every}
    merged["usage_source"] = "estimated" if "estimated" in sources else "reported"
    operations = sorted({fields["operation"] for _, _, fields in every} - {"other"})
    merged["operation"] = operations[0] if operations else "other"
    return merged


def _merged(event: dict[str, Any], tokens: dict[str, Any]) -> dict[str, Any]:
    """The event with the tokens; what the gateway half says by itself stays."""
    merged = dict(event)
    for name, value in tokens.items():
        if name in _COUNTS or name in {"usage_source", "response_model", "stream"}:
            merged[name] = value
        elif name == "operation":
            if event["operation"] == "other":
                merged[name] = value
        else:
            merged.setdefault(name, value)
    attempts = merged.get("attempts")
    if attempts and "deployment" not in attempts[-1] and "deployment" in merged:
        merged["attempts"] = [
            *attempts[:-1],
            {**attempts[-1], "deployment": merged["deployment"]},
        ]
    return merged


def _line(event: dict[str, Any]) -> str:
    return json.dumps(event, sort_keys=True, separators=(",", ":"))
