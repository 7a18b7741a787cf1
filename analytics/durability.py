"""Durability: a commit's files are on the disk before the commit is, and that before anyone hears.

DuckDB writes Parquet files without syncing them, so a power cut could leave a commit whose files
are empty; and SQLite may keep its last commits in the system's memory while the log that they came
from is already deleted. Both are synced here. DuckLake names files by the time they were made, so
the new ones are found without looking at the others.
"""

from __future__ import annotations

import os
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

_NAME: Final = "ducklake-"
_TIME_DIGITS: Final = 12
_CLOCK_MARGIN_MS: Final = 50
_SIDE_BY_SIDE: Final = 8


def now_mark() -> str:
    """The name that a data file made now would begin with; files made later sort behind it."""
    milliseconds = time.time_ns() // 1_000_000 - _CLOCK_MARGIN_MS
    digits = f"{milliseconds:0{_TIME_DIGITS}x}"
    return f"{_NAME}{digits[:8]}-{digits[8:]}"


def sync_new_files(data_folder: Path, mark: str) -> int:
    """Sync the data files made since `mark`, and the folders that name them; how many files."""
    files: list[str | Path] = []
    folders: list[str | Path] = []
    for folder in data_folder.glob("*/*"):
        new = [entry.path for entry in os.scandir(folder) if entry.name >= mark]
        files += new
        folders += [folder] if new else []
    if files:
        # Side by side the file system writes them with one turn of its journal.
        with ThreadPoolExecutor(max_workers=_SIDE_BY_SIDE) as pool:
            list(pool.map(_sync, files + folders))
    return len(files)


def sync_catalog(catalog: Path) -> None:
    """Sync the catalog's last commits."""
    log = catalog.with_name(f"{catalog.name}-wal")
    _sync(log if log.exists() else catalog)


def _sync(path: str | Path) -> None:
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        # Another process's file: its transaction was rolled back since the folder was listed.
        return
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
