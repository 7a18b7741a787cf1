"""Usage in the event's own words, and how every shape of it on the wire is read.

Chat, completions and embeddings say `prompt_tokens`, responses, images and audio `input_tokens`;
the parts of a total stand in details objects of several names. Totals include their parts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from gateway_hooks.reading import wire

if TYPE_CHECKING:
    from gateway_hooks.event import UsageSource
    from gateway_hooks.reading.answer_facts import AnswerFacts
    from gateway_hooks.reading.operations import Call
    from gateway_hooks.reading.request import RequestFacts


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


TOKEN_OPERATIONS: Final = frozenset(
    {"chat", "text_completion", "embeddings", "responses", "on_your_data"}
)
"""Operations whose usage a tokenizer can estimate."""
IMAGE_OPERATIONS: Final = frozenset({"image_generation", "image_edit"})
HEARING_OPERATIONS: Final = frozenset({"transcription", "translation"})

_INPUT_DETAILS: Final = ("prompt_tokens_details", "input_tokens_details", "input_token_details")
_OUTPUT_DETAILS: Final = (
    "completion_tokens_details",
    "output_tokens_details",
    "output_token_details",
)
_INPUT_PARTS: Final = (
    ("cached_tokens", "cached_input_tokens"),
    ("cache_creation_tokens", "cache_write_tokens"),
    ("cache_write_tokens", "cache_write_tokens"),
    ("audio_tokens", "audio_input_tokens"),
    ("image_tokens", "image_input_tokens"),
)
_OUTPUT_PARTS: Final = (
    ("reasoning_tokens", "reasoning_output_tokens"),
    ("audio_tokens", "audio_output_tokens"),
    ("image_tokens", "image_output_tokens"),
)
_FILTER_CODES: Final = frozenset(
    {
        "content_filter",
        "contentFilter",
        "content_policy_violation",
        "ResponsibleAIPolicyViolation",
    }
)
_BAD_REQUEST: Final = 400
_DALLE_SIZE: Final = "1024x1024"
_DALLE_QUALITY: Final = "standard"


def reported_usage(call: Call, usage: object) -> Usage | None:
    """Read a `usage` object of any shape; None when it reports nothing that can be used.

    A count that is not a whole number from 0 to 2**53 is not taken; a missing total follows from
    `total_tokens` when that is there. A part is never more than its total.
    """
    if not isinstance(usage, dict):
        return None
    if "seconds" in usage and call.operation in HEARING_OPERATIONS:
        heard = wire.seconds(usage["seconds"])
        return None if heard is None else Usage("reported", audio_seconds=heard)
    total = wire.count(usage.get("total_tokens"))
    found = _totals(call, usage, total)
    if found is None:
        return None
    taken = _details(usage, _INPUT_DETAILS)
    _take_parts(found, taken, found.input_tokens, _INPUT_PARTS)
    _take_out_cached(found, wire.as_dict(taken.get("cached_tokens_details")))
    details = _details(usage, _OUTPUT_DETAILS)
    found.output_tokens = _with_reasoning(found, details, total)
    _take_parts(found, details, found.output_tokens, _OUTPUT_PARTS)
    if call.operation in IMAGE_OPERATIONS and found.image_output_tokens is None:
        found.image_output_tokens = found.output_tokens
    elif call.operation == "speech" and found.audio_output_tokens is None:
        found.audio_output_tokens = found.output_tokens
    return found


def _totals(call: Call, usage: dict[Any, Any], total: int | None) -> Usage | None:
    """Input and output, one of them from the grand total when only the other is told."""
    taken = _first_count(usage, ("prompt_tokens", "input_tokens"))
    given = _first_count(usage, ("completion_tokens", "output_tokens"))
    if total is not None and call.operation == "embeddings":
        taken = total if taken is None else taken
    elif total is not None and taken is None and given is not None:
        taken = max(0, total - given)
    elif total is not None and given is None and taken is not None:
        given = max(0, total - taken)
    if taken is None and given is None:
        return None
    return Usage("reported", input_tokens=taken, output_tokens=given)


def _first_count(source: dict[Any, Any], keys: tuple[str, ...]) -> int | None:
    for key in keys:
        if key in source:
            value = wire.count(source[key])
            if value is not None:
                return value
    return None


def _details(usage: dict[Any, Any], keys: tuple[str, ...]) -> dict[Any, Any]:
    for key in keys:
        details = usage.get(key)
        if isinstance(details, dict):
            return details
    return {}


def _take_parts(
    found: Usage, details: dict[Any, Any], total: int | None, parts: tuple[tuple[str, str], ...]
) -> None:
    """Take the parts of one total; none is more than the total."""
    for key, field in parts:
        if key in details:
            value = wire.count(details[key])
            if value is not None:
                setattr(found, field, value if total is None else min(value, total))


def _take_out_cached(found: Usage, cached: dict[Any, Any]) -> None:
    """What came from the cache has one price, heard or seen or read: it is counted there only."""
    for key, field in (
        ("audio_tokens", "audio_input_tokens"),
        ("image_tokens", "image_input_tokens"),
    ):
        value, part = wire.count(cached.get(key)), getattr(found, field)
        if value and part is not None:
            setattr(found, field, max(0, part - value))


def _with_reasoning(found: Usage, details: dict[Any, Any], total: int | None) -> int | None:
    """The output with its reasoning: some models report it beside the output, not inside."""
    reasoning = wire.count(details.get("reasoning_tokens"))
    taken, given = found.input_tokens, found.output_tokens
    if not reasoning or taken is None or given is None or total != taken + given + reasoning:
        return given
    return given + reasoning


def derived_usage(call: Call, request: RequestFacts, answer: AnswerFacts) -> Usage | None:
    """Usage that follows from the request alone: images and characters. For unreported usage.

    `Usage("none")` when there was nothing to charge; None when an estimate is due, which
    `gateway_hooks.estimating.estimate` makes, and which also measures audio files.
    """
    if not call.reads_usage:
        return Usage("none")
    if call.operation in TOKEN_OPERATIONS and was_filtered(answer):
        return None
    failed = answer.error_code or answer.error_type
    taken_on = answer.succeeded or answer.abandoned
    if not taken_on or (failed and not answer.saw_content):
        return Usage("none")
    if call.operation in IMAGE_OPERATIONS:
        return _image_usage(call, request, answer)
    if call.operation == "speech":
        known = request.characters is not None
        return Usage("derived" if known else "none", characters=request.characters)
    return None


def was_filtered(answer: AnswerFacts) -> bool:
    """Whether the content filter refused the prompt: no usage is reported, but it is charged."""
    refused = answer.status_code == _BAD_REQUEST or answer.succeeded
    return refused and answer.error_code in _FILTER_CODES


def _image_usage(call: Call, request: RequestFacts, answer: AnswerFacts) -> Usage:
    """Images by the piece; only DALL-E is charged so, so its defaults stand for what is unsaid."""
    model = answer.response_model or request.model or call.deployment or ""
    is_dalle = "gpt-image" not in model
    return Usage(
        "derived",
        images=answer.images or request.images or 1,
        image_size=answer.image_size or request.image_size or (_DALLE_SIZE if is_dalle else None),
        image_quality=answer.image_quality
        or request.image_quality
        or (_DALLE_QUALITY if is_dalle else None),
    )
