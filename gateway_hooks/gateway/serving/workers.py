"""Several processes that serve one port: uvicorn's supervisor, with a reload that ends nothing.

A worker that dies is started again. SIGHUP goes to every worker, which reads the file anew while
its requests go on; SIGTERM lets them end, as with one process.
"""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

from uvicorn.supervisors import Multiprocess

if TYPE_CHECKING:
    import socket

    import uvicorn


class Workers(Multiprocess):
    """The processes."""

    def handle_hup(self) -> None:
        """Have each worker read the gateway's file again."""
        for worker in self.processes:
            if worker.pid is not None:
                os.kill(worker.pid, signal.SIGHUP)


def run_workers(config: uvicorn.Config, listener: socket.socket) -> None:
    """Serve with `config.workers` processes until told to stop."""
    Workers(config, sockets=[listener]).run()
