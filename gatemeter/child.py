"""Run one gatemeter command as a child: `python -m gatemeter.child PARENT ARG...`.

A child ends with its parent, however the parent ends: on Linux the kernel sees to it, also after
the child has become another program; elsewhere a thread looks whether the parent is still there.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import threading
import time

_PR_SET_PDEATHSIG = 1
_LOOK_SECONDS = 0.5


def end_with_parent(parent: int) -> None:
    """Have this process end when `parent`, which started it, is gone."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    else:
        threading.Thread(target=_watch, args=(parent,), daemon=True).start()
    if os.getppid() != parent:
        sys.exit(1)  # it went before it could be watched


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_LOOK_SECONDS)
    os.kill(os.getpid(), signal.SIGTERM)


def main() -> None:
    """Run the command."""
    from gatemeter.cli import main as gatemeter

    end_with_parent(int(sys.argv[1]))
    gatemeter(sys.argv[2:])


if __name__ == "__main__":
    main()
