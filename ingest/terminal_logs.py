"""Log records on a terminal, above the status line."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console


class TerminalHandler(logging.Handler):
    """Prints warnings through the console that also draws the status line."""

    def __init__(self, console: Console) -> None:
        super().__init__(logging.WARNING)
        self._console = console

    def emit(self, record: logging.LogRecord) -> None:
        """Print one record."""
        self._console.print(
            f"{record.levelname.lower()}: {record.getMessage()}",
            style="yellow",
            markup=False,
            highlight=False,
        )
