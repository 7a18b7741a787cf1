"""Where a store is: a folder, or a DuckLake address. Turns either into what DuckDB attaches.

    /var/lib/gatemeter/store                              folder: SQLite catalog + Parquet files
    ducklake:sqlite:/srv/usage/catalog.sqlite
    ducklake:postgres:dbname=usage host=db#data=/mnt/lake/

`#data=` says where the Parquet files go. A folder needs none, a new remote catalog does.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, Self

from analytics.errors import StoreError

SCHEME: Final = "ducklake:"
CatalogKind = Literal["sqlite", "postgres"]
_CATALOG_NAME: Final = "catalog.sqlite"
_DATA_NAME: Final = "data"
_BUSY_MS: Final = 10_000


@dataclass(frozen=True, slots=True)
class Address:
    """A store's place. `folder` is set when the catalog is a file on this machine."""

    catalog: str
    kind: CatalogKind
    data_path: str | None
    folder: Path | None

    @classmethod
    def parse(cls, url: str) -> Self:
        """Read a store's address.

        Raises:
            StoreError: it is neither a folder nor a `ducklake:` address of a kind we know.
        """
        if not url.startswith(SCHEME):
            return cls._in_folder(Path(url).expanduser().absolute())
        target, _, data = url.removeprefix(SCHEME).partition("#data=")
        kind, _, rest = target.partition(":")
        if kind == "sqlite" and rest:
            path = Path(rest).expanduser().absolute()
            return cls(str(path), "sqlite", data or str(path.parent / _DATA_NAME), path.parent)
        if kind == "postgres" and rest:
            return cls(rest, "postgres", data or None, None)
        raise StoreError(
            f"{url!r} is no store: give a folder, ducklake:sqlite:<file> or ducklake:postgres:<...>"
        )

    @classmethod
    def _in_folder(cls, folder: Path) -> Self:
        return cls(str(folder / _CATALOG_NAME), "sqlite", str(folder / _DATA_NAME), folder)

    @property
    def local_data(self) -> Path | None:
        """The folder of the data files when it is on this machine."""
        if self.data_path is None or "://" in self.data_path:
            return None
        return Path(self.data_path)

    @property
    def target(self) -> str:
        """The address in DuckDB's own words."""
        return f"{SCHEME}{self.kind}:{self.catalog}"

    @property
    def extensions(self) -> tuple[str, ...]:
        """The DuckDB extensions that this store needs."""
        return ("ducklake", "sqlite_scanner" if self.kind == "sqlite" else "postgres_scanner")

    def exists(self) -> bool:
        """Whether there may be a store; a remote catalog answers when it is attached."""
        return self.folder is None or Path(self.catalog).is_file()

    def attach_statement(self, name: str, *, read_only: bool) -> str:
        """The ATTACH statement; every text in it is quoted."""
        # Rows inside the catalog only where a migration says so: see maintenance/catalog.py.
        options = ["READ_ONLY"] if read_only else ["DATA_INLINING_ROW_LIMIT 0"]
        if self.data_path is not None:
            # A folder may have been moved since; its files move along with its catalog.
            data = self.data_path.rstrip("/") + "/"
            options += [f"DATA_PATH {quoted(data)}", "OVERRIDE_DATA_PATH true"]
        if self.kind == "sqlite" and not read_only:
            options += [f"META_BUSY_TIMEOUT {_BUSY_MS}", "META_JOURNAL_MODE 'WAL'"]
        return f"ATTACH {quoted(self.target)} AS {name}" + (
            f" ({', '.join(options)})" if options else ""
        )


def without_password(text: str) -> str:
    """A store's address, or a text that quotes one, as it may be shown."""
    return re.sub(r"(password\s*=\s*|://[^:@/\s]+:)('[^']*'|[^\s@'\"]+)", r"\1***", text)


def quoted(text: str) -> str:
    """A text as an SQL literal."""
    return "'" + text.replace("'", "''") + "'"
