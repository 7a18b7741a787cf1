"""Run a simulated resource: in this thread for the command line, in another one for tests.

It listens on the loopback interface only, unless told otherwise.
"""

from __future__ import annotations

import contextlib
import threading
import time
from typing import TYPE_CHECKING, Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from gatemeter.simulator import connection
from gatemeter.simulator.app import build_app
from gatemeter.simulator.config import SimulatorConfig
from gatemeter.simulator.resource import SimulatedResource
from gateway_hooks.gateway.serving.listening import listen

if TYPE_CHECKING:
    import asyncio
    import socket
    from collections.abc import Iterator

    from starlette.applications import Starlette

    from gatemeter.simulator.ledger import Ledger

LOOPBACK = "127.0.0.1"
_START_SECONDS = 20.0


class SeverableProtocol(H11Protocol):
    """HTTP/1.1 that lets the application cut its connection off."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn's own
        """Hand the transport to the application, in the connection's own copy of the state."""
        super().connection_made(transport)
        self.app_state: dict[str, Any] = {**self.app_state, connection.STATE_KEY: transport}


def server_for(app: Starlette) -> uvicorn.Server:
    """The server of an application, silent but for errors."""
    config = uvicorn.Config(
        app,
        http=SeverableProtocol,
        loop="asyncio",  # uvloop's transports cannot be reset
        ws="websockets-sansio",
        ws_per_message_deflate=False,
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=2,
    )
    return uvicorn.Server(config)


def serve(config: SimulatorConfig, listener: socket.socket) -> None:
    """Serve until the process is told to stop; Ctrl-C is the usual way and no failure."""
    with contextlib.suppress(KeyboardInterrupt):
        server_for(build_app(config)).run(sockets=[listener])


class RunningSimulator:
    """A simulator that is up: where it is and what it billed."""

    def __init__(self, url: str, resource: SimulatedResource) -> None:
        self.url = url
        self.resource = resource

    @property
    def ledger(self) -> Ledger:
        """What was billed so far."""
        return self.resource.ledger


@contextlib.contextmanager
def running(config: SimulatorConfig | None = None, *, port: int = 0) -> Iterator[RunningSimulator]:
    """A simulator in a thread of this process, on a free port, gone when the block ends.

    Raises:
        OSError: the port is taken.
    """
    resource = SimulatedResource(config or SimulatorConfig())
    listener = listen(LOOPBACK, port)
    url = f"http://{LOOPBACK}:{listener.getsockname()[1]}"
    server = server_for(build_app(resource))
    thread = threading.Thread(
        target=server.run, kwargs={"sockets": [listener]}, name="simulator", daemon=True
    )
    thread.start()
    try:
        _wait_until_started(server, thread)
        yield RunningSimulator(url, resource)
    finally:
        server.should_exit = True
        thread.join()
        listener.close()


def _wait_until_started(server: uvicorn.Server, thread: threading.Thread) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while not server.started:
        if not thread.is_alive() or time.monotonic() > deadline:
            raise RuntimeError("the simulator did not start")
        time.sleep(0.005)
