"""One thread for what must not run on the event loop, with a bounded backlog."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from gateway_hooks.queue.forks import renew_after_fork, rest_while_forking

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future, ThreadPoolExecutor


_REST_SECONDS = 5.0


class Background:
    """Runs jobs one after the other; refuses when too many or too large ones wait."""

    def __init__(self, *, max_jobs: int = 64, max_bytes: int = 64 << 20) -> None:
        self._max_jobs = max_jobs
        self._max_bytes = max_bytes
        self._begin()
        renew_after_fork(self)
        rest_while_forking(self)

    def _begin(self) -> None:
        self._lock = threading.Lock()
        self._working = threading.Lock()
        self._resting = False
        self._jobs = 0
        self._bytes = 0
        self._closed = False
        self._executor: ThreadPoolExecutor | None = None

    def after_fork_in_child(self) -> None:
        """The parent's thread and its jobs are the parent's."""
        self._begin()

    def before_fork(self) -> None:
        """Finish the running job: a child would inherit its imports and locks half way.

        A tokenizer that is being imported in this moment could never be used in the child.
        """
        self._resting = self._working.acquire(timeout=_REST_SECONDS)

    def after_fork_in_parent(self) -> None:
        """Take the next job."""
        if self._resting:
            self._resting = False
            self._working.release()

    def submit(self, job: Callable[[], object], held_bytes: int) -> Future[None] | None:
        """Run `job` soon; None when the backlog is full or the interpreter ends.

        Args:
            job: must not raise.
            held_bytes: memory that waits with the job. A job alone is taken whatever its size.
        """
        with self._lock:
            too_large = self._jobs > 0 and self._bytes + held_bytes > self._max_bytes
            if self._closed or self._jobs >= self._max_jobs or too_large:
                return None
            try:
                future = self._started().submit(self._work, job)
            except RuntimeError:
                return None  # the interpreter ends
            self._jobs += 1
            self._bytes += held_bytes

        def done(_: Future[None]) -> None:
            with self._lock:
                self._jobs -= 1
                self._bytes -= held_bytes

        future.add_done_callback(done)
        return future

    def _work(self, job: Callable[[], object]) -> None:
        with self._working:
            job()

    def close(self) -> None:
        """Finish what waits; later jobs are refused."""
        with self._lock:
            self._closed = True
        if self._executor is not None:
            self._executor.shutdown(wait=True)

    def _started(self) -> ThreadPoolExecutor:
        """The thread, started with the first job; joined when the interpreter ends."""
        from concurrent.futures import ThreadPoolExecutor

        if self._executor is None:
            self._executor = ThreadPoolExecutor(1, thread_name_prefix="gatemeter-estimate")
        return self._executor
