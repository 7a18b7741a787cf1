"""Operations are told by the ids and the display names that Azure gives them."""

from __future__ import annotations

import pytest

from ingest.feeds.operations import operation_of


@pytest.mark.parametrize(
    ("text", "operation"),
    [
        ("ChatCompletions_Create", "chat"),
        ("Creates a completion for the chat message", "chat"),
        ("Completions_Create", "text_completion"),
        ("Creates a completion for the provided prompt", "text_completion"),
        ("Embeddings_Create", "embeddings"),
        ("Get a vector representation of a given input", "embeddings"),
        ("ImageGenerations_Create", "image_generation"),
        ("Generates a batch of images from a text caption", "image_generation"),
        ("Images_Edit", "image_edit"),
        ("Transcriptions_Create", "transcription"),
        ("Gets transcribed text from provided spoken audio data", "transcription"),
        ("Gets English language transcribed text from spoken audio", "translation"),
        ("Translations_Create", "translation"),
        ("Speech_Create", "speech"),
        ("Creates a model response", "responses"),
        ("createResponse", "responses"),
        ("ExtensionsChatCompletions_Create", "on_your_data"),
        ("Create_Thread", "other"),
        ("ListFiles", "other"),
        ("Microsoft.ApiManagement/GatewayLlmLogs", "other"),
        ("", "other"),
    ],
)
def test_the_words_tell_the_operation(text: str, operation: str) -> None:
    """The price depends on it."""
    assert operation_of(text) == operation
