"""One emulator a folder: a second one would write into the first one's segments."""

from __future__ import annotations

import fcntl
from typing import TYPE_CHECKING, Self

from gatemeter.emulator.errors import EmulatorError

if TYPE_CHECKING:
    from io import FileIO
    from pathlib import Path
    from types import TracebackType


class FolderLock:
    """Held while the block runs; the kernel lets go of it when the process dies.

    Args:
        folder: made when it is not there; None locks nothing.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._file: FileIO | None = None

    def __enter__(self) -> Self:
        if self._folder is not None:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._file = (self._folder / ".lock").open("ab", buffering=0)
            try:
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                self._file.close()
                raise EmulatorError(
                    f"another emulator uses {self._folder}: stop it or choose another folder"
                ) from None
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._file is not None:
            self._file.close()
