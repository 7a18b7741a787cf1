"""Addresses: what DuckDB is told to attach."""

from __future__ import annotations

from pathlib import Path

import pytest

from analytics.address import Address, quoted
from analytics.errors import StoreError


def test_a_folder_holds_a_sqlite_catalog_and_its_files(tmp_path: Path) -> None:
    """The default store is one folder."""
    address = Address.parse(str(tmp_path / "store"))
    assert address.target == f"ducklake:sqlite:{tmp_path}/store/catalog.sqlite"
    assert address.local_data == tmp_path / "store" / "data"
    assert address.folder == tmp_path / "store"
    assert not address.exists()


def test_a_remote_catalog_keeps_its_own_connection_string() -> None:
    """Scaling out changes the address and nothing else."""
    address = Address.parse("ducklake:postgres:dbname=usage host=db#data=s3://lake/usage/")
    assert address.target == "ducklake:postgres:dbname=usage host=db"
    assert address.data_path == "s3://lake/usage/"
    assert address.local_data is None
    assert address.folder is None
    assert address.extensions == ("ducklake", "postgres_scanner")
    statement = address.attach_statement("usage", read_only=False)
    assert "DATA_PATH 's3://lake/usage/'" in statement
    assert "JOURNAL" not in statement


def test_a_sqlite_address_may_put_its_files_elsewhere(tmp_path: Path) -> None:
    """Catalog and data files need not be neighbours."""
    address = Address.parse(f"ducklake:sqlite:{tmp_path}/c.db#data={tmp_path}/files")
    assert address.catalog == f"{tmp_path}/c.db"
    assert address.local_data == tmp_path / "files"
    assert address.folder == tmp_path


@pytest.mark.parametrize("url", ["ducklake:", "ducklake:mysql:x", "ducklake:sqlite:", "ducklake:x"])
def test_an_unknown_address_is_refused_with_what_would_be_one(url: str) -> None:
    """A typing error in the address says what to type instead."""
    with pytest.raises(StoreError, match="give a folder"):
        Address.parse(url)


def test_a_name_cannot_break_out_of_the_statement(tmp_path: Path) -> None:
    """A folder's name is data, whatever it holds."""
    address = Address.parse(str(tmp_path / "it's'; DROP TABLE x; --"))
    assert "it''s''; DROP TABLE x; --" in address.attach_statement("usage", read_only=True)
    assert quoted("a'b") == "'a''b'"
