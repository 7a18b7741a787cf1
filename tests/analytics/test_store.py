"""Opening a store, and writing to it all or nothing."""

from __future__ import annotations

import shutil
import threading
from typing import TYPE_CHECKING

import duckdb
import pytest

from analytics.errors import QueryError, StoreBusy, StoreError, StoreMissing
from analytics.extensions import load_extensions
from analytics.store import Store

if TYPE_CHECKING:
    from pathlib import Path


def test_a_reader_does_not_make_a_store(tmp_path: Path) -> None:
    """Looking for a store that is not there leaves nothing behind, and says what to run."""
    with pytest.raises(StoreMissing, match="gatemeter consume"):
        Store.open(str(tmp_path / "none"), read_only=True)
    assert list(tmp_path.iterdir()) == []


def test_a_reader_cannot_write(store_folder: Path) -> None:
    """A store that was opened for reading stays as it is."""
    with Store.open(str(store_folder), read_only=True) as reader:
        cursor = reader.cursor()
        with pytest.raises(duckdb.Error, match="read-only"):
            cursor.execute("DELETE FROM rates")


def test_a_reader_sees_each_commit_at_once(store: Store, store_folder: Path) -> None:
    """A reader that stays open sees what is committed beside it."""
    with Store.open(str(store_folder), read_only=True) as reader:
        before = reader.frame("SELECT count(*) FROM deployments").item()
        with store.transaction() as connection:
            connection.execute("INSERT INTO deployments (deployment, model) VALUES ('a', 'b')")
        assert reader.frame("SELECT count(*) FROM deployments").item() == before + 1


def test_a_failed_transaction_leaves_nothing(store: Store) -> None:
    """What was written before an error is gone after it, and the next transaction works."""

    def fail() -> None:
        with store.transaction() as connection:
            connection.execute("INSERT INTO deployments (deployment) VALUES ('lost')")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    with store.transaction() as connection:
        connection.execute("INSERT INTO deployments (deployment) VALUES ('kept')")
    assert store.frame("SELECT deployment FROM deployments").rows() == [("kept",)]


def test_two_writers_take_turns(store: Store, store_folder: Path) -> None:
    """A second writer waits for the first instead of failing."""
    inside, done = threading.Event(), []

    def write_too() -> None:
        with Store.open(str(store_folder)) as other:
            inside.set()
            with other.transaction() as connection:
                connection.execute("INSERT INTO deployments (deployment) VALUES ('second')")
                done.append("second")

    other = threading.Thread(target=write_too)
    other.start()
    assert inside.wait(60)
    with store.transaction() as connection:
        connection.execute("INSERT INTO deployments (deployment) VALUES ('first')")
        done.append("first")
    other.join(60)
    assert sorted(done) == ["first", "second"]
    assert store.frame("SELECT count(*) FROM deployments").item() == 2


def test_a_writer_that_ignores_the_turns_makes_us_busy_not_wrong(
    store: Store, store_folder: Path
) -> None:
    """Somebody's own DuckDB may write within our transaction; then nothing of ours is kept."""

    def collide(shell: duckdb.DuckDBPyConnection) -> None:
        with store.transaction() as connection:
            connection.execute("INSERT INTO deployments (deployment) VALUES ('ours')")
            connection.execute("SELECT count(*) FROM deployments").fetchall()
            shell.execute(store.address.attach_statement("usage", read_only=False))
            shell.execute("INSERT INTO usage.deployments (deployment) VALUES ('theirs')")

    with duckdb.connect() as shell:
        load_extensions(shell, store.address.extensions)
        with pytest.raises(StoreBusy):
            collide(shell)
    with Store.open(str(store_folder), read_only=True) as reader:
        assert reader.frame("SELECT deployment FROM deployments").rows() == [("theirs",)]


def test_a_store_may_be_moved(store_folder: Path, tmp_path: Path) -> None:
    """A folder that was copied or mounted elsewhere is the same store."""
    with Store.open(str(store_folder), read_only=True) as reader:
        rates = reader.frame("SELECT count(*) FROM rates").item()
    moved = shutil.move(store_folder, tmp_path / "elsewhere")
    with Store.open(str(moved), read_only=True) as reader:
        assert reader.frame("SELECT count(*) FROM rates").item() == rates > 1000


def test_what_is_no_store_is_refused_with_its_address(tmp_path: Path) -> None:
    """A catalog that is no catalog is named."""
    (tmp_path / "catalog.sqlite").write_text(
        "not a database, but long enough to look like one" * 50
    )
    with pytest.raises(StoreError, match=str(tmp_path)):
        Store.open(str(tmp_path))


def test_a_servers_password_is_not_in_an_error() -> None:
    """Errors end up in logs; the address of a PostgreSQL catalog holds a password."""
    address = "ducklake:postgres:dbname=usage host=127.0.0.1 port=1 password=hunter2"
    with pytest.raises(StoreError) as caught:
        Store.open(address)
    assert "host=127.0.0.1" in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    """The error says which folder, and why."""
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StoreError, match="file/store cannot be made"):
        Store.open(str(tmp_path / "file" / "store"))


def test_who_is_not_to_make_a_store_does_not(tmp_path: Path) -> None:
    """A writer that only adds to what others filled says what to run."""
    with pytest.raises(StoreMissing, match="gatemeter consume"):
        Store.open(str(tmp_path / "none"), make=False)
    assert list(tmp_path.iterdir()) == []


def test_an_answer_that_cannot_be_given_is_one_line(empty_store: Store) -> None:
    """DuckDB's drawing of the place does not reach the terminal; the store can be used on."""
    with pytest.raises(QueryError, match="cannot answer") as caught, empty_store.reading() as one:
        one.execute("SELECT nothing_of_this_name FROM events")
    assert "\n" not in str(caught.value)
    with empty_store.reading() as another:
        assert another.execute("SELECT 1").fetchall() == [(1,)]


def test_a_question_takes_the_values_that_it_names(empty_store: Store) -> None:
    """Of two names, one of which begins like the other, only the one that stands there."""
    values = {"day": 1, "days": 2, "other": 3}
    assert empty_store.ask("SELECT $days AS chosen", values).item() == 2
