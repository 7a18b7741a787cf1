"""Seals what dead writers left open, so that it can be finished and deleted.

A living writer holds an exclusive lock on its open segment; a lock that can be taken means nobody
will ever write there again. Every step may be interrupted and done again: a cut file is cut at the
same place, a torn trailer is a torn tail, and a file with its trailer only has to be renamed.
"""

from __future__ import annotations

import fcntl
import os
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gateway_hooks.errors import QueueUnusable
from gateway_hooks.queue.segment_folder import last_trailer, unusable
from gateway_hooks.segments import Trailer

if TYPE_CHECKING:
    from pathlib import Path

    from gateway_hooks.segments import SegmentName

_BLOCK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Sealed:
    """An orphan that was sealed: how many lines it held, and the bytes of a torn line cut off."""

    name: SegmentName
    rows: int
    cut_bytes: int


def seal_orphan(folder: Path, name: SegmentName) -> Sealed | None:
    """Seal an open segment if its writer is dead; None when it lives or has sealed it itself.

    Raises:
        QueueUnusable: the segment cannot be changed.
    """
    path = folder / name.filename
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise unusable(path, error) from None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if not _is_still(path, descriptor):
            return None
        return _seal(folder, name, descriptor)
    except BlockingIOError:
        return None
    except OSError as error:
        raise unusable(path, error) from None
    finally:
        os.close(descriptor)


def _is_still(path: Path, descriptor: int) -> bool:
    """Whether the locked file still has the open name: its writer may have sealed it just now."""
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def _seal(folder: Path, name: SegmentName, descriptor: int) -> Sealed:
    target = folder / name.sealed().filename
    if target.exists():
        raise QueueUnusable(
            f"{folder} holds both {name.filename} and {target.name}: move one of them away"
        )
    size = os.fstat(descriptor).st_size
    trailer = last_trailer(descriptor, size)
    cut_bytes = 0
    if trailer is None:
        trailer, end = _content(descriptor)
        cut_bytes = size - end
        os.ftruncate(descriptor, end)
        os.pwrite(descriptor, trailer.line(), end)
        os.fsync(descriptor)
    (folder / name.filename).rename(target)
    return Sealed(name.sealed(), trailer.count, cut_bytes)


def _content(descriptor: int) -> tuple[Trailer, int]:
    """The trailer that fits the whole lines of a file, and where they end."""
    count, crc32, crc32_at_end, end, place = 0, 0, 0, 0, 0
    while block := os.pread(descriptor, _BLOCK_BYTES, place):
        whole = block.rfind(b"\n") + 1
        if whole:
            count += block.count(b"\n")
            crc32_at_end = zlib.crc32(block[:whole], crc32)
            end = place + whole
        crc32 = zlib.crc32(block, crc32)
        place += len(block)
    return Trailer(count, crc32_at_end), end
