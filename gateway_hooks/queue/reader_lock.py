"""One reader a queue: the lock that says who it is, and tells a second one to stay away."""

from __future__ import annotations

import fcntl
import os
import time
from typing import TYPE_CHECKING

from gateway_hooks.errors import QueueLocked
from gateway_hooks.queue.segment_folder import unusable
from gateway_hooks.segments import LOCK_NAME

if TYPE_CHECKING:
    from pathlib import Path

_TRIES = 5
_PAUSE_SECONDS = 0.05


class ReaderLock:
    """Held from construction to `release`; the system lets it go when the process dies."""

    def __init__(self, folder: Path) -> None:
        path = folder / LOCK_NAME
        try:
            self._descriptor: int | None = os.open(
                path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644
            )
        except OSError as error:
            raise unusable(path, error) from None
        # `gatemeter doctor` takes the lock for a moment to see whether it is held, hence the tries.
        for _ in range(_TRIES):
            if _try_lock(self._descriptor, fcntl.LOCK_EX):
                break
            time.sleep(_PAUSE_SECONDS)
        else:
            holder = _read_pid(self._descriptor)
            self.release()
            raise QueueLocked(
                f"process {holder or 'unknown'} already reads {folder}: stop it first, or give "
                "this one another --queue"
            )
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, b"%d\n" % os.getpid(), 0)

    def release(self) -> None:
        """Let another reader have the queue. May be called twice."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def running_reader(folder: Path) -> int | None:
    """The process that reads a queue; None when nobody does."""
    try:
        descriptor = os.open(folder / LOCK_NAME, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        return None if _try_lock(descriptor, fcntl.LOCK_SH) else _read_pid(descriptor) or 0
    finally:
        os.close(descriptor)


def _try_lock(descriptor: int, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _read_pid(descriptor: int) -> int | None:
    text = os.pread(descriptor, 32, 0).strip()
    return int(text) if text.isdigit() else None
