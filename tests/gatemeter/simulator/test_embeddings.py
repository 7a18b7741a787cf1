"""Embeddings of the simulator."""

from __future__ import annotations

import base64
from array import array
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from openai.types import CreateEmbeddingResponse

Post = Callable[..., httpx.Response]


@pytest.mark.parametrize(
    ("given", "vectors", "tokens"),
    [("a b", 1, 2), (["a b", "c"], 2, 3), ([9, 9], 1, 2), ([[9, 9], [9]], 2, 3)],
)
def test_every_form_of_input_is_counted(
    post: Post, given: str | list[Any], vectors: int, tokens: int
) -> None:
    """Text, texts, ids and lists of ids, each with a vector of the model's length."""
    body = post("text-embedding-3-small", "embeddings", input=given).json()
    answer = CreateEmbeddingResponse.model_validate(body)
    assert len(answer.data) == vectors
    assert answer.usage.prompt_tokens == answer.usage.total_tokens == tokens
    assert all(len(item.embedding) == 1536 for item in answer.data)
    assert sum(value * value for value in answer.data[0].embedding) == pytest.approx(1, abs=1e-5)


def test_base64_holds_the_same_floats(post: Post) -> None:
    """The SDK's default encoding decodes to the vector that plain JSON gives."""
    body = {"input": "a b", "dimensions": 64}
    encoded = post("text-embedding-3-small", "embeddings", **body, encoding_format="base64").json()
    values = array("f", base64.b64decode(encoded["data"][0]["embedding"]))
    assert len(values) == 64


def test_missing_input_is_refused(post: Post) -> None:
    """No input is a 400."""
    assert post("text-embedding-3-small", "embeddings").status_code == 400
