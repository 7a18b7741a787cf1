"""Made-up blocks and what went through them, written into the rollups directly."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from analytics.provisioned import Block
from analytics.provisioned.table import write_blocks

if TYPE_CHECKING:
    from collections.abc import Iterable

    from analytics.store import Store

START = datetime(2026, 1, 5, tzinfo=UTC)


def block(**fields: Any) -> Block:
    """Ten PTUs of gpt-4o at a dollar an hour from `START` on: 1,500,000 tokens fill an hour."""
    made: dict[str, Any] = {
        "block": "chat",
        "valid_from": START,
        "valid_to": None,
        "deployments": ("chat-ptu",),
        "backend": None,
        "region": "swedencentral",
        "model": "gpt-4o",
        "compared_with": "global",
        "ptus": 10,
        "price_per_ptu_hour": Decimal(1),
        "reservation_price": None,
        "reservation_months": None,
        "currency": "USD",
        "input_tokens_per_minute_per_ptu": 2500,
        "output_weight": Decimal(4),
    }
    if fields.get("reservation_price") is not None:
        made["price_per_ptu_hour"] = None
    return Block(**(made | fields))


def put_blocks(store: Store, *blocks: Block) -> None:
    """Let the store have these blocks and no others."""
    with store.transaction() as connection:
        write_blocks(connection, blocks)


def put_charges(store: Store, rows: Iterable[dict[str, Any]]) -> None:
    """Charges of PTU deployments, which cost nothing by the token."""
    with store.transaction() as connection:
        for row in rows:
            made: dict[str, Any] = {
                "hour": START, "key_id": "k_1", "key_name": "search", "team": "web",
                "backend": "sweden", "region": "swedencentral", "deployment": "chat-ptu",
                "deployment_type": "ptu", "model": "gpt-4o", "operation": "chat",
                "usage_source": "reported", "meter": "input", "rate_id": "builtin:x",
                "requests": 1, "quantity": 1000, "cost": Decimal(0), "currency": "USD",
                **row,
            }  # fmt: skip
            connection.execute(
                f"INSERT INTO charges_hourly ({', '.join(made)}) "  # noqa: S608 - our own names
                f"VALUES ({', '.join('?' for _ in made)})",
                list(made.values()),
            )


def hourly(store: Store) -> list[dict[str, Any]]:
    """Rows of `provisioned_hourly`, the idle part of an hour last."""
    frame = store.frame(
        "SELECT * FROM provisioned_hourly "
        "ORDER BY hour, rate_id, key_id NULLS LAST, key_name, quantity"
    )
    return list(frame.iter_rows(named=True))


def cost(rows: Iterable[dict[str, Any]]) -> Decimal:
    """What some rows cost together."""
    return sum((row["cost"] for row in rows), Decimal(0))
