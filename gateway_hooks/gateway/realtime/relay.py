"""Frames between a client and a backend: unchanged, in order, no faster than they are taken.

Each direction is one task that holds one message at a time, so that a side that does not read
stops the other from sending; a third task watches the clock. Whoever is done first ends all.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Final

from websockets.exceptions import ConnectionClosed

from gateway_hooks.gateway.realtime import goodbye
from gateway_hooks.gateway.realtime.goodbye import Goodbye, Side

if TYPE_CHECKING:
    from websockets.asyncio.client import ClientConnection

    from gateway_hooks.asgi_types import Receive, Send
    from gateway_hooks.gateway.realtime.settings import RealtimeSettings
    from gateway_hooks.gateway.serving.draining import Drain
    from gateway_hooks.realtime import RealtimeSession

_CANCEL: Final = '{"type":"response.cancel"}'


class Relay:
    """One session between two accepted WebSockets."""

    def __init__(
        self,
        backend: ClientConnection,
        receive: Receive,
        send: Send,
        settings: RealtimeSettings,
        *,
        session: RealtimeSession | None = None,
        drain: Drain | None = None,
    ) -> None:
        """Connect two sides.

        Args:
            backend: belongs to the relay from now on.
            receive: the client's messages.
            send: to the client.
            settings: times.
            session: tells whether a response is under way, where somebody meters it.
            drain: tells that the server is to stop.
        """
        self._backend = backend
        self._receive = receive
        self._send = send
        self._settings = settings
        self._session = session
        self._drain = drain
        self._loop = asyncio.get_running_loop()
        self._last_seconds = self._loop.time()
        self._quiet = asyncio.Event()
        self._quiet.set()

    async def run(self) -> None:
        """Relay until one side leaves, or it takes too long; nothing is left open."""
        to_client = asyncio.create_task(self._to_client())
        others = [asyncio.create_task(self._to_backend()), asyncio.create_task(self._watch())]
        try:
            done, _ = await asyncio.wait([to_client, *others], return_when=asyncio.FIRST_COMPLETED)
            # What the backend said last is worth more than that nobody could answer it.
            ended = (to_client if to_client in done else done.pop()).result()
            if ended.by is Side.CLIENT:
                await self._learn_usage(to_client)
            else:
                with contextlib.suppress(OSError):
                    await self._send(
                        {"type": "websocket.close", "code": ended.code, "reason": ended.reason}
                    )
            await self._backend.close(ended.code, ended.reason)
        finally:
            tasks = [to_client, *others]
            for task in tasks:
                task.cancel()
            self._backend.transport.abort()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _to_client(self) -> Goodbye:
        try:
            while True:
                data = await self._backend.recv()
                kind = "text" if isinstance(data, str) else "bytes"
                await self._send({"type": "websocket.send", kind: data})
                self._passed()
        except ConnectionClosed as closed:
            # Codes that we have sent ourselves (a message was too long) are the better reason.
            return goodbye.by_backend(closed.rcvd or closed.sent)
        except OSError:
            return goodbye.by_client(None, None)

    async def _to_backend(self) -> Goodbye:
        try:
            while True:
                message = await self._receive()
                if message["type"] == "websocket.disconnect":
                    return goodbye.by_client(message.get("code"), message.get("reason"))
                self._passed()
                text = message.get("text")
                await self._backend.send(message["bytes"] if text is None else text)
        except ConnectionClosed as closed:
            return goodbye.by_backend(closed.rcvd or closed.sent)

    def _passed(self) -> None:
        """A message was read; metering has seen it."""
        self._last_seconds = self._loop.time()
        if self._session is None or not self._session.is_busy:
            self._quiet.set()
        else:
            self._quiet.clear()

    async def _watch(self) -> Goodbye:
        """Return when the session must end by itself."""
        started = self._loop.time()
        draining = asyncio.create_task(self._drained())
        try:
            while True:
                now = self._loop.time()
                idle_for = self._last_seconds + self._settings.idle_seconds - now
                left = started + self._settings.session_seconds - now
                if left <= 0:
                    return goodbye.too_long()
                if idle_for <= 0:
                    return goodbye.idle()
                done, _ = await asyncio.wait({draining}, timeout=min(idle_for, left))
                if done:
                    return goodbye.restart()
        finally:
            draining.cancel()

    async def _drained(self) -> None:
        """Return when the server is to stop and the response under way is complete."""
        if self._drain is None:
            await self._loop.create_future()
            return
        await self._drain.wait()
        await self._quiet.wait()

    async def _learn_usage(self, to_client: asyncio.Task[Goodbye]) -> None:
        """Have the backend say what the response used that the client did not wait for.

        The frames go on to `send`, where metering reads them; the client gets none of them.
        """
        session = self._session
        if session is None or not session.is_busy or to_client.done():
            return
        quiet = asyncio.create_task(self._quiet.wait())
        with contextlib.suppress(ConnectionClosed):
            await self._backend.send(_CANCEL)
            await asyncio.wait(
                {quiet, to_client},
                timeout=self._settings.settle_seconds,
                return_when=asyncio.FIRST_COMPLETED,
            )
        quiet.cancel()
