"""DuckDB's extensions, from the wheels installed beside us, so that no network is needed.

Each wheel `duckdb-extension-*` holds the signed binary of exactly one DuckDB version; DuckDB
checks the signature when it loads it. Without a fitting wheel DuckDB's own INSTALL is tried.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from analytics.address import quoted
from analytics.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Iterable


def bundled_binary(name: str) -> Path | None:
    """The extension's file in its wheel; None when no wheel of this DuckDB's version is here."""
    spec = importlib.util.find_spec(f"duckdb_extension_{name}")
    for folder in (spec.submodule_search_locations or []) if spec else []:
        path = Path(folder) / "extensions" / f"v{duckdb.__version__}" / f"{name}.duckdb_extension"
        if path.is_file():
            return path
    return None


def load_extensions(connection: duckdb.DuckDBPyConnection, names: Iterable[str]) -> None:
    """Load each extension into the connection's database.

    Raises:
        StoreError: there is neither a wheel nor a way to install it.
    """
    for name in names:
        path = bundled_binary(name)
        try:
            if path is None:
                connection.execute(f"INSTALL {name}")
                connection.execute(f"LOAD {name}")
            else:
                connection.execute(f"LOAD {quoted(str(path))}")
        except duckdb.Error as error:
            wheel = f"duckdb-extension-{name.replace('_', '-')}=={duckdb.__version__}"
            raise StoreError(
                f"DuckDB's extension {name} cannot be loaded: pip install {wheel} "
                f"({_first_line(error)})"
            ) from None


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0]
