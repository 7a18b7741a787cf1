"""Cutting texts into what the service takes: 10,000 characters a text, 5 documents at once.

Pieces overlap, so that a phrase at a cut is whole in one of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from gateway_hooks.gateway.content_safety.settings import MOST_CHARACTERS

if TYPE_CHECKING:
    from collections.abc import Sequence

MOST_DOCUMENTS: Final = 5
"""Of one question; together they have at most `MOST_CHARACTERS`."""


@dataclass(frozen=True, slots=True)
class ShieldQuestion:
    """What is asked at once: some of the user's text, some documents."""

    user_prompt: str | None
    documents: list[str]


def pieces(text: str, overlap: int, most: int = MOST_CHARACTERS) -> list[str]:
    """A text in pieces of at most `most` characters; each begins with the end of the one before."""
    if not text.strip():
        return []
    if len(text) <= most:
        return [text]
    step = most - overlap
    return [text[start : start + most] for start in range(0, len(text) - overlap, step)]


def shield_questions(
    user_text: str, documents: Sequence[str], overlap: int
) -> list[ShieldQuestion]:
    """As few questions as hold the user's text and the documents."""
    prompts = pieces(user_text, overlap)
    batches = _batches([piece for document in documents for piece in pieces(document, overlap)])
    return [
        ShieldQuestion(
            prompts[index] if index < len(prompts) else None,
            batches[index] if index < len(batches) else [],
        )
        for index in range(max(len(prompts), len(batches)))
    ]


def _batches(documents: list[str]) -> list[list[str]]:
    batches: list[list[str]] = []
    room = 0
    for document in documents:
        if not batches or len(document) > room or len(batches[-1]) == MOST_DOCUMENTS:
            batches.append([])
            room = MOST_CHARACTERS
        batches[-1].append(document)
        room -= len(document)
    return batches
