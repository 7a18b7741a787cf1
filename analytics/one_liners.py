"""How other tools open a store, ready to paste."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analytics.address import Address
from analytics.store import NAME

if TYPE_CHECKING:
    from collections.abc import Mapping


def one_liners(url: str) -> Mapping[str, str]:
    """Text by tool.

    Raises:
        StoreError: the address is wrong.
    """
    address = Address.parse(url)
    attach = address.attach_statement(NAME, read_only=True)
    scanner = "sqlite" if address.kind == "sqlite" else "postgres"
    python = f"c.execute({attach!r})"
    return {
        "DuckDB shell": f"INSTALL ducklake; INSTALL {scanner}; {attach}; USE {NAME};",
        "Python with polars": (
            "import duckdb; c = duckdb.connect(); "
            f'c.execute("INSTALL ducklake; INSTALL {scanner}"); {python}; '
            f'c.sql("FROM {NAME}.spend_daily").pl()'
        ),
    }
