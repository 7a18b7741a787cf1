"""The port and the connections on it."""

from __future__ import annotations

import asyncio
import socket
import ssl
from typing import TYPE_CHECKING

from gatemeter.emulator.access import TokenChecker
from gatemeter.emulator.attaching import Attacher
from gatemeter.emulator.connection import Connection
from gatemeter.emulator.errors import EmulatorError

if TYPE_CHECKING:
    from gatemeter.emulator.broker import Broker
    from gatemeter.emulator.faults import Faults
    from gatemeter.emulator.settings import EmulatorSettings


def bind(host: str, port: int) -> socket.socket:
    """A socket that holds a port but does not listen: connections are refused.

    Raises:
        EmulatorError: the port cannot be had.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((host, port))
    except OSError as error:
        bound.close()
        raise EmulatorError(
            f"cannot listen on {host}:{port} ({error.strerror}): choose another port"
        ) from error
    return bound


def tls_context(settings: EmulatorSettings) -> ssl.SSLContext | None:
    """What the certificate makes possible; None without one.

    Raises:
        EmulatorError: certificate or key cannot be used.
    """
    if settings.certificate is None:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        context.load_cert_chain(settings.certificate, settings.private_key)
    except OSError as error:
        raise EmulatorError(
            f"{settings.certificate} and its key cannot be used: {error}"
        ) from error
    return context


class Listener:
    """Listens, and can stop listening without losing its port. Used in the event loop's thread.

    Args:
        settings: where to listen and how.
        broker: the hubs.
        faults: handed to the connections.
        port: 0 takes a free one.

    Raises:
        EmulatorError: port or certificate cannot be used.
    """

    def __init__(
        self, settings: EmulatorSettings, broker: Broker, faults: Faults, port: int
    ) -> None:
        self._settings = settings
        self._broker = broker
        self._faults = faults
        self._checker = TokenChecker(settings)
        self._tls = tls_context(settings)
        self._socket = bind(settings.host, port)
        self._server: asyncio.Server | None = None
        self._connections: set[Connection] = set()
        self._nobody = asyncio.Event()
        self._nobody.set()
        self._paused = False
        self.port: int = self._socket.getsockname()[1]

    async def start(self) -> None:
        """Listen; nothing happens when it does already."""
        if self._server is None:
            loop = asyncio.get_running_loop()
            self._server = await loop.create_server(
                self._connection, sock=self._socket, ssl=self._tls
            )

    async def go_away(self) -> None:
        """Stop listening but keep the port, and cut every connection off."""
        if self._server is not None:
            self._server.close()
            self._server = None
            self._socket = bind(self._settings.host, self.port)
        await self.disconnect_all()

    async def disconnect_all(self) -> None:
        """Cut every connection off and wait until they are gone."""
        for connection in tuple(self._connections):
            connection.abort()
        await self._nobody.wait()

    async def pause(self) -> None:
        """Read nothing and say nothing, on new connections too."""
        self._paused = True
        for connection in self._connections:
            connection.pause()

    async def resume(self) -> None:
        """End `pause`."""
        if self._paused:
            self._paused = False
            for connection in tuple(self._connections):
                connection.resume()

    async def stop(self) -> None:
        """Give the port back."""
        if self._server is not None:
            self._server.close()
            self._server = None
        self._socket.close()
        await self.disconnect_all()

    def _connection(self) -> Connection:
        return Connection(self._settings, self._attacher, self._on_change, paused=self._paused)

    def _attacher(self) -> Attacher:
        size = self._settings.max_message_bytes
        return Attacher(self._broker, self._checker, self._faults, size)

    def _on_change(self, connection: Connection) -> None:
        if connection.is_lost:
            self._connections.discard(connection)
            if not self._connections:
                self._nobody.set()
        else:
            self._connections.add(connection)
            self._nobody.clear()
