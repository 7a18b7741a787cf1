"""Run the gateway: uvicorn with what a proxy needs, and an orderly end."""

from __future__ import annotations

import contextlib
import logging
import signal
import socket
from typing import TYPE_CHECKING, Final

import uvicorn

from gateway_hooks.gateway.draining import DrainingWebSocket
from gateway_hooks.gateway.forward import UpstreamBroke

if TYPE_CHECKING:
    from gateway_hooks.asgi_types import App

# Longer than the SDKs keep idle connections, so that it is they who close them.
_KEEP_ALIVE_SECONDS: Final = 75
DRAIN_SECONDS: Final = 30
"""How long running requests may take to end after the gateway was told to stop."""
MESSAGE_BYTES: Final = 16 << 20


def listen(host: str, port: int) -> socket.socket:
    """A bound socket, so that a taken port is known before anything starts.

    Raises:
        OSError: the address cannot be had.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio turns Nagle's delays off only for sockets that say they are TCP.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(2048)
    except OSError:
        listener.close()
        raise
    return listener


def server_for(
    app: App, *, drain_seconds: int = DRAIN_SECONDS, message_bytes: int = MESSAGE_BYTES
) -> uvicorn.Server:
    """A server for the gateway.

    Args:
        app: the gateway.
        drain_seconds: how long what is under way may take when it is told to stop.
        message_bytes: longest message of a WebSocket's client.
    """
    logging.getLogger("uvicorn.error").addFilter(_one_line_for_broken_answers)
    config = uvicorn.Config(
        app,
        lifespan="on",
        ws=DrainingWebSocket,
        ws_max_size=message_bytes,
        # Sound in base64 is not worth the work, and each side would keep a window of it.
        ws_per_message_deflate=False,
        log_config=None,
        log_level="warning",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        date_header=False,
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=drain_seconds,
    )
    return uvicorn.Server(config)


def serve(app: App, listener: socket.socket) -> None:
    """Serve until told to stop; then let running requests end. Neither way is a failure."""
    # uvicorn hands a SIGTERM on when it is done; by itself that would skip the meter's last words.
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with contextlib.suppress(KeyboardInterrupt):
            server_for(app).run(sockets=[listener])
    finally:
        signal.signal(signal.SIGTERM, before)


def _one_line_for_broken_answers(record: logging.LogRecord) -> bool:
    """A backend that hangs up is no bug of the gateway: say so in one line, without a traceback."""
    error = record.exc_info[1] if record.exc_info else None
    if isinstance(error, UpstreamBroke):
        record.msg, record.args, record.exc_info = f"answer broke off: {error}", None, None
    return True
