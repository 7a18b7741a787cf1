"""The demo's child processes: started with a log each, waited for, ended in order."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Final

from gatemeter.demo.errors import DemoError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path
    from re import Pattern

_LOOK_SECONDS: Final = 0.05
_END_SECONDS: Final = 40.0


class Child:
    """One gatemeter command in a process of its own.

    Its stdout and stderr go to files, so that nothing it says is lost or mixed into ours. It is in
    a session of its own, because Ctrl-C is for us to pass on, in the right order.
    """

    def __init__(
        self,
        name: str,
        arguments: Sequence[str],
        folder: Path,
        environment: Mapping[str, str],
        *,
        kept: bool = True,
    ) -> None:
        """Start it.

        Args:
            name: what it is called in messages, and its logs are.
            arguments: of the command `gatemeter`.
            folder: GATEMETER_HOME of the child; its logs go to `logs` in it.
            environment: everything else it shall know.
            kept: whether the folder will still be there when a message is read.
        """
        self.name = name
        self._kept = kept
        self.log = folder / "logs" / f"{name}.log"
        self.output = folder / "logs" / f"{name}.out"
        with self.log.open("wb") as log, self.output.open("wb") as output:
            self._process = subprocess.Popen(  # noqa: S603 - our own command line
                [sys.executable, "-m", "gatemeter.child", str(os.getpid()), *arguments],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=log,
                env={**environment, "GATEMETER_HOME": str(folder)},
                start_new_session=True,
            )

    def wait_for(self, pattern: Pattern[str], seconds: float) -> str:
        """The first group of the first match in what it says.

        Raises:
            DemoError: it ended, or did not say so in time.
        """
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            found = pattern.search(self.log.read_text() + self.output.read_text())
            if found:
                return found[1]
            self.check()
            time.sleep(_LOOK_SECONDS)
        raise DemoError(f"the {self.name} did not start within {seconds:.0f} s; {self._hint()}")

    def check(self) -> None:
        """Look whether it still runs.

        Raises:
            DemoError: it ended by itself.
        """
        code = self._process.poll()
        if code is not None:
            raise DemoError(f"the {self.name} ended by itself (code {code}){self._last_words()}")

    def end(self) -> None:
        """Ask it to stop as an operator would, and wait; after a while make it."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(_END_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
        self._process.wait()

    def finish(self, seconds: float) -> None:
        """Wait until it is done by itself.

        Raises:
            DemoError: it failed, or is not done in time.
        """
        try:
            code = self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            raise DemoError(
                f"the {self.name} was not done within {seconds:.0f} s; {self._hint()}"
            ) from None
        if code != 0:
            raise DemoError(f"the {self.name} failed (code {code}){self._last_words()}")

    def kill(self) -> None:
        """End it at once."""
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        self._process.wait()

    def _last_words(self) -> str:
        lines = [line for line in self.log.read_text().splitlines() if line.strip()]
        said = re.sub(r"\s+", " ", lines[-1])[:200] if lines else "it said nothing"
        return f": {said}; {self._hint()}"

    def _hint(self) -> str:
        return f"see {self.log}" if self._kept else "--keep DIR keeps its log"
