"""The blocks as the store keeps them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from analytics.provisioned.block import Block, block_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    import duckdb

    from analytics.store import Store

COLUMNS: Final = tuple(Block.__dataclass_fields__)
_READ: Final = """
    SELECT * REPLACE (epoch_us(valid_from) AS valid_from, epoch_us(valid_to) AS valid_to)
    FROM provisioned_blocks ORDER BY block, valid_from
"""


def read_blocks(store: Store) -> list[Block]:
    """Every period of every block, by name and time."""
    cursor = store.cursor()
    try:
        return [block_of(row) for row in cursor.execute(_READ).to_arrow_table().to_pylist()]
    finally:
        cursor.close()


def write_blocks(connection: duckdb.DuckDBPyConnection, blocks: Iterable[Block]) -> None:
    """Put these blocks in the place of all that are there."""
    connection.execute("DELETE FROM usage.provisioned_blocks")
    marks = ", ".join("?" for _ in COLUMNS)
    for one in blocks:
        values = [getattr(one, name) for name in COLUMNS]
        connection.execute(
            f"INSERT INTO usage.provisioned_blocks ({', '.join(COLUMNS)}) VALUES ({marks})",  # noqa: S608 - our own names
            [list(value) if isinstance(value, tuple) else value for value in values],
        )
