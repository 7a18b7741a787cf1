"""Run the gateway: uvicorn with what a proxy needs, and an orderly end."""

from __future__ import annotations

import contextlib
import logging
import signal
from typing import TYPE_CHECKING, Final

import uvicorn

from gateway_hooks.gateway.config import ServerTable
from gateway_hooks.gateway.pool.forward import UpstreamBroke
from gateway_hooks.gateway.serving.draining import DrainingWebSocket
from gateway_hooks.gateway.serving.http_protocol import BoundedHttp
from gateway_hooks.gateway.serving.workers import run_workers

if TYPE_CHECKING:
    import socket

    from gateway_hooks.asgi_types import App

# Longer than the SDKs keep idle connections, so that it is they who close them.
_KEEP_ALIVE_SECONDS: Final = 75
DRAIN_SECONDS: Final = 30
"""How long running requests may take to end after the gateway was told to stop."""
MESSAGE_BYTES: Final = 16 << 20


def server_config(
    app: App | str, settings: ServerTable | None = None, *, message_bytes: int = MESSAGE_BYTES
) -> uvicorn.Config:
    """What uvicorn is told.

    Args:
        app: the gateway, or where each worker imports what makes it (`module:function`).
        settings: workers, TLS and so on.
        message_bytes: longest message of a WebSocket's client.
    """
    settings = settings or ServerTable()
    return uvicorn.Config(
        app,
        factory=isinstance(app, str),
        workers=settings.workers,
        http=BoundedHttp,
        lifespan="on",
        ws=DrainingWebSocket,
        ws_max_size=message_bytes,
        # Sound in base64 is not worth the work, and each side would keep a window of it.
        ws_per_message_deflate=False,
        ssl_certfile=settings.tls_certificate,
        ssl_keyfile=settings.tls_key,
        log_config=None,
        log_level="warning",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        date_header=False,
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=settings.drain_seconds,
    )


def server_for(
    app: App, *, drain_seconds: int = DRAIN_SECONDS, message_bytes: int = MESSAGE_BYTES
) -> uvicorn.Server:
    """A server of one process for the gateway."""
    say_broken_answers_in_a_line()
    settings = ServerTable(drain_seconds=drain_seconds)
    return uvicorn.Server(server_config(app, settings, message_bytes=message_bytes))


def serve(config: uvicorn.Config, listener: socket.socket) -> None:
    """Serve until told to stop; then let running requests end. Neither way is a failure."""
    if config.workers > 1:
        run_workers(config, listener)
        return
    # uvicorn hands a SIGTERM on when it is done; by itself that would skip the meter's last words.
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with contextlib.suppress(KeyboardInterrupt):
            uvicorn.Server(config).run(sockets=[listener])
    finally:
        signal.signal(signal.SIGTERM, before)


def say_broken_answers_in_a_line() -> None:
    """Of an answer that breaks off the log has one line; call it once in a process."""
    logging.getLogger("uvicorn.error").addFilter(_one_line_for_broken_answers)
    # It would tell of each broken form, with characters of it: any caller could fill the log.
    logging.getLogger("python_multipart").setLevel(logging.CRITICAL)


def _one_line_for_broken_answers(record: logging.LogRecord) -> bool:
    """A backend that hangs up is no bug of the gateway: say so in one line, without a traceback."""
    error = record.exc_info[1] if record.exc_info else None
    if isinstance(error, UpstreamBroke):
        record.msg, record.args, record.exc_info = f"answer broke off: {error}", None, None
    return True
