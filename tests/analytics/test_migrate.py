"""Migrations: in order, once, and never backwards."""

from __future__ import annotations

from typing import TYPE_CHECKING

import duckdb
import pytest

from analytics.errors import StoreError
from analytics.migrate import migrate_some, migrations, stored_version
from analytics.store import Store

if TYPE_CHECKING:
    from pathlib import Path


def test_migrations_are_numbered_without_gaps() -> None:
    """Two branches cannot both add the next one unnoticed."""
    assert [step.version for step in migrations()] == list(range(1, len(migrations()) + 1))


def test_a_new_store_has_every_step_and_a_second_opening_none(store: Store) -> None:
    """Opening a store that is up to date changes nothing."""
    applied = store.frame("SELECT version FROM schema_migrations ORDER BY version")
    assert applied["version"].to_list() == [step.version for step in migrations()]
    with store.transaction() as connection:
        assert not migrate_some(connection)


def test_a_database_without_tables_has_version_zero() -> None:
    """What was never migrated starts from the beginning."""
    with duckdb.connect() as connection:
        assert stored_version(connection) == 0


@pytest.mark.parametrize("read_only", [True, False])
def test_a_store_of_a_newer_gatemeter_is_refused(
    store: Store, store_folder: Path, *, read_only: bool
) -> None:
    """An older gatemeter does not touch what it does not know, and says what to do."""
    with store.transaction() as connection:
        connection.execute("INSERT INTO schema_migrations VALUES (999, 'future', now())")
    with pytest.raises(StoreError, match="upgrade gatemeter"):
        Store.open(str(store_folder), read_only=read_only)


def test_a_reader_of_an_older_store_is_told_who_brings_it_up_to_date(
    store: Store, store_folder: Path
) -> None:
    """A reader cannot migrate; a writer can."""
    with store.transaction() as connection:
        connection.execute("DELETE FROM schema_migrations WHERE version > 1")
    with pytest.raises(StoreError, match="gatemeter maintain"):
        Store.open(str(store_folder), read_only=True)
