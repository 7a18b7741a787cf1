"""A simulator and plain HTTP clients for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from gatemeter.simulator import Deployment, RunningSimulator, SimulatorConfig, running
from gatemeter.simulator.config import DEFAULT_MODELS

API_VERSION = "2024-10-21"


@pytest.fixture(scope="session")
def simulator() -> Iterator[RunningSimulator]:
    """One unlimited simulator with every usual model; its ledger is shared by the session."""
    audio = Deployment("gpt-4o-audio", "gpt-4o-audio-preview", region="swedencentral")
    usual = tuple(Deployment(name, name) for name in DEFAULT_MODELS)
    with running(SimulatorConfig(deployments=(*usual, audio))) as up:
        yield up


@pytest.fixture
def http(simulator: RunningSimulator) -> Iterator[httpx.Client]:
    """A client with a key and an api-version."""
    with httpx.Client(
        base_url=simulator.url,
        headers={"api-key": "some-key"},
        params={"api-version": API_VERSION},
        timeout=20,
    ) as client:
        yield client


Post = Callable[..., httpx.Response]


@pytest.fixture
def post(http: httpx.Client) -> Post:
    """Post JSON to a path below a deployment; keyword arguments are the body's fields."""

    def send(
        deployment: str, path: str, /, *, simulate: str | None = None, **body: Any
    ) -> httpx.Response:
        headers = {} if simulate is None else {"x-simulate": simulate}
        return http.post(f"/openai/deployments/{deployment}/{path}", json=body, headers=headers)

    return send
