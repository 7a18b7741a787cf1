"""A bar on stderr for work that tells its steps."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

if TYPE_CHECKING:
    from collections.abc import Iterator

    from analytics.maintenance import Progress as Steps


@contextlib.contextmanager
def step_bar(name: str) -> Iterator[Steps]:
    """What to call with each step, its number and how many there are; gone when the work is."""
    bar = Progress(
        TextColumn("{task.description:<10}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        transient=True,
    )
    with bar:
        task = bar.add_task(name, total=None)
        yield lambda step, done, total: bar.update(
            task, description=step, completed=done, total=total
        )
