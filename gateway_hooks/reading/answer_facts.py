"""What an answer said: the value the meter builds an event from."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from gateway_hooks.event import ContentFilter, ThrottleKind
    from gateway_hooks.reading.usage import Usage

_SUCCESS: Final = range(200, 300)


@dataclass(slots=True)
class AnswerFacts:
    """What could be read of an answer; unset where it said nothing."""

    status_code: int
    usage: Usage | None = None
    """Only what the answer itself reports."""
    response_id: str | None = None
    response_model: str | None = None
    service_tier: str | None = None
    finish_reasons: list[str] = field(default_factory=list)
    error_type: str | None = None
    error_code: str | None = None
    throttle: ThrottleKind | None = None
    """What a refusal for load said it was."""
    content_filter: ContentFilter | None = None
    prompt_shield: bool | None = None
    """Whether a jailbreak or an indirect attack was detected; None when nobody looked."""
    images: int | None = None
    """Images in the answer."""
    image_size: str | None = None
    image_quality: str | None = None
    saw_content: bool = False
    """Something that was generated was seen."""
    complete: bool = False
    """The answer reached its end, as far as its own text tells."""
    abandoned: bool = False
    """The client left before there was an answer; the backend works on, and bills."""
    unreadable: bool = False
    """The answer was too long, or in an encoding that cannot be undone here."""
    completion_text: list[str] = field(default_factory=list, repr=False)
    """What was generated, one text per choice or part: only when no usage was reported, only in
    memory, only for the estimate."""
    unread_characters: int = 0
    """How much more was generated than `completion_text` holds."""

    @property
    def succeeded(self) -> bool:
        """Whether the backend took the request on."""
        return is_success(self.status_code)


def is_success(status_code: int) -> bool:
    """Whether a status says that the backend took the request on."""
    return status_code in _SUCCESS
