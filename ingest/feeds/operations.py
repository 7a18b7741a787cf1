"""Which operation a record means, from the ids and display names that Azure gives operations."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from gateway_hooks.event import Operation

# The first word that is found decides, so the more particular ones come first.
_BY_WORD: Final[tuple[tuple[str, Operation], ...]] = (
    ("thread", "other"),
    ("assistant", "other"),
    ("batches", "other"),
    ("batch_", "other"),
    ("files", "other"),
    ("english language", "translation"),
    ("transcri", "transcription"),
    ("translat", "translation"),
    ("speech", "speech"),
    ("image edit", "image_edit"),
    ("imageedit", "image_edit"),
    ("images_edit", "image_edit"),
    ("image variation", "image_edit"),
    ("image", "image_generation"),
    ("embedding", "embeddings"),
    ("vector representation", "embeddings"),
    ("extensions", "on_your_data"),
    ("getresponse", "fetch_response"),
    ("responses_get", "fetch_response"),
    ("responses_delete", "fetch_response"),
    ("model response", "responses"),
    ("responses", "responses"),
    ("createresponse", "responses"),
    ("chat", "chat"),
    ("completion", "text_completion"),
)


@functools.lru_cache(maxsize=1024)
def operation_of(text: str) -> Operation:
    """The operation by an id such as `ChatCompletions_Create` or a display name; `other` if none.

    Display names tell e.g. "Creates a completion for the chat message".
    """
    lowered = text.lower()
    return next((operation for word, operation in _BY_WORD if word in lowered), "other")
