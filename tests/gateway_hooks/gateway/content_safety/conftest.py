"""A metered gateway with Content Safety, in front of simulated models and a simulated service."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest

from gatemeter.simulator import RunningSimulator
from gateway_hooks import MemorySink, Meter
from gateway_hooks.asgi import UsageMiddleware
from gateway_hooks.asgi_types import App, Receive, Scope, Send
from gateway_hooks.event import UsageEvent, validate_line
from gateway_hooks.gateway import Backend, Gateway
from gateway_hooks.gateway.content_safety import (
    ContentSafety,
    ContentSafetySettings,
    SafetyService,
)
from gateway_hooks.gateway.serving.server import server_for
from gateway_hooks.settings import HookSettings
from tests.gateway_hooks.gateway.conftest import serving

API_VERSION = "2024-10-21"
LISTS = {"colours": ("mauve",)}


@dataclass
class SafeGateway:
    """A gateway that checks."""

    url: str
    sink: MemorySink
    backend: Any

    @property
    def events(self) -> list[UsageEvent]:
        """What was recorded, each line checked."""
        return [validate_line(line) for line in self.sink.lines]

    @property
    def event(self) -> UsageEvent:
        """The only one."""
        (event,) = self.events
        return event

    @property
    def recorded(self) -> bytes:
        """All that went to the log."""
        return b"\n".join(self.sink.lines)

    def client(self, **options: Any) -> openai.AzureOpenAI:
        """The SDK that users have."""
        return openai.AzureOpenAI(
            azure_endpoint=self.url,
            api_key="callers-key",
            api_version=API_VERSION,
            max_retries=0,
            timeout=20,
            **options,
        )

    def post(self, path: str, **options: Any) -> httpx.Response:
        """A plain request; the path below /openai/deployments/gpt-4o unless it is absolute."""
        if not path.startswith("/"):
            path = f"/openai/deployments/gpt-4o/{path}"
        headers = {"api-key": "callers-key", **options.pop("headers", {})}
        params = {"api-version": API_VERSION}
        return httpx.post(self.url + path, headers=headers, params=params, timeout=20, **options)

    def chat(self, text: str, **fields: Any) -> httpx.Response:
        """A chat of one message."""
        return self.post(
            "chat/completions", json={"messages": [{"role": "user", "content": text}], **fields}
        )


def closing(app: App, service: SafetyService) -> App:
    """Whoever hands a service in closes it at the end."""

    async def closed(scope: Scope, receive: Receive, send: Send) -> None:
        await app(scope, receive, send)
        if scope["type"] == "lifespan":
            await service.close()

    return closed


StartSafe = Callable[..., SafeGateway]


@pytest.fixture
def safety(start_simulator: Callable[..., RunningSimulator]) -> RunningSimulator:
    """The service, with one key and one block list."""
    return start_simulator(keys=frozenset({"safety-key"}), blocklists=LISTS)


@pytest.fixture
def models(start_simulator: Callable[..., RunningSimulator]) -> RunningSimulator:
    """The models."""
    return start_simulator()


@pytest.fixture
def start_safe(
    tmp_path: Path,
    safety: RunningSimulator,
    models: RunningSimulator,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[StartSafe]:
    """Start gateways with settings; all of them end with the test."""
    monkeypatch.setenv("SAFETY_KEY", "safety-key")
    with ExitStack() as stack:

        def start(
            *,
            backend: Any = None,
            service: SafetyService | None = None,
            kept_bytes: int = 1 << 20,
            **fields: Any,
        ) -> SafeGateway:
            settings = ContentSafetySettings(
                **{
                    "endpoint": safety.url,
                    "key_env": "SAFETY_KEY",
                    "timeout_ms": 10_000,
                    **fields,
                }
            )
            sink = MemorySink()
            meter = Meter(HookSettings.load(home=tmp_path, gateway="under-test"), sink)
            stack.callback(meter.close)
            gateway = Gateway([Backend.parse((backend or models).url)], kept_bytes=kept_bytes)
            safe = UsageMiddleware(
                ContentSafety(gateway, settings, service, kept_bytes=kept_bytes), meter
            )
            app = safe if service is None else closing(safe, service)
            url = stack.enter_context(serving(server_for(app, drain_seconds=2)))
            return SafeGateway(url, sink, backend or models)

        yield start
