"""The durable log on this machine: a `Sink` that appends events to segments in a folder.

An append is one `write()` to a file that only this writer appends to: what it has taken survives
`kill -9` of this process. What must not cost the request path time is done by one thread a writer:
`fdatasync` (so that power loss loses no more than the last interval), sealing, the look at the
disk budget. The format and its invariants are in `segments.py`.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import secrets
import socket
import threading
from typing import TYPE_CHECKING, Self

from gateway_hooks.clock import NANOSECONDS_PER_SECOND, SystemClock
from gateway_hooks.errors import SettingsError, SinkFailed, SinkFull
from gateway_hooks.queue.disk_budget import DiskBudget
from gateway_hooks.queue.forks import renew_after_fork
from gateway_hooks.queue.segment_file import OpenSegment, try_out
from gateway_hooks.segments import SegmentName

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from gateway_hooks.clock import Clock
    from gateway_hooks.queue.disk_budget import FullPolicy
    from gateway_hooks.settings import HookSettings

_NO_SPACE = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_MEASURE_NS = NANOSECONDS_PER_SECOND
_MEASURE_WHEN_FULL_NS = NANOSECONDS_PER_SECOND // 4
_TICK_WITHOUT_SYNC_SECONDS = 0.25
_CLOSE_SECONDS = 5.0


class FileQueue:
    """Appends to a queue folder: one writer a process, safe in many threads and after forks."""

    def __init__(
        self,
        folder: Path,
        *,
        segment_max_bytes: int = 64 << 20,
        segment_max_seconds: float = 60.0,
        sync_interval_ms: int = 50,
        max_bytes: int = 1 << 30,
        when_full: FullPolicy = "drop_newest",
        clock: Clock | None = None,
        on_error: Callable[[str, Exception], None] | None = None,
    ) -> None:
        """Make the folder ready; the first segment is created with the first event.

        Args:
            folder: the queue's folder, made when it is not there.
            segment_max_bytes: a segment is sealed when it has reached this size,
            segment_max_seconds: or this age.
            sync_interval_ms: time between `fdatasync` calls; 0 leaves it to the system.
            max_bytes: disk budget of the whole folder.
            when_full: what happens at the budget.
            clock: for the ages of segments.
            on_error: told the step and the error when something fails outside of `append`.

        Raises:
            OSError: no file can be created, written and locked in the folder.
        """
        self._folder = folder
        self._segment_max_bytes = segment_max_bytes
        self._segment_max_ns = int(segment_max_seconds * NANOSECONDS_PER_SECOND)
        self._sync = sync_interval_ms > 0
        self._tick_seconds = sync_interval_ms / 1000 if self._sync else _TICK_WITHOUT_SYNC_SECONDS
        self._clock = clock or SystemClock()
        self._on_error = on_error
        self._budget = DiskBudget(folder, max_bytes, when_full)
        self._begin()
        folder.mkdir(parents=True, exist_ok=True)
        try_out(folder, self._writer)
        self._budget.measure()
        renew_after_fork(self)

    @classmethod
    def from_settings(
        cls, settings: HookSettings, *, on_error: Callable[[str, Exception], None] | None = None
    ) -> Self:
        """The queue that the settings describe.

        Raises:
            SettingsError: its folder cannot be used; the message names the variable.
        """
        folder = settings.queue_folder
        try:
            return cls(
                folder,
                segment_max_bytes=settings.segment_max_bytes,
                segment_max_seconds=settings.segment_max_seconds,
                sync_interval_ms=settings.sync_interval_ms,
                max_bytes=settings.queue_max_bytes,
                when_full=settings.queue_full,
                on_error=on_error,
            )
        except OSError as error:
            variable = "GATEMETER_QUEUE" if settings.queue else "GATEMETER_HOME"
            reason = error.strerror or type(error).__name__
            raise SettingsError(
                f"{variable}: the queue cannot be kept in {folder} ({reason}): "
                f"set {variable} to a folder on a local disk that this process may write"
            ) from None

    def _begin(self) -> None:
        """Become a new writer: at the start, and in every forked child."""
        self._writer = _writer_name()
        self._number = 0
        self._segment: OpenSegment | None = None
        self._detached: list[OpenSegment] = []
        self._closed = False
        self._measured_ns = self._clock.monotonic_ns()
        # Appends share the one; the other is held by whoever syncs, seals and closes, so that no
        # append ever waits for the disk.
        self._lock = threading.Lock()
        self._keeping = threading.Lock()
        self._wake = threading.Event()
        self._keeper: threading.Thread | None = None

    def after_fork_in_child(self) -> None:
        """Leave the parent's segments to it: its name, its lock and its thread are not ours."""
        inherited = [*self._detached, *([self._segment] if self._segment else [])]
        closed = self._closed
        self._begin()
        self._closed = closed
        for segment in inherited:
            # The lock belongs to the open file that both share; closing our end does not free it.
            segment.abandon()

    @property
    def writer(self) -> str:
        """This writer's name, which is its partition for the consumer."""
        return self._writer

    def append(self, line: bytes) -> None:
        """Append one event; see `Sink.append`."""
        with self._lock:
            if self._closed:
                raise SinkFailed("the queue is closed")
            if not self._budget.takes(len(line)):
                raise SinkFull("the queue's disk budget is used up")
            try:
                segment = self._segment or self._open()
                segment.write(line)
            except OSError as error:
                raise self._failure(error) from error
            self._budget.add(len(line))
            if segment.size >= self._segment_max_bytes:
                self._detach()
                self._wake.set()

    def close(self) -> None:
        """Seal what is open; later appends fail."""
        with self._lock:
            self._closed = True
            self._detach()
        keeper = self._keeper
        if keeper is not None and keeper.is_alive():
            self._wake.set()
            keeper.join(_CLOSE_SECONDS)
            if keeper.is_alive():
                return  # the disk hangs; the consumer seals when this process is gone
        with self._keeping:
            self._seal_detached()

    def tick(self) -> None:
        """One round of what the keeper thread does; tests call it instead of waiting."""
        now = self._clock.monotonic_ns()
        with self._keeping:
            segment = self._segment
            if segment is not None and self._sync:
                self._sync_segment(segment)
            self._measure_when_due(now)
            if segment is not None:
                self._rotate_when_due(segment, now)
            self._seal_detached()

    def _open(self) -> OpenSegment:
        """Create the next segment; under the lock."""
        name = SegmentName(self._writer, self._number + 1, is_open=True)
        now = self._clock.monotonic_ns()
        try:
            segment = OpenSegment(self._folder, name, now)
        except FileNotFoundError:
            self._folder.mkdir(parents=True, exist_ok=True)  # somebody deleted the folder
            segment = OpenSegment(self._folder, name, now)
        self._number += 1
        self._segment = segment
        if self._keeper is None or not self._keeper.is_alive():
            self._start_keeper()
        return segment

    def _start_keeper(self) -> None:
        """Start the thread; under the lock."""
        self._keeper = threading.Thread(
            target=self._keep, name="gatemeter-queue", args=(self._wake,), daemon=True
        )
        # No thread can be started while the interpreter ends; the events are appended all the same.
        with contextlib.suppress(RuntimeError):
            self._keeper.start()

    def _failure(self, error: OSError) -> SinkFull | SinkFailed:
        """What a failed write is to the caller; under the lock."""
        segment = self._segment
        try:
            if segment is not None and not segment.is_whole():
                # Its end could not be mended, so no more lines go into it.
                self._detach()
        except OSError:
            self._detach()
        reason = error.strerror or type(error).__name__
        return SinkFull(reason) if error.errno in _NO_SPACE else SinkFailed(reason)

    def _detach(self) -> None:
        """Stop appending to the open segment and leave it to the keeper; under the lock."""
        if self._segment is not None:
            self._detached.append(self._segment)
            self._segment = None

    def _keep(self, wake: threading.Event) -> None:
        """The keeper thread: until the queue is closed or, in a child, forgotten."""
        while not self._closed:
            wake.wait(self._tick_seconds)
            wake.clear()
            try:
                self.tick()
            except Exception as error:  # noqa: BLE001 - a dead keeper would end syncing silently
                self._report("queue_keeper", error)

    def _sync_segment(self, segment: OpenSegment) -> None:
        try:
            segment.sync()
        except OSError as error:
            # The kernel forgets what it could not write, so another try would only look like
            # success: no more lines go into this file.
            self._report("queue_sync", error)
            with self._lock:
                if self._segment is segment:
                    self._detach()

    def _measure_when_due(self, now: int) -> None:
        due = _MEASURE_WHEN_FULL_NS if self._budget.is_full else _MEASURE_NS
        if now - self._measured_ns < due:
            return
        self._measured_ns = now
        try:
            self._budget.measure()
        except OSError as error:
            self._report("queue_measure", error)

    def _rotate_when_due(self, segment: OpenSegment, now: int) -> None:
        old = now - segment.opened_ns >= self._segment_max_ns
        # A full queue drains only by sealed segments.
        if not (old or self._budget.is_full or segment.has_vanished()):
            return
        with self._lock:
            if self._segment is segment:
                self._detach()

    def _seal_detached(self) -> None:
        """Seal what `append` has let go of; under `_keeping`."""
        while self._detached:
            segment = self._detached[0]
            try:
                segment.seal()
            except OSError as error:
                self._report("queue_seal", error)
            with self._lock:
                self._detached.remove(segment)

    def _report(self, where: str, error: Exception) -> None:
        if self._on_error is not None:
            self._on_error(where, error)


def _writer_name() -> str:
    """A name no other writer has: host and process for the reader's eye, chance for uniqueness."""
    host = re.sub(r"[^A-Za-z0-9_.-]", "-", socket.gethostname())[:64] or "host"
    return f"{host}-{os.getpid()}-{secrets.token_hex(5)}"
