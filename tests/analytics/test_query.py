"""A reader's own SQL: reads the store, and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import duckdb
import pytest

from analytics.errors import QueryError, StoreMissing
from analytics.query import _fence, read_only_query
from analytics.store import Store

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def url(seeded_folder: Path) -> str:
    """A store that is only read."""
    return str(seeded_folder)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT count(*) FROM usage_events",
        "FROM usage.spend_daily",
        "FROM usage.main.pipeline_health",
        "WITH a AS (SELECT 1 AS x) SELECT * FROM a JOIN a AS b USING (x)",
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 9) FROM n",
        "SELECT 'a;b' AS \"c;d\" -- ; e",
        "DESCRIBE usage_events",
        "SUMMARIZE rates",
        "SHOW TABLES",
        "SELECT * FROM information_schema.columns LIMIT 1",
        "SELECT unnest([1, 2]), i FROM range(3) t(i)",
        "VALUES (1), (2)",
    ],
)
def test_reading_is_allowed(url: str, sql: str) -> None:
    """Whatever only reads the store is answered."""
    assert read_only_query(url, sql).width >= 1


@pytest.mark.parametrize(
    "sql",
    [
        "DELETE FROM events",
        "INSERT INTO rates SELECT * FROM rates",
        "CREATE TABLE x (a INTEGER)",
        "CREATE TEMP TABLE x AS SELECT 1",
        "DROP VIEW usage_events",
        "COPY rates TO '/tmp/rates.csv'",
        "ATTACH ':memory:' AS other",
        "DETACH usage",
        "USE memory",
        "SET threads = 1",
        "RESET ALL",
        "PRAGMA database_list",
        "INSTALL httpfs",
        "LOAD httpfs",
        "CALL ducklake_expire_snapshots('usage', older_than => now())",
        "EXPLAIN ANALYZE DELETE FROM events",
        "SELECT 1; DELETE FROM events",
        "SELECT 1; SELECT 2",
        "",
        ";",
        "BEGIN",
        "EXPORT DATABASE 'x'",
    ],
)
def test_anything_but_one_query_is_refused(url: str, sql: str) -> None:
    """Writing, attaching, setting and a second statement are no queries."""
    with pytest.raises(QueryError):
        read_only_query(url, sql)


@pytest.mark.parametrize(
    "sql",
    [
        "FROM '/etc/passwd'",
        "FROM 'data.parquet'",
        "SELECT * FROM read_csv('/etc/passwd')",
        "SELECT * FROM read_text('/etc/passwd')",
        "SELECT * FROM glob('/*')",
        "SELECT (SELECT content FROM read_text('/etc/passwd'))",
        "WITH rates AS (FROM read_csv('/etc/passwd')) FROM rates",
        "FROM usage_events WHERE key_id IN (SELECT content FROM read_blob('/etc/passwd'))",
        "SELECT * FROM query('FROM read_csv(''/etc/passwd'')')",
        "FROM query_table('rates')",
        "FROM sqlite_scan('catalog.sqlite', 'ducklake_snapshot')",
        "FROM ducklake_cleanup_old_files('usage', cleanup_all => true)",
        "FROM __ducklake_metadata_usage.ducklake_metadata",
        "FROM __ducklake_metadata_usage.main.ducklake_metadata",
        "FROM duckdb_secrets()",
        "FROM duckdb_databases()",
        "FROM duckdb_settings()",
        "SHOW DATABASES",
        "FROM json_execute_serialized_sql(json_serialize_sql('SELECT 1'))",
        "FROM parquet_metadata('x.parquet')",
        "FROM sqlite_master",
    ],
)
def test_nothing_else_can_be_read(url: str, sql: str) -> None:
    """No file, no secret and none of the catalog's own tables comes out."""
    with pytest.raises(QueryError):
        read_only_query(url, sql)


def test_the_locks_hold_even_without_the_check_of_names(url: str, tmp_path: Path) -> None:
    """DuckDB itself refuses files, settings and writing, whatever the text."""
    secret = tmp_path / "secret.csv"
    secret.write_text("a\n1\n")
    with Store.open(url, read_only=True) as store:
        cursor = store.cursor()
        _fence(cursor, store)
        assert cursor.execute("SELECT count(*) FROM rates").fetchall() > [(1000,)]
        for sql in (
            f"FROM read_csv('{secret}')",
            f"COPY (SELECT 1) TO '{tmp_path}/out.csv'",
            "SET threads = 1",
            "SET enable_external_access = true",
            "DELETE FROM rates",
            "LOAD httpfs",
        ):
            with pytest.raises(duckdb.Error):
                cursor.execute(sql)
    assert not (tmp_path / "out.csv").exists()


def test_the_first_rows_of_a_long_answer(url: str) -> None:
    """A limit keeps a careless query from filling the memory."""
    frame = read_only_query(url, "SELECT * FROM range(1000000)", limit=10)
    assert frame.height == 10


def test_a_query_that_takes_too_long_is_ended(url: str) -> None:
    """A careless query does not run for hours."""
    with pytest.raises(QueryError, match=r"longer than 0\.2 s"):
        read_only_query(url, "SELECT count(*) FROM range(1000000000000)", timeout_seconds=0.2)


def test_an_error_is_one_line_that_says_what_is_wrong(url: str) -> None:
    """Who mistypes a column reads which one."""
    with pytest.raises(QueryError, match="colour") as caught:
        read_only_query(url, "SELECT colour FROM usage_events")
    assert "\n" not in str(caught.value)
    with pytest.raises(QueryError, match="no_such_view"):
        read_only_query(url, "FROM no_such_view")


def test_a_store_that_is_not_there_is_said_so(tmp_path: Path) -> None:
    """Asking before anything was stored is no crash."""
    with pytest.raises(StoreMissing):
        read_only_query(str(tmp_path / "none"), "SELECT 1")


def test_a_query_leaves_the_store_as_it_is(store: Store, store_folder: Path) -> None:
    """After a reader's queries a writer goes on as before."""
    read_only_query(str(store_folder), "SELECT 1")
    with store.transaction() as connection:
        connection.execute("INSERT INTO deployments (deployment) VALUES ('a')")
    assert read_only_query(str(store_folder), "SELECT deployment FROM deployments").item() == "a"
