"""How the dashboard is started: Streamlit's command line and environment for app.py.

Everything goes through the environment, so that nothing of the reader's own Streamlit
configuration is touched, and an option that another Streamlit does not know is no error there.
The process that runs this becomes Streamlit itself: one process to supervise, signals arrive.
"""

from __future__ import annotations

import errno
import re
import socket
import sys
from dataclasses import dataclass
from pathlib import Path

from dashboard.settings import (
    CURRENCY_VARIABLE,
    EXCHANGE_RATES_VARIABLE,
    STORE_VARIABLE,
    TIMEZONE_VARIABLE,
)
from dashboard.theme import streamlit_options

APP = Path(__file__).with_name("app.py")
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


class CannotListen(Exception):
    """The address cannot be served; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Server:
    """Where the dashboard listens and what it shows."""

    host: str
    port: int
    store_url: str
    timezone: str
    open_browser: bool = False
    currency: str = "USD"
    exchange_rates_file: Path | None = None

    @property
    def address(self) -> str:
        """What a reader types into a browser on this machine."""
        host = "127.0.0.1" if self.host in {"0.0.0.0", "::"} else self.host  # noqa: S104
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}"

    def command(self) -> list[str]:
        """The command line that serves the dashboard."""
        return [sys.executable, "-m", "streamlit", "run", str(APP)]

    def environment(self) -> dict[str, str]:
        """What the command needs in its environment besides the caller's own."""
        options = {
            "server.address": self.host,
            "server.port": str(self.port),
            "server.headless": "false" if self.open_browser else "true",
            "server.showEmailPrompt": "false",
            "server.fileWatcherType": "none",
            "browser.gatherUsageStats": "false",
            "client.toolbarMode": "minimal",
            "client.showErrorDetails": "none",
            "client.showErrorLinks": "false",
            "logger.hideWelcomeMessage": "true",
            "runner.magicEnabled": "false",
            **streamlit_options(),
        }
        if self.host in LOOPBACK:
            # A page elsewhere that points its own name at 127.0.0.1 gets no answer.
            options["server.allowedHosts"] = " ".join(sorted(LOOPBACK))
            options["browser.serverAddress"] = self.host
        variables = {variable(name): value for name, value in options.items()}
        told = {
            STORE_VARIABLE: self.store_url,
            TIMEZONE_VARIABLE: self.timezone,
            CURRENCY_VARIABLE: self.currency,
            EXCHANGE_RATES_VARIABLE: str(self.exchange_rates_file or ""),
        }
        return variables | told


def variable(option: str) -> str:
    """The variable of a Streamlit option: `server.fooBar` is STREAMLIT_SERVER_FOO_BAR."""
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", option.replace(".", "_"))
    return f"STREAMLIT_{words.upper()}"


def free_port(host: str, port: int) -> int:
    """`port` when it is free on `host`; any free one when it is 0.

    Raises:
        CannotListen: something listens there already, or the address is not this machine's.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise CannotListen(f"port {port} is taken: give another with --port") from None
            raise CannotListen(f"cannot listen on {host}:{port}: {error.strerror}") from None
        return int(probe.getsockname()[1])
