"""A process that sends alerts into a file, for the tests of concurrency and crashes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from analytics.alerts.deliveries import keep
from analytics.alerts.run import send_due
from analytics.errors import StoreBusy
from analytics.store import Store
from tests.analytics.alerts.samples import alert

if TYPE_CHECKING:
    from analytics.alerts import Message

# Some installed package is called `tests` too, so ours is put in its place.
_BOOT = """
import sys, types
sys.path.insert(0, {root!r})
sys.modules["tests"] = types.ModuleType("tests")
sys.modules["tests"].__path__ = [{root!r} + "/tests"]
from tests.analytics.alerts import sender
sender.main()
"""
ALERTS = 12


@dataclass(frozen=True)
class Clock:
    """Stands still."""

    time: datetime

    def now(self) -> datetime:
        """The time."""
        return self.time


class FileChannel:
    """Appends the id of each message to a file; may kill its process right after."""

    def __init__(self, path: Path, *, dies: bool) -> None:
        self._path = path
        self._dies = dies

    def send(self, message: Message) -> None:
        """Write one line with one call."""
        descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        os.write(descriptor, f"{message.alert_id}\n".encode())
        os.close(descriptor)
        if self._dies:
            os.kill(os.getpid(), signal.SIGKILL)


def start(url: str, file: Path, now: datetime, *, dies: bool = False) -> subprocess.Popen[bytes]:
    """Start a process that finds the same alerts as every other one, and sends what is due.

    It begins when `file` with the ending `.go` is there.
    """
    code = _BOOT.format(root=str(Path(__file__).parents[3]))
    arguments = [url, str(file), now.isoformat(), "dies" if dies else "lives"]
    return subprocess.Popen([sys.executable, "-c", code, *arguments])


def main() -> None:
    """Be that process."""
    url, file, now, fate = sys.argv[1:]
    clock = Clock(datetime.fromisoformat(now).astimezone(UTC))
    with Store.open(url) as store:
        while not Path(f"{file}.go").exists():
            time.sleep(0.01)
        alerts = [alert(f"budget {number}") for number in range(ALERTS)]
        for _ in range(200):
            try:
                keep(store, alerts, clock.now())
                break
            except StoreBusy:
                time.sleep(0.02)
        send_due(store, {"one": FileChannel(Path(file), dies=fate == "dies")}, clock)
