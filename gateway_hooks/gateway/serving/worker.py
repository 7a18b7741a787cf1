"""The application of a worker process: uvicorn imports it in each of them.

What to serve stands in the environment, because a new process knows nothing else of its parent.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

from gateway_hooks.gateway.config import GatewayConfig, read_config
from gateway_hooks.gateway.live import LiveGateway
from gateway_hooks.gateway.serving.http_protocol import BoundedHttp
from gateway_hooks.gateway.serving.server import say_broken_answers_in_a_line
from gateway_hooks.meter import Meter
from gateway_hooks.settings import HookSettings

if TYPE_CHECKING:
    from collections.abc import Callable

FILE: Final = "GATEMETER_GATEWAY_CONFIG"
SETTINGS: Final = "GATEMETER_GATEWAY_SETTINGS"
"""The settings themselves, as JSON, when there is no file."""


def settings_reader() -> Callable[[], GatewayConfig]:
    """Reads the gateway's settings, each time anew."""
    file = os.environ.get(FILE)
    if file:
        return lambda: read_config(Path(file))
    text = os.environ[SETTINGS]
    return lambda: GatewayConfig.model_validate_json(text)


def app() -> LiveGateway:
    """The gateway of this process.

    Raises:
        SettingsError: its settings cannot be used.
    """
    say_broken_answers_in_a_line()
    settings = HookSettings.load()
    gateway = LiveGateway(settings_reader(), Meter.from_settings(settings), settings.home)
    BoundedHttp.head_bytes = gateway.config.bounds.max_header_bytes
    return gateway
