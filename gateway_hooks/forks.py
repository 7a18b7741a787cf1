"""What must be made anew in a forked child: threads, locks and open segments do not survive.

Web servers start workers by forking. A meter that was made before the fork is copied into each
worker with its locks in whatever state they were and without its threads, so every object that
owns such things registers here and renews them in the child.
"""

from __future__ import annotations

import os
import weakref
from typing import Protocol


class Forkable(Protocol):
    """Something that has to be renewed after a fork."""

    def after_fork_in_child(self) -> None:
        """Make locks and threads anew. Called in the child while no other thread runs."""


_forkables: weakref.WeakSet[Forkable] = weakref.WeakSet()


def renew_after_fork(forkable: Forkable) -> None:
    """Have `forkable` renewed in every child that is forked while it lives."""
    _forkables.add(forkable)


def _renew_all() -> None:
    for forkable in list(_forkables):
        forkable.after_fork_in_child()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_all)
