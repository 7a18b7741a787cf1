"""Usage in the event's own words, and how every shape of it on the wire is read.

Chat, completions and embeddings say `prompt_tokens`, responses, images and audio `input_tokens`;
the parts of a total stand in details objects of several names. Totals include their parts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gateway_hooks import wire

if TYPE_CHECKING:
    from gateway_hooks.answer_facts import AnswerFacts
    from gateway_hooks.event import UsageSource
    from gateway_hooks.operations import Call
    from gateway_hooks.request import RequestFacts


@dataclass(slots=True)
class Usage:
    """What a request used; None where a unit does not apply or is not known."""

    source: UsageSource
    input_tokens: int | None = None
    cached_input_tokens: int | None = None
    cache_write_tokens: int | None = None
    audio_input_tokens: int | None = None
    image_input_tokens: int | None = None
    output_tokens: int | None = None
    reasoning_output_tokens: int | None = None
    audio_output_tokens: int | None = None
    image_output_tokens: int | None = None
    images: int | None = None
    image_size: str | None = None
    image_quality: str | None = None
    audio_seconds: float | None = None
    characters: int | None = None


def reported_usage(call: Call, usage: object) -> Usage | None:
    """Read a `usage` object of any shape; None when it reports nothing that can be used."""
    if not isinstance(usage, dict):
        return None
    found = Usage(
        "reported",
        input_tokens=wire.count(usage.get("prompt_tokens", usage.get("input_tokens"))),
        output_tokens=wire.count(usage.get("completion_tokens", usage.get("output_tokens"))),
    )
    return found if found.input_tokens is not None else None


def derived_usage(call: Call, request: RequestFacts, answer: AnswerFacts) -> Usage | None:
    """Usage that follows from the request without a tokenizer: images and characters.

    `Usage("none")` when there was nothing to charge; None when an estimate is due
    (`gateway_hooks.estimate.estimate_usage`), which also measures audio files.
    """
    if not call.reads_usage or not 200 <= answer.status_code < 300:
        return Usage("none")
    return None
