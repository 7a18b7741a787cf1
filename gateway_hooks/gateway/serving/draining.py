"""WebSockets of a server that is told to stop: what is under way may end first.

uvicorn closes them at once. Here the application is told, if it wants to know, and closes them.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

if TYPE_CHECKING:
    from uvicorn.config import Config
    from uvicorn.server import ServerState

DRAIN: Final = "gatemeter.drain"
"""In the state of a WebSocket's scope: its `Drain`."""


class Drain:
    """Tells one application that its server is to stop."""

    def __init__(self) -> None:
        self.requested = asyncio.Event()
        self.is_awaited = False

    async def wait(self) -> None:
        """Return when the server is to stop; from now on it leaves closing to who waits."""
        self.is_awaited = True
        await self.requested.wait()


class DrainingWebSocket(WebSocketsSansIOProtocol):
    """uvicorn's WebSocket; its shutdown asks the application."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        self._drain = Drain()
        super().__init__(config, server_state, {**app_state, DRAIN: self._drain}, _loop)

    def shutdown(self) -> None:
        """The server is to stop."""
        if self._drain.is_awaited and not self.close_sent and not self.disconnected:
            self._drain.requested.set()
        else:
            super().shutdown()
