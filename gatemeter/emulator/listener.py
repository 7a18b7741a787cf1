"""The port and the connections on it."""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
from typing import TYPE_CHECKING, Final

from gatemeter.emulator.access import TokenChecker
from gatemeter.emulator.attaching import Attacher
from gatemeter.emulator.connection import Connection
from gatemeter.emulator.errors import EmulatorError

if TYPE_CHECKING:
    from gatemeter.emulator.broker import Broker
    from gatemeter.emulator.faults import Faults
    from gatemeter.emulator.settings import EmulatorSettings

_LOG = logging.getLogger(__name__)
_BACKLOG: Final = 100
_RETRY_SECONDS: Final = 0.1


def bind(host: str, port: int) -> socket.socket:
    """A socket that holds a port but does not listen: connections are refused.

    Raises:
        EmulatorError: the port cannot be had.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.settimeout(0)
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
        self._accepting: asyncio.Task[None] | None = None
        self._handshakes: set[asyncio.Task[None]] = set()
        self._connections: set[Connection] = set()
        self._paused = False
        self.port: int = self._socket.getsockname()[1]

    async def start(self) -> None:
        """Listen; nothing happens when it does already.

        Raises:
            EmulatorError: somebody else was quicker.
        """
        if self._accepting is None:
            try:
                self._socket.listen(_BACKLOG)
            except OSError as error:
                raise EmulatorError(f"port {self.port} is taken: choose another port") from error
            self._accepting = asyncio.create_task(self._accept(self._socket))

    async def go_away(self) -> None:
        """Stop listening but keep the port, and cut every connection off."""
        if self._accepting is not None:
            await self._stop_listening()
            self._socket = bind(self._settings.host, self.port)
        await self.disconnect_all()

    async def disconnect_all(self) -> None:
        """Cut the connections off that are there and wait until they are gone."""
        present = tuple(self._connections)
        for connection in present:
            connection.abort()
        for connection in present:
            await connection.gone.wait()

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
        await self._stop_listening()
        await self.disconnect_all()

    async def _stop_listening(self) -> None:
        """Close the port, and forget connections that are not quite there yet."""
        tasks = [*self._handshakes, *([self._accepting] if self._accepting else [])]
        self._accepting = None
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._socket.close()

    async def _accept(self, listening: socket.socket) -> None:
        """Accept until cancelled.

        asyncio's own server fails on a connection that comes in while it is being closed, which is
        just what happens to an emulator that goes away under its clients' hands.
        """
        loop = asyncio.get_running_loop()
        while True:
            try:
                accepted, _ = await loop.sock_accept(listening)
            except OSError as error:
                _LOG.warning("a connection could not be accepted: %s", error)
                await asyncio.sleep(_RETRY_SECONDS)
                continue
            task = asyncio.create_task(self._begin(accepted))
            self._handshakes.add(task)
            task.add_done_callback(self._handshakes.discard)

    async def _begin(self, accepted: socket.socket) -> None:
        """Start one connection, with its TLS handshake if there is TLS."""
        loop = asyncio.get_running_loop()
        try:
            accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            await loop.connect_accepted_socket(self._connection, accepted, ssl=self._tls)
        except OSError as error:  # TLS errors are such
            _LOG.info("a connection did not begin: %s", error)
            accepted.close()
        except asyncio.CancelledError:
            accepted.close()
            raise

    def _connection(self) -> Connection:
        return Connection(self._settings, self._attacher, self._on_change, paused=self._paused)

    def _attacher(self) -> Attacher:
        size = self._settings.max_message_bytes
        return Attacher(self._broker, self._checker, self._faults, size)

    def _on_change(self, connection: Connection) -> None:
        if connection.gone.is_set():
            self._connections.discard(connection)
        else:
            self._connections.add(connection)
