"""Sets the stage: simulated backends, and gateway, consumer and dashboard as child processes."""

from __future__ import annotations

import os
import re
import socket
import time
from typing import TYPE_CHECKING, Final
from urllib.error import URLError
from urllib.request import urlopen

from analytics import AnalyticsError, Store
from gatemeter.demo.cast import BACKENDS
from gatemeter.demo.errors import DemoError
from gatemeter.demo.home import write_gateway, write_home
from gatemeter.demo.processes import Child
from gatemeter.settings import Settings
from gatemeter.simulator.server import running

if TYPE_CHECKING:
    from contextlib import ExitStack
    from pathlib import Path

    from gatemeter.simulator import RunningSimulator
    from gatemeter.simulator.ledger import Entry

_START_SECONDS: Final = 60.0
_DRAIN_SECONDS: Final = 300.0
_LOOK_SECONDS: Final = 0.1
_GATEWAY_SAYS: Final = re.compile(r"gateway on (http://\S+?),")
_DASHBOARD_SAYS: Final = re.compile(r"dashboard: (http://\S+)")
_LOOPBACK: Final = "127.0.0.1"


class Stage:
    """Everything that runs behind the callers. What was started ends with the exit stack."""

    def __init__(self, folder: Path, opened: ExitStack, *, seed: int, kept: bool = True) -> None:
        """Prepare the folder and start the simulated backends.

        Args:
            folder: a new one, or an empty one.
            opened: ends everything that was started.
            seed: of the simulated answers and failures.
            kept: whether the folder stays afterwards.

        Raises:
            DemoError: the folder cannot be used.
        """
        self.folder = folder
        self._kept = kept
        self._opened = opened
        try:
            write_home(folder)
        except OSError as error:
            raise DemoError(f"the folder {folder} cannot be used: {error.strerror}") from None
        self._settings = Settings.load(home=folder)
        self._simulators: list[RunningSimulator] = [
            opened.enter_context(running(backend.simulator(seed + number)))
            for number, backend in enumerate(BACKENDS)
        ]
        self._children: list[Child] = []

    @property
    def store_url(self) -> str:
        """Where the events end up."""
        return self._settings.store_url

    def billed(self, client_request_id: str) -> list[Entry]:
        """What the providers billed for a caller's request, all of them together."""
        return [
            entry
            for simulator in self._simulators
            for entry in simulator.ledger.of_client_request(client_request_id)
        ]

    def start_consumer(self) -> Child:
        """The consumer; it makes the store."""
        return self._start("consumer", ["consume", "--json", "--json-logs"])

    def start_gateway(self, port: int) -> tuple[Child, str]:
        """The gateway and its address.

        Raises:
            DemoError: it did not start.
        """
        file = write_gateway(self.folder, port, [simulator.url for simulator in self._simulators])
        child = self._start("gateway", ["gateway", "--config", str(file)])
        return child, child.wait_for(_GATEWAY_SAYS, _START_SECONDS)

    def start_dashboard(self, port: int) -> tuple[Child, str]:
        """The dashboard and its address, which answers a moment later.

        Raises:
            DemoError: it did not start.
        """
        child = self._start("dashboard", ["dashboard", "--port", str(port)])
        return child, child.wait_for(_DASHBOARD_SAYS, _START_SECONDS)

    def wait_for_store(self, consumer: Child) -> None:
        """Until the consumer has made the store.

        Raises:
            DemoError: it did not.
        """
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline:
            consumer.check()
            try:
                Store.open(self.store_url, read_only=True).close()
            except AnalyticsError:
                time.sleep(_LOOK_SECONDS)
            else:
                return
        raise DemoError(f"the consumer made no store within {_START_SECONDS:.0f} s")

    def check(self) -> None:
        """Look whether every child still runs.

        Raises:
            DemoError: one has ended by itself.
        """
        for child in self._children:
            child.check()

    def drain(self) -> None:
        """End the gateway, then the consumer, then store what is left of the queue.

        Raises:
            DemoError: what is left could not be stored.
        """
        for child in self._children:
            if child.name in {"gateway", "consumer"}:
                child.end()
        rest = self._start("last consumer", ["consume", "--once", "--json", "--json-logs"])
        rest.finish(_DRAIN_SECONDS)

    def _start(self, name: str, arguments: list[str]) -> Child:
        environment = {
            name: value for name, value in os.environ.items() if not name.startswith("GATEMETER_")
        }
        environment |= {backend.key_variable: backend.key for backend in BACKENDS}
        child = Child(name.replace(" ", "-"), arguments, self.folder, environment, kept=self._kept)
        self._opened.callback(child.kill)
        self._children.append(child)
        return child


def answers(url: str) -> bool:
    """Whether the dashboard at an address serves pages already."""
    try:
        with urlopen(f"{url}/_stcore/health", timeout=2) as response:  # noqa: S310 - our own http address
            return bool(response.status == 200)  # noqa: PLR2004 - OK
    except (URLError, OSError):
        return False


def is_free(port: int) -> bool:
    """Whether nobody listens on a port of the loopback interface."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((_LOOPBACK, port))
        except OSError:
            return False
    return True
