"""The running gateway: its file is read again at SIGHUP, while requests go on.

A request keeps the policies it began with. A file that cannot be used changes nothing, and the log
says what is wrong with it.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import os
import signal
from typing import TYPE_CHECKING, Final

from gateway_hooks.errors import SettingsError
from gateway_hooks.gateway.access_log import AccessLog
from gateway_hooks.gateway.compose import compose
from gateway_hooks.gateway.parts import Parts
from gateway_hooks.gateway.serving.lifespan import live

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from gateway_hooks.asgi_types import Receive, Scope, Send
    from gateway_hooks.clock import Clock
    from gateway_hooks.gateway.config import GatewayConfig
    from gateway_hooks.meter import Meter

_YOUNG_OBJECTS: Final = 20_000
"""So many new objects are looked at together; a request makes some hundreds."""
_LOG = logging.getLogger("gatemeter.gateway")


class LiveGateway:
    """The gateway of a file; an ASGI application."""

    def __init__(
        self,
        read: Callable[[], GatewayConfig],
        meter: Meter,
        home: Path,
        *,
        clock: Clock | None = None,
    ) -> None:
        """Read the settings and make the policies.

        Args:
            read: reads the gateway's file, now and at each reload.
            meter: records the requests.
            home: GATEMETER_HOME.
            clock: the system's unless a test has another.

        Raises:
            SettingsError: the file cannot be used.
        """
        self._read = read
        self.config = read()
        self._parts = Parts(meter, home, clock=clock)
        self._app = compose(self.config, self._parts, os.environ)
        self._parts.take(self.config)
        if self.config.server.access_log:
            meter.when_event(AccessLog().write)

    def reload(self) -> bool:
        """Read the file again; false, and nothing is changed, when it cannot be used."""
        try:
            config = self._read()
            app = compose(config, self._parts, os.environ)
        except SettingsError as error:
            _LOG.error("settings stay as they were: %s", error)
            return False
        self._parts.take(config)
        self.config, self._app = config, app
        _LOG.warning("the new settings are in force")
        return True

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] == "lifespan":
            await live(receive, send, start=self._start, end=self._parts.close)
        else:
            await self._app(scope, receive, send)

    async def _start(self) -> None:
        await asyncio.to_thread(load_estimators)
        _spare_collector()
        await self._parts.start()
        with contextlib.suppress(RuntimeError, ValueError):  # in a thread: in tests
            asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, self.reload)


def _spare_collector() -> None:
    """Have the garbage collector leave alone what was loaded and stays, tokenizers above all."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG_OBJECTS, 20, 20)


def load_estimators() -> None:
    """Load what estimates need before the first request does: its answer waits for a short time."""
    from gateway_hooks.estimating.audio import audio_seconds
    from gateway_hooks.estimating.tokenizer import CL100K, O200K, TokenizerUnavailable, count_tokens

    audio_seconds(b"", None)
    with contextlib.suppress(TokenizerUnavailable):
        for encoding in (O200K, CL100K):
            count_tokens("ready", encoding)
