"""Failures on demand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from random import Random, SystemRandom
from typing import Any

import httpx
import pytest

from gatemeter.simulator import RunningSimulator, SimulatorConfig, running
from gatemeter.simulator.errors import AzureError
from gatemeter.simulator.faults import FAULTS, choose

Post = Callable[..., httpx.Response]
HELLO: list[dict[str, Any]] = [{"role": "user", "content": "hi there"}]


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("429-tokens", "exceeded token rate limit"),
        ("429-calls", "exceeded call rate limit"),
        ("429-busy", "high demand"),
        ("429-ptu", "exceeded the provisioned throughput"),
    ],
)
def test_each_429_says_what_it_is_and_when_to_come_back(post: Post, fault: str, words: str) -> None:
    """Bodies and both retry headers, of which the one in milliseconds is the finer."""
    response = post("gpt-4o", "chat/completions", simulate=fault, messages=HELLO)
    assert response.status_code == 429
    assert words in response.json()["error"]["message"]
    milliseconds = int(response.headers["retry-after-ms"])
    seconds = int(response.headers["retry-after"])
    assert 0 < milliseconds <= 1000 * seconds


@pytest.mark.parametrize(("fault", "status"), [("500", 500), ("503", 503), ("html-502", 502)])
def test_server_errors(post: Post, fault: str, status: int) -> None:
    """Azure's own errors are JSON; a proxy's is an HTML page."""
    response = post("gpt-4o", "chat/completions", simulate=fault, messages=HELLO)
    assert response.status_code == status
    assert ("html" in response.headers["content-type"]) == (fault == "html-502")


def test_a_reset_answers_nothing(simulator: RunningSimulator, post: Post) -> None:
    """The connection breaks before a byte, and nothing is billed."""
    before = len(simulator.ledger.entries())
    with pytest.raises(httpx.NetworkError):
        post("gpt-4o", "chat/completions", simulate="reset", messages=HELLO)
    assert len(simulator.ledger.entries()) == before


def test_a_hang_answers_nothing_until_the_client_leaves(http: httpx.Client) -> None:
    """The request is taken and never answered."""
    with pytest.raises(httpx.ReadTimeout):
        http.post(
            "/openai/deployments/gpt-4o/chat/completions",
            json={"messages": HELLO},
            headers={"x-simulate": "hang"},
            timeout=0.3,
        )


@pytest.mark.parametrize("stream", [True, False])
def test_a_cut_answer_ends_without_its_end(
    simulator: RunningSimulator, post: Post, *, stream: bool
) -> None:
    """Half an answer, then the connection closes; a stream is billed what was generated."""
    with pytest.raises(httpx.RemoteProtocolError):
        post("gpt-4o", "chat/completions", simulate="cut-stream", messages=HELLO, stream=stream)
    entry = simulator.ledger.entries(fault="cut-stream")[-1]
    assert entry.finished is not stream
    assert entry.used.output_tokens > 0


@pytest.mark.parametrize("stream", [True, False])
def test_usage_can_be_left_out(post: Post, *, stream: bool) -> None:
    """Neither a whole answer nor a stream that asked tells its usage."""
    extra = {"stream_options": {"include_usage": True}} if stream else {}
    response = post(
        "gpt-4o",
        "chat/completions",
        simulate="no-usage",
        messages=HELLO,
        stream=stream,
        **extra,
    )
    assert response.status_code == 200
    assert "prompt_tokens" not in response.text


@pytest.mark.parametrize("stream", [True, False])
def test_answers_can_be_malformed(post: Post, *, stream: bool) -> None:
    """Half a JSON text, or a broken frame within a stream that then goes on."""
    response = post(
        "gpt-4o", "chat/completions", simulate="malformed", messages=HELLO, stream=stream
    )
    if stream:
        assert '{"delta":{"content\n\n' in response.text
        assert response.text.endswith("data: [DONE]\n\n")
    else:
        with pytest.raises(ValueError, match=r"Unterminated|Expecting"):
            response.json()


def test_an_unknown_fault_is_refused_with_the_known_names(post: Post) -> None:
    """A typing mistake in a test is seen at once."""
    response = post("gpt-4o", "chat/completions", simulate="explode", messages=HELLO)
    assert response.status_code == 400
    assert all(name in response.json()["error"]["message"] for name in FAULTS)


def test_probabilities_are_met_and_reproducible() -> None:
    """The same seed gives the same failures, about as often as asked for."""

    def draw() -> list[str | None]:
        rng = Random(7)  # noqa: S311 - reproducible
        return [choose(None, {"reset": 0.1, "503": 0.2}, rng) for _ in range(2000)]

    first = draw()
    assert first == draw()
    met = Counter(first)
    assert 120 < met["reset"] < 280
    assert 300 < met["503"] < 500


def test_a_header_beats_probability() -> None:
    """A request that names its failure gets that one."""
    assert choose("hang", {"reset": 1.0}, SystemRandom()) == "hang"
    with pytest.raises(AzureError):
        choose("nothing", {}, SystemRandom())


def test_configured_failures_happen_without_a_header() -> None:
    """A simulator with moods fails requests that asked for nothing."""
    with running(SimulatorConfig(failures={"503": 1.0})) as up:
        response = httpx.post(
            f"{up.url}/openai/v1/chat/completions",
            headers={"api-key": "k"},
            json={"model": "gpt-4o", "messages": HELLO},
        )
    assert response.status_code == 503
