"""Files appear whole or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from analytics.errors import ExportError
from analytics.exports.writing import write_table

SCHEMA = pa.schema([("name", pa.string()), ("cost", pa.decimal128(38, 18))])


def batch(*names: str | None) -> pa.RecordBatch:
    """Rows that cost ten each."""
    costs = pa.array([10] * len(names)).cast(SCHEMA.field("cost").type)
    return pa.record_batch([pa.array(names, pa.string()), costs], schema=SCHEMA)


def failing() -> Iterator[pa.RecordBatch]:
    """A batch, and then no more."""
    yield batch("a")
    raise RuntimeError("the store went away")


@pytest.mark.parametrize("name", ["a.csv", "a.parquet"])
def test_a_failure_leaves_the_old_file_and_no_other(tmp_path: Path, name: str) -> None:
    """Who reads meanwhile, or after, sees last month's file, never half of a new one."""
    path = tmp_path / name
    path.write_text("the old one")
    with pytest.raises(RuntimeError):
        write_table(path, SCHEMA, failing())
    assert path.read_text() == "the old one"
    assert list(tmp_path.iterdir()) == [path]


def test_csv_is_what_a_spreadsheet_reads(tmp_path: Path) -> None:
    """Commas, quotes, line ends and umlauts survive; NULL is empty; numbers have no spare zeros."""
    path = tmp_path / "new" / "a.csv"
    written = write_table(path, SCHEMA, [batch('say "hi"', "a,b"), batch("zwei\nZeilen ä", None)])
    assert written == 4
    expected = 'name,cost\n"say ""hi""",10\n"a,b",10\n"zwei\nZeilen ä",10\n,10\n'
    assert path.read_text(encoding="utf-8") == expected


def test_a_name_without_a_known_ending_is_refused(tmp_path: Path) -> None:
    """Nobody gets CSV under the name of a workbook."""
    with pytest.raises(ExportError, match=r"\.csv or \.parquet"):
        write_table(tmp_path / "a.xlsx", SCHEMA, [])
