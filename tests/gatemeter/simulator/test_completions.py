"""Text completions of the simulator."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from openai.types import Completion

Post = Callable[..., httpx.Response]


@pytest.mark.parametrize(
    ("prompt", "input_tokens"),
    [("a b", 2), (["a b", "c"], 3), ([1, 2, 3], 3), ([[1, 2], [3, 4, 5]], 5)],
)
def test_every_form_of_prompt_is_counted(
    post: Post, prompt: str | list[Any], input_tokens: int
) -> None:
    """A prompt is a text, texts, ids or lists of ids; each prompt has its choices."""
    body = post("gpt-35-turbo-instruct", "completions", prompt=prompt, n=2).json()
    completion = Completion.model_validate(body)
    prompts = len(prompt) if isinstance(prompt, list) and not isinstance(prompt[0], int) else 1
    assert len(completion.choices) == 2 * prompts
    assert completion.usage is not None
    assert completion.usage.prompt_tokens == input_tokens


def test_the_default_limit_is_sixteen_tokens(post: Post) -> None:
    """Without max_tokens an answer ends after 16 tokens for its length, as the old API did."""
    bodies = [
        post("gpt-35-turbo-instruct", "completions", prompt=f"once upon {i}").json()
        for i in range(5)
    ]
    assert max(body["usage"]["completion_tokens"] for body in bodies) == 16


def test_stream_ends_with_usage_when_asked(post: Post) -> None:
    """The usage chunk of a text completion stream."""
    response = post(
        "gpt-35-turbo-instruct",
        "completions",
        prompt="a b",
        stream=True,
        stream_options={"include_usage": True},
    )
    *lines, done = [line for line in response.text.split("\n\n") if line]
    assert done == "data: [DONE]"
    last = json.loads(lines[-1].removeprefix("data: "))
    assert last["choices"] == []
    assert last["usage"]["prompt_tokens"] == 2


def test_an_empty_prompt_list_is_refused(post: Post) -> None:
    """Nothing to complete is a 400."""
    assert post("gpt-35-turbo-instruct", "completions", prompt=[]).status_code == 400
