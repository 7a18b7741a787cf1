"""What ASGI cannot say: cut a connection off, politely or not.

The server puts each connection's transport into `scope["state"]` (see `server.py`). Without one,
as under a test client, the failure is an exception.
"""

from __future__ import annotations

import socket
import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncio

    from starlette.types import Receive, Scope

STATE_KEY = "transport"
_LINGER_NOT_AT_ALL = struct.pack("ii", 1, 0)


async def reset(scope: Scope, receive: Receive) -> None:
    """Drop the connection with a TCP reset."""
    abort(scope)
    await _gone(receive)


def abort(scope: Scope) -> None:
    """The same without waiting for what follows from it."""
    transport = _transport(scope)
    connection = transport.get_extra_info("socket")
    if connection is not None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NOT_AT_ALL)
    transport.abort()


async def close(scope: Scope, receive: Receive) -> None:
    """Close the connection after what was already written, however incomplete that is."""
    _transport(scope).close()
    await _gone(receive)


def _transport(scope: Scope) -> asyncio.Transport:
    # Other event loops, such as uvloop, have transports that do not derive from asyncio's.
    transport: asyncio.Transport | None = scope.get("state", {}).get(STATE_KEY)
    if transport is None:
        raise ConnectionResetError("simulated: the connection ends here")
    return transport


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
