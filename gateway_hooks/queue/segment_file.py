"""One open segment of the file queue: create, append, sync, seal (format: `segments.py`)."""

from __future__ import annotations

import errno
import fcntl
import os
import zlib
from typing import TYPE_CHECKING

from gateway_hooks.segments import Trailer

if TYPE_CHECKING:
    from pathlib import Path

    from gateway_hooks.segments import SegmentName

_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC
_MODE = 0o640


class OpenSegment:
    """A segment while its writer appends to it.

    `write` is called under the queue's lock; `sync`, `seal` and `abandon` by one thread at a time,
    which is also the only one that closes the descriptor, so that no write can meet a closed one.
    """

    __slots__ = (
        "_crc32",
        "_descriptor",
        "_dirty",
        "_folder",
        "_listed",
        "count",
        "name",
        "opened_ns",
        "size",
    )

    def __init__(self, folder: Path, name: SegmentName, opened_ns: int) -> None:
        """Create the file.

        Raises:
            OSError: the folder cannot take a file, or cannot lock it.
        """
        self._folder = folder
        self.name = name
        self.opened_ns = opened_ns
        self.size = 0
        self.count = 0
        self._crc32 = 0
        self._dirty = False
        self._listed = False
        self._descriptor = _create_locked(folder / name.filename)

    def write(self, line: bytes) -> None:
        """Append one line; after an error the segment ends with a whole line again.

        Raises:
            OSError: the line is not in the segment.
        """
        written = os.write(self._descriptor, line)
        if written != len(line):
            # The disk filled up in the middle of the line. The next line would be glued to this
            # piece, so the piece is cut off; no reader has used it, as it has no newline.
            os.ftruncate(self._descriptor, os.fstat(self._descriptor).st_size - written)
            raise OSError(errno.ENOSPC, "short write")
        self.size += written
        self.count += 1
        self._crc32 = zlib.crc32(line, self._crc32)
        self._dirty = True

    def is_whole(self) -> bool:
        """Whether the file holds what was counted: false after a write that failed half way."""
        return os.fstat(self._descriptor).st_size == self.size

    def has_vanished(self) -> bool:
        """Whether somebody deleted the file, so that what is written goes nowhere."""
        return os.fstat(self._descriptor).st_nlink == 0

    def sync(self) -> None:
        """Have the disk take what the kernel has, when there is anything new.

        Raises:
            OSError: the disk refused; what it refused may be lost on a power failure.
        """
        if not self._dirty:
            return
        # Before the call, not after: a line written meanwhile must be seen by the next one.
        self._dirty = False
        os.fdatasync(self._descriptor)
        if not self._listed:
            self._listed = True
            _sync_folder(self._folder)

    def seal(self) -> None:
        """End the segment with its trailer and its final name; the file is closed in any case.

        Raises:
            OSError: it could not be sealed; the consumer will, as the lock is free now.
        """
        try:
            if not self.is_whole():
                raise OSError(errno.EIO, "the segment does not hold what was written")
            trailer = Trailer(self.count, self._crc32).line()
            if os.write(self._descriptor, trailer) != len(trailer):
                raise OSError(errno.ENOSPC, "short write")
            # On the disk before the name says that it is complete.
            os.fdatasync(self._descriptor)
            opened = self._folder / self.name.filename
            opened.rename(self._folder / self.name.sealed().filename)
        finally:
            self.abandon()

    def abandon(self) -> None:
        """Close without sealing: the lock goes free and the consumer seals at the last newline."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)


def try_out(folder: Path, name: str) -> None:
    """Create, lock, write and remove a file, as segments will need it.

    Raises:
        OSError: one of these does not work in this folder.
    """
    path = folder / f".{name}.try"
    descriptor = os.open(path, _FLAGS, _MODE)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.write(descriptor, b"\n")
    finally:
        os.close(descriptor)
        path.unlink()


def _sync_folder(folder: Path) -> None:
    """Have the disk take the names of a folder's files."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _create_locked(path: Path) -> int:
    """Create an empty file that is locked from the first moment anybody can see its name.

    A consumer that met it unlocked would take its writer for dead and seal it.
    """
    draft = path.with_name(f".{path.name}.draft")
    descriptor = os.open(draft, _FLAGS, _MODE)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        draft.rename(path)
    except OSError:
        os.close(descriptor)
        draft.unlink(missing_ok=True)
        raise
    return descriptor
