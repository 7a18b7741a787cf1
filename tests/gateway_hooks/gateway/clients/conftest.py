"""The whole gateway by its file, with every policy, between two witnesses; one for each module."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

from gatemeter.simulator import Deployment, Ledger, SimulatedResource, SimulatorConfig, build_app
from gatemeter.simulator.config import DEFAULT_MODELS
from gatemeter.simulator.server import server_for as simulator_server_for
from gateway_hooks import MemorySink, Meter
from gateway_hooks.event import UsageEvent, validate_line
from gateway_hooks.gateway.access import KeyFile
from gateway_hooks.gateway.config import read_config
from gateway_hooks.gateway.live import LiveGateway
from gateway_hooks.gateway.serving.server import server_for
from gateway_hooks.settings import HookSettings
from tests.gateway_hooks.gateway.clients.wire import Witness
from tests.gateway_hooks.gateway.conftest import serving, wait_for_lines

BACKENDS_KEY = "the-backends-own-key"
FILE = """
[[backends]]
name = "east"
url = "{url}"
key_env = "BACKEND"

[[products]]
name = "all"
other_operations = true

[[products]]
name = "small"
deployments = ["gpt-4o-mini"]

[[limits]]
name = "each-key"
per = ["key"]
keys = ["app"]
tokens_per_minute = 100_000_000
tokens_per_month = 1_000_000_000
requests_per_minute = 100_000
concurrent_requests = 100

[[limits]]
name = "slow-key"
per = ["key"]
keys = ["slow"]
requests_per_minute = 1

[content_safety]
endpoint = "{url}"
key_env = "BACKEND"
shield_prompt = true
check_answers = "{check_answers}"
timeout_ms = 10_000
"""


@dataclass
class WholeGateway:
    """A gateway that is up, what it recorded, and the simulator behind it."""

    url: str
    key: str
    slow_key: str
    small_key: str
    sink: MemorySink
    outside: Witness
    inside: Witness
    backend_url: str
    ledger: Ledger

    def events_since(self, before: int, count: int) -> list[UsageEvent]:
        """What was recorded after the first `before` events, once there are so many."""
        wait_for_lines(self.sink, before + count)
        return [validate_line(line) for line in list(self.sink.lines)[before:]]


@contextlib.contextmanager
def own_environment(**values: str) -> Iterator[None]:
    """No setting of the machine reaches a gateway."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("GATEMETER_")]:
            patch.delenv(name)
        for name, value in values.items():
            patch.setenv(name, value)
        yield


@contextlib.contextmanager
def whole_gateway(home: Path, text: str, backend: str) -> Iterator[tuple[str, MemorySink, Witness]]:
    """A gateway by a file's text: address, events, outer witness."""
    file = home / "gateway.toml"
    file.write_text(text)
    with own_environment(BACKEND=backend):
        sink = MemorySink()
        meter = Meter(HookSettings.load(home=home, gateway="whole"), sink)
        try:
            gateway = LiveGateway(lambda: read_config(file), meter, home)
            witness = Witness(gateway)
            with serving(server_for(witness, drain_seconds=2)) as url:
                yield url, sink, witness
        finally:
            meter.close()


def _key_id(name: str, _: str) -> str:
    return f"k_{name}"


def made_keys(home: Path, **products: str) -> list[str]:
    """Keys of the gateway, by name and product."""
    keys = KeyFile(home / "gateway-keys.sqlite")
    return [
        keys.create(name, product=product, team="shop", fingerprint=partial(_key_id, name))
        for name, product in products.items()
    ]


@pytest.fixture(scope="module")
def gateway(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[WholeGateway]:
    """The gateway in front of the simulator; answers go out unchecked, or as a test says."""
    home = tmp_path_factory.mktemp("whole")
    models = tuple(Deployment(name, name) for name in DEFAULT_MODELS)
    config = SimulatorConfig(keys=frozenset({BACKENDS_KEY}), deployments=models)
    resource = SimulatedResource(config)
    inside = Witness(build_app(resource))
    key, slow, small = made_keys(home, app="all", slow="all", small="small")
    with serving(simulator_server_for(inside)) as backend_url:  # type: ignore[arg-type] # any ASGI
        text = FILE.format(url=backend_url, check_answers=getattr(request, "param", "off"))
        with whole_gateway(home, text, BACKENDS_KEY) as (url, sink, outside):
            yield WholeGateway(
                url, key, slow, small, sink, outside, inside, backend_url, resource.ledger
            )
