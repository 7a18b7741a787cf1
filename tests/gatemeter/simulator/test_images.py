"""Image generation and editing of the simulator."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from openai.types import ImagesResponse

from gatemeter.simulator import BLOCKED_PROMPT, RunningSimulator

Post = Callable[..., httpx.Response]


def test_dall_e_3_tells_no_usage_but_is_billed_by_the_image(
    simulator: RunningSimulator, post: Post
) -> None:
    """The answer has a link, a revised prompt and annotations; the ledger has the image."""
    response = post("dall-e-3", "images/generations", prompt="a cat", size="1792x1024")
    body = response.json()
    assert ImagesResponse.model_validate(body).usage is None
    assert body["data"][0]["revised_prompt"]
    assert body["data"][0]["prompt_filter_results"]["jailbreak"] == {
        "filtered": False,
        "detected": False,
    }
    (entry,) = simulator.ledger.entries(request_id=response.headers["apim-request-id"])
    assert entry.used.images == 1


@pytest.mark.parametrize(
    ("deployment", "body"),
    [
        ("dall-e-3", {"prompt": "x", "n": 2}),
        ("dall-e-3", {"prompt": "x", "size": "10x10"}),
        ("dall-e-3", {}),
        ("gpt-4o", {"prompt": "x"}),
        ("gpt-image-1", {"prompt": "x", "quality": "hd"}),
    ],
)
def test_what_the_model_cannot_draw_is_refused(
    post: Post, deployment: str, body: dict[str, Any]
) -> None:
    """Wrong numbers, sizes and models are a 400."""
    assert post(deployment, "images/generations", **body).status_code == 400


def test_images_come_inline_when_asked(post: Post) -> None:
    """b64_json is a PNG."""
    body = post("dall-e-2", "images/generations", prompt="x", n=2, response_format="b64_json")
    for item in body.json()["data"]:
        assert base64.b64decode(item["b64_json"]).startswith(b"\x89PNG")


def test_gpt_image_is_billed_by_tokens_of_size_and_quality(post: Post) -> None:
    """Its usage validates, and two large images cost twice one."""
    body = {"prompt": "a cat", "quality": "high", "size": "1536x1024"}
    one = post("gpt-image-1", "images/generations", **body).json()
    two = post("gpt-image-1", "images/generations", **body, n=2).json()
    usage = ImagesResponse.model_validate(one).usage
    assert usage is not None
    assert usage.output_tokens == 6208
    assert two["usage"]["output_tokens"] == 2 * 6208
    assert usage.input_tokens_details.text_tokens == usage.input_tokens


def test_edits_count_the_uploaded_image(http: httpx.Client) -> None:
    """An edit reads an image, which costs image tokens on the way in."""
    response = http.post(
        "/openai/v1/images/edits",
        data={"model": "gpt-image-1", "prompt": "add a hat"},
        files={"image": ("cat.png", b"\x89PNG")},
    )
    usage = ImagesResponse.model_validate_json(response.content).usage
    assert usage is not None
    assert 0 < usage.input_tokens_details.image_tokens < usage.input_tokens


def test_streamed_images_end_in_a_completed_event_with_usage(post: Post) -> None:
    """Partial images, then the whole one."""
    text = post("gpt-image-1", "images/generations", prompt="a cat", stream=True).text
    partial, completed = (block for block in text.split("\n\n") if block)
    assert partial.startswith("event: image_generation.partial_image\n")
    assert completed.startswith("event: image_generation.completed\n")
    assert '"usage"' in completed


def test_a_blocked_prompt_draws_nothing(simulator: RunningSimulator, post: Post) -> None:
    """The filter's 400 is billed no image."""
    response = post("dall-e-3", "images/generations", prompt=BLOCKED_PROMPT)
    assert response.json()["error"]["code"] == "content_filter"
    (entry,) = simulator.ledger.entries(request_id=response.headers["apim-request-id"])
    assert entry.used.images == 0
