"""The gateway as a file composes it, on a real port, with keys for an attacker to have."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from gateway_hooks import MemorySink, Meter
from gateway_hooks.event import UsageEvent, validate_line
from gateway_hooks.gateway.access import KeyFile
from gateway_hooks.gateway.config import read_config
from gateway_hooks.gateway.live import LiveGateway
from gateway_hooks.gateway.serving.server import server_for
from gateway_hooks.settings import HookSettings
from tests.gateway_hooks.gateway.conftest import serving, wait_for_lines

BACKENDS_KEY = "the-backends-own-key"
CHAT = "/openai/deployments/gpt-4o-mini/chat/completions?api-version=2024-10-21"
V1_CHAT = "/openai/v1/chat/completions"
PRODUCTS = """
[[products]]
name = "small"
deployments = ["gpt-4o-mini"]
[[products]]
name = "large"
"""


@dataclass
class Whole:
    """A composed gateway."""

    url: str
    sink: MemorySink
    keys: KeyFile
    app: LiveGateway
    client: httpx.Client
    made: dict[str, str] = field(default_factory=dict)

    @property
    def events(self) -> list[UsageEvent]:
        """What was recorded, each line checked."""
        return [validate_line(line) for line in self.sink.lines]

    def wait_for_events(self, count: int) -> list[UsageEvent]:
        """The events, when there are so many: those of answers without end come later."""
        wait_for_lines(self.sink, count)
        return self.events

    def key(self, name: str, product: str = "small") -> str:
        """The key of a caller; made before the first request, so that it is known at once."""
        if name not in self.made:
            self.made[name] = self.keys.create(
                name, product=product, fingerprint=lambda _: f"k_{name}"
            )
        return self.made[name]

    def post(self, path: str = CHAT, *, key: str = "small", **options: Any) -> httpx.Response:
        """A request by the caller of that name."""
        headers = {"api-key": self.made[key], **options.pop("headers", {})}
        method = options.pop("method", "POST")
        return self.client.request(method, self.url + path, headers=headers, **options)


StartWhole = Callable[..., Whole]


@pytest.fixture
def start_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[StartWhole]:
    """Start gateways in front of a backend; they end with the test."""
    monkeypatch.setenv("BACKEND", BACKENDS_KEY)
    monkeypatch.setenv("SAFETY_KEY", "safety-key")
    thresholds = gc.get_threshold()
    with ExitStack() as stack:

        def start(backend: str, rest: str = "") -> Whole:
            file = tmp_path / "gateway.toml"
            named = f"[[backends]]\nname = 'east'\nurl = '{backend}'\nkey_env = 'BACKEND'\n"
            file.write_text(named + PRODUCTS + rest)
            sink = MemorySink()
            meter = Meter(HookSettings.load(home=tmp_path, gateway="under-test"), sink)
            stack.callback(meter.close)
            keys = KeyFile(tmp_path / "gateway-keys.sqlite")
            app = LiveGateway(lambda: read_config(file), meter, tmp_path)
            whole = Whole("", sink, keys, app, stack.enter_context(httpx.Client(timeout=20)))
            for name in ("small", "other"):
                whole.key(name)
            whole.key("large", "large")
            server = server_for(whole.app, drain_seconds=2)
            whole.url = stack.enter_context(serving(server))
            return whole

        yield start
    gc.unfreeze()
    gc.set_threshold(*thresholds)
