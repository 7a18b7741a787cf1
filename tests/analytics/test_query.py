"""A reader's own query reads the store, and can do nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from analytics.errors import QueryError
from analytics.load import Loader
from analytics.query import read_only_query
from tests.analytics.samples import event, load


def test_a_query_reads_what_is_stored(store_folder: Path, loader: Loader) -> None:
    """Analysts get their rows as a frame."""
    load(loader, event(1), event(2))
    frame = read_only_query(str(store_folder), "SELECT count(*) AS n FROM usage_events")
    assert frame["n"].to_list() == [2]


def test_only_the_first_rows_are_fetched(store_folder: Path, loader: Loader) -> None:
    """A forgotten LIMIT does not fill the memory of the dashboard."""
    load(loader, *(event(number) for number in range(1, 8)))
    assert read_only_query(str(store_folder), "FROM usage_events", limit=3).height == 3


@pytest.mark.parametrize(
    "sql",
    [
        "DELETE FROM events",
        "DROP TABLE events",
        "INSERT INTO ledger VALUES ('a', 'b', 1, now())",
        "CREATE TABLE t (a INTEGER)",
        "ATTACH '/etc/passwd' AS other",
        "SELECT 1; SELECT 2",
        "SET enable_external_access = true",
        "PRAGMA database_list",
        "COPY events TO '/tmp/stolen.csv'",
        "INSTALL httpfs",
        "SELECT * FROM read_csv('/etc/passwd')",
        "SELECT * FROM read_text('/etc/passwd')",
        "SELECT * FROM '/etc/passwd'",
        "SELECT content FROM glob('/etc/*')",
        "SELECT getenv('HOME')",
        "not sql at all",
        "",
    ],
)
def test_everything_else_is_refused(store_folder: Path, sql: str) -> None:
    """No query writes, attaches, reads other files or changes a setting."""
    with pytest.raises(QueryError) as caught:
        read_only_query(str(store_folder), sql)
    assert str(caught.value)


def test_a_query_that_takes_too_long_ends(store_folder: Path) -> None:
    """A runaway query gives its processor back."""
    endless = "SELECT sum(a.range * b.range) FROM range(10000000) a, range(10000000) b"
    with pytest.raises(QueryError):
        read_only_query(str(store_folder), endless, timeout_seconds=0.5)
