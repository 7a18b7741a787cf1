"""Write a table to a file so that a reader sees all of it or none: CSV or Parquet.

The rows go to a hidden file beside the target, which takes its name when it is whole and on disk.
Money stays exact: a decimal in Parquet, its own digits in CSV.
"""

from __future__ import annotations

import contextlib
import os
import secrets
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Final, Protocol

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from analytics.errors import ExportError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    Progress = Callable[[int], None]
    """Called with the number of rows that were written so far."""

SUFFIXES: Final = (".csv", ".parquet")
_TIME: Final = "%Y-%m-%dT%H:%M:%S%.fZ"


def write_table(
    path: Path,
    schema: pa.Schema,
    batches: Iterable[pa.RecordBatch],
    progress: Progress = lambda _: None,
) -> int:
    """Write batches to a `.csv` or `.parquet` file; the number of rows.

    Raises:
        ExportError: the file cannot be written, or its name tells no format.
    """
    if path.suffix not in SUFFIXES:
        raise ExportError(f"{path}: give a name that ends in .csv or .parquet")
    rows = 0
    with _drafted(path) as file:
        writer = _CsvWriter(file, schema) if path.suffix == ".csv" else _parquet(file, schema)
        with contextlib.closing(writer):
            for batch in batches:
                writer.write_batch(batch)
                rows += batch.num_rows
                progress(rows)
    return rows


class _Writer(Protocol):
    def write_batch(self, batch: pa.RecordBatch) -> None: ...
    def close(self) -> None: ...


class _CsvWriter:
    """CSV by polars: numbers without quotes, NULL as nothing."""

    def __init__(self, file: IO[bytes], schema: pa.Schema) -> None:
        self._file = file
        self._file.write((",".join(schema.names) + "\n").encode())

    def write_batch(self, batch: pa.RecordBatch) -> None:
        """Append rows."""
        frame = pl.DataFrame(pl.from_arrow(batch))
        plain = frame.select(_as_text(name, kind) for name, kind in frame.schema.items())
        plain.write_csv(self._file, include_header=False)

    def close(self) -> None:
        """Nothing is held back."""


def _as_text(name: str, kind: pl.DataType) -> pl.Expr:
    column = pl.col(name)
    if isinstance(kind, pl.Decimal) and kind.scale:
        return column.cast(pl.String).str.strip_chars_end("0").str.strip_chars_end(".")
    if isinstance(kind, pl.Datetime):
        return column.dt.strftime(_TIME)
    return column


def _parquet(file: IO[bytes], schema: pa.Schema) -> _Writer:
    writer: _Writer = pq.ParquetWriter(file, schema, compression="zstd")
    return writer


@contextmanager
def _drafted(path: Path) -> Iterator[IO[bytes]]:
    """A file that becomes `path` when the block ends well, and nothing when it does not."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with draft.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except OSError as error:
        raise ExportError(f"{path} cannot be written: {error.strerror or error}") from None
    finally:
        with contextlib.suppress(OSError):
            draft.unlink(missing_ok=True)
