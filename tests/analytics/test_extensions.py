"""Extensions come from the wheels, so that a closed network is enough."""

from __future__ import annotations

import duckdb
import pytest

from analytics.errors import StoreError
from analytics.extensions import bundled_binary, load_extensions


@pytest.mark.parametrize("name", ["ducklake", "sqlite_scanner", "postgres_scanner"])
def test_each_extension_is_loaded_from_its_wheel(name: str) -> None:
    """The binaries of the installed wheels fit the installed DuckDB."""
    path = bundled_binary(name)
    assert path is not None
    with duckdb.connect() as connection:
        load_extensions(connection, [name])
        loaded = connection.execute(
            "SELECT loaded FROM duckdb_extensions() WHERE extension_name = ?", [name]
        ).fetchall()
    assert loaded == [(True,)]


def test_without_a_wheel_and_a_network_the_error_says_what_to_install() -> None:
    """Who lacks an extension reads the one line that installs it."""
    assert bundled_binary("no_such_thing") is None
    with (
        duckdb.connect(config={"custom_extension_repository": "http://localhost:1"}) as connection,
        pytest.raises(StoreError, match="pip install duckdb-extension-no-such-thing=="),
    ):
        load_extensions(connection, ["no_such_thing"])
