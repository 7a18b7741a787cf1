"""The command channel: a program of the operator's own, which reads the alert as JSON."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from typing import TYPE_CHECKING, Final

from analytics.alerts import DeliveryFailed
from gateway_hooks.settings import PREFIX

if TYPE_CHECKING:
    from analytics.alerts import Message
    from gatemeter.channels.settings import CommandSettings

_LONGEST_REASON: Final = 200


class CommandChannel:
    """Starts a program for each message."""

    def __init__(self, settings: CommandSettings) -> None:
        self._settings = settings

    def send(self, message: Message) -> None:
        """Run it; it succeeded when it ends with 0.

        The program gets no setting of ours from the environment: some are secrets.

        Raises:
            DeliveryFailed: it cannot be started, ended otherwise, or took too long and was ended.
        """
        settings = self._settings
        environment = {
            name: value for name, value in os.environ.items() if not name.startswith(PREFIX)
        }
        try:
            process = subprocess.Popen(  # noqa: S603 - the operator's own command, without a shell
                settings.command,
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                env=environment,
                start_new_session=True,
            )
        except OSError as error:
            raise DeliveryFailed(f"the command cannot be started: {error.strerror}") from None
        with process:
            try:
                _, errors = process.communicate(
                    message.payload.encode(), timeout=settings.timeout_seconds
                )
            except subprocess.TimeoutExpired:
                _end(process)
                raise DeliveryFailed(
                    f"the command took longer than {settings.timeout_seconds:g} s"
                ) from None
            except BaseException:
                _end(process)
                raise
        if process.returncode != 0:
            raise DeliveryFailed(f"the command ended with {process.returncode}{_last_line(errors)}")


def _end(process: subprocess.Popen[bytes]) -> None:
    """End it and what it started: they are a session of their own."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def _last_line(errors: bytes) -> str:
    lines = errors.decode(errors="replace").strip().splitlines()
    return f": {lines[-1][:_LONGEST_REASON]}" if lines else ""
