"""The store: a DuckLake attached to an in-memory DuckDB of our own.

Any number of processes may open it at once. Readers see the last commit and never wait. Writers of
a store with a SQLite catalog take turns by a file lock, because SQLite turns away the second of two
writers; writers of a PostgreSQL catalog run side by side and the later of two conflicting ones gets
`StoreBusy`.
"""

from __future__ import annotations

import contextlib
import re
import weakref
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

import duckdb
import pyarrow as pa
from filelock import FileLock, Timeout

from analytics.address import Address, without_password
from analytics.durability import now_mark, sync_catalog, sync_new_files
from analytics.engines import Engines
from analytics.errors import QueryError, StoreBusy, StoreError, StoreMissing
from analytics.migrate import check_version, migrate_some, needs_migration

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from types import TracebackType

    import polars as pl

NAME: Final = "usage"
"""What the store is attached as, here and in the documentation for analysts."""
_LOCK_NAME: Final = "writer.lock"
_LOCK_SECONDS: Final = 60.0
_PARAMETER: Final = re.compile(r"\$([a-z_]\w*)")
_ENGINES: Final = Engines()


class Store:
    """An open store. Threads may share it; each call uses a connection of its own."""

    def __init__(self, url: str, connection: duckdb.DuckDBPyConnection, *, read_only: bool) -> None:
        self.url = url
        self.address = Address.parse(url)
        self.read_only = read_only
        self._connection = connection
        self._cursors: weakref.WeakSet[duckdb.DuckDBPyConnection] = weakref.WeakSet()
        self._is_closed = False

    @classmethod
    def open(
        cls, url: str, *, read_only: bool = False, migrate: bool = True, make: bool = True
    ) -> Self:
        """Open the store at `url`; a writer brings it up to date.

        A writer also makes it when it is not there, unless it is not the one to `make` it: a store
        that was made by something else than what fills it has no prices.

        Raises:
            StoreMissing: there is no store there (only when `read_only`, or not to be made).
            StoreError: the address is wrong, or the store was written by a newer gatemeter.
            StoreBusy: another process kept the writers' lock for a minute.
        """
        address = Address.parse(url)
        if (read_only or not make) and not address.exists():
            raise StoreMissing(
                f"there is no store at {url}: run `gatemeter consume` or `gatemeter demo` first"
            )
        store = cls(url, _ENGINES.take(address.extensions), read_only=read_only)
        try:
            store._attach()
            if migrate and not read_only:
                store._migrate()
            else:
                check_version(store.cursor())
        except BaseException:
            store.close()
            raise
        return store

    def cursor(self) -> duckdb.DuckDBPyConnection:
        """A connection with its own transaction and temporary tables; the store is its default."""
        cursor = self._connection.cursor()
        self._cursors.add(cursor)
        cursor.execute(f"USE {NAME}")
        return cursor

    def frame(
        self, sql: str, parameters: Sequence[object] | Mapping[str, object] = ()
    ) -> pl.DataFrame:
        """The answer of one query of ours. Times come back aware, in UTC."""
        cursor = self.cursor()
        try:
            return cursor.execute(sql, parameters or None).pl()
        finally:
            cursor.close()

    @contextlib.contextmanager
    def reading(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A cursor for several questions of ours, or for one whose answer is read bit by bit.

        Raises:
            QueryError: DuckDB cannot answer; one line.
        """
        cursor = self.cursor()
        try:
            yield cursor
        except (duckdb.Error, pa.ArrowException) as error:
            raise QueryError(f"{self._place} cannot answer: {_line(error)}") from error
        finally:
            cursor.close()

    def ask(self, sql: str, values: Mapping[str, object]) -> pl.DataFrame:
        """`frame` for values by name of which the query need not name every one."""
        named = set(_PARAMETER.findall(sql))
        return self.frame(sql, {name: value for name, value in values.items() if name in named})

    @contextlib.contextmanager
    def transaction(
        self, connection: duckdb.DuckDBPyConnection | None = None
    ) -> Iterator[duckdb.DuckDBPyConnection]:
        """One write: all of it is committed, or nothing is.

        Raises:
            StoreBusy: another writer was in the way; nothing was written.
        """
        with self._turn():
            cursor = connection or self.cursor()
            mark = now_mark()
            try:
                cursor.execute("BEGIN")
                yield cursor
                if self.address.local_data is not None:
                    sync_new_files(self.address.local_data, mark)
                cursor.execute("COMMIT")
                if self.address.kind == "sqlite":
                    sync_catalog(Path(self.address.catalog))
            except duckdb.Error as error:
                _abandon(cursor)
                if _is_conflict(error):
                    raise StoreBusy(f"{self._place} is busy: {_line(error)}") from error
                raise
            except BaseException:
                _abandon(cursor)
                raise
            finally:
                if connection is None:
                    cursor.close()

    def close(self) -> None:
        """Let go of the store and of every cursor. May be called twice."""
        if self._is_closed:
            return
        self._is_closed = True
        for cursor in list(self._cursors):
            cursor.close()  # the next store of this engine is none of theirs
        _ENGINES.give_back(self._connection, self.address.extensions, NAME)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def _place(self) -> str:
        return f"the store at {without_password(self.url)}"

    def _migrate(self) -> None:
        while needs_migration(self.cursor()):
            with self.transaction() as connection:
                migrate_some(connection)

    def _attach(self) -> None:
        with self._turn() if not self.read_only else contextlib.nullcontext():
            if not self.read_only and self.address.folder is not None:
                _make(self.address.folder)
            try:
                self._connection.execute(
                    self.address.attach_statement(NAME, read_only=self.read_only)
                )
            except duckdb.Error as error:
                raise StoreError(f"{self._place} cannot be opened: {_line(error)}") from error

    def _turn(self) -> contextlib.AbstractContextManager[object]:
        """The writers' lock of a store whose catalog is a file; nothing for a server's."""
        folder = self.address.folder
        return contextlib.nullcontext() if folder is None else _writers_turn(folder, self.url)


@contextlib.contextmanager
def _writers_turn(folder: Path, url: str) -> Iterator[None]:
    _make(folder)
    lock = FileLock(folder / _LOCK_NAME, timeout=_LOCK_SECONDS)
    try:
        lock.acquire()
    except Timeout:
        raise StoreBusy(
            f"another process has been writing to {url} for {_LOCK_SECONDS:.0f} s"
        ) from None
    try:
        yield
    finally:
        lock.release()


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(f"the folder {folder} cannot be made: {error.strerror}") from None


def _abandon(cursor: duckdb.DuckDBPyConnection) -> None:
    # A failed commit has already ended its transaction.
    with contextlib.suppress(duckdb.Error):
        cursor.execute("ROLLBACK")


def _is_conflict(error: duckdb.Error) -> bool:
    text = str(error).lower()
    return isinstance(error, duckdb.TransactionException) or any(
        word in text for word in ("database is locked", "conflict", "could not serialize")
    )


def _line(error: Exception) -> str:
    return without_password(" ".join(str(error).split()))
