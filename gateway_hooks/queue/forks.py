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


class Quiescent(Protocol):
    """Something that is better not in the middle of its work when the process is copied."""

    def before_fork(self) -> None:
        """Come to rest, or give up after a while."""

    def after_fork_in_parent(self) -> None:
        """Go on."""


_quiescents: weakref.WeakSet[Quiescent] = weakref.WeakSet()
_forkables: weakref.WeakSet[Forkable] = weakref.WeakSet()


def renew_after_fork(forkable: Forkable) -> None:
    """Have `forkable` renewed in every child that is forked while it lives."""
    _forkables.add(forkable)


def rest_while_forking(quiescent: Quiescent) -> None:
    """Have `quiescent` come to rest whenever this process forks."""
    _quiescents.add(quiescent)


def _rest_all() -> None:
    for quiescent in list(_quiescents):
        quiescent.before_fork()


def _go_on_all() -> None:
    for quiescent in list(_quiescents):
        quiescent.after_fork_in_parent()


def _renew_all() -> None:
    for forkable in list(_forkables):
        forkable.after_fork_in_child()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_rest_all, after_in_parent=_go_on_all, after_in_child=_renew_all)
