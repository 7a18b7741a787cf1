"""Quotas of days and months that outlive the process which counts them.

Every few seconds, and when the gateway ends, what was used is written to a file; a gateway that
starts goes on from there. A process that is killed forgets the seconds since the last writing. One
process has the file; others of the same machine count without it, as workers do without Redis.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
from typing import TYPE_CHECKING, Final

import msgspec
from filelock import FileLock, Timeout

if TYPE_CHECKING:
    from pathlib import Path

    from gateway_hooks.gateway.limits.local import LocalCounters

FILE_NAME: Final = "limit-quotas.json"
WRITE_SECONDS: Final = 5.0
_LOG = logging.getLogger("gatemeter.gateway")


class SavedQuotas(msgspec.Struct):
    """What all counters have used of one day or month."""

    label: str
    starts_ms: int
    ends_ms: int
    used: dict[str, int]


_decoder: Final = msgspec.json.Decoder(list[SavedQuotas])


class QuotaFile:
    """Keeps the quotas of local counters in a file."""

    def __init__(self, path: Path, counters: LocalCounters) -> None:
        self._path = path
        self._counters = counters
        self._lock = FileLock(path.with_name(f"{path.name}.lock"))
        self._written = b""
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Go on from the file, and write it from now on; nothing when another process has it."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._lock.acquire(timeout=0)
        except (Timeout, OSError):
            return
        with contextlib.suppress(FileNotFoundError):
            try:
                self._counters.restore(_decoder.decode(self._path.read_bytes()))
            except (msgspec.DecodeError, OSError) as error:
                _LOG.warning("quotas begin anew: %s: %s", self._path, type(error).__name__)
        self._task = asyncio.create_task(self._write_now_and_then())

    async def close(self) -> None:
        """Write a last time."""
        task, self._task = self._task, None
        if task is None:
            return
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        await asyncio.to_thread(self._write)
        self._lock.release()

    async def _write_now_and_then(self) -> None:
        while True:
            await asyncio.sleep(WRITE_SECONDS)
            await asyncio.to_thread(self._write)

    def _write(self) -> None:
        text = msgspec.json.encode(self._counters.quotas_used())
        if text == self._written:
            return
        draft = self._path.with_name(f".{self._path.name}.{os.getpid()}")
        try:
            draft.write_bytes(text)
            draft.replace(self._path)
            self._written = text
        except OSError as error:
            _LOG.warning("quotas are not kept: %s: %s", self._path, error.strerror)
