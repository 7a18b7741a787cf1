"""Tokens are counted where the count can matter."""

from __future__ import annotations

from typing import Any

import pytest

from gateway_hooks.gateway.incoming import IncomingRequest, read_incoming
from gateway_hooks.gateway.limits.estimate import SLIGHT, Estimator
from gateway_hooks.gateway.live import load_estimators
from gateway_hooks.gateway.request_body import RequestBody
from tests.gateway_hooks.fakes import CHAT_PATH, QUERY, chat_body


@pytest.fixture(scope="module", autouse=True)
def tokenizer() -> None:
    """Loaded as when the gateway starts: a count waits no longer than a second."""
    load_estimators()


def request(**fields: Any) -> IncomingRequest:
    """A chat request whose body was read."""
    scope = {
        "type": "http",
        "method": "POST",
        "path": CHAT_PATH,
        "query_string": QUERY.encode(),
        "headers": [(b"content-type", b"application/json")],
    }

    async def receive() -> Any:
        return {"type": "http.disconnect"}

    return read_incoming(scope, RequestBody([chat_body(**fields)], receive, complete=True))


@pytest.mark.parametrize(("more", "is_counted"), [(0, False), (-1, True)])
async def test_a_prompt_that_is_next_to_nothing_of_its_limits_is_not_counted(
    more: int, *, is_counted: bool
) -> None:
    """The tokenizer costs more than the rest of the policy; its size is near enough there."""
    asked = request(max_tokens=50)
    body = asked.body.kept or b""
    estimator = Estimator()
    estimate = await estimator.first(asked, len(body) * SLIGHT + more)
    estimator.close()
    assert estimate.is_counted is is_counted
    assert estimate.answer == 50
    if not is_counted:
        assert estimate.prompt == len(body) // 3


async def test_an_image_is_counted_whatever_its_limits() -> None:
    """The size of its text says nothing of its tokens."""
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    asked = request(messages=[{"role": "user", "content": [picture]}])
    estimator = Estimator()
    estimate = await estimator.first(asked, 1_000_000_000)
    estimator.close()
    assert estimate.is_counted
